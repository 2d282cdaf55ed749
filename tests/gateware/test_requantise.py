"""The requantiser against float32 arithmetic: natively in bulk, and by cocotb against golden.

``WEFT_LONG=1`` runs the full counts.
"""

import ctypes
import os
from pathlib import Path

import numpy as np
import pytest
from cocotb_bench import TOP, run_bench, to_verilog

from weft.gateware.requantise import Requantiser
from weft_sim.build import build_library

DRIVER = Path(__file__).resolve().parents[1] / "native" / "requantise.cpp"
LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")
VALUES = 12_000_000 if LONG else 1_000_000
SEED = int(os.environ.get("BENCH_SEED", 1))


class Failure(ctypes.Structure):
    """The first mismatch; laid out as in the harness."""

    _fields_ = (
        ("acc", ctypes.c_int32),
        ("scale", ctypes.c_uint32),
        ("zero_point", ctypes.c_int32),
        ("qmin", ctypes.c_int32),
        ("qmax", ctypes.c_int32),
        ("got", ctypes.c_int32),
        ("expected", ctypes.c_int32),
    )

    def __str__(self):
        return ", ".join(f"{name} = {getattr(self, name):#x}" for name, _ in self._fields_)


@pytest.fixture(scope="module")
def harness():
    """The native harness."""
    delays = {
        "SCALE_DELAY": Requantiser.scale_delay,
        "ZERO_POINT_DELAY": Requantiser.zero_point_delay,
        "CLAMP_DELAY": Requantiser.clamp_delay,
        "LATENCY": Requantiser.latency,
    }
    text = to_verilog(Requantiser())
    library = ctypes.CDLL(str(build_library(TOP, text, DRIVER, defines=delays)))
    library.requantise_random.restype = ctypes.c_uint64
    library.requantise_list.restype = ctypes.c_uint64
    return library


def check(mismatches, first, what):
    assert mismatches == 0, f"{mismatches} mismatches, first: {first}; {what}, BENCH_SEED={SEED}"


@pytest.mark.parametrize("stall", [0, 64])
def test_random_values(harness, stall):
    count = VALUES if stall == 0 else VALUES // 8
    print(f"{count} values, seed {SEED}, stall {stall} / 256")
    first = Failure()
    mismatches = harness.requantise_random(
        ctypes.c_uint64(SEED), ctypes.c_uint64(count), stall, ctypes.byref(first)
    )
    check(mismatches, first, f"stall {stall}")


def corner_accumulators():
    """Powers of two and their surroundings, halves of the first rounding, and the extremes."""
    values = {0, 2**31 - 1, 2**31 - 2, -(2**31), 1 - 2**31, 0x55555555, -0x2AAAAAAB}
    for k in range(32):
        values |= {2**k + d for d in range(-3, 4)}
        for drop in range(1, k - 22):  # bits dropped by the first rounding: exact halves
            half = 1 << (drop - 1)
            values |= {2**k + odd * half + d for odd in (1, 3) for d in (-1, 0, 1)}
            values |= {2**k - odd * half + d for odd in (1, 3) for d in (-1, 0, 1)}
    values |= {-value for value in values}
    return sorted(value for value in values if -(2**31) <= value < 2**31)


def corner_scales():
    """Every exponent with the mantissas at which a product rounds up, down or ties."""
    mantissas = {0, 1, 2, 0x7FFFFF, 0x7FFFFE, 0x400000, 0x400001, 0x3FFFFF, 0x555555, 0x2AAAAB}
    return [e << 23 | mantissa for e in range(1, 255) for mantissa in sorted(mantissas)]


def run_list(harness, accs, scales, what):
    accs = np.ascontiguousarray(accs, dtype=np.int32)
    scales = np.ascontiguousarray(scales, dtype=np.uint32)
    print(f"{len(accs)} {what}, seed {SEED}")
    first = Failure()
    mismatches = harness.requantise_list(
        accs.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
        scales.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32)),
        ctypes.c_uint64(len(accs)),
        ctypes.c_uint64(SEED),
        ctypes.byref(first),
    )
    check(mismatches, first, what)


def test_corners(harness):
    accs = np.array(corner_accumulators())
    scales = np.array(corner_scales())
    run_list(harness, np.tile(accs, len(scales)), np.repeat(scales, len(accs)), "corner pairs")


def test_product_ties(harness):
    """Products halfway between two float32, that round to (or stay off) halfway between integers.

    (K 2^j +- 1) with K odd has 25 bits where K 2^j is 2^24 or more: fl32 of it is a tie, and
    K 2^j / 2^(j + 1) is a tie of the last rounding. Any two factors of 24 bits will do.
    """
    pairs = []
    for odd in range(1, 512, 2):
        j = 25 - odd.bit_length()
        for product in (odd * 2**j - 1, odd * 2**j + 1):
            divisors = [d for d in range(3, 4096, 2) if product % d == 0]
            for d in divisors:
                for acc, mantissa in ((d, product // d), (product // d, d)):
                    if max(acc, mantissa) < 2**24:
                        scale = np.float32(mantissa) * np.float32(2.0 ** -(j + 1))
                        pairs += [(acc, scale), (-acc, scale)]
    accs, scales = zip(*pairs, strict=True)
    run_list(harness, accs, np.array(scales, dtype=np.float32).view(np.uint32), "product ties")


def test_bench():
    run_bench("requantise", Requantiser(), "tb_requantise")
