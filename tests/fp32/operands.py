"""Operands for the tests of FP32: corners of the number line, and random bits that meet them."""

import os

import numpy as np

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")
SEED = int(os.environ.get("BENCH_SEED", 1))

EXPONENTS = (0, 1, 2, 23, 24, 25, 26, 63, 64, 101, 102, 103, 104, 125, 126, 127, 128, 129)
EXPONENTS += (149, 150, 151, 156, 157, 158, 159, 160, 189, 190, 191, 252, 253, 254, 255)
FRACTIONS = (0, 1, 2, 3, 0x2AAAAA, 0x3FFFFF, 0x400000, 0x400001, 0x555555, 0x7FFFFD, 0x7FFFFE)
FRACTIONS += (0x7FFFFF,)


def corners() -> np.ndarray:
    """Both signs of telling fractions at telling exponents: zeros, subnormals, NaNs and all."""
    bits = [s << 31 | e << 23 | f for s in (0, 1) for e in EXPONENTS for f in FRACTIONS]
    return np.array(bits, np.uint32)


def integer_corners() -> np.ndarray:
    """Powers of two as integers with what lies around them and around ties of 24 bits."""
    values = {0, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x55555555, 0xAAAAAAAA}
    for k in range(32):
        for low in range(-3, 4):
            values |= {2**k + low, -(2**k) + low}
        for drop in range(1, k - 22):
            for odd in (1, 3):
                for d in (-1, 0, 1):
                    tie = 2**k + odd * 2 ** (drop - 1) + d
                    values |= {tie, -tie}
    return np.array(sorted(value & 0xFFFFFFFF for value in values), np.uint32)


def pairs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of the values."""
    return np.repeat(values, len(values)), np.tile(values, len(values))


def random_bits(rng: np.random.Generator, count: int) -> np.ndarray:
    """Uniform bits, some with few or nearly all fraction bits set, some with a corner exponent."""
    bits = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    run = np.uint32(0x7FFFFF) >> rng.integers(0, 24, count).astype(np.uint32)
    kind = rng.integers(0, 8, count)
    bits = np.where(kind == 1, bits & ~run, bits)
    bits = np.where(kind == 2, bits | run, bits)
    corner = np.array(EXPONENTS, np.uint32)[rng.integers(0, len(EXPONENTS), count)]
    return np.where(kind >= 6, bits & np.uint32(0x807FFFFF) | corner << np.uint32(23), bits)


def random_pairs(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random operands; half of the second ones near the first (cancellation, alignment, ties)."""
    a, b = random_bits(rng, count), random_bits(rng, count)
    away = rng.integers(-26, 27, count)
    exponent = np.clip((a >> np.uint32(23) & 255).astype(np.int64) + away, 0, 255)
    close = b & np.uint32(0x807FFFFF) | exponent.astype(np.uint32) << np.uint32(23)
    nearly = a ^ np.uint32(1 << 31) ^ (b & np.uint32(0xF))
    kind = rng.integers(0, 8, count)
    return a, np.where(kind < 3, close, np.where(kind == 3, nearly, b))
