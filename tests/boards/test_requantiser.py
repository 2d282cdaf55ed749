"""The small chip's requantiser against the golden one."""

import numpy as np

from weft.gateware.small.requantiser import Requantiser
from weft.golden.requantise import requantise

from .conftest import LONG
from .simulating import simulate

CASES = 5000 if LONG else 100
BEYOND = (1 << 16) - 1
"""Clamp: larger results only need to be larger."""


def test_random_values():
    rng = np.random.default_rng(3)
    magnitudes = rng.integers(0, 1 << 24, CASES) >> rng.integers(0, 24, CASES)
    magnitudes[:4] = [0, 1, 1 << 24, (1 << 24) - 1]
    scales = np.exp2(rng.uniform(-30, 3, CASES)).astype(np.float32)
    # Many whose products end a few bits behind the point, ties among them.
    near = rng.random(CASES) < 0.6
    magnitudes[near] &= 127
    scales[near] = np.exp2(-rng.integers(1, 5, near.sum())) * rng.choice([1, 1.25, 1.5], near.sum())
    scales[4:6] = [np.finfo(np.float32).tiny, np.finfo(np.float32).max]
    expected = requantise(magnitudes, scales, 0, 0, BEYOND)
    unit = Requantiser()
    found = []

    async def bench(ctx):
        for magnitude, scale in zip(magnitudes.tolist(), scales.view(np.uint32), strict=True):
            ctx.set(unit.scale, int(scale))
            ctx.set(unit.magnitude, magnitude)
            ctx.set(unit.set_scale, 1)
            await ctx.tick()
            ctx.set(unit.set_scale, 0)
            ctx.set(unit.start, 1)
            await ctx.tick()
            ctx.set(unit.start, 0)
            cycles = 0
            while ctx.get(unit.busy):
                cycles += 1
                await ctx.tick()
            right = max(0, 150 - (int(scale) >> 23))
            assert cycles <= max(magnitude.bit_length(), right) + 6
            found.append(min(ctx.get(unit.value), BEYOND))

    simulate(unit, bench, longest=200 * CASES)
    assert found == expected.tolist()
