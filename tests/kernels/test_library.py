"""Every kernel of the library against its reference, with the same binary on cores of any size.

Lines that fail are repeated by ``pytest tests/kernels -k 'NAME and LANESxWARPS'``: work depends on
the kernel's name and the size only.
"""

import dataclasses

import numpy as np
import pytest

from weft.arch.simt import Core
from weft.golden.requantise import requantise
from weft_bench.kernels import AWKWARD, CORNERS, KERNELS, OutOfBounds, reads, simulate, writes
from weft_bench.kernels.simulate import Where
from weft_bench.kernels.work import FOLDER

from .conftest import LONG

by_name = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())


def corner_id(corner: tuple[int, int]) -> str:
    return f"{corner[0]}x{corner[1]}"


def check(compiled, kernel, size: int, core: Core, where: Where = "main"):
    work = kernel.work(size)
    outcome = simulate(kernel, compiled(kernel), work, core, where)
    assert outcome.mismatches == 0, (
        f"{kernel.name}, size {size}, {core.lanes} x {core.warps}, {where} memory: "
        f"{outcome.mismatches} mismatches, largest errors {outcome.errors}"
    )
    return work, outcome


def test_every_file_is_in_the_table():
    files = {path.stem for path in FOLDER.glob("*.c")}
    assert files == {kernel.program for kernel in KERNELS.values()}


@pytest.mark.parametrize("corner", CORNERS, ids=corner_id)
@by_name
def test_awkward_sizes(compiled, kernel, corner):
    lanes, warps = corner
    for size in kernel.sizes:
        check(compiled, kernel, size, Core(lanes=lanes, warps=warps))


@pytest.mark.parametrize("corner", [(2, 3), (4, 2), (8, 5)], ids=corner_id)
@by_name
def test_other_cores(compiled, kernel, corner):
    lanes, warps = corner
    check(compiled, kernel, min(67, kernel.sizes[-1]), Core(lanes=lanes, warps=warps))


@by_name
def test_arrays_in_shared_memory(compiled, kernel):
    check(compiled, kernel, min(66, kernel.sizes[-1]), Core(), "shared")


@pytest.mark.parametrize("name", [kernel.name for kernel in KERNELS.values() if kernel.most])
def test_instructions_per_item(compiled, name):
    kernel = KERNELS[name]
    work, outcome = check(compiled, kernel, kernel.full, Core())
    assert kernel.most is not None
    assert outcome.instructions_per_item(work) <= kernel.most


@pytest.mark.skipif(not LONG, reason="minutes; WEFT_LONG=1 runs it")
@pytest.mark.parametrize("corner", CORNERS, ids=corner_id)
@by_name
def test_full_sizes(compiled, kernel, corner):
    lanes, warps = corner
    check(compiled, kernel, kernel.full, Core(lanes=lanes, warps=warps))


def test_lanes_of_a_warp_wait_for_the_lock(compiled):
    """Nothing is won by the timer alone: lanes do spin while another has the lock."""
    kernel = KERNELS["spin_lock"]
    _, outcome = check(compiled, kernel, 9, Core(starvation=100))
    assert outcome.counters.turns > 0


# --- the references ------------------------------------------------------------------------------


def test_depthwise_is_requantised_like_a_drain():
    """The reference's result is that of the golden model's integers, with all ways to round."""
    work = KERNELS["depthwise"].work(3000)
    shape, x, weights, bias, scale, _ = (array.before for array in work.arrays)
    height, width, channels, zero_x, zero_y, low, high = shape.tolist()
    total = np.zeros(x.shape, np.int64) + bias
    for (row, column, channel), _ in np.ndenumerate(x):
        for dy in range(3):
            for dx in range(3):
                r, c = row + dy - 1, column + dx - 1
                if 0 <= r < height and 0 <= c < width:
                    value = int(x[r, c, channel]) - zero_x
                    total[row, column, channel] += value * int(weights[dy, dx, channel])
    wanted = requantise(total, scale, zero_y, low, high)
    assert work.arrays[-1].mismatches(wanted) == 0
    assert channels == x.shape[2]
    assert {low, high} <= set(wanted.ravel().tolist())
    halves = (total[..., 1] * float(scale[1])) % 1 == 0.5
    assert halves.any()


def test_references_of_known_cases():
    lengths = KERNELS["collatz"].work(100).arrays[0].wanted
    assert lengths is not None
    assert (lengths[0], lengths[26], lengths[96]) == (0, 111, 118)
    soft = KERNELS["softmax"].work(1000).arrays[1].wanted
    assert soft is not None
    assert np.allclose(soft.sum(axis=1), 1)
    steps = KERNELS["mandelbrot_inside"].work(67).arrays[0].wanted
    assert steps is not None
    assert (steps == 100).all()


# --- what compares can fail ----------------------------------------------------------------------


def test_wrong_results_are_counted(compiled):
    kernel = KERNELS["saxpy"]
    work = kernel.work(67)
    n, _, x, y = work.arguments
    wrong = dataclasses.replace(work, arguments=(n, np.float32(-3), x, y))
    outcome = simulate(kernel, compiled(kernel), wrong, Core())
    assert outcome.mismatches == 67


def test_writes_beyond_an_array_are_found(compiled):
    kernel = KERNELS["vector_add"]
    work = kernel.work(66)
    longer = dataclasses.replace(work, arguments=(67, *work.arguments[1:]))
    places: tuple[Where, ...] = ("main", "shared")
    for where in places:
        with pytest.raises(OutOfBounds, match=f"bytes of {where} memory"):
            simulate(kernel, compiled(kernel), longer, Core(), where)


def test_arrays_that_do_not_fit_in_shared_memory(compiled):
    kernel = KERNELS["saxpy"]
    with pytest.raises(ValueError, match="do not fit in 4,096 bytes of shared memory"):
        simulate(kernel, compiled(kernel), kernel.work(1000), Core(shared_bytes=4096), "shared")


def test_errors_in_ulps():
    one = writes(np.array([1.0, -2.0, 0.0]), np.float32, ulps=1)
    near = np.array([1 + 2.0**-23, -2.0, 0.0], np.float32)
    assert one.errors(near).tolist() == [1, 0, 0]
    assert one.mismatches(near) == 0
    assert one.mismatches(np.array([1 + 2.0**-22, -2.0, 1e-30], np.float32)) == 2
    assert one.mismatches(np.array([np.nan, np.inf, 0], np.float32)) == 2
    scaled = writes(np.array([0.0]), np.float32, ulps=1, scale=1.0)
    assert scaled.mismatches(np.array([2.0**-23], np.float32)) == 0
    assert scaled.mismatches(np.array([2.0**-22], np.float32)) == 1
    exact = reads(np.array([0.0, 1.0], np.float32))
    assert exact.mismatches(np.array([-0.0, np.nan], np.float32)) == 1


def test_sizes_are_awkward():
    assert AWKWARD == (1, 63, 66, 67, 1000)
    assert sum(kernel.sizes == AWKWARD for kernel in KERNELS.values()) >= 19
