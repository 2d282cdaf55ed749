"""What the chip refuses to launch is what `Launch.problem` refuses."""

from random import Random

import pytest
from amaranth.sim import Simulator

from weft.arch.commands import LAUNCH
from weft.arch.simt import ARGUMENTS, STACK_ALIGN, Launch
from weft.gateware.simt.launch_check import LaunchCheck
from weft.gateware.simt.sizes import Sizes

from .conftest import LONG
from .rtl import core_of

CORES = [(1, 1), (2, 4), (4, 3), (8, 16)]
SHARED_BYTES = 3 * 1024
NO_ARGUMENTS = {f"argument_{word}": 0 for word in range(ARGUMENTS)}


def random_launch(draw: Random, sizes: Sizes) -> dict[str, int]:
    """Mostly one that can run, with each field now and then at its worst."""

    def some(name: str, likely: int) -> int:
        high = LAUNCH.by_name[name].high
        if draw.random() < 0.05:
            return draw.choice([0, 1, high, draw.randint(0, high)])
        return draw.randint(1, max(1, likely))

    def aligned(name: str, most: int) -> int:
        if draw.random() < 0.05:
            return draw.randint(0, LAUNCH.by_name[name].high)
        return draw.randint(0, most // STACK_ALIGN) * STACK_ALIGN

    values = {f"grid_{axis}": some(f"grid_{axis}", draw.choice([1, 3, 40])) for axis in "xyz"}
    side = draw.choice([2, round(sizes.threads ** (1 / 3)) + 1, sizes.threads])
    values |= {f"block_{axis}": some(f"block_{axis}", side) for axis in "xyz"}
    if draw.random() < 0.7:
        values |= {"block_y": 1, "block_z": 1}
    return values | {
        "entry": draw.choice([0, 4, 0x1234, 0x1234, 0x1236, 0xFFFFFFFF]) & ~(draw.random() < 0.9),
        "shared": aligned("shared", draw.choice([0, 256, SHARED_BYTES])),
        "shared_base": aligned("shared_base", draw.choice([0, 256, SHARED_BYTES])),
        "private": aligned("private", 1024),
        "private_base": aligned("private_base", 1 << 20),
    }


@pytest.mark.parametrize(("lanes", "warps"), CORES)
def test_refuses_what_the_rule_refuses(lanes, warps):
    sizes = Sizes(lanes=lanes, warps=warps, banks=2, shared_bytes=SHARED_BYTES, fp="none")
    check, draw, core = LaunchCheck(sizes), Random(lanes), core_of(sizes)
    seen = {True: 0, False: 0}

    async def bench(ctx):
        for _ in range(5000 if LONG else 400):
            values = random_launch(draw, sizes)
            problem = Launch.of(NO_ARGUMENTS | values).problem(core)
            for name, value in values.items():
                ctx.set(check.i[name], value)
            ctx.set(check.start, 1)
            await ctx.tick()
            ctx.set(check.start, 0)
            await ctx.tick().until(check.done)
            assert ctx.get(check.refused) == (problem is not None), (values, problem)
            seen[problem is not None] += 1

    simulator = Simulator(check)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert min(seen.values()) > 30, seen
