"""Quantisation of seeded networks to bytes: scales from the largest values, products per column.

All zero points are 0, so that a byte is a multiple of its scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .reference import exact_product, requantise

Floats = NDArray[np.floating]
Bytes = NDArray[np.int8]

PEAK = 127
"""The largest byte; -PEAK is the smallest that `quantise` gives."""

CALIBRATION = range(100, 104)
"""Seeds of the inputs from which scales are taken."""


def quantise(values: Floats, scale: float | Floats) -> Bytes:
    """Nearest multiples of a scale, cut off at both ends."""
    return np.clip(np.rint(values / scale), -PEAK, PEAK).astype(np.int8)


def scales(runs: Sequence[Mapping[str, Floats]]) -> dict[str, float]:
    """What a byte of each step is worth, if the largest value of all runs is `PEAK`."""
    return {name: max(float(np.abs(run[name]).max()) for run in runs) / PEAK for name in runs[0]}


@dataclass(frozen=True)
class ByteProduct:
    """y = requantise(x w + bias); ``scale`` is one float32, or one for each column."""

    weight: Bytes
    scale: NDArray[np.float32]
    bias: NDArray[np.int32] | None

    @classmethod
    def of(cls, weight: Floats, bias: Floats, x_scale: float, y_scale: float) -> "ByteProduct":
        """Quantise a product, with a scale of the weights for each column."""
        weight_scale = np.abs(weight).max(axis=0) / PEAK
        return cls(
            quantise(weight, weight_scale),
            (x_scale * weight_scale / y_scale).astype(np.float32),
            np.rint(bias / (x_scale * weight_scale)).astype(np.int32),
        )

    def __call__(self, x: Bytes, *, relu: bool = False) -> Bytes:
        """The formula, for rows of inputs."""
        sums = exact_product(x, self.weight, bias=self.bias)
        return requantise(sums, self.scale, qmin=0 if relu else -128)

    def columns(self, start: int, count: int) -> "ByteProduct":
        """Some of its columns."""
        part = slice(start, start + count)
        scale = self.scale[part] if self.scale.size > 1 else self.scale
        bias = None if self.bias is None else self.bias[part]
        return ByteProduct(np.ascontiguousarray(self.weight[:, part]), scale, bias)
