"""The same layer in bytes: scales, quantised weights, and the formula of every step in numpy.

All zero points are 0. Weights are int8 with a scale for each column, except those of the keys,
which come out transposed and have one scale; activations have one scale for each step, from the
largest values of a few random inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from weft.golden import fp32_special

from ..quantised import CALIBRATION, PEAK, ByteProduct, Bytes, quantise, scales
from ..reference import exact_product, requantise
from .floats import EPSILON, FloatLayer, Linear, Norm, gelu
from .sizes import Sizes

POWER = 1 << 24
"""What stands for the largest power in the table of softmax."""

LEFT = 8
"""Weight of the left operand in a sum before a layer norm."""

MOST_WEIGHTS = 32
"""Both weights of such a sum together: its squares, 128 of them, must fit into 31 bits."""


@dataclass(frozen=True)
class ByteNorm:
    """Layer norm of ``left a + right f``, requantised; what ``layer_norm.c`` computes.

    Parameters
    ----------
    left, right
        Whole weights of the two operands.
    epsilon
        In units of the sum's squares.
    gain, bias
        float32 for each column, in units of the result.
    """

    left: int
    right: int
    epsilon: np.float32
    gain: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, a: Bytes, f: Bytes) -> Bytes:
        """The formula: whole sums, then float32, rounded after each operation."""
        h = self.left * a.astype(np.int64) + self.right * f.astype(np.int64)
        share = np.float32(1 / h.shape[1])
        mean = h.sum(axis=1).astype(np.float32) * share
        square = np.square(h).sum(axis=1).astype(np.float32) * share
        variance = square - mean * mean + self.epsilon
        scale = fp32_special.rsqrt(variance.view(np.uint32)).view(np.float32)
        shift = mean * scale
        v = h.astype(np.float32) * scale[:, None] - shift[:, None]
        v = v * self.gain + self.bias
        return np.clip(np.rint(v), -128, 127).astype(np.int8)

    @property
    def affine(self) -> NDArray[np.float32]:
        """Gains and biases in the order in which the kernel's threads take them."""
        lanes = 8
        both = np.stack([self.gain, self.bias])  # kind x column, columns as word x lane x byte
        return np.ascontiguousarray(both.reshape(2, -1, lanes, 4).transpose(1, 3, 0, 2)).ravel()


@dataclass(frozen=True)
class ByteSoftmax:
    """Softmax of bytes; what ``softmax.c`` computes.

    Parameters
    ----------
    powers
        uint32 for each byte from -128 on: its power, `POWER` for the largest.
    """

    powers: NDArray[np.uint32]

    @classmethod
    def of(cls, scale: float) -> "ByteSoftmax":
        """For scores in units of ``scale``."""
        powers = np.rint(POWER * np.exp((np.arange(-128, 128) - PEAK) * scale))
        return cls(np.maximum(powers, 1).astype(np.uint32))

    def __call__(self, x: Bytes) -> Bytes:
        """The formula: whole powers and sums, shares rounded to the nearest 1 / PEAK."""
        power = self.powers[x.astype(np.int64) + 128].astype(np.uint64)
        total = power.sum(axis=1, keepdims=True)
        inverse = fp32_special.rcp(total.astype(np.float32).view(np.uint32)).view(np.float32)
        share = (inverse * np.float32(PEAK * 2.0**32)).astype(np.uint64)
        half = total * np.uint64((1 << 32) // (2 * PEAK)) >> np.uint64(32)
        return ((power + half) * share >> np.uint64(32)).astype(np.int8)


def tables(values: Bytes) -> NDArray[np.int32]:
    """What ``lookup.c`` needs for a function of a byte: a table for each byte of a word."""
    bits = values.view(np.uint8).astype(np.uint32)
    return np.concatenate([bits << np.uint32(8 * byte) for byte in range(4)]).view(np.int32)


@dataclass(frozen=True)
class ByteLayer:
    """A quantised encoder layer.

    Parameters
    ----------
    query, value, output, up, down
        Products.
    key
        For the keys transposed: its weight is outputs x inputs, the left operand.
    scores, context
        Scales of the products of two computed operands.
    active
        What GELU makes of each byte, from -128 on.
    x_scale, y_scale
        What a step of the input and of the result is worth.
    """

    sizes: Sizes
    query: ByteProduct
    key: ByteProduct
    value: ByteProduct
    scores: NDArray[np.float32]
    softmax: ByteSoftmax
    context: NDArray[np.float32]
    output: ByteProduct
    norm1: ByteNorm
    up: ByteProduct
    active: Bytes
    down: ByteProduct
    norm2: ByteNorm
    x_scale: float
    y_scale: float

    def __call__(self, x: Bytes) -> dict[str, Bytes]:
        """Every step by name; what heads compute stands side by side."""
        heads = [slice(h, h + self.sizes.head) for h in range(0, self.sizes.width, self.sizes.head)]
        query, value = self.query(x), self.value(x)
        keys = requantise(exact_product(self.key.weight, x.T), self.key.scale)
        scores = [requantise(exact_product(query[:, h], keys[h]), self.scores) for h in heads]
        shares = [self.softmax(s) for s in scores]
        pairs = zip(shares, heads, strict=True)
        parts = [requantise(exact_product(p, value[:, h]), self.context) for p, h in pairs]
        context = np.hstack(parts)
        attention = self.output(context)
        middle = self.norm1(x, attention)
        up = self.up(middle)
        active = self.active[up.astype(np.int64) + 128]
        down = self.down(active)
        return {
            "query": query,
            "key": keys,
            "value": value,
            "scores": np.hstack(scores),
            "shares": np.hstack(shares),
            "context": context,
            "attention": attention,
            "middle": middle,
            "up": up,
            "active": active,
            "down": down,
            "y": self.norm2(middle, down),
        }


def _linear(linear: Linear, x_scale: float, y_scale: float) -> ByteProduct:
    return ByteProduct.of(linear.weight, linear.bias, x_scale, y_scale)


def _transposed(linear: Linear, x_scale: float, y_scale: float) -> ByteProduct:
    """For a transposed result: one scale for all weights, as these are the left operand's."""
    weight_scale = np.abs(linear.weight).max() / PEAK
    weight = np.ascontiguousarray(quantise(linear.weight, weight_scale).T)
    return ByteProduct(weight, np.array([x_scale * weight_scale / y_scale], np.float32), None)


def _norm(norm: Norm, left: float, right: int, y_scale: float) -> ByteNorm:
    unit = left / LEFT  # what a step of the sum is worth
    return ByteNorm(
        left=LEFT,
        right=right,
        epsilon=np.float32(EPSILON / unit**2),
        gain=(norm.gain / y_scale).astype(np.float32),
        bias=(norm.bias / y_scale).astype(np.float32),
    )


def _beside(left: float, needed: float) -> tuple[int, float]:
    """Weight and scale of an operand that is added to one of scale ``left``: a whole ratio."""
    weight = ceil(needed / left * LEFT)
    if not 0 < weight <= MOST_WEIGHTS - LEFT:
        raise ValueError(f"a sum of scales {left:g} and {needed:g} has no whole weights in reach")
    return weight, left * weight / LEFT


def quantised(layer: FloatLayer, seeds: Sequence[int] = CALIBRATION) -> ByteLayer:
    """Quantise a layer; scales come from the inputs of these seeds."""
    scale = scales([layer(layer.tokens(seed)) for seed in seeds])
    attention_weight, attention_scale = _beside(scale["x"], scale["attention"])
    down_weight, down_scale = _beside(scale["middle"], scale["down"])
    softmax = ByteSoftmax.of(scale["scores"])
    score = scale["query"] * scale["key"] / sqrt(layer.sizes.head) / scale["scores"]
    steps = np.arange(-128, 128) * scale["up"]
    return ByteLayer(
        sizes=layer.sizes,
        query=_linear(layer.query, scale["x"], scale["query"]),
        key=_transposed(layer.key, scale["x"], scale["key"]),
        value=_linear(layer.value, scale["x"], scale["value"]),
        scores=np.array([score], np.float32),
        softmax=softmax,
        context=np.array([scale["value"] / PEAK / scale["context"]], np.float32),
        output=_linear(layer.output, scale["context"], attention_scale),
        norm1=_norm(layer.norm1, scale["x"], attention_weight, scale["middle"]),
        up=_linear(layer.up, scale["middle"], scale["up"]),
        active=quantise(gelu(steps), scale["active"]),
        down=_linear(layer.down, scale["active"], down_scale),
        norm2=_norm(layer.norm2, scale["middle"], down_weight, scale["y"]),
        x_scale=scale["x"],
        y_scale=scale["y"],
    )
