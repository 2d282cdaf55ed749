"""DRAIN with the parameter SRAM in its bench."""

import os

import pytest
from amaranth.hdl import Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from cocotb_bench import run_bench
from parts import hold_command

from weft.arch.commands import Engine
from weft.arch.layouts import act_writes, word_group
from weft.config import Config
from weft.gateware.drain import AccRead, Drain
from weft.gateware.interfaces import ActWrite, Fault, Post, command_layout
from weft.gateware.param_sram import ParamSram, ParamWrite, write_columns


class DrainWithParams(wiring.Component):
    """DRAIN and the parameter SRAM; accumulators and act SRAM are the bench's."""

    def __init__(self, config: Config, read_latency: int):
        self.config = config
        self.engine = Drain(config, read_latency)
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.DRAIN))),
                "post": Out(Post()),
                "busy": Out(1),
                "fault": Out(Fault()),
                "abort": In(1),
                "acc": Out(AccRead(config)),
                "act": Out(ActWrite(config)),
                "write": In(ParamWrite(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.drain = drain = self.engine
        m.submodules.params = params = ParamSram(self.config)
        connect(m, flipped(self.cmd), drain.cmd)
        connect(m, drain.post, flipped(self.post))
        connect(m, drain.fault, flipped(self.fault))
        connect(m, drain.acc, flipped(self.acc))
        connect(m, drain.act, flipped(self.act))
        connect(m, drain.params, params.read)
        connect(m, flipped(self.write), params.write)
        m.d.comb += [self.busy.eq(drain.busy), drain.abort.eq(self.abort)]
        if self.config.held_commands:
            hold_command(m, drain, Value.cast(self.cmd.payload))
        return m


CASES = [
    ("tiny", 1),
    ("base", 1),
    ("tiny,rows=1,cols=1,act_kib=1,param_blocks=1", 1),
    ("tiny,rows=2,cols=6,drain_units=3,bus_bytes=8,row_sum=false", 1),
    ("tiny,rows=3,cols=4,queue_depth=1", 1),
    ("tiny,rows=2,cols=5,drain_units=5,bus_bytes=16,act_kib=3,act_regions=3", 2),
]
if os.environ.get("WEFT_LONG", "") not in ("", "0"):
    CASES += [
        ("tiny,rows=3,cols=5,drain_units=1,act_kib=1,act_regions=1,param_blocks=7", 1),
        ("tiny,rows=8,cols=12,drain_units=6,bus_bytes=16,acc_rows=3", 1),
        ("tiny,rows=2,cols=4,drain_units=2,bus_bytes=64,act_kib=1,act_regions=1", 3),
        ("base,rows=4,cols=12", 1),
    ]


@pytest.mark.parametrize(("spec", "read_latency"), CASES)
def test_drain(spec, read_latency):
    config = Config.parse(spec)
    component = DrainWithParams(config, read_latency)
    run_bench(
        "drain",
        component,
        "tb_drain",
        config=config,
        read_latency=read_latency,
        latency=component.engine.latency,
    )


@pytest.mark.parametrize("spec", [spec for spec, _ in CASES])
def test_beats(spec):
    """Every column is in one beat, and no beat takes more than an act write holds."""
    config = Config.parse(spec)
    units, group = config.drain_units, word_group(config)
    assert 4 * group <= config.act_row_bytes
    for columns in range(1, config.cols + 1):
        assert act_writes(config, columns, False) == len(range(0, columns, units))
        starts = [s for u in range(0, columns, units) for s in range(u, u + units, group)]
        assert act_writes(config, columns, True) == sum(start < columns for start in starts)


def test_write_columns():
    """What a bus beat carries, where rows of units are whole multiples of it."""
    expected = {"tiny": 1, "base": 2, "base,drain_units=1": 1, "base,cols=5": 1, "base,cols=6": 2}
    assert {spec: write_columns(Config.parse(spec)) for spec in expected} == expected


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_read_latency_is_checked():
    with pytest.raises(ValueError, match="read_latency = 0"):
        Drain(Config.parse("tiny"), read_latency=0)
