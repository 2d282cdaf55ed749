"""The encoder layer in floating point: seeded weights, and what each step gives.

A layer as in BERT, normalised behind each sum:

    x1 = LN(x + attention(x)),   y = LN(x1 + W2 GELU(W1 x1))
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from .sizes import Sizes

Floats = NDArray[np.floating]

EPSILON = 1e-5
"""Added to a variance by layer norm."""


@dataclass(frozen=True)
class Linear:
    """x w + b; ``weight`` is inputs x outputs."""

    weight: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        """The rows of x, mapped."""
        return x @ self.weight + self.bias


@dataclass(frozen=True)
class Norm:
    """Layer norm of rows: mean 0 and variance 1, then gain and bias for each column."""

    gain: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        """The rows of x, normalised."""
        centred = x - x.mean(axis=1, keepdims=True)
        variance = np.square(centred).mean(axis=1, keepdims=True)
        return centred / np.sqrt(variance + EPSILON) * self.gain + self.bias


def gelu(x: Floats) -> Floats:
    """GELU in the form with tanh, of BERT and GPT-2."""
    return x / 2 * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def softmax(x: Floats) -> Floats:
    """Of each row."""
    power = np.exp(x - x.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class FloatLayer:
    """Weights of an encoder layer, and what it computes.

    A bias of the keys would change all scores of a row alike, which softmax does not see: there is
    none.
    """

    sizes: Sizes
    query: Linear
    key: Linear
    value: Linear
    output: Linear
    norm1: Norm
    up: Linear
    down: Linear
    norm2: Norm

    @classmethod
    def seeded(cls, sizes: Sizes, seed: int = 1) -> "FloatLayer":
        """Random weights; queries are large enough for attention to prefer some tokens."""
        rng = np.random.default_rng([20, seed])
        d, f = sizes.width, sizes.hidden

        def linear(inputs: int, outputs: int, gain: float = 1, bias: float = 0.1) -> Linear:
            weight = rng.normal(0, gain / sqrt(inputs), (inputs, outputs))
            return Linear(weight, rng.normal(0, bias, outputs))

        def norm() -> Norm:
            return Norm(rng.uniform(0.7, 1.3, d), rng.normal(0, 0.1, d))

        return cls(
            sizes=sizes,
            query=linear(d, d, gain=2),
            key=linear(d, d, bias=0),
            value=linear(d, d),
            output=linear(d, d),
            norm1=norm(),
            up=linear(d, f),
            down=linear(f, d),
            norm2=norm(),
        )

    def tokens(self, seed: int) -> Floats:
        """Random inputs, as a layer norm leaves them: mean 0, variance 1."""
        x = np.random.default_rng([21, seed]).normal(size=(self.sizes.tokens, self.sizes.width))
        return Norm(np.ones(self.sizes.width), np.zeros(self.sizes.width))(x)

    def __call__(self, x: Floats) -> dict[str, Floats]:
        """Every step by name; what heads compute stands side by side."""
        heads = [slice(h, h + self.sizes.head) for h in range(0, self.sizes.width, self.sizes.head)]
        query, key, value = self.query(x), self.key(x), self.value(x)
        scores = [query[:, h] @ key[:, h].T / sqrt(self.sizes.head) for h in heads]
        shares = [softmax(s) for s in scores]
        context = np.hstack([p @ value[:, h] for p, h in zip(shares, heads, strict=True)])
        attention = self.output(context)
        middle = self.norm1(x + attention)
        up = self.up(middle)
        active = gelu(up)
        down = self.down(active)
        return {
            "x": x,
            "query": query,
            "key": key,
            "value": value,
            "scores": np.hstack(scores),
            "shares": np.hstack(shares),
            "context": context,
            "attention": attention,
            "middle": middle,
            "up": up,
            "active": active,
            "down": down,
            "y": self.norm2(middle + down),
        }
