"""Parts of the simulator by themselves: passes of accesses, floating point by the host."""

import numpy as np
import pytest

from weft.arch.fp32 import Rounding
from weft.arch.simt import Core
from weft.golden.simt import floats
from weft.golden.simt.coalesce import memory_passes, shared_passes

CORE = Core(lanes=8, bank_words=8, region_bytes=1024, shared_bytes=4096, bus_bytes=16)


@pytest.mark.parametrize(
    ("words", "passes", "atomic_passes"),
    [
        (range(8), 1, 1),  # consecutive
        (range(5, 13), 1, 1),  # at any alignment
        ([3] * 8, 1, 8),  # broadcast
        (range(0, 64, 8), 8, 8),  # one bank
        (range(0, 16, 2), 2, 2),
        (range(0, 24, 3), 1, 1),  # odd steps
        ([0, 8, 0, 8], 2, 4),
        ([0, 8, 1, 9, 2], 2, 2),
        (range(252, 260), 2, 2),  # two regions
        ([0, 256, 512, 768], 4, 4),
        ([256, 0, 264, 8], 4, 4),  # region of the first, then of the next
        ([7], 1, 1),
    ],
)
def test_shared_passes(words, passes, atomic_passes):
    offsets = [4 * word for word in words]
    assert shared_passes(CORE, offsets, atomic=False) == passes
    assert shared_passes(CORE, offsets, atomic=True) == atomic_passes


def test_bytes_of_a_word_are_one_pass():
    assert shared_passes(CORE, list(range(8)), atomic=False) == 1
    assert shared_passes(CORE, [0, 33, 2, 35], atomic=False) == 2


@pytest.mark.parametrize(
    ("addresses", "size", "expected"),
    [
        (range(0, 32, 4), 4, (1, 2)),
        (range(8, 40, 4), 4, (1, 3)),  # 8 to 39: three beats of 16
        (range(48, 80, 4), 4, (2, 2)),  # two lines
        (range(8), 1, (1, 1)),
        ([100] * 8, 4, (1, 1)),
        ([0, 60], 4, (1, 4)),  # beats between are transferred, too
        ([60, 0, 64], 4, (2, 5)),
        (range(0, 8 * 4096, 4096), 4, (8, 8)),
    ],
)
def test_memory_passes(addresses, size, expected):
    assert memory_passes(CORE, list(addresses), size) == expected


NAMES = ("fadd.s", "fsub.s", "fmul.s", "fdiv.s", "fsqrt.s")


@pytest.mark.parametrize("name", NAMES)
def test_the_host_is_used_only_where_it_agrees(name, many):
    rng = np.random.default_rng(1)
    large = [0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x7FFFFFFF, 0x3F800000, 0x3F800001]
    specials = np.array([0, 1, 0x7FFFFF, 0x800000, 0x800001, *large], np.uint32)
    specials = np.concatenate([specials, specials | np.uint32(1 << 31)])
    for _ in range(many(300, 20_000)):
        rows = rng.integers(0, 1 << 32, (2, 8), np.uint32)
        close = rng.integers(0, 4, 8) == 0  # exponents near each other, so that sums cancel
        rows[1] = np.where(close, rows[0] ^ rng.integers(0, 1 << 25, 8, np.uint32), rows[1])
        few = rng.integers(0, 8, (2, 8)) == 0
        rows = np.where(few, rng.choice(specials, (2, 8)), rows)
        mask = rng.integers(0, 4, 8) > 0
        operands = (rows[0],) if name == "fsqrt.s" else (rows[0], rows[1])
        for rm in (Rounding.RNE, Rounding.RUP):
            ours = floats.compute(name, operands, mask, rm)
            assert np.array_equal(ours[mask], floats.EXACT[name](*operands, rm)[mask]), rows


def test_the_host_is_used(monkeypatch):
    monkeypatch.setitem(floats.EXACT, "fmul.s", None)
    x = np.array([1, 0, -3.5], np.float32).view(np.uint32)
    product = floats.compute("fmul.s", (x, x), np.ones(3, bool), Rounding.RNE)
    assert product.view(np.float32).tolist() == [1, 0, 12.25]
    nan = np.full(3, 0x7FC00000, np.uint32)
    mask = np.array([True, True, False])
    assert floats.compute("fmul.s", (x, np.where(mask, x, nan)), mask, Rounding.RNE)[0] == x[0]
