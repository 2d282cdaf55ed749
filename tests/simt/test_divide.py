"""The divider by itself: results, and how long they take."""

import numpy as np
from amaranth.sim import Simulator

from weft.gateware.simt.divide import Divider

EDGES = (0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF)


def expected(a: int, b: int, unsigned: bool, remainder: bool) -> int:
    """By RISC-V's rule for 32 bits."""
    if not unsigned:
        a, b = (x - (1 << 32) if x >> 31 else x for x in (a, b))
    if b == 0:
        return (a if remainder else -1) & 0xFFFFFFFF
    quotient = abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1)
    return (a - quotient * b if remainder else quotient) & 0xFFFFFFFF


def test_divider():
    rng = np.random.default_rng(1)
    pairs = [(a, b) for a in EDGES for b in EDGES]
    pairs += [tuple(map(int, rng.integers(0, 1 << rng.integers(1, 33), 2))) for _ in range(40)]
    divider = Divider()

    async def ask(ctx):
        for i, (a, b) in enumerate(pairs):
            unsigned, remainder = bool(i & 1), bool(i >> 1 & 1)
            operation = {"a": a, "b": b, "unsigned": unsigned, "remainder": remainder}
            ctx.set(divider.i.payload, operation)
            ctx.set(divider.i.valid, 1)
            cycles = 0
            while not ctx.get(divider.o.valid) and cycles < 100:
                accepted = ctx.get(divider.i.ready)
                await ctx.tick()
                cycles += 1
                if accepted:  # the operands need not stay
                    ctx.set(divider.i.valid, 0)
                    ctx.set(divider.i.payload, {"a": 5, "b": 7, "unsigned": 0, "remainder": 0})
            assert cycles == Divider.latency
            found = ctx.get(divider.o.payload)
            assert found == expected(a, b, unsigned, remainder), operation
            await ctx.tick()

    simulator = Simulator(divider)
    simulator.add_clock(1e-6)
    simulator.add_testbench(ask)
    simulator.run()
