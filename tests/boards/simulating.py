"""Amaranth's simulator, as the tests of a board's blocks use it."""

import gc

import pytest
from amaranth.sim import Simulator

REFUSES = pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
"""Of tests in which a block is not made."""


def refusal(make) -> str:
    """Why something is not made; keeps nothing of it alive."""
    try:
        make()
    except ValueError as error:
        why = str(error)
    else:
        why = ""
    gc.collect()  # what was made in part would be complained about later, in another test
    return why


async def pause(ctx, cycles: int) -> None:
    """Let cycles pass, also none."""
    for _ in range(cycles):
        await ctx.tick()


LONGEST = 20_000
"""Cycles within which most of these tests end."""


def simulate(design, *benches, others=(), longest: int = LONGEST) -> None:
    """Run until all benches are through; others run beside them."""

    async def deadline(ctx):
        await pause(ctx, longest)
        raise TimeoutError(f"no end within {longest} cycles")

    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    for bench in (*others, deadline):
        simulator.add_testbench(bench, background=True)
    simulator.run()
