"""The integer requantiser against the float32 formula: corners, randoms, ties."""

from fractions import Fraction

import numpy as np
import pytest

from weft.golden.requantise import bit_length, requantise, requantise_float, round_shift

INT32 = (-(1 << 31), (1 << 31) - 1)


def scales_from(bits: np.ndarray) -> np.ndarray:
    return bits.astype(np.uint32).view(np.float32)


def random_scales(rng: np.random.Generator, count: int) -> np.ndarray:
    """Every normal exponent, the useful ones more often; mantissas random, all zero or all one."""
    exponent = np.where(
        rng.random(count) < 0.7, rng.integers(90, 128, count), rng.integers(1, 255, count)
    )
    kind = rng.integers(0, 4, count)
    random = rng.integers(0, 1 << 23, count)
    mantissa = np.select([kind == 0, kind == 1], [np.zeros_like(random), (1 << 23) - 1], random)
    return scales_from(exponent << 23 | mantissa)


def random_accumulators(rng: np.random.Generator, count: int) -> np.ndarray:
    """All magnitudes alike: a random number of low bits, either sign."""
    wide = rng.integers(*INT32, count, endpoint=True, dtype=np.int64)
    return (wide >> rng.integers(0, 32, count)).astype(np.int32)


def assert_same(acc: np.ndarray, scale: np.ndarray, clamp: tuple[int, int, int]) -> None:
    integer, single = requantise(acc, scale, *clamp), requantise_float(acc, scale, *clamp)
    bad = np.flatnonzero(integer != single)
    if len(bad):
        i = bad[0]
        acc, scale = np.broadcast_arrays(acc, scale)
        raise AssertionError(
            f"{len(bad)} of {len(acc)} differ; acc {acc[i]}, scale {scale[i]!r} "
            f"({scale.view(np.uint32)[i]:#010x}), clamp {clamp}: {integer[i]} in integers, "
            f"{single[i]} in float32"
        )


WIDE = (0, -32768, 32767)


@pytest.mark.parametrize("seed", range(2))
def test_random_cases_equal_float32(seed, many):
    rng = np.random.default_rng(seed)
    for _ in range(many(4, 50)):
        acc, scale = random_accumulators(rng, 250_000), random_scales(rng, 250_000)
        assert_same(acc, scale, WIDE)


def test_corner_accumulators_with_all_exponents():
    edges = [0, *(s * ((1 << b) + d) for b in range(32) for d in (-1, 0, 1) for s in (1, -1))]
    acc = np.array(sorted({e for e in edges if INT32[0] <= e <= INT32[1]}))
    mantissas = np.array([0, 1, 1 << 22, (1 << 22) - 1, (1 << 22) + 1, (1 << 23) - 1])
    bits = (np.arange(1, 255)[:, None] << 23 | mantissas).reshape(-1)
    scale = scales_from(bits)
    assert_same(np.repeat(acc, len(scale)), np.tile(scale, len(acc)), WIDE)


def test_ties_go_to_even():
    acc = np.arange(-9, 10)
    assert requantise(acc, np.float32(0.5), *WIDE).tolist() == [round(a / 2) for a in acc]


def test_one_rounding_would_be_wrong():
    """A case where rounding once, from the exact product, gives another result than fl32 twice."""
    rng = np.random.default_rng(3)
    acc, scale = random_accumulators(rng, 1_000_000), random_scales(rng, 1_000_000)
    once = np.rint(acc.astype(np.float64) * scale.astype(np.float64))
    once = np.clip(once, *WIDE[1:]).astype(np.int64)
    assert 0 < np.count_nonzero(once != requantise(acc, scale, *WIDE)) < 10_000


@pytest.mark.parametrize(
    ("acc", "zero_point", "qmin", "qmax", "expected"),
    [
        (300, 0, -128, 127, 127),
        (-300, 0, -128, 127, -128),
        (3, -5, 0, 255, 0),
        (3, 10, 0, 12, 12),
        (INT32[0], 32767, -128, 127, -128),
        (INT32[1], -32768, -128, 127, 127),
        (0, 7, -128, 127, 7),
    ],
)
def test_zero_point_and_clamp(acc, zero_point, qmin, qmax, expected):
    for form in (requantise, requantise_float):
        assert form(np.int32(acc), np.float32(1), zero_point, qmin, qmax) == expected


def test_scale_per_column_broadcasts():
    acc = np.full((3, 2), 100, np.int32)
    result = requantise(acc, np.array([0.5, 0.25], np.float32), 1, -128, 127)
    assert result.tolist() == [[51, 26]] * 3


def test_helpers_against_python():
    rng = np.random.default_rng(0)
    value = rng.integers(0, 1 << 49, 10_000) >> rng.integers(0, 49, 10_000)
    assert bit_length(value).tolist() == [v.bit_length() for v in value.tolist()]
    shift = rng.integers(0, 70, 10_000)
    expected = [
        round(Fraction(v, 1 << s)) for v, s in zip(value.tolist(), shift.tolist(), strict=True)
    ]
    assert round_shift(value, shift).tolist() == expected
