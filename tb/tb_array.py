"""Bench of the systolic array: tiles back to back, and with gaps, against numpy."""

import cocotb
import context
import numpy as np
from cocotb.triggers import FallingEdge

from weft.gateware.array import SUM_LANE, Array

ROWS, COLS = context.config.rows, context.config.cols
LATENCY = Array.latency_of(context.config)


def _pack(values) -> int:
    return int.from_bytes(np.asarray(values, dtype=np.int8).tobytes(), "little")


def _lane(word: int, column: int) -> int:
    value = word >> SUM_LANE * column & (1 << SUM_LANE) - 1
    return value - (1 << SUM_LANE) if value >> (SUM_LANE - 1) else value


async def run_tiles(dut, heights, gaps, draw) -> None:
    """Stream tiles of ``heights`` rows, each ``gaps`` cycles later than the earliest, and check."""
    rng = np.random.default_rng(draw.getrandbits(32))
    xs = [rng.integers(-128, 128, (height, ROWS)) for height in heights]
    ws = [rng.integers(-128, 128, (ROWS, COLS)) for _ in heights]
    # One corner in every run: the largest possible sums.
    xs[0][:], ws[0][:] = -128, -128

    windows, starts = [], []
    for i in range(len(heights)):
        window = starts[-1] if i else 0
        earliest = window + ROWS
        if i:
            earliest = max(earliest, starts[-1] + heights[i - 1])
        windows.append(window)
        starts.append(earliest + gaps[i])
    end = starts[-1] + heights[-1] + LATENCY + COLS + 1

    inputs = {}
    for x, w, window, start in zip(xs, ws, windows, starts, strict=True):
        for i in range(ROWS):
            inputs.setdefault(window + i, {})["weights"] = w[ROWS - 1 - i]
        for i, row in enumerate(x):
            inputs.setdefault(start + i, {})["row"] = row
        inputs[start]["swap"] = True

    sums = []
    for cycle in range(end):
        now = inputs.get(cycle, {})
        noise = rng.integers(-128, 128, max(ROWS, COLS))
        dut.row.value = _pack(now.get("row", noise[:ROWS]))
        dut.weights.value = _pack(now.get("weights", noise[:COLS]))
        dut.shift.value = "weights" in now
        dut.swap.value = "swap" in now
        await FallingEdge(dut.clk)
        sums.append(int(dut.sums.value))

    for i, (x, w, start) in enumerate(zip(xs, ws, starts, strict=True)):
        expected = x @ w
        for row in range(heights[i]):
            for column in range(COLS):
                # The sample of cycle n was taken after the edge that ends it.
                got = _lane(sums[start + row + LATENCY + column - 1], column)
                assert got == expected[row, column], (context.seed, i, row, column)


@cocotb.test()
async def tiles_without_bubble(dut):
    """Tiles of exactly R rows follow each other without a gap."""
    await context.start(dut)
    await run_tiles(dut, [ROWS] * 6, [0] * 6, context.rng("tight"))


@cocotb.test()
async def tiles_of_any_height(dut):
    """Short and long tiles, with and without gaps."""
    await context.start(dut)
    draw = context.rng("any")
    for _ in range(4):
        count = draw.randint(2, 7)
        heights = [draw.choice([1, 2, ROWS, ROWS + 1, 2 * ROWS]) for _ in range(count)]
        gaps = [draw.choice([0, 0, 1, ROWS]) for _ in range(count)]
        await run_tiles(dut, heights, gaps, draw)
