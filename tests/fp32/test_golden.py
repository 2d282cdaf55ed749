"""The integer golden FP32 against the host's float32, and against exact fractions.

``WEFT_LONG=1`` runs the full counts; ``BENCH_SEED`` replaces the seed.
"""

from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from weft.arch.fp32 import CANONICAL_NAN, Rounding
from weft.golden import fp32

from .operands import LONG, SEED, corners, integer_corners, pairs, random_bits, random_pairs

COUNT = 10_000_000 if LONG else 200_000
CHUNK = 500_000


def to_float(bits):
    return bits.view(np.float32)


def to_bits(values):
    """Bits of float32 values, every NaN the canonical one."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    return np.where(np.isnan(values), np.uint32(CANONICAL_NAN), bits)


def assert_same(got, expected, *operands):
    bad = np.flatnonzero(got != expected)
    if len(bad):
        i = bad[0]
        words = ", ".join(f"{x[i]:#010x}" for x in operands)
        raise AssertionError(
            f"{len(bad)} of {len(got)} differ, seed {SEED}; ({words}): {got[i]:#010x}, "
            f"expected {expected[i]:#010x}"
        )


def operand_pairs():
    """Corner pairs, then random pairs in chunks."""
    yield pairs(corners())
    rng = np.random.default_rng(SEED)
    for start in range(0, COUNT, CHUNK):
        yield random_pairs(rng, min(CHUNK, COUNT - start))


def operands():
    """Corners, then random words in chunks."""
    yield corners()
    rng = np.random.default_rng(SEED)
    for start in range(0, COUNT, CHUNK):
        yield random_bits(rng, min(CHUNK, COUNT - start))


ARITHMETIC = {
    "add": (fp32.add, np.add),
    "sub": (fp32.sub, np.subtract),
    "mul": (fp32.mul, np.multiply),
    "div": (fp32.div, np.divide),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_equals_float32(name):
    golden, reference = ARITHMETIC[name]
    for a, b in operand_pairs():
        with np.errstate(all="ignore"):
            expected = to_bits(reference(to_float(a), to_float(b)))
        assert_same(golden(a, b), expected, a, b)


def test_sqrt_equals_float32():
    for a in operands():
        with np.errstate(all="ignore"):
            assert_same(fp32.sqrt(a), to_bits(np.sqrt(to_float(a))), a)


def test_compare_equals_float32():
    for a, b in operand_pairs():
        x, y = to_float(a), to_float(b)
        with np.errstate(invalid="ignore"):
            assert_same(fp32.eq(a, b), x == y, a, b)
            assert_same(fp32.lt(a, b), x < y, a, b)
            assert_same(fp32.le(a, b), x <= y, a, b)


def test_min_max_equal_float32():
    """Except where both are zero, where float32 does not say which."""
    for a, b in operand_pairs():
        x, y = to_float(a), to_float(b)
        zeros = (x == 0) & (y == 0)
        with np.errstate(invalid="ignore"):
            low = np.where(zeros, a | b, to_bits(np.fmin(x, y)))
            high = np.where(zeros, a & b, to_bits(np.fmax(x, y)))
        assert_same(fp32.min_(a, b), low, a, b)
        assert_same(fp32.max_(a, b), high, a, b)


def test_sign_injection():
    for a, b in operand_pairs():
        size, sign = a & np.uint32(0x7FFFFFFF), b & np.uint32(1 << 31)
        assert_same(fp32.sgnj(a, b), size | sign, a, b)
        assert_same(fp32.sgnjn(a, b), size | ~b & np.uint32(1 << 31), a, b)
        assert_same(fp32.sgnjx(a, b), a ^ sign, a, b)


@pytest.mark.parametrize(
    ("bits", "place"),
    [
        ("ff800000", 0),
        ("ff7fffff 80800000", 1),
        ("807fffff 80000001", 2),
        ("80000000", 3),
        ("00000000", 4),
        ("00000001 007fffff", 5),
        ("00800000 7f7fffff", 6),
        ("7f800000", 7),
        ("7f800001 ffbfffff", 8),
        ("7fc00000 ffffffff", 9),
    ],
)
def test_classify(bits, place):
    values = np.array([int(word, 16) for word in bits.split()], np.uint32)
    assert fp32.classify(values).tolist() == [1 << place] * len(values)


@pytest.mark.parametrize("mode", list(Rounding))
def test_to_integer_equals_float64(mode):
    """float64 holds every float32 and every int32 exactly, so its rounding functions are exact."""
    rounds = {
        Rounding.RNE: np.rint,
        Rounding.RTZ: np.trunc,
        Rounding.RDN: np.floor,
        Rounding.RUP: np.ceil,
        Rounding.RMM: lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x),
    }
    limits = {fp32.cvt_w_s: (-(2**31), 2**31 - 1), fp32.cvt_wu_s: (0, 2**32 - 1)}
    for a in operands():
        with np.errstate(invalid="ignore"):
            whole = rounds[mode](to_float(a).astype(np.float64))
        for golden, (low, high) in limits.items():
            value = np.clip(np.where(np.isnan(whole), high, whole), low, high)
            assert_same(golden(a, mode), value.astype(np.int64).astype(np.uint32), a)


def test_from_integer_equals_float32():
    rng = np.random.default_rng(SEED)
    for start in range(0, COUNT, CHUNK):
        a = rng.integers(0, 1 << 32, min(CHUNK, COUNT - start), dtype=np.uint32)
        a = a >> rng.integers(0, 32, len(a)).astype(np.uint32)
        for value in (a, -a, integer_corners()):
            signed = value.view(np.int32).astype(np.float32)
            assert_same(fp32.cvt_s_w(value), to_bits(signed), value)
            assert_same(fp32.cvt_s_wu(value), to_bits(value.astype(np.float32)), value)


# --- the other rounding modes, from exact fractions ----------------------------------------------


def exact(bits: int) -> Fraction:
    """Value of a finite float32."""
    field, fraction = bits >> 23 & 255, bits & 0x7FFFFF
    size = Fraction(fraction + (1 << 23 if field else 0)) * Fraction(2) ** (max(field, 1) - 150)
    return -size if bits >> 31 else size


def neighbours(value: Fraction) -> tuple[int, int]:
    """Magnitudes' bits of the float32 at or below, and at or above ``|value|``."""
    low, high = 0, 0x7F800000  # invariant: low <= |value| < high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if exact(middle) <= abs(value) else (low, middle)
    return low, low if exact(low) == abs(value) else high


def rounded(value: Fraction, mode: Rounding, zero_sign: int) -> int:
    """float32 bits of a value."""
    below, above = neighbours(value)
    sign = int(value < 0) if value else zero_sign
    infinite = Fraction(2) ** 128
    middle = (exact(below) + (infinite if above == 0x7F800000 else exact(above))) / 2
    up = {
        Rounding.RNE: abs(value) > middle or (abs(value) == middle and below & 1),
        Rounding.RTZ: False,
        Rounding.RDN: sign,
        Rounding.RUP: not sign,
        Rounding.RMM: abs(value) >= middle,
    }[mode]
    return sign << 31 | (above if up else below)


def finite_pairs(count):
    rng = np.random.default_rng(SEED)
    values = pairs(corners())
    chosen = rng.integers(0, len(values[0]), count // 2)
    a, b = random_pairs(rng, count // 2)
    a, b = np.concatenate([values[0][chosen], a]), np.concatenate([values[1][chosen], b])
    keep = (a >> np.uint32(23) & 255 != 255) & (b >> np.uint32(23) & 255 != 255)
    return a[keep], b[keep]


@pytest.mark.parametrize("mode", list(Rounding))
def test_modes_against_fractions(mode):
    a, b = finite_pairs(40_000 if LONG else 1_500)
    exact_a, exact_b = [[exact(x) for x in xs] for xs in (a.tolist(), b.tolist())]
    signs_a, signs_b = a >> np.uint32(31), b >> np.uint32(31)
    xors = (signs_a ^ signs_b).tolist()
    zeros = np.where(signs_a == signs_b, signs_a, mode == Rounding.RDN).tolist()
    rows = list(zip(exact_a, exact_b, strict=True))

    expected = [rounded(x + y, mode, z) for (x, y), z in zip(rows, zeros, strict=True)]
    assert_same(fp32.add(a, b, mode), np.array(expected), a, b)
    expected = [rounded(x * y, mode, s) for (x, y), s in zip(rows, xors, strict=True)]
    assert_same(fp32.mul(a, b, mode), np.array(expected), a, b)
    there = np.flatnonzero(b & np.uint32(0x7FFFFFFF))
    expected = [rounded(rows[i][0] / rows[i][1], mode, xors[i]) for i in there]
    assert_same(fp32.div(a[there], b[there], mode), np.array(expected), a[there], b[there])
    expected = [rounded(Fraction(int(x)), mode, 0) for x in a.view(np.int32)]
    assert_same(fp32.cvt_s_w(a, mode), np.array(expected), a)
    expected = [rounded(Fraction(int(x)), mode, 0) for x in a]
    assert_same(fp32.cvt_s_wu(a, mode), np.array(expected), a)


def root(value: Fraction) -> Fraction:
    """Square root, or, where it is not rational, a number so close that it rounds alike."""
    scaled = value * 2**400
    assert scaled.denominator == 1
    whole = isqrt(scaled.numerator)
    inexact = whole * whole != scaled.numerator
    return Fraction(2 * whole + inexact, 2**201)


@pytest.mark.parametrize("mode", list(Rounding))
def test_root_modes_against_fractions(mode):
    a = finite_pairs(20_000 if LONG else 1_500)[0] & np.uint32(0x7FFFFFFF)
    expected = [rounded(root(exact(x)), mode, 0) for x in a.tolist()]
    assert_same(fp32.sqrt(a, mode), np.array(expected), a)


def test_any_shape():
    a = np.array([[0x3F800000], [0x40000000]], np.uint32)
    assert fp32.add(a, 0x3F800000).tolist() == [[0x40000000], [0x40400000]]
    assert fp32.add(0x3F800000, 0x3F800000).shape == ()
