"""Requantisation `f32_rne`, exact: in integers as the hardware does it, and in float32.

Both forms are the same function; the golden chip uses the integer one, tests compare the two.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIGNIFICANT_BITS = 24
"""Significant bits of a float32."""

_SCALE_BIAS = 127 + SIGNIFICANT_BITS - 1
"""A normal float32 with exponent field e and 24-bit mantissa m is m * 2^(e - _SCALE_BIAS)."""

_BEYOND = 1 << 30
"""A magnitude beyond every clamp; larger ones are cut to it before they become integers."""


def requantise(
    acc: ArrayLike, scale: ArrayLike, zero_point: int, qmin: int, qmax: int
) -> NDArray[np.int64]:
    """Requantise accumulators in integers: numerics `f32_rne`.

    ``min(max(r + zero_point, qmin), qmax)`` with ``r = rint_half_even(fl32(fl32(acc) * scale))``,
    computed as three roundings of integers, half to even.

    Parameters
    ----------
    acc
        int32 accumulators, any shape.
    scale
        float32, positive and normal; broadcast against ``acc`` (one a column, or a scalar). The
        result for any other scale is unspecified.
    zero_point, qmin, qmax
        Integers of at most 16 bits.

    Returns
    -------
    array
        int64 of the broadcast shape, before reduction modulo 256.
    """
    wide = np.asarray(acc).astype(np.int64)
    bits = np.asarray(scale, dtype=np.float32).view(np.uint32).astype(np.int64)
    mantissa = bits & (1 << SIGNIFICANT_BITS - 1) - 1 | 1 << SIGNIFICANT_BITS - 1
    right = _SCALE_BIAS - (bits >> SIGNIFICANT_BITS - 1 & 0xFF)

    # 1: fl32(acc). 2: fl32 of the product. A rounding may carry into bit 24: the product then has
    # 49 bits at most, and the value stays exact.
    magnitude, drop1 = _significant(np.abs(wide))
    product, drop2 = _significant(magnitude * mantissa)

    # 3: rint. A product is 0 or has 24 significant bits: where the shift would be to the left, it
    # is beyond every 16-bit clamp already.
    shift = right - drop1 - drop2
    rounded = round_shift(product, np.maximum(shift, 0))
    signed = np.where(wide < 0, -rounded, rounded)
    return np.minimum(np.maximum(signed + zero_point, qmin), qmax)


def requantise_float(
    acc: ArrayLike, scale: ArrayLike, zero_point: int, qmin: int, qmax: int
) -> NDArray[np.int64]:
    """The same as `requantise`, by the float32 formula; parameters and result as there."""
    single = np.asarray(acc).astype(np.int32).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.rint(single * np.asarray(scale, dtype=np.float32))
    whole = np.clip(rounded, -_BEYOND, _BEYOND).astype(np.int64)
    return np.minimum(np.maximum(whole + zero_point, qmin), qmax)


def round_shift(value: NDArray[np.int64], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """``value / 2^shift`` rounded to a whole number, half to even; both non-negative."""
    shift = np.minimum(shift, 62)  # the operands have less than 60 bits: the rest is 0 as well
    quotient = value >> shift
    rest = value - (quotient << shift)
    half = np.int64(1) << np.maximum(shift - 1, 0)
    up = (rest > half) | ((rest == half) & (quotient & 1 == 1))
    return quotient + (up & (shift > 0))


def bit_length(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bits of each value, 0 for 0; values below 2^53."""
    return np.frexp(value.astype(np.float64))[1].astype(np.int64)


def _significant(value: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Round to `SIGNIFICANT_BITS` significant bits: (what is left, number of bits dropped)."""
    drop = np.maximum(bit_length(value) - SIGNIFICANT_BITS, 0)
    return round_shift(value, drop), drop
