"""LOAD, STORE and the memory port, in cocotb, against the golden model."""

import os
from collections.abc import Mapping
from typing import Any

import pytest
from amaranth.hdl import Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from cocotb_bench import run_bench
from parts import hold_command

from weft.config import Config
from weft.gateware.load import Load
from weft.gateware.memory_port import MemoryPort
from weft.gateware.store import Store

READ_LATENCY = 3


class Flat(wiring.Component):
    """Both engines behind the memory port, with ports whose names a bench can write down.

    ``axi_araddr``, ``load_cmd_valid``, ``store_act_ready`` ... and ``outstanding``.
    """

    def __init__(self, config: Config):
        self.port = MemoryPort(config)
        self.load = Load(config)
        self.store = Store(config, read_latency=READ_LATENCY)
        self.links: list[tuple[str, Value, bool]] = []
        members: dict[str, Any] = {"outstanding": Out(1)}
        self._expose(members, "axi", self.port.axi)
        for name, engine in (("load", self.load), ("store", self.store)):
            for member in engine.signature.members:
                if member != "memory":
                    self._expose(members, f"{name}_{member}", engine, member)
        super().__init__(members)

    def _expose(self, members: dict[str, Any], name: str, owner: Any, member: str = "") -> None:
        """Add a flat member for every signal of an interface, or of one member of it."""
        for path, part, value in owner.signature.flatten(owner):
            if member and path[0] != member:
                continue
            flat = "_".join((name, *map(str, path[bool(member) :])))
            signal = Value.cast(value)
            members[flat] = part.flow(len(signal))
            self.links.append((flat, signal, part.flow == In))

    def elaborate(self, platform):
        m = Module()
        m.submodules.port = self.port
        m.submodules.load = self.load
        m.submodules.store = self.store
        wiring.connect(m, self.load.memory, self.port.load)
        wiring.connect(m, self.store.memory, self.port.store)
        for flat, signal, inward in self.links:
            port = getattr(self, flat)
            m.d.comb += signal.eq(port) if inward else port.eq(signal)
        if self.port.config.held_commands:
            hold_command(m, self.load, self.load_cmd_payload)
            hold_command(m, self.store, self.store_cmd_payload)
        m.d.comb += self.outstanding.eq(self.port.outstanding)
        return m


class FlatPort(wiring.Component):
    """The memory port alone, with flat names."""

    def __init__(self, config: Config):
        self.port = MemoryPort(config)
        self.links: list[tuple[str, Value, bool]] = []
        members: dict[str, Any] = {}
        for path, part, value in self.port.signature.flatten(self.port):
            flat, signal = "_".join(map(str, path)), Value.cast(value)
            members[flat] = part.flow(len(signal))
            self.links.append((flat, signal, part.flow == In))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.port = self.port
        for flat, signal, inward in self.links:
            # A client that is always ready has a constant there.
            if not (inward and isinstance(signal, Const)):
                port = getattr(self, flat)
                m.d.comb += signal.eq(port) if inward else port.eq(signal)
        return m


CHIPS: Mapping[str, str] = {
    "base": "base",
    "odd": "tiny,rows=3,cols=5,bus_bytes=8,act_kib=3,act_regions=3,wgt_kib=1,drain_units=5",
    "wide": "tiny,rows=6,cols=7,bus_bytes=32,act_kib=4,act_regions=1,wgt_kib=1,drain_units=7",
    "small": "tiny,rows=1,cols=1,bus_bytes=4,act_kib=1,act_regions=1,wgt_kib=0.125,param_blocks=1",
    "held": "tiny,rows=6,cols=3,queue_depth=1",
}
"""Narrow and wide buses, odd R and C, chunks above and below a beat, the smallest, a queue of
one."""

LONG_CHIPS: Mapping[str, str] = {
    "tiny": "tiny",
    "tall": "tiny,rows=40,cols=12,bus_bytes=8,act_kib=16,act_regions=4,wgt_kib=4,drain_units=4",
    "plain": "base,transpose=false,bus_bytes=64,act_kib=256",
}
"""The same with WEFT_LONG=1 only."""

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")
TESTED = {**CHIPS, **LONG_CHIPS} if LONG else CHIPS


@pytest.mark.parametrize("engine", ["load", "store"])
@pytest.mark.parametrize("chip", TESTED)
def test_engine(chip, engine):
    config = Config.parse(TESTED[chip])
    run_bench(
        f"dma-{chip}",
        Flat(config),
        f"tb_{engine}",
        config=config,
        read_latency=READ_LATENCY,
        commands=200 if LONG else 40,
        repeat=80 if LONG else 12,
    )


@pytest.mark.parametrize("chip", ["base", "small"])
def test_memory_port(chip):
    config = Config.parse(TESTED[chip])
    for stall in (0, 0.4):
        run_bench(
            f"memory-port-{chip}",
            FlatPort(config),
            "tb_memory_port",
            config=config,
            stall=stall,
            bursts=1000 if LONG else 150,
        )
