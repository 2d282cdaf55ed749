"""The whole chip behind AXI models, with and without stalls on every channel."""

import os

import pytest
from cocotb_bench import run_bench

from weft.config import Config
from weft.gateware.chip import Chip

CASES = [
    ("tiny", 0.0),
    ("tiny", 0.4),
    ("tiny,rows=3,cols=5,bus_bytes=8", 0.2),
    ("tiny,rows=1,cols=1,lanes=0", 0.1),
]
if os.environ.get("WEFT_LONG", "") not in ("", "0"):
    CASES.append(("base", 0.3))  # minutes of compilation


@pytest.mark.parametrize(("spec", "stall"), CASES)
def test_chip(spec, stall):
    config = Config.parse(spec)
    largest = 40 if config.rows > 4 else 20
    run_bench("chip", Chip(config), "tb_chip", config=config, stall=stall, largest=largest)
