"""The lane's FP32 unit against the golden one, bit by bit, natively.

``WEFT_LONG=1`` runs ten million operations of each kind; ``BENCH_SEED`` replaces the seed.
"""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from weft import emit
from weft.arch.fp32 import Op, Rounding
from weft.gateware.fp32.unit import FloatUnit
from weft.golden import fp32
from weft_sim.build import build_library

from .operands import LONG, SEED, corners, integer_corners, pairs, random_pairs

DRIVER = Path(__file__).parent / "native" / "float_unit.cpp"
COUNT = 10_000_000 if LONG else 50_000
CHUNK = 500_000

ROUNDED = {
    Op.ADD: fp32.add,
    Op.SUB: fp32.sub,
    Op.MUL: fp32.mul,
    Op.CVT_W_S: lambda a, b, mode: fp32.cvt_w_s(a, mode),
    Op.CVT_WU_S: lambda a, b, mode: fp32.cvt_wu_s(a, mode),
    Op.CVT_S_W: lambda a, b, mode: fp32.cvt_s_w(a, mode),
    Op.CVT_S_WU: lambda a, b, mode: fp32.cvt_s_wu(a, mode),
}
EXACT = {
    Op.MIN: fp32.min_,
    Op.MAX: fp32.max_,
    Op.EQ: fp32.eq,
    Op.LT: fp32.lt,
    Op.LE: fp32.le,
    Op.SGNJ: fp32.sgnj,
    Op.SGNJN: fp32.sgnjn,
    Op.SGNJX: fp32.sgnjx,
    Op.CLASS: lambda a, b: fp32.classify(a),
}
FROM_INTEGER = (Op.CVT_S_W, Op.CVT_S_WU)


def golden(op, mode, a, b):
    return ROUNDED[op](a, b, mode) if op in ROUNDED else EXACT[op](a, b)


@pytest.fixture(scope="module")
def unit():
    """Runs arrays of operations: ``unit(ops, modes, a, b, gap)`` returns the results."""
    text = emit.component_verilog(FloatUnit(), "top")
    defines = {"LATENCY": FloatUnit.latency}
    library = ctypes.CDLL(str(build_library("top", text, DRIVER, defines=defines)))
    library.float_unit_run.restype = ctypes.c_uint64

    def run(ops, modes, a, b, gap=0):
        ops, modes, a, b = np.broadcast_arrays(ops, modes, a, b)
        narrow = [np.ascontiguousarray(x, np.uint8) for x in (ops, modes)]
        wide = [np.ascontiguousarray(x, np.uint32) for x in (a, b)]
        results = np.zeros(len(a), np.uint32)
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (*narrow, *wide, results)]
        wrong = library.float_unit_run(
            *pointers, ctypes.c_uint64(len(a)), gap, ctypes.c_uint64(SEED)
        )
        assert wrong == 0, f"done is wrong in cycle {wrong - 1}, seed {SEED}"
        return results

    return run


def check(got, expected, op, mode, a, b):
    bad = np.flatnonzero(got != expected)
    if len(bad):
        i = bad[0]
        raise AssertionError(
            f"{len(bad)} of {len(got)} differ, seed {SEED}; {op.name} {mode.name} {a[i]:#010x} "
            f"{b[i]:#010x}: {got[i]:#010x}, expected {expected[i]:#010x}"
        )


def modes_of(op):
    return list(Rounding) if op in ROUNDED else [Rounding.RNE]


def cases():
    return [
        pytest.param(op, mode, id=f"{op.name}-{mode.name}") for op in Op for mode in modes_of(op)
    ]


@pytest.mark.parametrize(("op", "mode"), cases())
def test_corners(unit, op, mode):
    a, b = pairs(corners())
    if op in FROM_INTEGER:
        a = integer_corners()
        b = a[::-1]
    elif op.name.startswith("CVT"):
        a, b = a[:: len(corners())], b[: len(corners())]
    check(unit(op, mode, a, b), golden(op, mode, a, b), op, mode, a, b)


@pytest.mark.parametrize(("op", "mode"), cases())
def test_random(unit, op, mode):
    rng = np.random.default_rng([SEED, op, mode])
    count = COUNT // len(modes_of(op))
    print(f"{count} operations, seed {SEED}")
    for start in range(0, count, CHUNK):
        a, b = random_pairs(rng, min(CHUNK, count - start))
        if op in FROM_INTEGER:
            a = b >> rng.integers(0, 32, len(b)).astype(np.uint32)
            a = np.where(b & np.uint32(1), a, -a)
        elif op in (Op.CVT_W_S, Op.CVT_WU_S):
            # Exponents at which something is left to round, and around the limits.
            field = rng.integers(120, 162, len(a)).astype(np.uint32)
            a = np.where(b & np.uint32(7), a & np.uint32(0x807FFFFF) | field << np.uint32(23), a)
        check(unit(op, mode, a, b), golden(op, mode, a, b), op, mode, a, b)


@pytest.mark.parametrize("gap", [0, 100])
def test_all_operations_in_turn(unit, gap):
    """Every operation next to every other, with and without gaps."""
    rng = np.random.default_rng([SEED, gap])
    count = COUNT
    a, b = random_pairs(rng, count)
    ops = rng.integers(0, len(Op), count)
    modes = rng.integers(0, len(Rounding), count)
    got = unit(ops, modes, a, b, gap)
    for op in Op:
        for mode in modes_of(op):
            mine = ops == op
            if op in ROUNDED:
                mine &= modes == mode
            x, y = a[mine], b[mine]
            check(got[mine], golden(op, mode, x, y), op, mode, x, y)


def test_stated_values(unit):
    """Results that are known without any model."""
    one, half_ulp, big, tiny, nan = 0x3F800000, 0x33800000, 0x7F7FFFFF, 0x00000001, 0x7FC00000
    stated = [
        (Op.ADD, Rounding.RNE, one, half_ulp, one),
        (Op.ADD, Rounding.RUP, one, half_ulp, one + 1),
        (Op.ADD, Rounding.RMM, one, half_ulp, one + 1),
        (Op.ADD, Rounding.RNE, one + 1, half_ulp, one + 2),
        (Op.SUB, Rounding.RNE, one, one, 0),
        (Op.SUB, Rounding.RDN, one, one, 0x80000000),
        (Op.ADD, Rounding.RNE, 0x80000000, 0x80000000, 0x80000000),
        (Op.SUB, Rounding.RNE, 0x7F800000, 0x7F800000, nan),
        (Op.ADD, Rounding.RNE, 0xFF812345, one, nan),
        (Op.ADD, Rounding.RNE, big, big, 0x7F800000),
        (Op.ADD, Rounding.RTZ, big, big, big),
        (Op.SUB, Rounding.RNE, 0x00800000, tiny, 0x007FFFFF),
        (Op.MUL, Rounding.RNE, 0x00800000, 0x3F000000, 0x00400000),
        (Op.MUL, Rounding.RNE, tiny, 0x3F000000, 0),
        (Op.MUL, Rounding.RUP, tiny, tiny, tiny),
        (Op.MUL, Rounding.RNE, tiny, 0x4B000000, 0x00800000),
        (Op.MUL, Rounding.RNE, 0x80000000, 0x7F800000, nan),
        (Op.CVT_W_S, Rounding.RTZ, 0xBFFFFFFF, 0, 0xFFFFFFFF),
        (Op.CVT_W_S, Rounding.RNE, 0x40200000, 0, 2),
        (Op.CVT_W_S, Rounding.RNE, 0xCF000000, 0, 0x80000000),
        (Op.CVT_W_S, Rounding.RNE, 0x4F000000, 0, 0x7FFFFFFF),
        (Op.CVT_WU_S, Rounding.RNE, 0xBF800000, 0, 0),
        (Op.CVT_WU_S, Rounding.RNE, nan | 1 << 31, 0, 0xFFFFFFFF),
        (Op.CVT_S_W, Rounding.RNE, 0x80000000, 0, 0xCF000000),
        (Op.CVT_S_W, Rounding.RNE, 1, 0, one),
        (Op.CVT_S_WU, Rounding.RNE, 0xFFFFFFFF, 0, 0x4F800000),
        (Op.MIN, Rounding.RNE, 0, 0x80000000, 0x80000000),
        (Op.MAX, Rounding.RNE, 0x7FA00000, one, one),
        (Op.EQ, Rounding.RNE, 0, 0x80000000, 1),
        (Op.LE, Rounding.RNE, nan, nan, 0),
        (Op.CLASS, Rounding.RNE, 0x7F800001, 0, 1 << 8),
    ]
    ops, modes, a, b, expected = (
        np.array(column, np.uint32) for column in zip(*stated, strict=True)
    )
    assert [f"{x:08x}" for x in unit(ops, modes, a, b)] == [f"{x:08x}" for x in expected]
