"""From arrays on the host to the bytes that the weight SRAM takes."""

from collections.abc import Callable

import numpy as np

from weft.arch.layouts import pack_b, pack_conv
from weft.config import Config

Packing = Callable[[Config, np.ndarray], np.ndarray]
"""Packs an int8 array for a chip."""


def pack_matrix(config: Config, b: np.ndarray) -> np.ndarray:
    """Pack a matrix, or the weights of a 1 x 1 convolution."""
    return pack_b(config, b.reshape(-1, b.shape[-1]), np.zeros)


def pack_slices(slices: int, config: Config, weight: np.ndarray) -> np.ndarray:
    """Pack convolution weights whose K consists of this many slices."""
    return pack_conv(config, weight.reshape(slices, -1, weight.shape[-1]), np.zeros)
