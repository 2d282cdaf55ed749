"""Amaranth's simulator, as the tests of a board's blocks use it."""

import pytest
from amaranth.sim import Simulator

REFUSES = pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
"""Of tests in which a block is not made."""


def refusal(make) -> str:
    """Why something is not made; keeps nothing of it alive."""
    try:
        make()
    except ValueError as error:
        return str(error)
    return ""


async def pause(ctx, cycles: int) -> None:
    """Let cycles pass, also none."""
    for _ in range(cycles):
        await ctx.tick()


def simulate(design, *benches) -> None:
    """Run until the first bench is through."""
    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench, background=bench is not benches[0])
    simulator.run()
