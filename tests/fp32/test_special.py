"""The table unit against the golden functions, bit by bit, natively.

``WEFT_LONG=1`` runs ten million operands of each function; ``BENCH_SEED`` replaces the seed.
"""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from weft import emit
from weft.arch.fp32_special import Special
from weft.gateware.fp32.special import SpecialUnit
from weft.golden import fp32_special
from weft_sim.build import build_library

from .operands import LONG, SEED, corners, random_bits

DRIVER = Path(__file__).parent / "native" / "special.cpp"
COUNT = 10_000_000 if LONG else 100_000
CHUNK = 500_000

GOLDEN = {
    Special.EXP2: fp32_special.exp2,
    Special.RCP: fp32_special.rcp,
    Special.RSQRT: fp32_special.rsqrt,
}


@pytest.fixture(scope="module")
def unit():
    """Runs arrays of operands: ``unit(functions, a, gap)`` returns the results."""
    text = emit.component_verilog(SpecialUnit(), "top")
    defines = {"LATENCY": SpecialUnit.latency}
    library = ctypes.CDLL(str(build_library("top", text, DRIVER, defines=defines)))
    library.special_run.restype = ctypes.c_uint64

    def run(functions, a, gap=0):
        functions, a = np.broadcast_arrays(functions, a)
        functions = np.ascontiguousarray(functions, np.uint8)
        a = np.ascontiguousarray(a, np.uint32)
        results = np.zeros(len(a), np.uint32)
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (functions, a, results)]
        wrong = library.special_run(*pointers, ctypes.c_uint64(len(a)), gap, ctypes.c_uint64(SEED))
        assert wrong == 0, f"done is wrong in cycle {wrong - 1}, seed {SEED}"
        return results

    return run


def check(got, function, a):
    expected = GOLDEN[function](a)
    bad = np.flatnonzero(got != expected)
    if len(bad):
        i = bad[0]
        raise AssertionError(
            f"{len(bad)} of {len(got)} differ, seed {SEED}; {function.name} {a[i]:#010x}: "
            f"{got[i]:#010x}, expected {expected[i]:#010x}"
        )


@pytest.mark.parametrize("function", list(Special))
def test_corners(unit, function):
    every_piece = np.arange(0, 1 << 24, 1 << 15, dtype=np.uint32) + np.uint32(0x3F800000)
    limits = np.array([-127, -126, -125, 127, 128, 129], np.float32).view(np.uint32)
    around = (limits[:, None] + np.arange(-2, 3)).astype(np.uint32).ravel()
    a = np.concatenate([corners(), every_piece, every_piece - 1, around])
    check(unit(function, a), function, a)


@pytest.mark.parametrize("function", list(Special))
def test_random(unit, function):
    rng = np.random.default_rng([SEED, function])
    for start in range(0, COUNT, CHUNK):
        count = min(CHUNK, COUNT - start)
        a = random_bits(rng, count)
        field = rng.integers(95, 136, count).astype(np.uint32)  # where exp2 is not 1, 0 or infinite
        a = np.where(a & np.uint32(1), a, a & np.uint32(0x807FFFFF) | field << np.uint32(23))
        check(unit(function, a), function, a)


@pytest.mark.parametrize("gap", [0, 100])
def test_functions_in_turn(unit, gap):
    rng = np.random.default_rng([SEED, gap])
    a, functions = random_bits(rng, COUNT), rng.integers(0, len(Special), COUNT)
    got = unit(functions, a, gap)
    for function in Special:
        mine = functions == function
        check(got[mine], function, a[mine])
