"""What is asked of sums without a carry, against arithmetic."""

from collections.abc import Callable
from itertools import product

import pytest
from amaranth.hdl import Module, Signal, Value
from amaranth.sim import Simulator

from weft.gateware.sums import adds_up, overflows

WIDTHS = (2, 3, 2)
MOST = sum((1 << width) - 1 for width in WIDTHS)


def says_of_all(parts: tuple[Signal, ...], asked: Value, rule: Callable[..., bool]):
    """Compare what is asked of parts with a rule, for all that they may be."""
    says = Signal()
    m = Module()
    m.d.comb += says.eq(asked)
    simulator = Simulator(m)

    async def every(ctx):
        for values in product(*(range(1 << len(part)) for part in parts)):
            for part, value in zip(parts, values, strict=True):
                ctx.set(part, value)
            assert ctx.get(says) == rule(*values), values

    simulator.add_testbench(every)
    simulator.run()


@pytest.mark.parametrize("total", [0, 1, 4, 5, 8, MOST, MOST + 1, 100])
def test_adds_up(total: int):
    """Every combination of three small numbers adds up to a constant exactly if its sum is it."""
    parts = tuple(Signal(width, name=f"part_{i}") for i, width in enumerate(WIDTHS))
    says_of_all(parts, adds_up(parts, total), lambda *values: sum(values) == total)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5])
def test_overflows(bits: int):
    """Every two numbers of so many bits overflow exactly if their sum has one more."""
    parts = tuple(Signal(bits, name=name) for name in ("one", "other"))
    says_of_all(parts, overflows(*parts), lambda one, other: one + other >> bits == 1)
