"""Sums that are compared without a carry, against arithmetic."""

from itertools import product

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.sim import Simulator

from weft.gateware.load_reader import adds_up

WIDTHS = (2, 3, 2)
MOST = sum((1 << width) - 1 for width in WIDTHS)


@pytest.mark.parametrize("total", [0, 1, 4, 5, 8, MOST, MOST + 1, 100])
def test_adds_up(total: int):
    """Every combination of three small numbers adds up to a constant exactly if its sum is it."""
    parts = tuple(Signal(width, name=f"part_{i}") for i, width in enumerate(WIDTHS))
    says = Signal()
    m = Module()
    m.d.comb += says.eq(adds_up(parts, total))
    simulator = Simulator(m)

    async def every(ctx):
        for values in product(*(range(1 << width) for width in WIDTHS)):
            word = sum(v << sum(WIDTHS[:i]) for i, v in enumerate(values))
            ctx.set(Cat(*parts), word)
            assert ctx.get(says) == (sum(values) == total), (values, total)

    simulator.add_testbench(every)
    simulator.run()
