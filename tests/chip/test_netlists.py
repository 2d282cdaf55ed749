"""The chip as Yosys maps it to an FPGA: the same products and kernels as from its Verilog."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from weft import emit
from weft.config import Config
from weft.synth.cell_statements import with_statements
from weft.synth.families import FAMILIES, Family
from weft.synth.netlist import MODELS, cell_models, mapped_verilog
from weft_driver import Device
from weft_sim.build import build_chip
from weft_sim.compile import SLOW
from weft_sim.options import parse_options
from weft_sim.verilator import VerilatorTransport

from .conftest import LONG

pytestmark = [
    pytest.mark.skipif(not LONG, reason="WEFT_LONG=1: minutes for each netlist"),
    pytest.mark.skipif(
        not importlib.util.find_spec("pyosys"), reason="extra [fpga] is not installed"
    ),
]
pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

SOURCE = Path(__file__).with_name("kernels.c")
PRESET = "tiny"


def opened(family: Family, spec: str, text: str) -> Device:
    """A device of this Verilog; runs few cycles, so that its C++ need not be optimised."""
    library = build_chip(Config.parse(spec), text + cell_models(family), fast=SLOW)
    return Device(VerilatorTransport(parse_options(spec), f"verilator:{spec}", library))


def smoke(device: Device) -> list[int]:
    """Run products and a kernel, check them, and say how many cycles each took."""
    rng = np.random.default_rng(7)
    a, b = (rng.integers(-128, 128, size, dtype=np.int8) for size in ((13, 22), (22, 9)))
    bias = rng.integers(-1000, 1000, 9, dtype=np.int32)
    total = a.astype(np.int64) @ b
    np.testing.assert_array_equal(device.matmul(a, b), total)
    cycles = [device.last_run.cycles]
    small = device.matmul(a, b, bias=bias, scale=np.float32(2**-8))
    np.testing.assert_array_equal(small, np.clip(np.rint((total + bias) / 256), -128, 127))
    cycles.append(device.last_run.cycles)
    if device.config.lanes:
        x = rng.integers(0, 1 << 31, 50, dtype=np.int32)
        y = x.copy()
        cycles.append(device.launch(device.load_kernels(SOURCE)["twice"], 2, 8, [50, y]).cycles)
        np.testing.assert_array_equal(y, x << 1)
    return cycles


@pytest.mark.parametrize("name", MODELS)
def test_the_smoke_test_on_cells(name):
    """As many cycles as RTL takes, too."""
    family = FAMILIES[name]
    spec = f"{PRESET},multiplier={family.multiplier}"
    rtl = emit.emit_verilog(Config.parse(spec))
    netlist = mapped_verilog(rtl, emit.TOP, family)
    assert not re.search(r"^ *(reg|always) ", netlist, re.MULTILINE), "cells only"
    cells = with_statements(netlist, family)
    assert smoke(opened(family, spec, cells)) == smoke(opened(family, spec, rtl))
