"""A step of training an MLP 64-32-10 with 32 samples: data, reference, and the kernel's launch."""

from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weft.arch.simt import Core
from weft_driver import Device
from weft_driver.run import Run

from ..kernels import Array, writes

BATCH, INPUTS, HIDDEN, CLASSES = 32, 64, 32, 10
"""Sizes, as ``train.c`` has them; another batch can be asked for."""

RATE = np.float32(0.1)
"""Of learning."""

SAMPLE_MACS = 2 * INPUTS * HIDDEN + 3 * HIDDEN * CLASSES
"""Multiply-accumulates of the five products for a sample: two forward, three backward."""

SAMPLE_SHARED = 4 * (INPUTS + 2 * HIDDEN + CLASSES + 1)
WEIGHTS_SHARED = 4 * (INPUTS * HIDDEN + HIDDEN * CLASSES)
"""Bytes of shared memory: for each sample, and beside them; the kernel's ``struct memory``."""

ULPS = 4
"""How far a result may be off, in units in the last place of the largest number of its array."""

Floats = NDArray[np.floating]

NAMES = ("w1", "b1", "w2", "b2")


@dataclass(frozen=True)
class Step:
    """What a step begins with: weights by name, samples, and their classes."""

    weights: dict[str, NDArray[np.float32]]
    x: NDArray[np.float32]
    labels: NDArray[np.int32]

    @classmethod
    def seeded(cls, seed: int = 1, batch: int = BATCH) -> "Step":
        """Random weights; samples that have a class each, so that there is something to learn."""
        rng = np.random.default_rng([40, seed])
        weights = {
            "w1": rng.normal(0, sqrt(2 / INPUTS), (INPUTS, HIDDEN)),
            "b1": rng.normal(0, 0.1, HIDDEN),
            "w2": rng.normal(0, sqrt(1 / HIDDEN), (HIDDEN, CLASSES)),
            "b2": rng.normal(0, 0.1, CLASSES),
        }
        labels = rng.integers(0, CLASSES, batch)
        centres = rng.normal(0, 1, (CLASSES, INPUTS))
        x = centres[labels] + rng.normal(0, 0.5, (batch, INPUTS))
        narrow = {name: value.astype(np.float32) for name, value in weights.items()}
        return cls(narrow, x.astype(np.float32), labels.astype(np.int32))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all products."""
        return len(self.x) * SAMPLE_MACS

    def taken(self, dtype: type = np.float64) -> tuple[dict[str, Floats], float]:
        """The weights after the step, and the loss before it, in the arithmetic of ``dtype``."""
        x = self.x.astype(dtype)
        w1, b1, w2, b2 = (self.weights[name].astype(dtype) for name in NAMES)
        h = np.maximum(x @ w1 + b1, 0)
        z = h @ w2 + b2
        power = np.exp(z - z.max(axis=1, keepdims=True))
        share = power / power.sum(axis=1, keepdims=True)
        right = np.arange(len(x)), self.labels
        loss = -np.log(share[right]).mean()
        dz = share
        dz[right] -= 1
        dz /= len(x)
        dh = np.where(h > 0, dz @ w2.T, 0)
        slopes = {"w1": x.T @ dh, "b1": dh.sum(axis=0), "w2": h.T @ dz, "b2": dz.sum(axis=0)}
        rate = dtype(RATE)
        return {name: self.weights[name] - rate * slopes[name] for name in NAMES}, float(loss)

    def wanted(self) -> list[Array]:
        """Weights and loss as they must be, within `ULPS`."""
        weights, loss = self.taken()
        arrays = [*(weights[name] for name in NAMES), np.array([loss])]
        return [writes(a, np.float32, ulps=ULPS, scale=np.abs(a).max()) for a in arrays]


def run_step(device: Device, step: Step) -> tuple[list[NDArray[np.float32]], Run]:
    """Take a step on a device's SIMT core; gives the weights in the order of `NAMES`, and the loss.

    Raises
    ------
    ValueError
        The device has no such core.
    """
    batch = len(step.x)
    source = Path(__file__).with_name("train.c")
    kernel = device.load_kernels(source, [f"BATCH={batch}"])["train"]
    results = [*(step.weights[name].copy() for name in NAMES), np.zeros(1, np.float32)]
    arguments = [float(RATE), step.x, step.labels, *results]
    shared = WEIGHTS_SHARED + batch * SAMPLE_SHARED
    run = device.launch(kernel, 1, Core.of(device.config).threads, arguments, shared=shared)
    return results, run
