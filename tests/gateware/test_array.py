"""The array, the activation SRAM and MATMUL around them, each in its bench."""

import pytest
from cocotb_bench import run_bench
from parts import MatmulWithSrams

from weft.config import Config
from weft.gateware.act_sram import ActSram
from weft.gateware.array import Array

ARRAYS = ["tiny", "base", "tiny,rows=1,cols=1", "tiny,rows=3,cols=5", "tiny,rows=5,cols=2"]
SRAMS = ["tiny", "base,act_kib=3,act_regions=3,rows=5", "tiny,act_kib=1,act_regions=1,bus_bytes=8"]
MATMULS = [
    "tiny",
    "tiny,rows=1,cols=1,act_kib=1",
    "tiny,rows=3,cols=5,act_kib=1,act_regions=1",
    "tiny,rows=16,cols=8,act_regions=1,wgt_kib=1,acc_rows=40",
]


@pytest.mark.parametrize("spec", ARRAYS)
def test_array(spec):
    config = Config.parse(spec)
    run_bench("array", Array(config), "tb_array", config=config)


@pytest.mark.parametrize("spec", SRAMS)
def test_act_sram(spec):
    config = Config.parse(spec)
    run_bench("act_sram", ActSram(config), "tb_act_sram", config=config)


@pytest.mark.parametrize("spec", MATMULS)
def test_matmul(spec):
    config = Config.parse(spec)
    run_bench("matmul", MatmulWithSrams(config), "tb_matmul", config=config)
