"""Work and references of kernels whose threads add up, compare or count together."""

import numpy as np
from numpy.random import Generator

from .work import Work, reads, rectangle, writes


def reduction(size: int, rng: Generator) -> Work:
    """The sum of int32, modulo 2^32."""
    x = _words(size, rng)
    return Work((size, reads(x), writes(np.sum(x, dtype=np.int32, keepdims=True))), size)


def prefix_sum(size: int, rng: Generator) -> Work:
    """All sums of int32 from the first element on, modulo 2^32."""
    x = _words(size, rng)
    return Work((size, reads(x), writes(np.cumsum(x, dtype=np.int32))), size)


def _words(size: int, rng: Generator) -> np.ndarray:
    return rng.integers(-(1 << 31), 1 << 31, size, np.int64).astype(np.int32)


def histogram(size: int, rng: Generator) -> Work:
    """How often each byte occurs; small ones occur often, so that threads meet at them."""
    x = np.minimum(rng.geometric(0.05, size), 255).astype(np.uint8)
    counts = np.bincount(x, minlength=256).astype(np.int32)
    return Work((size, reads(x), writes(counts)), size)


DOT_ULPS = 4
"""Of the sum of the magnitudes of the products. If all roundings on the longest way went the same
direction it would be half an ulp for each (Higham, Accuracy and Stability of Numerical Algorithms,
section 3.1), thousands on one thread; those of random data cancel."""

SOFTMAX_ULPS = 32
"""Three roundings of the exponent (x - max) log2 e make at most 2.2 |x - max| ulp of the result;
|x - max| is below 12 here. Power, reciprocal, sum and product make up to 5 more."""

LAYER_NORM_ULPS = 4


def dot_product(size: int, rng: Generator) -> Work:
    """The sum of products, in float64; the order of the kernel's sum depends on the core."""
    x, y = rng.standard_normal((2, size)).astype(np.float32)
    products = x.astype(np.float64) * y
    wanted = writes(
        products.sum(keepdims=True), np.float32, ulps=DOT_ULPS, scale=np.abs(products).sum()
    )
    return Work((size, reads(x), reads(y), wanted), size)


def softmax(size: int, rng: Generator) -> Work:
    """Softmax of the rows of a matrix, in float64."""
    rows, columns = rectangle(size)
    x = (2 * rng.standard_normal((rows, columns))).astype(np.float32)
    power = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    wanted = power / power.sum(axis=1, keepdims=True)
    return Work((rows, columns, reads(x), writes(wanted, np.float32, ulps=SOFTMAX_ULPS)), size)


def layer_norm(size: int, rng: Generator) -> Work:
    """Layer normalisation of the rows of a matrix, in float64.

    Errors are relative to the larger of a term's magnitude before the bias is added, the bias, and
    the gain: a mean that is off by a rounding shifts all elements.
    """
    rows, columns = rectangle(size)
    x = (3 + 2 * rng.standard_normal((rows, columns))).astype(np.float32)
    gain, bias = rng.standard_normal((2, columns)).astype(np.float32)
    epsilon = np.float32(1e-5)
    wide = x.astype(np.float64)
    centred = wide - wide.mean(axis=1, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + float(epsilon))
    scale = np.abs(gain) * np.maximum(np.abs(normal), np.abs(wide).max()) + np.abs(bias)
    wanted = writes(normal * gain + bias, np.float32, ulps=LAYER_NORM_ULPS, scale=scale)
    return Work((rows, columns, epsilon, reads(x), reads(gain), reads(bias), wanted), size)
