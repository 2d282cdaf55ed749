"""Rows of bytes at strided addresses: generating, folding, gathering and scattering them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.config import SRAM_ADDRESS_BITS

Addresses = NDArray[np.int64]
Array = NDArray[Any]

_LOOP_LENGTH = 48
"""Rows at least this long are copied one by one: cheaper than an index for each element."""


def addresses(
    base: int, dims: Sequence[tuple[int, int]], bits: int = SRAM_ADDRESS_BITS
) -> Addresses:
    """Addresses of an N-dimensional generator.

    Parameters
    ----------
    base
        The first address.
    dims
        (count, stride) for each dimension, outermost first.
    bits
        Addresses wrap modulo 2^bits.

    Returns
    -------
    array
        One axis for each dimension.
    """
    total = np.int64(base)
    for axis, (count, stride) in enumerate(dims):
        shape = [1] * len(dims)
        shape[axis] = count
        total = total + (np.arange(count, dtype=np.int64) * stride).reshape(shape)
    return np.asarray(total) & (1 << bits) - 1


def fold(starts: Addresses, length: int) -> tuple[Addresses, int]:
    """The same elements in fewer, longer rows: axes whose rows touch are joined from the last on.

    Returns
    -------
    starts, length
        Flat starts of rows of the new length.
    """
    while starts.ndim:
        head = starts[..., 0]
        steps = np.arange(starts.shape[-1], dtype=np.int64) * length
        if not np.array_equal(starts, head[..., None] + steps):
            break
        starts, length = head, length * len(steps)
    return starts.reshape(-1), length


def windows(flat: Array, length: int) -> Array:
    """A read-only view of every run of ``length`` elements of a flat array."""
    step = flat.strides[0]
    count = len(flat) - length + 1
    return np.lib.stride_tricks.as_strided(flat, (count, length), (step, step), writeable=False)


def gather(flat: Array, starts: Addresses, length: int) -> Array:
    """Rows of ``length`` elements of ``flat``: shape ``starts.shape + (length,)``, a copy.

    The rows must lie inside ``flat``.
    """
    return windows(flat, length)[starts]


def scatter(flat: Array, starts: Addresses, rows: Array) -> None:
    """Write row i to ``flat[starts[i]:]``; where rows overlap, the last one stays.

    The rows must lie inside ``flat``; ``starts`` has one dimension, ``rows`` two.
    """
    length = rows.shape[1]
    if length >= _LOOP_LENGTH:
        for start, row in zip(starts.tolist(), rows, strict=True):
            flat[start : start + length] = row
    else:
        flat[starts[:, None] + np.arange(length)] = rows


def scatter_value(flat: Array, starts: Addresses, length: int, value: int) -> None:
    """Write one value to every element of rows of ``flat``; they must lie inside."""
    if length >= _LOOP_LENGTH:
        for start in starts.tolist():
            flat[start : start + length] = value
    else:
        flat[starts[:, None] + np.arange(length)] = value
