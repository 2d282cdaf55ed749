"""A step of training: the formula against differences, and the chip against the formula."""

from dataclasses import replace

import numpy as np
import pytest

from weft_bench.training.step import NAMES, RATE, Step, run_step
from weft_driver import Device


def test_slopes_are_those_of_the_loss():
    """Each weight's change against the difference that it makes to the loss."""
    step = Step.seeded()
    after, loss = step.taken()
    rng = np.random.default_rng(1)
    for name in NAMES:
        weight = step.weights[name].astype(np.float64)
        slope = (weight - after[name]) / float(RATE)
        for _ in range(5):
            place = tuple(rng.integers(0, weight.shape))
            moved = weight.copy()
            moved[place] += 1e-6
            found = replace(step, weights=step.weights | {name: moved}).taken()[1] - loss
            assert found / 1e-6 == pytest.approx(slope[place], abs=1e-5)


@pytest.mark.parametrize(("core", "batch"), [("8x16", 8), ("1x1", 4), ("2x3", 4)])
def test_on_the_golden_core(core, batch):
    pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")
    step = Step.seeded(2, batch)
    lanes, warps = core.split("x")
    with Device(f"golden:base,lanes={lanes},warps={warps}") as device:
        found, _ = run_step(device, step)
    wanted = step.wanted()
    assert [w.mismatches(f) for w, f in zip(wanted, found, strict=True)] == [0] * 5
    weights = dict(zip(NAMES, found, strict=False))
    assert replace(step, weights=weights).taken()[1] < step.taken()[1]
