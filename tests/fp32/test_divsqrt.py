"""Division and square root against the golden ones, bit by bit, natively.

``WEFT_LONG=1`` runs two million operations for each mode; ``BENCH_SEED`` replaces the seed.
"""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from weft import emit
from weft.arch.fp32 import Rounding
from weft.gateware.fp32.divsqrt import LONGEST, DivSqrt
from weft.golden import fp32
from weft_sim.build import build_library

from .operands import LONG, SEED, corners, pairs, random_bits, random_pairs

DRIVER = Path(__file__).parent / "native" / "div_sqrt.cpp"
COUNT = 2_000_000 if LONG else 10_000


@pytest.fixture(scope="module")
def unit():
    """Runs arrays of operations: ``unit(roots, modes, a, b)``: the results, and cycles for each."""
    text = emit.component_verilog(DivSqrt(), "top")
    library = ctypes.CDLL(str(build_library("top", text, DRIVER, defines={"LONGEST": LONGEST})))
    library.div_sqrt_run.restype = ctypes.c_uint64

    def run(roots, modes, a, b, stall=0, reset_at=(1 << 64) - 1):
        roots, modes, a, b = np.broadcast_arrays(roots, modes, a, b)
        narrow = [np.ascontiguousarray(x, np.uint8) for x in (roots, modes)]
        wide = [np.ascontiguousarray(x, np.uint32) for x in (a, b)]
        results = np.zeros(len(a), np.uint32)
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (*narrow, *wide, results)]
        counts = [ctypes.c_uint64(len(a)), stall, ctypes.c_uint64(reset_at), ctypes.c_uint64(SEED)]
        cycles = ctypes.c_uint64()
        wrong = library.div_sqrt_run(*pointers, *counts, ctypes.byref(cycles))
        assert wrong == 0, f"handshake of operation {wrong - 1} is wrong, seed {SEED}"
        return results, cycles.value / len(a)

    return run


def check(got, root, mode, a, b):
    expected = fp32.sqrt(a, mode) if root else fp32.div(a, b, mode)
    bad = np.flatnonzero(got != expected)
    if len(bad):
        i = bad[0]
        raise AssertionError(
            f"{len(bad)} of {len(got)} differ, seed {SEED}; {'sqrt' if root else 'div'} "
            f"{Rounding(mode).name} {a[i]:#010x} {b[i]:#010x}: {got[i]:#010x}, expected "
            f"{expected[i]:#010x}"
        )


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("root", [False, True])
def test_corners(unit, root, mode):
    a, b = pairs(corners() if root or LONG else corners()[SEED % 3 :: 3])
    if root:
        a, b = corners(), corners()
    check(unit(root, mode, a, b)[0], root, mode, a, b)


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("root", [False, True])
def test_random(unit, root, mode):
    rng = np.random.default_rng([SEED, root, mode])
    a, b = random_pairs(rng, COUNT)
    if root:
        a = random_bits(rng, COUNT) & np.uint32(0x7FFFFFFF)
    check(unit(root, mode, a, b)[0], root, mode, a, b)


def test_products_and_squares(unit):
    """Exact quotients and roots, and those next to them: (x y) / y and sqrt(x^2), within an ulp."""
    rng = np.random.default_rng(SEED)
    x = rng.integers(0x3F800000, 0x40800000, COUNT, dtype=np.uint32)
    y = rng.integers(0x3F800000, 0x40800000, COUNT, dtype=np.uint32)
    short = np.where(rng.random(COUNT) < 0.5, np.uint32(0xFFFFF000), np.uint32(0xFFFFFFFF))
    x, y = x & short, y & short
    step = rng.integers(-1, 2, COUNT)
    for mode in Rounding:
        a = (fp32.mul(x, y) + step).astype(np.uint32)
        check(unit(False, mode, a, y)[0], False, mode, a, y)
        a = (fp32.mul(x, x) + step).astype(np.uint32)
        check(unit(True, mode, a, y)[0], True, mode, a, y)


@pytest.mark.parametrize("stall", [0, 100])
def test_mixed_with_stalls(unit, stall):
    rng = np.random.default_rng([SEED, stall])
    a, b = random_pairs(rng, 2 * COUNT)
    roots, modes = rng.integers(0, 2, 2 * COUNT), rng.integers(0, len(Rounding), 2 * COUNT)
    got, _ = unit(roots, modes, a, b, stall)
    for root in (0, 1):
        for mode in Rounding:
            mine = (roots == root) & (modes == mode)
            check(got[mine], root, mode, a[mine], b[mine])


def test_reset_in_any_state(unit):
    rng = np.random.default_rng(SEED)
    for reset_at in range(40):
        a, b = random_pairs(rng, 50)
        check(unit(False, Rounding.RNE, a, b, 0, reset_at)[0], False, Rounding.RNE, a, b)


def test_cycles_of_normal_numbers(unit):
    rng = np.random.default_rng(SEED)
    a, b = (rng.integers(0x3F800000, 0x40800000, 1000, dtype=np.uint32) for _ in range(2))
    for root in (False, True):
        cycles = unit(root, Rounding.RNE, a, b)[1]
        print(f"{'sqrt' if root else 'div'}: {cycles:.2f} cycles")
        assert 29 <= cycles <= 31
