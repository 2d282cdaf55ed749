"""Work and references of kernels on images, height x width x channels."""

import numpy as np
from numpy.random import Generator

from weft_bench.reference import requantise

from .work import Work, reads, rectangle, writes

CHANNELS = 3


def blur(size: int, rng: Generator) -> Work:
    """The 3 x 3 filter 1 2 1 in both directions, rounded half up, edges repeated."""
    x = rng.integers(0, 256, rectangle(size)).astype(np.uint8)
    padded = np.pad(x.astype(np.int32), 1, mode="edge")
    lines = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    total = lines[:, :-2] + 2 * lines[:, 1:-1] + lines[:, 2:]
    return Work((*x.shape, reads(x), writes((total + 8 >> 4).astype(np.uint8))), size)


def max_pool(size: int, rng: Generator) -> Work:
    """The maximum of 2 x 2 windows; items are the pixels that are read."""
    height, width = rectangle(size)
    x = rng.integers(-128, 128, (height, width, CHANNELS)).astype(np.int8)
    padded = np.pad(x, ((0, height % 2), (0, width % 2), (0, 0)), constant_values=-128)
    fours = padded.reshape((height + 1) // 2, 2, (width + 1) // 2, 2, CHANNELS)
    return Work((*x.shape, reads(x), writes(fours.max(axis=(1, 3)))), size * CHANNELS)


def depthwise(size: int, rng: Generator) -> Work:
    """A 3 x 3 filter for each channel, then requantisation `f32_rne`."""
    height, width = rectangle(-(-size // CHANNELS))
    x = rng.integers(-128, 128, (height, width, CHANNELS)).astype(np.int8)
    weights = rng.integers(-127, 128, (3, 3, CHANNELS)).astype(np.int8)
    bias = rng.integers(-20_000, 20_000, CHANNELS).astype(np.int32)
    # From scales that saturate to one that makes halves, where the rounding is seen.
    scale = np.array([0.004, 0.03125, 3.0], np.float32)
    zero_x, zero_y, low, high = 7, -5, -120, 127
    padded = np.pad(x.astype(np.int32) - zero_x, ((1, 1), (1, 1), (0, 0)))
    total = np.zeros(x.shape, np.int32) + bias
    for dy in range(3):
        for dx in range(3):
            total += padded[dy : dy + height, dx : dx + width] * weights[dy, dx].astype(np.int32)
    y = requantise(total, scale, zero_point=zero_y, qmin=low, qmax=high)
    shape = np.array([*x.shape, zero_x, zero_y, low, high], np.int32)
    inputs = map(reads, (shape, x, weights, bias, scale))
    return Work((*inputs, writes(y)), x.size)
