"""Bench of the host port: the register table under cocotbext-axi's AXI4-Lite manager."""

import itertools
import logging

import cocotb
import context
from cocotb.triggers import FallingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from weft.arch.errors import Cause
from weft.arch.registers import (
    ADDRESS_BITS,
    BY_NAME,
    ID_VALUE,
    INTERFACE_VERSION,
    Access,
    registers_of,
)
from weft.gateware.command_queue import queued_engines
from weft.gateware.interfaces import trap_layout

INPUTS = ("ended", "message", "memory_outstanding", "events")
STREAMS = ("fetch__burst__ready", "fetch__beat__valid", "fetch__beat__payload")
REGISTERS = registers_of(context.config)
ENGINES = tuple(engine.name.lower() for engine in queued_engines(context.config))
LIMIT_NS = 20_000


class Port:
    """Accesses by register name; each gives the response, too."""

    def __init__(self, master: AxiLiteMaster):
        self.master = master

    async def read(self, where: str | int) -> tuple[int, AxiResp]:
        offset = BY_NAME[where].offset if isinstance(where, str) else where
        answer = await with_timeout(self.master.read(offset, 4), LIMIT_NS, "ns")
        return int.from_bytes(answer.data, "little"), answer.resp

    async def write(self, where: str | int, value: int, size: int = 4) -> AxiResp:
        offset = BY_NAME[where].offset if isinstance(where, str) else where
        data = value.to_bytes(size, "little")
        return (await with_timeout(self.master.write(offset, data), LIMIT_NS, "ns")).resp


async def begin(dut, stalls: bool) -> Port:
    for name in INPUTS + STREAMS:
        getattr(dut, name).value = 0
    for engine in ENGINES:
        for name in ("cmd__ready", "busy", "post__valid", "fault__valid"):
            getattr(dut, f"{engine}_{name}").value = 0
    logging.getLogger(f"cocotb.{dut._name}.host_").setLevel(logging.WARNING)
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "host_"), dut.clk, dut.rst)
    if stalls:
        draw = context.rng("stalls")
        write, read = master.write_if, master.read_if
        channels = (write.aw_channel, write.w_channel, write.b_channel)
        for channel in (*channels, read.ar_channel, read.r_channel):
            channel.set_pause_generator(draw.random() < 0.5 for _ in itertools.count())
    await context.start(dut)
    return Port(master)


async def pulse(dut, name: str) -> None:
    await FallingEdge(dut.clk)
    getattr(dut, name).value = 1
    await FallingEdge(dut.clk)
    getattr(dut, name).value = 0


@cocotb.test()
@cocotb.parametrize(stalls=[False, True])
async def table(dut, stalls):
    """Every address answers as the table says: value after reset, access, SLVERR elsewhere."""
    port = await begin(dut, stalls)
    after_reset = {
        "ID": ID_VALUE,
        "VERSION": INTERFACE_VERSION,
        "HASH_LO": context.config.hash & 0xFFFFFFFF,
        "HASH_HI": context.config.hash >> 32,
        "IRQ_ENABLE": 7,
    }
    draw = context.rng("addresses")
    offsets = {register.offset: register for register in REGISTERS}
    others = [at for at in range(0, 1 << ADDRESS_BITS, 4) if at not in offsets]
    for register in REGISTERS:
        value = after_reset.get(register.name, 0)
        assert await port.read(register.name) == (value, AxiResp.OKAY), register.name
    for at in [others[0], others[-1], *draw.sample(others, 20)]:
        _, answer = await port.read(at)
        assert answer == AxiResp.SLVERR, hex(at)
        assert await port.write(at, draw.getrandbits(32)) == AxiResp.SLVERR, hex(at)
    for register in REGISTERS:
        if register.access is Access.RO:
            assert await port.write(register.name, 0xFFFFFFFF) == AxiResp.SLVERR, register.name
            value = after_reset.get(register.name, 0)
            assert await port.read(register.name) == (value, AxiResp.OKAY), register.name


@cocotb.test()
@cocotb.parametrize(stalls=[False, True])
async def strobes(dut, stalls):
    """Bytes without a strobe keep their value (RW) or count as zero (others)."""
    port = await begin(dut, stalls)
    draw = context.rng("strobes")
    value = 0
    base = BY_NAME["PROGRAM"].offset
    for _ in range(20):
        size = draw.choice([1, 2, 4])
        at = draw.randrange(0, 4, size)
        part = draw.getrandbits(8 * size)
        assert await port.write(base + at, part, size) == AxiResp.OKAY
        mask = (1 << 8 * size) - 1 << 8 * at
        value = value & ~mask | part << 8 * at
        assert await port.read("PROGRAM") == (value, AxiResp.OKAY)
    # The high half alone would be 65,536 commands or more.
    assert await port.write(BY_NAME["DOORBELL"].offset + 2, 1, 2) == AxiResp.SLVERR
    assert await port.read("STATUS") == (0, AxiResp.OKAY)


@cocotb.test()
@cocotb.parametrize(stalls=[False, True])
async def interrupts(dut, stalls):
    """Level, one bit each, write 1 to clear, masked by IRQ_ENABLE; RETIRED counts."""
    port = await begin(dut, stalls)
    assert not int(dut.irq.value)
    await pulse(dut, "message")
    assert int(dut.irq.value)
    assert (await port.read("IRQ_STATUS"))[0] == 4
    await port.write("IRQ_ENABLE", 0xFFFFFFF9)
    assert (await port.read("IRQ_ENABLE"))[0] == 1
    assert not int(dut.irq.value)
    await pulse(dut, "ended")
    assert int(dut.irq.value)
    assert (await port.read("IRQ_STATUS"))[0] == 5
    assert (await port.read("RETIRED"))[0] == 1
    await port.write("IRQ_STATUS", 2)
    assert (await port.read("IRQ_STATUS"))[0] == 5
    await port.write("IRQ_STATUS", 1)
    assert (await port.read("IRQ_STATUS"))[0] == 4
    assert not int(dut.irq.value)
    await port.write("IRQ_ENABLE", 7)
    assert int(dut.irq.value)
    assert await port.write("CTRL", 1) == AxiResp.OKAY
    assert (await port.read("IRQ_STATUS"))[0] == 4, "CTRL.clear leaves interrupts alone"


@cocotb.test()
async def clear_is_refused_while_something_moves(dut):
    """CTRL.clear answers SLVERR and does nothing while an engine or the memory is at work."""
    port = await begin(dut, False)
    for name in (*(f"{engine}_busy" for engine in ENGINES), "memory_outstanding"):
        # No engine begins or ends without a program in flight: it may show two cycles later.
        getattr(dut, name).value = 1
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        assert await port.write("CTRL", 1) == AxiResp.SLVERR, name
        assert await port.write("CTRL", 0) == AxiResp.OKAY, name
        getattr(dut, name).value = 0
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        assert await port.write("CTRL", 1) == AxiResp.OKAY, name


@cocotb.test(skip=not context.config.lanes)
async def trap_registers(dut):
    """Who trapped is shown while that is the error."""
    port = await begin(dut, False)
    draw, layout = context.rng("trap"), trap_layout()
    names = ("TRAP", "TRAP_PC", "TRAP_BLOCK", "TRAP_BLOCK_Z")
    for cause in (Cause.BAD_COMMAND, Cause.TRAP):
        trap = layout.from_bits(draw.getrandbits(layout.size))
        dut.trap.value = trap.as_bits()
        await FallingEdge(dut.clk)
        dut.simt_fault__cause.value = cause
        await pulse(dut, "simt_fault__valid")
        while not (await port.read("STATUS"))[0] & 2:
            pass
        shown = [
            trap.cause | trap.lane << 8 | trap.warp << 16,
            trap.pc,
            trap.x | trap.y << 16,
            trap.z,
        ]
        expected = shown if cause is Cause.TRAP else [0] * len(names)
        assert [(await port.read(name))[0] for name in names] == expected
        assert await port.write("CTRL", 1) == AxiResp.OKAY
        assert [(await port.read(name))[0] for name in names] == [0] * len(names)
