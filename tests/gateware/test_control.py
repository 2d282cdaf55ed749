"""Control as a whole in its bench, and the host port under an independent AXI4-Lite manager."""

import os
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from cocotb_bench import run_bench

from weft.config import Config
from weft.gateware.control import Control

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")
ROUNDS = 8 if LONG else 1
# The other bus widths are in test_control_blocks.py, too; each build takes its time.
BENCHES = ["base", "tiny", "base,bus_bytes=64,queue_depth=1,lanes=0"]
LONG_BENCHES = ["base,bus_bytes=8,queue_depth=1", "tiny,bus_bytes=32", "base,queue_depth=7"]


class ControlInBench(wiring.Component):
    """`Control` with its port ``end``, a word of Verilog, under the name ``ended``."""

    ended: Signal

    def __init__(self, config: Config):
        self.control: Any = Control(config)
        members = dict(self.control.signature.members)
        del members["end"]
        super().__init__(members | {"ended": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.control = control = self.control
        for name, member in self.signature.members.items():
            inner, outer = getattr(control, name, None), getattr(self, name)
            if name == "ended":
                m.d.comb += control.end.eq(self.ended)
            elif member.is_signature:
                wiring.connect(m, inner, wiring.flipped(outer))
            elif member.flow is In:
                m.d.comb += inner.eq(outer)
            else:
                m.d.comb += outer.eq(inner)
        return m


@pytest.mark.parametrize("spec", BENCHES + LONG_BENCHES * LONG)
def test_control(spec):
    config = Config.parse(spec)
    run_bench("control", ControlInBench(config), "tb_control", config=config, rounds=ROUNDS)


def test_host_port():
    config = Config.parse("tiny")
    run_bench("control", ControlInBench(config), "tb_host_port", config=config)
