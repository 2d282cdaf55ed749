"""Main memory in block RAM, and two managers on it."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.memory import BLOCK_MEMORY
from weft.config import PRESETS
from weft.gateware.axi_share import AxiShare
from weft.gateware.axi_slice import AxiSlice
from weft.gateware.block_memory import DECERR, OKAY, BlockMemory
from weft.gateware.interfaces import Axi4

from .simulating import REFUSES, refusal, simulate

TINY = PRESETS["tiny"]
WORD = TINY.bus_bytes

SIZE = 1024

CHANNELS = ("ar", "aw")
GATED = {channel + name for channel in CHANNELS for name in ("valid", "ready")}


class Shared(wiring.Component):
    """Two managers on one memory, one of them behind registers; it takes requests while ``go``."""

    def __init__(self):
        self.memory = BlockMemory(TINY, SIZE)
        self.share = AxiShare(TINY)
        super().__init__({"chip": In(Axi4(TINY)), "host": In(Axi4(TINY)), "go": In(2)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self.memory
        m.submodules.share = share = self.share
        m.submodules.slice = slice_ = AxiSlice(TINY, 2)
        connect(m, flipped(self.chip), slice_.manager)
        connect(m, slice_.axi, share.chip)
        connect(m, flipped(self.host), share.host)
        for path, member, outer in share.axi.signature.flatten(share.axi):
            (name,) = path
            inner = getattr(self.memory.axi, name)
            to, source = (inner, outer) if member.flow is Out else (outer, inner)
            gate = self.go[CHANNELS.index(name[:2])] if name in GATED else ~0
            m.d.comb += to.eq(source & gate)
        return m


class Manager:
    """Random bursts to a part of the memory, one after the other, compared with a copy."""

    def __init__(self, axi, low: int, high: int, seed: int, bursts: int = 60):
        self.axi, self.low, self.high, self.bursts = axi, low, high, bursts
        self.random = random.Random(seed)
        self.copy: dict[int, int] = {}
        self.idle = self.random.choice([0.0, 0.5])

    async def run(self, ctx):
        for number in range(self.bursts):
            beats = self.random.randrange(1, 9)
            start = self.random.randrange(self.low // WORD, self.high // WORD - beats) * WORD
            action = self.random.choice([self.write, self.read])
            await action(ctx, start, beats, number % 4)

    async def write(self, ctx, start: int, beats: int, ident: int):
        axi = self.axi
        await self.send(ctx, "aw", addr=start, len=beats - 1, id=ident)
        for beat in range(beats):
            data, strobe = self.random.getrandbits(8 * WORD), self.random.getrandbits(WORD)
            await self.send(ctx, "w", data=data, strb=strobe, last=beat == beats - 1)
            for i in range(WORD):
                if strobe >> i & 1:
                    self.copy[start + beat * WORD + i] = data >> 8 * i & 0xFF
        assert await self.take(ctx, "b", axi.bresp, axi.bid) == (OKAY, ident)

    async def read(self, ctx, start: int, beats: int, ident: int):
        axi = self.axi
        await self.send(ctx, "ar", addr=start, len=beats - 1, id=ident)
        for beat in range(beats):
            data, *rest = await self.take(ctx, "r", axi.rdata, axi.rlast, axi.rid, axi.rresp)
            assert rest == [beat == beats - 1, ident, OKAY]
            for i in range(WORD):
                address = start + beat * WORD + i
                assert data >> 8 * i & 0xFF == self.copy.get(address, 0), hex(address)

    async def send(self, ctx, channel: str, **values: int):
        while self.random.random() < self.idle:
            await ctx.tick()
        for name, value in values.items():
            ctx.set(getattr(self.axi, channel + name), value)
        ctx.set(getattr(self.axi, f"{channel}valid"), 1)
        await ctx.tick().until(getattr(self.axi, f"{channel}ready"))
        ctx.set(getattr(self.axi, f"{channel}valid"), 0)

    async def take(self, ctx, channel: str, *signals):
        while self.random.random() < self.idle:
            await ctx.tick()
        ctx.set(getattr(self.axi, f"{channel}ready"), 1)
        values = await ctx.tick().sample(*signals).until(getattr(self.axi, f"{channel}valid"))
        ctx.set(getattr(self.axi, f"{channel}ready"), 0)
        return values


def requests_stay(axi):
    """A bench that sees to it that a request does not change while it waits."""
    names = ("valid", "ready", "addr", "len", "id")

    async def watch(ctx):
        waiting = {}
        pins = {channel: [getattr(axi, channel + name) for name in names] for channel in CHANNELS}
        async for _, _, *values in ctx.tick().sample(*pins["ar"], *pins["aw"]):
            for at, channel in enumerate(CHANNELS):
                valid, ready, *request = values[len(names) * at : len(names) * (at + 1)]
                if channel in waiting:
                    assert valid
                    assert request == waiting.pop(channel)
                if valid and not ready:
                    waiting[channel] = request

    return watch


@pytest.mark.parametrize("seed", range(2))
def test_two_managers_on_one_memory(seed):
    shared = Shared()
    chip = Manager(shared.chip, 0, SIZE // 2, seed)
    host = Manager(shared.host, SIZE // 2, SIZE, seed + 100)

    async def hesitate(ctx):
        rng = random.Random(seed)
        while True:
            ctx.set(shared.go, rng.getrandbits(2))
            await ctx.tick()

    simulate(shared, chip.run, host.run, others=[requests_stay(shared.share.axi), hesitate])
    assert len(chip.copy) > 100
    assert len(host.copy) > 100


def read_and_write(beats: int = 16):
    """Cycle of each beat read, of each written and of the response, all asked for at once."""
    memory = BlockMemory(TINY, SIZE)
    axi, read, written, answered = memory.axi, [], [], []

    async def ask(ctx):
        for channel in ("ar", "aw"):
            ctx.set(getattr(axi, f"{channel}valid"), 1)
            ctx.set(getattr(axi, f"{channel}len"), beats - 1)
        for name in ("rready", "bready", "wvalid"):
            ctx.set(getattr(axi, name), 1)
        for cycle in range(4 * beats):
            ctx.set(axi.wlast, len(written) == beats - 1)
            _, _, r, w, b = await ctx.tick().sample(axi.rvalid, axi.wready, axi.bvalid)
            for name in ("arvalid", "awvalid"):
                ctx.set(getattr(axi, name), 0)
            read.extend([cycle] * r)
            written.extend([cycle] * w)
            answered.extend([cycle] * b)
            ctx.set(axi.wvalid, len(written) < beats)

    simulate(memory, ask)
    return read, written, answered


def test_a_beat_a_cycle_in_both_directions():
    read, written, answered = read_and_write()
    latency = BlockMemory.read_latency
    assert read == list(range(latency, latency + 16))
    assert written == list(range(1, 17))
    assert answered == [17]
    assert latency + AxiSlice.latency == BLOCK_MEMORY.latency, "what drivers plan with"


def test_beyond_its_end_there_is_nothing():
    memory = BlockMemory(TINY, SIZE)
    axi = memory.axi

    async def ask(ctx):
        for address, expected in ((SIZE, DECERR), (SIZE - WORD, OKAY), (1 << 31, DECERR)):
            for channel in ("ar", "aw"):
                ctx.set(getattr(axi, f"{channel}addr"), address)
                ctx.set(getattr(axi, f"{channel}valid"), 1)
            for name in ("wvalid", "wlast"):
                ctx.set(getattr(axi, name), 1)
            ctx.set(axi.wstrb, 15)
            ctx.set(axi.wdata, address)
            await ctx.tick()
            for name in ("arvalid", "awvalid"):
                ctx.set(getattr(axi, name), 0)
            await ctx.tick().until(axi.wready)
            ctx.set(axi.wvalid, 0)
            ctx.set(axi.bready, 1)
            assert await ctx.tick().sample(axi.bresp).until(axi.bvalid) == (expected,)
            ctx.set(axi.rready, 1)
            assert ctx.get(axi.rvalid)
            assert ctx.get(axi.rresp) == expected
            await ctx.tick()
            ctx.set(axi.rready, 0)

    simulate(memory, ask)


@REFUSES
@pytest.mark.parametrize("size", [0, WORD, 1000])
def test_sizes_that_memories_do_not_have(size):
    assert f"size = {size} is not valid" in refusal(lambda: BlockMemory(TINY, size))
