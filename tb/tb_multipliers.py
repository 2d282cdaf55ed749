"""Bench of a row of multipliers beside the portable one: the same in every cycle, and right."""

import itertools

import cocotb
import context
from cocotb.triggers import FallingEdge

from weft.gateware.primitives.multiplier import LATENCY, PRODUCT_BITS

COLS: int = context.parameters["cols"]


def _bytes(values) -> int:
    return int.from_bytes(bytes(value & 0xFF for value in values), "little")


def _products(word: int) -> list[int]:
    lanes = [word >> PRODUCT_BITS * i & 0xFFFF for i in range(COLS)]
    return [lane - (lane >> 15 << 16) for lane in lanes]


@cocotb.test()
async def every_product(dut):
    """All pairs of operands, each element beginning elsewhere, a new weight in every cycle."""
    await context.start(dut)
    every = list(itertools.product(range(-128, 128), repeat=2))
    dut.shift.value = dut.swap.value = (1 << COLS) - 1
    fed = [[every[(i + 7919 * c) % len(every)] for c in range(COLS)] for i in range(len(every))]
    for cycle in range(len(every) + LATENCY):
        # A weight stands on the chain one cycle before its activation.
        later = fed[min(cycle, len(every) - 1)]
        now = fed[min(max(cycle - 1, 0), len(every) - 1)]
        dut.chain.value = _bytes(w for _, w in later)
        dut.a.value = _bytes(a for a, _ in now)
        await FallingEdge(dut.clk)
        assert dut.same.value == 1, (context.seed, cycle)
        ready = cycle - LATENCY  # taken after the edge that ends the cycle
        if ready >= 0:
            assert _products(int(dut.product.value)) == [a * w for a, w in fed[ready]], ready


@cocotb.test()
async def enables_of_any_pattern(dut):
    """Elements shift and swap independently of one another."""
    await context.start(dut)
    draw = context.rng("enables")
    for _ in range(2000):
        dut.a.value = draw.getrandbits(8 * COLS)
        dut.chain.value = draw.getrandbits(8 * COLS)
        dut.shift.value = draw.getrandbits(COLS) & draw.getrandbits(COLS)
        dut.swap.value = draw.getrandbits(COLS) & draw.getrandbits(COLS)
        await FallingEdge(dut.clk)
        assert dut.same.value == 1, context.seed
