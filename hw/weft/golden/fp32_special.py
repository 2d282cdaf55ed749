"""`exp2`, `rcp` and `rsqrt` of the SIMT core, bit by bit as the table unit computes them.

Operands and results are uint32 bits of float32. The error is below one unit in the last place of
the result (the spacing of float32 below the next power of two), and powers of two are exact where
the result is one. Subnormal operands count as zeros of their sign, results below the smallest
normal number are zeros; NaN gives the canonical NaN.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weft.arch import fp32_special as table
from weft.arch.fp32 import BIAS, CANONICAL_NAN, FIELD_MAX, FRACTION_BITS, INFINITY
from weft.arch.fp32_special import Special

Wide = NDArray[np.int64]

_GROW = table.FRACTION_BITS - FRACTION_BITS
"""Bits that the table's fraction has more than a float32."""


def exp2(a: ArrayLike) -> NDArray[np.uint32]:
    """2 to the power of ``a``; from 128 on infinity, below -126 zero."""
    sign, field, fraction, bad = _split(a)
    # Fixed point with a few bits more than the table's fraction, cut off below them.
    left = field - BIAS + _GROW + table.EXP2_GUARD
    mant = fraction | (field > 0).astype(np.int64) << FRACTION_BITS
    fixed = np.where(left < 0, mant >> np.clip(-left, 0, 62), mant << np.clip(left, 0, 12))
    # Round half up, of the negative number where it is one.
    half = 1 << table.EXP2_GUARD - 1
    fixed = np.where(sign == 1, -fixed, fixed) + half >> table.EXP2_GUARD
    mantissa = _evaluate(np.full_like(fixed, Special.EXP2), fixed & (1 << table.FRACTION_BITS) - 1)
    result = _join(np.zeros_like(sign), (fixed >> table.FRACTION_BITS) + BIAS, mantissa)
    large = field >= BIAS + 7
    result = np.where(large, np.where(sign == 1, 0, INFINITY), result)
    return _or_nan(bad, result)


def rcp(a: ArrayLike) -> NDArray[np.uint32]:
    """``1 / a``; infinity of the same sign for zeros."""
    sign, field, fraction, bad = _split(a)
    mantissa = _evaluate(np.full_like(field, Special.RCP), fraction << _GROW)
    result = _join(sign, 2 * BIAS - 1 - field, mantissa)
    return _or_nan(bad, np.where(field == 0, sign << 31 | INFINITY, result))


def rsqrt(a: ArrayLike) -> NDArray[np.uint32]:
    """``1 / sqrt(a)``; infinity of the same sign for zeros, NaN for other negative numbers."""
    sign, field, fraction, bad = _split(a)
    odd = (field - BIAS) & 1
    mantissa = _evaluate(Special.RSQRT + odd, fraction << _GROW)
    result = _join(sign, BIAS - 1 - (field - BIAS - odd >> 1), mantissa)
    result = np.where(field == FIELD_MAX, 0, result)
    result = np.where(field == 0, sign << 31 | INFINITY, result)
    return _or_nan(bad | (sign == 1) & (field > 0), result)


@cache
def _coefficients() -> Wide:
    return np.array(table.coefficients(), np.int64).T


def _evaluate(bank: Wide, fraction: Wide) -> Wide:
    """The parabola: 24 bits, or 2^24."""
    c0, c1, c2 = _coefficients()[:, bank << table.PIECE_BITS | fraction >> table.OFFSET_BITS]
    offset = (fraction & (1 << table.OFFSET_BITS) - 1) - (1 << table.OFFSET_BITS - 1)
    slope = c1 + (c2 * offset >> table.OFFSET_BITS) >> table.DROP_BITS
    return c0 + (slope * offset >> table.OFFSET_BITS - table.DROP_BITS) >> table.DROP_BITS


def _split(a: ArrayLike) -> tuple[Wide, Wide, Wide, NDArray[np.bool_]]:
    """Sign, exponent field, fraction; and where ``a`` is NaN."""
    wide = np.asarray(a, np.uint32).astype(np.int64)
    field, fraction = wide >> FRACTION_BITS & FIELD_MAX, wide & (1 << FRACTION_BITS) - 1
    return wide >> 31, field, fraction, (field == FIELD_MAX) & (fraction != 0)


def _join(sign: Wide, field: Wide, mantissa: Wide) -> Wide:
    """Put a number together; its hidden bit, or a carry beyond it, adds to the field."""
    bits = (field - 1 << FRACTION_BITS) + mantissa
    return sign << 31 | np.where(bits < 1 << FRACTION_BITS, 0, bits)


def _or_nan(bad: NDArray[np.bool_], bits: Wide) -> NDArray[np.uint32]:
    return np.where(bad, CANONICAL_NAN, bits).astype(np.uint32)
