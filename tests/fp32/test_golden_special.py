"""The stated error of the golden `exp2`, `rcp` and `rsqrt`, against float64.

A dense sample by default, every hundredth float32 with ``WEFT_LONG=1``, and all 2^32 of them with
``WEFT_EXHAUSTIVE=1`` (an hour or two).
"""

import os

import numpy as np
import pytest

from weft.arch import fp32_special as table
from weft.arch.fp32 import CANONICAL_NAN, INFINITY
from weft.golden import fp32_special

from .operands import LONG, SEED

STEP = 1 if os.environ.get("WEFT_EXHAUSTIVE", "") not in ("", "0") else 101 if LONG else 2503
CHUNK = 1 << 21
BOUND = 1.0
"""Units in the last place."""

REFERENCES = {
    "exp2": np.exp2,
    "rcp": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(x),
}
MIN_NORMAL = 2.0**-126


def sample():
    """Every STEP-th word, in chunks; the first depends on the seed."""
    first = SEED % STEP
    count = -(-((1 << 32) - first) // STEP)
    for start in range(0, count, CHUNK):
        index = np.arange(start, min(start + CHUNK, count), dtype=np.uint64)
        yield (index * np.uint64(STEP) + np.uint64(first)).astype(np.uint32)


def errors(bits, exact):
    """Units in the last place between float32 bits and exact values."""
    ulp = np.ldexp(1.0, np.frexp(exact)[1] - 24)
    return (bits.view(np.float32).astype(np.float64) - exact) / ulp


@pytest.mark.parametrize("name", REFERENCES)
def test_error_bound(name):
    worst = 0.0
    for bits in sample():
        got = getattr(fp32_special, name)(bits)
        with np.errstate(all="ignore"):
            x = bits.view(np.float32).astype(np.float64)
            x = np.where(np.abs(x) < MIN_NORMAL, np.copysign(0.0, x), x)  # as documented
            exact = REFERENCES[name](x)
        nan, infinite = np.isnan(exact), np.abs(exact) >= 2.0**128
        zero = np.abs(exact) < MIN_NORMAL
        sign = np.signbit(exact).astype(np.uint32) << np.uint32(31)
        assert np.all(got[nan] == CANONICAL_NAN)
        assert np.array_equal(got[infinite], sign[infinite] | np.uint32(INFINITY))
        assert np.array_equal(got[zero], sign[zero])
        plain = ~nan & ~infinite & ~zero
        if plain.any():
            error = np.abs(errors(got[plain], exact[plain]))
            i = int(np.argmax(error))
            worst = max(worst, float(error[i]))
            assert worst < BOUND, f"{name}({bits[plain][i]:#010x}) = {got[plain][i]:#010x}"
    print(f"{name}: {worst:.4f} units in the last place, step {STEP}")
    assert worst > 0.5, "better than rounding can be: the reference is not what it should be"


@pytest.mark.parametrize("name", ["rcp", "rsqrt"])
def test_powers_of_two_are_exact(name):
    powers = np.arange(1, 254, dtype=np.uint32)[:: 1 if name == "rcp" else 2] << np.uint32(23)
    exact = REFERENCES[name](powers.view(np.float32)).view(np.uint32)
    assert np.array_equal(getattr(fp32_special, name)(powers), exact)


def test_exp2_of_whole_numbers_is_exact():
    whole = np.arange(-126, 128, dtype=np.float32)
    exact = np.ldexp(np.float32(1), whole.astype(np.int32))
    assert np.array_equal(fp32_special.exp2(whole.view(np.uint32)), exact.view(np.uint32))


def test_table_fits():
    for c0, c1, c2 in table.coefficients():
        assert 0 <= c0 < 1 << table.C0_BITS
        assert -(1 << table.C1_BITS - 1) <= c1 < 1 << table.C1_BITS - 1
        assert 0 <= c2 < 1 << table.C2_BITS
    assert len(table.coefficients()) == table.BANKS << table.PIECE_BITS


def test_values_stay_in_24_bits():
    """At both ends of every piece the value is a significand or 2^24, and the slope fits."""
    ends = np.array([0, (1 << table.OFFSET_BITS) - 1])
    fraction = (np.arange(1 << table.PIECE_BITS) << table.OFFSET_BITS)[:, None] | ends
    for bank in range(table.BANKS):
        value = fp32_special._evaluate(np.full_like(fraction, bank), fraction)
        assert value.min() >= 1 << 23
        assert value.max() <= 1 << 24
    for _, c1, c2 in table.coefficients():
        for d in (-(1 << table.OFFSET_BITS - 1), (1 << table.OFFSET_BITS - 1) - 1):
            slope = c1 + (c2 * d >> table.OFFSET_BITS) >> table.DROP_BITS
            assert -(1 << 17) <= slope < 1 << 17, "a factor of 18 bits"
