"""Netlists for FPGAs do what the Verilog does, with models of the FPGAs' cells.

The whole chip's are in ``tests/chip/test_netlists.py``.
"""

import importlib.util
import os

import pytest
from cocotb_bench import TOP, run_bench, to_verilog

from weft.config import Config
from weft.gateware.act_sram import ActSram
from weft.gateware.array import Array
from weft.synth.families import ECP5, FAMILIES, NEXUS
from weft.synth.netlist import MODELS, cell_models, mapped_verilog

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("pyosys"), reason="extra [fpga] is not installed"
)
LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")


ARRAY = ("array", "tiny,rows=2,cols=3", Array)
ACT_SRAM = ("act_sram", "tiny,lanes=0,act_kib=4", ActSram)


@pytest.mark.parametrize("name", MODELS if LONG else [ECP5.name])
@pytest.mark.parametrize(("bench", "spec", "part"), [ARRAY, ACT_SRAM] if LONG else [ARRAY])
def test_a_part(bench, spec, part, name):
    """Multipliers, LUTs and carry chains in the one, block RAM in the other."""
    family = FAMILIES[name]
    config = Config.parse(spec).changed({"multiplier": family.multiplier})
    netlist = mapped_verilog(to_verilog(part(config)), TOP, family)
    assert " + " not in netlist, "cells only"
    run_bench(f"{bench}-{name}", netlist, f"tb_{bench}", config=config, cells=cell_models(family))


def test_cells_without_models_are_refused():
    with pytest.raises(ValueError, match="no models of Lattice Nexus's cells; of: ecp5, ice40"):
        cell_models(NEXUS)
