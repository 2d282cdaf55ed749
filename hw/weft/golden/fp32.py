"""FP32 of the SIMT core, bit by bit: RISC-V Zfinx in integers, without the host's floating point.

Operands and results are arrays of uint32 (the bits of a float32, or an integer); they broadcast.
A host's own float32 would do, until a library that was compiled for speed flushes subnormals in
the whole process; tests compare the two. `exp2`, `rcp` and `rsqrt` are in `fp32_special`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weft.arch.fp32 import (
    BIAS,
    CANONICAL_NAN,
    FIELD_MAX,
    FRACTION_BITS,
    INFINITY,
    MAX_FINITE,
    SIGNIFICANT_BITS,
    Rounding,
)

from .requantise import bit_length

Bits = NDArray[np.uint32]
Wide = NDArray[np.int64]

SIGN = 0x8000_0000
"""The sign bit."""

INT_MAX, UINT_MAX = 0x7FFF_FFFF, 0xFFFF_FFFF
"""What conversions of NaN to a signed and to an unsigned integer return."""

_LEAST_EXPONENT = 1 - BIAS - FRACTION_BITS
"""A subnormal is its fraction times 2^_LEAST_EXPONENT."""

_GUARD = 27
"""Bits kept below the larger summand: what falls out below them is only asked whether it is 0."""

_QUOTIENT_BITS = SIGNIFICANT_BITS + 3
"""Bits by which a normalised dividend is shifted to the left."""


def add(a: ArrayLike, b: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """``a + b``; an exact zero of operands with different signs is -0 with RDN, else +0."""
    a, b = _operands(a, b)
    swap = (a & ~np.uint32(SIGN)) < (b & ~np.uint32(SIGN))
    sign, mant, exp = _unpack(np.where(swap, b, a))
    sign_small, small, exp_small = _unpack(np.where(swap, a, b))
    away = np.minimum(exp - exp_small, 2 * _GUARD)
    small = small << _GUARD
    rest = small & (np.int64(1) << away) - 1
    small = small >> away | (rest != 0)
    total = (mant << _GUARD) + np.where(sign == sign_small, small, -small)
    zero_sign = np.where(sign == sign_small, sign, int(rm == Rounding.RDN))
    result = _pack(np.where(total == 0, zero_sign, sign), total, exp - _GUARD, rm)
    result = np.where(_is_inf(a), a, np.where(_is_inf(b), b, result))
    bad = _is_nan(a) | _is_nan(b) | (_is_inf(a) & _is_inf(b) & (a != b))
    return _or_nan(bad, result)


def sub(a: ArrayLike, b: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """``a - b``."""
    a, b = _operands(a, b)
    return add(a, b ^ np.uint32(SIGN), rm)


def mul(a: ArrayLike, b: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """``a * b``."""
    a, b = _operands(a, b)
    (sign_a, mant_a, exp_a), (sign_b, mant_b, exp_b) = _unpack(a), _unpack(b)
    sign = sign_a ^ sign_b
    result = _pack(sign, mant_a * mant_b, exp_a + exp_b, rm)
    result = np.where(_is_inf(a) | _is_inf(b), _signed(sign, INFINITY), result)
    bad = (_is_inf(a) & _is_zero(b)) | (_is_zero(a) & _is_inf(b))
    return _or_nan(_is_nan(a) | _is_nan(b) | bad, result)


def div(a: ArrayLike, b: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """``a / b``, correctly rounded."""
    a, b = _operands(a, b)
    (sign_a, mant_a, exp_a), (sign_b, mant_b, exp_b) = map(_normalise, (_unpack(a), _unpack(b)))
    sign = sign_a ^ sign_b
    dividend, divisor = mant_a << _QUOTIENT_BITS, np.maximum(mant_b, 1)
    quotient = dividend // divisor
    quotient = quotient << 1 | (quotient * divisor != dividend)
    result = _pack(sign, quotient, exp_a - exp_b - _QUOTIENT_BITS - 1, rm)
    result = np.where(_is_inf(a) | _is_zero(b), _signed(sign, INFINITY), result)
    result = np.where(_is_zero(a) | _is_inf(b), _signed(sign, 0), result)
    bad = (_is_inf(a) & _is_inf(b)) | (_is_zero(a) & _is_zero(b))
    return _or_nan(_is_nan(a) | _is_nan(b) | bad, result)


def sqrt(a: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """Square root, correctly rounded; of -0 it is -0, of other negative numbers NaN."""
    (a,) = _operands(a)
    sign, mant, exp = _normalise(_unpack(a))
    odd = exp & 1
    square = mant << odd + SIGNIFICANT_BITS + 2
    root = np.floor(np.sqrt(square.astype(np.float64))).astype(np.int64)
    root -= root * root > square
    root += (root + 1) * (root + 1) <= square
    mant = root << 1 | (root * root != square)
    result = _pack(sign, mant, (exp - odd - SIGNIFICANT_BITS - 2) // 2 - 1, rm)
    result = np.where(_is_zero(a) | (a == INFINITY), a, result)
    return _or_nan(_is_nan(a) | (a >= SIGN) & ~_is_zero(a), result)


def min_(a: ArrayLike, b: ArrayLike) -> Bits:
    """The smaller operand; -0 is smaller than +0; of a number and a NaN the number."""
    a, b = _operands(a, b)
    return _choose(a, b, _order(a) < _order(b))


def max_(a: ArrayLike, b: ArrayLike) -> Bits:
    """The larger operand; zeros and NaN as in `min_`."""
    a, b = _operands(a, b)
    return _choose(a, b, _order(a) > _order(b))


def eq(a: ArrayLike, b: ArrayLike) -> Bits:
    """1 where ``a == b``, else 0; NaN equals nothing."""
    a, b = _operands(a, b)
    same = (a == b) | (_is_zero(a) & _is_zero(b))
    return (same & ~_is_nan(a) & ~_is_nan(b)).astype(np.uint32)


def lt(a: ArrayLike, b: ArrayLike) -> Bits:
    """1 where ``a < b``, else 0."""
    a, b = _operands(a, b)
    less = (_order(a) < _order(b)) & ~(_is_zero(a) & _is_zero(b))
    return (less & ~_is_nan(a) & ~_is_nan(b)).astype(np.uint32)


def le(a: ArrayLike, b: ArrayLike) -> Bits:
    """1 where ``a <= b``, else 0."""
    return lt(a, b) | eq(a, b)


def sgnj(a: ArrayLike, b: ArrayLike) -> Bits:
    """``a`` with the sign of ``b``; NaN as any other bits."""
    a, b = _operands(a, b)
    return a & np.uint32(INT_MAX) | b & np.uint32(SIGN)


def sgnjn(a: ArrayLike, b: ArrayLike) -> Bits:
    """``a`` with the opposite of the sign of ``b``."""
    return sgnj(a, ~_operands(b)[0])


def sgnjx(a: ArrayLike, b: ArrayLike) -> Bits:
    """``a`` with its sign flipped where ``b`` is negative."""
    a, b = _operands(a, b)
    return a ^ b & np.uint32(SIGN)


def classify(a: ArrayLike) -> Bits:
    """One bit of ten, from bit 0: -inf, negative normal, negative subnormal, -0, +0, positive
    subnormal, positive normal, +inf, signaling NaN, quiet NaN.
    """
    (a,) = _operands(a)
    magnitude = a & np.uint32(INT_MAX)
    tests = [magnitude == 0, magnitude < 1 << FRACTION_BITS, magnitude < INFINITY]
    kind = np.select(tests, [3, 2, 1], 0)
    number = np.where(a >= SIGN, kind, 7 - kind)
    quiet = (a >> np.uint32(FRACTION_BITS - 1)) & 1
    return (1 << np.where(_is_nan(a), 8 + quiet, number)).astype(np.uint32)


def cvt_w_s(a: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """To int32; values outside saturate, NaN gives the largest."""
    return _to_integer(a, rm, -(1 << 31), INT_MAX)


def cvt_wu_s(a: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """To uint32; values outside saturate (negative ones to 0), NaN gives the largest."""
    return _to_integer(a, rm, 0, UINT_MAX)


def cvt_s_w(a: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """From int32."""
    value = _operands(a)[0].view(np.int32).astype(np.int64)
    return _pack((value < 0).astype(np.int64), np.abs(value), np.zeros_like(value), rm)


def cvt_s_wu(a: ArrayLike, rm: int = Rounding.RNE) -> Bits:
    """From uint32."""
    value = _operands(a)[0].astype(np.int64)
    return _pack(np.zeros_like(value), value, np.zeros_like(value), rm)


# --- parts --------------------------------------------------------------------------------------


def _operands(*values: ArrayLike) -> list[Bits]:
    return [np.array(v) for v in np.broadcast_arrays(*(np.asarray(v, np.uint32) for v in values))]


def _unpack(a: Bits) -> tuple[Wide, Wide, Wide]:
    """Sign, significand and exponent of ``(-1)^sign * significand * 2^exponent``."""
    wide = a.astype(np.int64)
    field = wide >> FRACTION_BITS & FIELD_MAX
    mant = wide & (1 << FRACTION_BITS) - 1 | (field > 0).astype(np.int64) << FRACTION_BITS
    return wide >> 31, mant, np.maximum(field, 1) - 1 + _LEAST_EXPONENT


def _normalise(unpacked: tuple[Wide, Wide, Wide]) -> tuple[Wide, Wide, Wide]:
    """The same number with all `SIGNIFICANT_BITS` of the significand in use."""
    sign, mant, exp = unpacked
    zeros = SIGNIFICANT_BITS - bit_length(mant)
    return sign, mant << zeros, exp - zeros


def _pack(sign: Wide, mant: Wide, exp: Wide, rm: int) -> Bits:
    """Round ``(-1)^sign * mant * 2^exp`` to a float32.

    ``mant`` is below 2^53; where it has more than 25 bits, its lowest may be the OR of what was
    cut off below.
    """
    drop = np.maximum(bit_length(mant) - SIGNIFICANT_BITS, _LEAST_EXPONENT - exp)
    rounded = _shift(mant << np.maximum(-drop, 0), np.maximum(drop, 0), sign, rm)
    # A normal significand brings the hidden bit, which adds one to the field below; so does a
    # carry out of the rounding.
    bits = (exp + drop - _LEAST_EXPONENT << FRACTION_BITS) + rounded
    truncates = rm == Rounding.RTZ, rm == Rounding.RUP, rm == Rounding.RDN
    largest = np.where(truncates[0] | np.where(sign == 1, *truncates[1:]), MAX_FINITE, INFINITY)
    bits = np.where(bits >= INFINITY, largest, bits)
    return _signed(sign, np.where(mant == 0, 0, bits))


def _shift(mant: Wide, drop: Wide, sign: Wide, rm: int) -> Wide:
    """Magnitude ``mant / 2^drop`` rounded to a whole number; the mode knows the sign."""
    drop = np.minimum(drop, 62)
    quotient = mant >> drop
    rest = mant - (quotient << drop)
    half = (np.int64(1) << drop) >> 1
    exact, tie = rest == 0, (rest == half) & (drop > 0)
    above = rest >= half
    ups = {
        Rounding.RNE: above & ~(tie & (quotient & 1 == 0)),
        Rounding.RTZ: np.False_,
        Rounding.RDN: sign == 1,
        Rounding.RUP: sign == 0,
        Rounding.RMM: above,
    }
    return quotient + (ups[Rounding(rm)] & ~exact)


def _to_integer(a: ArrayLike, rm: int, low: int, high: int) -> Bits:
    (a,) = _operands(a)
    sign, mant, exp = _unpack(a)
    # Beyond 2^(24 + 16) everything saturates.
    magnitude = _shift(mant << np.clip(exp, 0, 16), np.maximum(-exp, 0), sign, rm)
    value = np.clip(np.where(sign == 1, -magnitude, magnitude), low, high)
    return np.where(_is_nan(a), high, value).astype(np.uint32)


def _is_nan(a: Bits) -> NDArray[np.bool_]:
    return (a & np.uint32(INT_MAX)) > INFINITY


def _is_inf(a: Bits) -> NDArray[np.bool_]:
    return (a & np.uint32(INT_MAX)) == INFINITY


def _is_zero(a: Bits) -> NDArray[np.bool_]:
    return (a & np.uint32(INT_MAX)) == 0


def _order(a: Bits) -> Wide:
    """Integers in the order of the numbers, -0 before +0."""
    wide = a.astype(np.int64)
    return np.where(a >= SIGN, SIGN - 1 - wide, wide)


def _choose(a: Bits, b: Bits, first: NDArray[np.bool_]) -> Bits:
    chosen = np.where(_is_nan(b) | first & ~_is_nan(a), a, b)
    return _or_nan(_is_nan(a) & _is_nan(b), chosen)


def _signed(sign: Wide, magnitude: Wide | int) -> Bits:
    return (sign << 31 | magnitude).astype(np.uint32)


def _or_nan(bad: NDArray[np.bool_], bits: Bits) -> Bits:
    return np.where(bad, np.uint32(CANONICAL_NAN), bits)
