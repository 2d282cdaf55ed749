"""The instruction cache by itself: what it asks memory for, and when."""

from collections import deque

import pytest
from amaranth.sim import Simulator

from weft.gateware.simt.icache import FIRST_GROUPS, GENERATION_BITS, InstructionCache
from weft.gateware.simt.selection import PC_BITS
from weft.gateware.simt.sizes import Sizes

SIZES = Sizes(lanes=1, warps=2, icache_bytes=2048, bus_bytes=16)
GROUP_WORDS, LATENCY = 64, 9
MAIN = 1 << PC_BITS - 1
START = MAIN + 0x2000


def word(pc: int) -> int:
    """What memory holds at a word address."""
    return (pc & (MAIN - 1)) * 0x9E3779B1 & 0xFFFFFFFF


class Bench:
    """A cache, a memory, and warps that look up one word after the other."""

    def __init__(self, onward: bool):
        self.cache = InstructionCache(SIZES)
        self.onward = onward
        self.bursts: list[int] = []
        self.misses = 0

    async def memory(self, ctx):
        """Answer bursts in order, a beat in a cycle."""
        port, now, beats = self.cache.memory, 0, deque()
        ctx.set(port.burst.ready, 1)
        async for *_, valid, addr, count, missed in (
            ctx.tick().sample(
                port.burst.valid, port.burst.payload.addr, port.burst.payload.more + 1,
                self.cache.missed,
            )
        ):  # fmt: skip
            now += 1
            self.misses += missed
            if valid:
                self.bursts.append(addr)
                for i in range(count):
                    beats.append((now + LATENCY, addr // 4 + 4 * i, i == count - 1))
            comes = bool(beats) and beats[0][0] <= now
            ctx.set(port.beat.valid, comes)
            if comes:
                _, at, last = beats.popleft()
                ctx.set(port.beat.payload.data, sum(word(at + i) << 32 * i for i in range(4)))
                ctx.set(port.beat.payload.last, last)

    async def look_up(self, ctx, warp: int, pc: int) -> int:
        """Cycles until a word is there, misses included."""
        cycles = 0
        while True:
            ctx.set(self.cache.valid, 1)
            ctx.set(self.cache.warp, warp)
            ctx.set(self.cache.pc, pc)
            await ctx.tick()
            ctx.set(self.cache.valid, 0)
            woken = False
            for _ in range(self.cache.latency - 1):
                await ctx.tick()
            cycles += self.cache.latency
            if ctx.get(self.cache.hit):
                assert ctx.get(self.cache.word) == word(pc)
                await ctx.tick()
                return cycles
            while not woken:
                woken = bool(ctx.get(self.cache.wake) >> warp & 1)
                await ctx.tick()
                cycles += 1

    def run(self, *kernels: list[tuple[int, int]]) -> list[int]:
        """Cycles of each look-up, warp and word address, of one kernel after the other."""
        took = []

        async def kernel(ctx):
            ctx.set(self.cache.onward, self.onward)
            for look_ups in kernels:
                ctx.set(self.cache.idle, 1)
                while not ctx.get(self.cache.ready):
                    await ctx.tick()
                ctx.set(self.cache.flush, 1)
                await ctx.tick()
                ctx.set(self.cache.flush, 0)
                ctx.set(self.cache.idle, 0)
                for warp, pc in look_ups:
                    took.append(await self.look_up(ctx, warp, pc))

        simulator = Simulator(self.cache)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.memory, background=True)
        simulator.add_testbench(kernel)
        simulator.run()
        return took


@pytest.mark.parametrize("onward", [True, False])
def test_a_kernel_that_begins_misses_once(onward):
    """From its first line to the end of the groups; each group is asked for once."""
    bench = Bench(onward)
    words = FIRST_GROUPS * GROUP_WORDS
    took = bench.run([(0, pc) for pc in range(START + 16, START + words)])
    assert bench.misses == (1 if onward else FIRST_GROUPS)
    groups = range(0x8000, 0x8000 + 4 * words, 4 * GROUP_WORDS)
    assert bench.bursts == [0x8000 + 64, *groups[1:]]
    assert sum(cycles > SIZES.warps + 2 for cycles in took) == bench.misses


def test_who_waits_comes_first():
    """No further group is fetched while a warp waits for another line."""
    bench = Bench(onward=True)
    took = bench.run([(0, START), (1, START + 0x1000), (1, START + 0x1040)])
    assert bench.bursts[:2] == [0x8000, 0xC000]
    assert max(took[1:]) < 3 * (LATENCY + 16)
    assert bench.misses == 3


def test_a_kernel_finds_nothing_of_another():
    """Not even when there have been so many that their numbers come again."""
    numbers = (1 << GENERATION_BITS) - 1
    once, often = [(0, START), (0, START + 1)], [(0, START + GROUP_WORDS)]
    kernels = 2 * [once, *(numbers - 1) * [often]]
    bench = Bench(onward=False)
    bench.run(*kernels)
    assert bench.misses == len(kernels)
