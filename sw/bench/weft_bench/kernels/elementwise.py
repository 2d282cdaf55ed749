"""Work and references of kernels whose threads do not meet: one element after the other."""

import numpy as np
from numpy.random import Generator

from .work import Work, reads, rectangle, writes


def saxpy(size: int, rng: Generator) -> Work:
    """``a x + y`` in float32, a rounding after each operation."""
    x, y = rng.standard_normal((2, size)).astype(np.float32)
    a = np.float32(1.7)
    return Work((size, a, reads(x), writes(a * x + y, before=y)), size)


def vector_add(size: int, rng: Generator) -> Work:
    """``x + y`` in float32."""
    x, y = rng.standard_normal((2, size)).astype(np.float32)
    return Work((size, reads(x), reads(y), writes(x + y)), size)


GELU_ULPS = 6
"""The logistic function s(v) turns a relative error of v into one of at most 0.23 (the largest
v s'(v)): six roundings of v are below 2 ulp; power, reciprocal and product make up to 3 more."""


def gelu(size: int, rng: Generator) -> Work:
    """GELU with tanh, in float64.

    The kernel's error grows with the exponent that it takes a power of, so that it is measured
    against the operand, which the result is at most as large as.
    """
    x = (4 * rng.standard_normal(size)).astype(np.float32)
    wide = x.astype(np.float64)
    tanh = np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3))
    wanted = writes(wide / 2 * (1 + tanh), np.float32, ulps=GELU_ULPS, scale=x)
    return Work((size, reads(x), wanted), size)


def collatz(size: int, rng: Generator) -> Work:
    """Lengths of the Collatz sequences of 1 to ``size``."""
    value = np.arange(1, size + 1, dtype=np.int64)
    lengths = np.zeros(size, np.int32)
    while (going := value != 1).any():
        lengths += going
        value = np.where(going, np.where(value % 2, 3 * value + 1, value // 2), 1)
    return Work((size, writes(lengths)), size)


MANDELBROT_LIMIT = 40
INSIDE_LIMIT = 100


def mandelbrot(size: int, rng: Generator) -> Work:
    """Steps to leave the circle, in float32; the whole set is in the picture."""
    height, width = rectangle(size)
    left, top, pitch = np.float32(-2.2), np.float32(-1.3), np.float32(3 / width)
    row, column = np.indices((height, width)).astype(np.float32)
    return _mandelbrot(left, top, pitch, left + column * pitch, top + row * pitch, MANDELBROT_LIMIT)


def mandelbrot_inside(size: int, rng: Generator) -> Work:
    """The same where no pixel ever leaves: every thread takes all steps."""
    zero = np.float32(0)
    inside = np.zeros(rectangle(size), np.float32)
    return _mandelbrot(zero, zero, zero, inside, inside, INSIDE_LIMIT)


def _mandelbrot(
    left: np.float32, top: np.float32, pitch: np.float32, cx: np.ndarray, cy: np.ndarray, limit: int
) -> Work:
    x, y = np.zeros((2, *cx.shape), np.float32)
    steps = np.zeros(cx.shape, np.int32)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(limit):
            inside = x * x + y * y <= 4
            steps += inside
            x, y = (
                np.where(inside, x * x - y * y + cx, x),
                np.where(inside, (x + x) * y + cy, y),
            )
    arguments = (*cx.shape, left, top, pitch, limit, writes(steps))
    return Work(arguments, steps.size)
