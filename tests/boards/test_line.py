"""The serial line, and the bridge from its bytes to accesses."""

import random
from itertools import pairwise

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from weft.arch.link import Frame
from weft.gateware.uart import UartReceiver, UartTransmitter
from weft.gateware.uartbone import UartBone
from weft_driver.link import frame

from .simulating import REFUSES, pause, refusal, simulate

# --- the line ------------------------------------------------------------------------------------


class Line(wiring.Component):
    """A transmitter's line, read by a receiver."""

    def __init__(self, divisor: int):
        self.transmitter, self.receiver = UartTransmitter(divisor), UartReceiver(divisor)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.transmitter = self.transmitter
        m.submodules.receiver = self.receiver
        m.d.comb += self.receiver.rx.eq(self.transmitter.tx)
        return m


@pytest.mark.parametrize("divisor", [2, 3, 4, 7, 16])
def test_bytes_go_through_a_line_without_gaps(divisor):
    line = Line(divisor)
    sent = [0, 255, 0x55, 0xAA, 1, 128, *random.Random(divisor).randbytes(20)]
    got, starts = [], []

    async def send(ctx):
        stream = line.transmitter.i
        for byte in sent:
            ctx.set(stream.payload, byte)
            ctx.set(stream.valid, 1)
            await ctx.tick().until(stream.ready)
        ctx.set(stream.valid, 0)
        await ctx.tick().repeat(12 * divisor)

    async def receive(ctx):
        cycle = 0
        async for _, _, valid, payload, framing in ctx.tick().sample(
            line.receiver.o.valid, line.receiver.o.payload, line.receiver.framing
        ):
            cycle += 1
            assert not framing
            if valid:
                got.append(payload)
                starts.append(cycle)

    simulate(line, send, others=[receive])
    assert got == sent
    assert {b - a for a, b in pairwise(starts)} == {10 * divisor}


@pytest.mark.parametrize("percent", [-3, 3])
def test_a_sender_whose_clock_is_off(percent):
    divisor = 50
    receiver = UartReceiver(divisor)
    sent, got = random.Random(percent).randbytes(10), []

    async def drive(ctx):
        due = cycle = 0.0
        for byte in sent:
            for bit in range(10):
                level = (byte << 1 | 1 << 9) >> bit & 1
                ctx.set(receiver.rx, level)
                due += divisor * (1 + percent / 100)
                while cycle < due:
                    cycle += 1
                    _, _, valid, payload = await ctx.tick().sample(
                        receiver.o.valid, receiver.o.payload
                    )
                    if valid:
                        got.append(payload)
        await ctx.tick()

    simulate(receiver, drive)
    assert bytes(got) == sent


def test_glitches_and_bytes_without_a_stop_bit():
    divisor = 8
    receiver = UartReceiver(divisor)
    got, framing = [], []

    async def drive(ctx):
        def line(level, cycles):
            return [level] * cycles

        byte = [bit for bit in (0, 1, 0, 0, 0, 0, 0, 0, 0, 1) for _ in range(divisor)]
        broken = line(0, 10 * divisor)
        for level in [*line(1, 9), *line(0, 3), *line(1, 40), *broken, *broken, *line(1, 5), *byte]:
            ctx.set(receiver.rx, level)
            _, _, valid, payload, error = await ctx.tick().sample(
                receiver.o.valid, receiver.o.payload, receiver.framing
            )
            got.extend([payload] * valid)
            framing.append(error)

    simulate(receiver, drive)
    assert got == [1]
    assert sum(framing) == 1, "a line that stays low is one broken byte"


@REFUSES
@pytest.mark.parametrize("part", [UartReceiver, UartTransmitter])
def test_a_divisor_that_is_too_small(part):
    assert "divisor = 1 is not valid" in refusal(lambda: part(1))


# --- the bridge ----------------------------------------------------------------------------------


class Bench:
    """A bridge with a small memory, fed with bytes; a number among them is a pause in cycles."""

    PATIENCE = 50

    def __init__(self, items: list[bytes | int], seed: int = 0):
        self.memory = {address: address * 0x01010101 for address in range(16)}
        self.got = bytearray()
        self.forgotten = 0
        self._random = random.Random(seed)
        self._bone = bone = UartBone(self.PATIENCE)

        async def send(ctx):
            for item in items:
                if isinstance(item, int):
                    await ctx.tick().repeat(item)
                    continue
                for byte in item:
                    ctx.set(bone.i.payload, byte)
                    ctx.set(bone.i.valid, 1)
                    await ctx.tick().until(bone.i.ready)
                    ctx.set(bone.i.valid, 0)
                    await pause(ctx, self._random.randrange(3))
            await ctx.tick().repeat(2000)

        async def take(ctx):
            while True:
                ctx.set(bone.o.ready, self._random.random() < 0.5)
                _, _, valid, ready, payload, forgotten = await ctx.tick().sample(
                    bone.o.valid, bone.o.ready, bone.o.payload, bone.forgotten
                )
                self.got += bytes([payload]) * (valid & ready)
                self.forgotten += forgotten

        async def bus(ctx):
            bus = bone.bus
            while True:
                while not ctx.get(bus.valid):
                    await ctx.tick()
                await pause(ctx, self._random.randrange(4 * self.PATIENCE))
                address = ctx.get(bus.address)
                if ctx.get(bus.write):
                    self.memory[address] = ctx.get(bus.data)
                ctx.set(bus.answer, self.memory.get(address, 0xDEADBEEF))
                ctx.set(bus.ready, 1)
                await ctx.tick()
                ctx.set(bus.ready, 0)

        simulate(bone, send, others=[take, bus])


READ = frame(Frame.READ, 4 * 2, 1)
TWO = bytes([2, 2, 2, 2])


@pytest.mark.parametrize("seed", range(2))
def test_frames(seed):
    write = frame(Frame.WRITE, 4 * 4, 2) + bytes(range(8))
    fixed = frame(Frame.WRITE_FIXED, 4 * 7, 2) + bytes(range(8, 16))
    reads = [frame(Frame.READ, 4 * 3, 3), 1500, frame(Frame.READ_FIXED, 4 * 7, 2)]
    bench = Bench([write, fixed, *reads], seed)
    assert bench.got == bytes([3] * 4 + [*range(8)] + [12, 13, 14, 15] * 2)
    assert bench.forgotten == 0


@pytest.mark.parametrize("rest", range(1, 10))
def test_a_frame_that_breaks_off_is_forgotten(rest):
    broken = (frame(Frame.WRITE, 0, 1) + b"\xff" * 4)[:rest]
    bench = Bench([broken, 2 * Bench.PATIENCE, READ])
    assert bench.got == TWO
    assert bench.forgotten == 1
    assert bench.memory[0] == 0


def test_a_host_that_is_slow_but_not_too_slow():
    items = [item for byte in READ for item in (bytes([byte]), Bench.PATIENCE - 5)]
    assert Bench(items).got == TWO


@pytest.mark.parametrize("rubbish", [0, 5, 0x80, 0xFF])
def test_bytes_that_begin_no_frame_are_skipped(rubbish):
    assert Bench([bytes([rubbish]) * 3 + READ]).got == TWO


def test_frames_without_words_do_nothing():
    empty = [frame(command, 0, 0) for command in Frame]
    bench = Bench([b"".join(empty) + READ])
    assert bench.got == TWO
    assert bench.memory[0] == 0
