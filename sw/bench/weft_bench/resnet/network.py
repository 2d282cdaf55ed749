"""ResNet-8 as in MLPerf Tiny, with seeded weights: in floating point, and in bytes.

A stem of 3 x 3, three stacks of two 3 x 3 convolutions and a shortcut, mean over the picture, and a
dense layer. All zero points are 0; weights have a scale for each output channel, activations one
for each tensor, from the largest values of a few random pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from ..quantised import CALIBRATION, ByteProduct, Bytes, Floats, scales
from ..reference import im2col, requantise

SIDE, COLOURS, CLASSES = 32, 3, 10
"""Pictures of 32 x 32 pixels of 3 bytes, and what they are sorted into."""

WIDTHS = (16, 32, 64)
"""Channels of the three stacks; each but the first halves height and width."""

LEFT, MOST_WEIGHTS = 16, 127
"""Weight of the shortcut in a sum, and the most that either operand may have."""


@dataclass(frozen=True)
class Conv:
    """A convolution of the network: its input, geometry, and whether ReLU follows."""

    name: str
    source: str
    cin: int
    cout: int
    kernel: int
    stride: int
    size: int
    relu: bool

    @property
    def padding(self) -> int:
        """Pixels on each side."""
        return self.kernel // 2

    @property
    def macs(self) -> int:
        """Multiplications for a picture; ``size`` is the side of the result."""
        return self.size**2 * self.cout * self.kernel**2 * self.cin


@dataclass(frozen=True)
class Sum:
    """ReLU of the sum of two tensors: ``source``, the shortcut, and ``branch``."""

    name: str
    source: str
    branch: str
    size: int
    width: int


def layers() -> list[Conv | Sum]:
    """Everything up to the mean, in order."""
    found: list[Conv | Sum] = [Conv("stem", "x", COLOURS, WIDTHS[0], 3, 1, SIDE, True)]
    last, width, size = "stem", WIDTHS[0], SIDE
    for number, cout in enumerate(WIDTHS, 1):
        stride = 1 if number == 1 else 2
        size //= stride
        first, second, short, total = (f"{part}{number}" for part in ("a", "b", "short", "sum"))
        found.append(Conv(first, last, width, cout, 3, stride, size, True))
        found.append(Conv(second, first, cout, cout, 3, 1, size, False))
        if stride > 1:
            found.append(Conv(short, last, width, cout, 1, stride, size, False))
        found.append(Sum(total, short if stride > 1 else last, second, size, cout))
        last, width = total, cout
    return found


LAYERS = layers()
CONVS = [layer for layer in LAYERS if isinstance(layer, Conv)]
LAST = LAYERS[-1].name

CONV_MACS = sum(conv.macs for conv in CONVS)
"""Multiplications of all convolutions for a picture."""


def _patches(layer: Conv, x: NDArray) -> NDArray:
    return im2col(x, (layer.kernel, layer.kernel), stride=layer.stride, padding=layer.padding)


@dataclass(frozen=True)
class FloatNetwork:
    """Weights, (kh kw cin) x cout, and biases by name of the layer; ``dense`` too."""

    weights: Mapping[str, Floats]
    biases: Mapping[str, Floats]

    @classmethod
    def seeded(cls, seed: int = 1) -> "FloatNetwork":
        """Random weights that keep the variance of what passes through."""
        rng = np.random.default_rng([30, seed])
        weights, biases = {}, {}
        shapes = {c.name: (c.kernel**2 * c.cin, c.cout, 2 if c.relu else 1) for c in CONVS}
        for name, (inputs, outputs, gain) in (shapes | {"dense": (WIDTHS[-1], CLASSES, 1)}).items():
            weights[name] = rng.normal(0, sqrt(gain / inputs), (inputs, outputs))
            biases[name] = rng.normal(0, 0.1, outputs)
        return cls(weights, biases)

    @staticmethod
    def pictures(count: int, seed: int) -> Floats:
        """Random pictures, values of -1 to 1: soft spots, as neighbours are alike in pictures."""
        rng = np.random.default_rng([31, seed])
        coarse = rng.normal(0, 0.4, (count, SIDE // 4, SIDE // 4, COLOURS))
        fine = rng.normal(0, 0.1, (count, SIDE, SIDE, COLOURS))
        return np.clip(coarse.repeat(4, axis=1).repeat(4, axis=2) + fine, -1, 1)

    def __call__(self, x: Floats) -> dict[str, Floats]:
        """Every step by name, NHWC; ``mean`` and ``dense`` are images x channels."""
        steps = {"x": x}
        for layer in LAYERS:
            if isinstance(layer, Sum):
                y = steps[layer.source] + steps[layer.branch]
            else:
                y = _patches(layer, steps[layer.source]) @ self.weights[layer.name]
                y = (y + self.biases[layer.name]).reshape(len(x), layer.size, layer.size, -1)
            relu = isinstance(layer, Sum) or layer.relu
            steps[layer.name] = np.maximum(y, 0) if relu else y
        steps["mean"] = steps[LAST].mean(axis=(1, 2))
        steps["dense"] = steps["mean"] @ self.weights["dense"] + self.biases["dense"]
        return steps


@dataclass(frozen=True)
class ByteSum:
    """y = clamp(rint((left a + right f) scale), 0, 127); what ``add.c`` computes."""

    left: int
    right: int
    scale: np.float32

    def __call__(self, a: Bytes, f: Bytes) -> Bytes:
        """The formula."""
        h = self.left * a.astype(np.int32) + self.right * f.astype(np.int32)
        return requantise(h, self.scale, qmin=0)


@dataclass(frozen=True)
class ByteNetwork:
    """The quantised network.

    Parameters
    ----------
    products, sums
        By name of the layer.
    mean
        Scale of the sum over all pixels.
    scales
        What a step of each tensor is worth.
    """

    products: Mapping[str, ByteProduct]
    sums: Mapping[str, ByteSum]
    mean: np.float32
    scales: Mapping[str, float]

    def __call__(self, x: Bytes) -> dict[str, Bytes]:
        """Every step by name, as `FloatNetwork` has them."""
        steps = {"x": x}
        for layer in LAYERS:
            if isinstance(layer, Sum):
                y = self.sums[layer.name](steps[layer.source], steps[layer.branch])
            else:
                rows = _patches(layer, steps[layer.source]).astype(np.int8)
                y = self.products[layer.name](rows, relu=layer.relu)
            steps[layer.name] = y.reshape(len(x), layer.size, layer.size, -1)
        total = steps[LAST].sum(axis=(1, 2), dtype=np.int32)
        steps["mean"] = requantise(total, self.mean)
        steps["dense"] = self.products["dense"](steps["mean"])
        return steps


def quantised(network: FloatNetwork, seeds: Sequence[int] = CALIBRATION) -> ByteNetwork:
    """Quantise a network; scales come from a picture of each of these seeds."""
    scale = scales([network(network.pictures(1, seed)) for seed in seeds])
    sums = {}
    for layer in LAYERS:
        if isinstance(layer, Sum):
            # The branch gets a scale that is a whole multiple of a part of the shortcut's.
            right = ceil(scale[layer.branch] / scale[layer.source] * LEFT)
            if right > MOST_WEIGHTS:
                raise ValueError(f"{layer.name}: its operands have no whole weights in reach")
            scale[layer.branch] = scale[layer.source] * right / LEFT
            unit = scale[layer.source] / LEFT
            sums[layer.name] = ByteSum(LEFT, right, np.float32(unit / scale[layer.name]))
    products = {}
    sources = {conv.name: conv.source for conv in CONVS} | {"dense": "mean"}
    for name, source in sources.items():
        products[name] = ByteProduct.of(
            network.weights[name], network.biases[name], scale[source], scale[name]
        )
    pixels = LAYERS[-1].size ** 2
    mean = np.float32(scale[LAST] / pixels / scale["mean"])
    return ByteNetwork(products, sums, mean, scale)
