"""How operands lie in memory and SRAM: the packing of B, parameter blocks, act addresses.

Functions that take arrays accept any numpy array and use only its methods, so that this package
needs nothing but the standard library.
"""

from dataclasses import dataclass
from typing import Any

from weft.config import Config

PARAM_BYTES = 8
"""Bytes of one column's parameters: int32 bias, then float32 scale, little-endian."""

DRAM_ALIGN = 256
"""Alignment of every buffer that the driver allocates, programs too, in bytes: a burst of the
fetcher is four commands at most and aligned to its size."""


def ceil_div(a: int, b: int) -> int:
    """Ceiling of a / b for b > 0."""
    return -(-a // b)


def word_group(config: Config) -> int:
    """Columns of a requantiser row that one act write takes as int32."""
    return min(config.drain_units, config.act_row_bytes // 4)


def word_writes(config: Config) -> int:
    """Act writes that the columns of one requantiser row take as int32."""
    return ceil_div(config.drain_units, word_group(config))


def act_writes(config: Config, columns: int, int32: bool) -> int:
    """Act writes of DRAIN for the first ``columns`` columns of an accumulator row."""
    units = config.drain_units
    if not int32:
        return ceil_div(columns, units)
    whole, rest = divmod(columns, units)
    return whole * word_writes(config) + ceil_div(rest, word_group(config))


def packed_b_bytes(config: Config, k: int, n: int) -> int:
    """Bytes of a packed B of k x n: K rows of C bytes for each block of columns."""
    return k * ceil_div(n, config.cols) * config.cols


def pack_b(config: Config, b: Any, zeros: Any) -> Any:
    """Pack B (K x N, one byte an element) in the order in which the weight SRAM holds tiles.

    Blocks of C columns one after the other, each K rows of C bytes; N is padded with zeros. In the
    SRAM every block starts with a new tile of R rows. What lies behind K in its last tile does not
    matter, for MATMUL's ``k_tail`` makes the activations there zero.

    Parameters
    ----------
    b
        K x N numpy array of int8.
    zeros
        ``numpy.zeros``; passed in because this package does not import numpy.

    Returns
    -------
    array
        Flat, `packed_b_bytes` long, of b's dtype.
    """
    k, n = b.shape
    blocks = ceil_div(n, config.cols)
    padded = zeros((k, blocks * config.cols), dtype=b.dtype)
    padded[:, :n] = b
    return padded.reshape(k, blocks, config.cols).transpose(1, 0, 2).reshape(-1)


def pack_conv(config: Config, slices: Any, zeros: Any) -> Any:
    """Pack convolution weights: like `pack_b`, but each slice along K fills whole tiles.

    Parameters
    ----------
    slices
        Slices x bytes of a slice x N, one byte an element. A slice is what the input holds
        contiguously: one kernel row (kw x cin), or with horizontal dilation one tap (cin).
    zeros
        ``numpy.zeros``.

    Returns
    -------
    array
        Flat, of the weights' dtype.
    """
    count, size, n = slices.shape
    padded = zeros((count, ceil_div(size, config.rows) * config.rows, n), dtype=slices.dtype)
    padded[:, :size] = slices
    return pack_b(config, padded.reshape(-1, n), zeros)


@dataclass(frozen=True)
class ActAddress:
    """An act byte address, split: which region, and the byte in it."""

    region: int
    offset: int


def split_act(config: Config, address: int) -> ActAddress:
    """Split an act address; the region may be one that does not exist."""
    return ActAddress(address // config.act_region_span, address % config.act_region_span)


def act_inside(config: Config, address: int, size: int) -> bool:
    """Whether bytes ``address .. address + size - 1`` lie in one existing region."""
    at = split_act(config, address)
    return at.region < config.act_regions and at.offset + size <= config.act_region_bytes
