"""Kernels from Python: arguments, results, counters, traps, and what is refused."""

import gc

import numpy as np
import pytest

from weft.arch.errors import Cause
from weft.arch.simt import Trap
from weft.config import Config
from weft_driver import Device, DeviceError
from weft_sim.golden import GoldenTransport

from .conftest import golden

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

SMALL = "tiny,lanes=4,warps=4,fp=full"
SOURCE = """
#include "weft.h"

WEFT_KERNEL void saxpy(int n, float a, const float *x, float *y)
{
    for (int i = weft_global_x(); i < n; i += weft_global_dim_x())
        y[i] = a * x[i] + y[i];
}

WEFT_KERNEL void transpose(int rows, int columns, const int *from, int *to)
{
    int x = weft_global_x(), y = weft_block_y();
    if (x < columns)
        to[x * rows + y] = from[y * columns + x];
}

WEFT_KERNEL void reversed(const uint8_t *x, uint8_t *y)
{
    uint8_t *shared = weft_shared();
    unsigned i = weft_thread(), n = weft_block_dim_x();
    shared[i] = x[weft_block_x() * n + i];
    weft_bar();
    y[weft_block_x() * n + i] = shared[n - 1 - i];
}

static int calls;
WEFT_KERNEL void count(int *calls_, int *first)
{
    calls_[0] = ++calls;
    if (first)
        first[0] = -1;
}

WEFT_KERNEL void chain(const volatile int *x, int *y)
{
    for (int i = 1; i < 4; i++)
        y[i] = x[i - 1];
}

WEFT_KERNEL void nothing(void) {}

WEFT_KERNEL void stack(int n, int *sum)
{
    volatile int own[100];
    for (int i = 0; i < n; i++)
        own[i] = i + weft_thread();
    int total = 0;
    for (int i = 0; i < n; i++)
        total += own[i];
    sum[weft_thread()] = total;
}

static int read_at(const int *p)
{
    return *(const volatile int *)p; /* the trap */
}

WEFT_KERNEL void reads(unsigned at, int *y)
{
    if (weft_block_x() == 1 && weft_thread() == 5)
        y[0] = read_at((const int *)at);
    y[1] = 1;
}

WEFT_KERNEL void numbers(int8_t a, uint16_t b, float c, int *y)
{
    y[0] = a, y[1] = b, y[2] = (int)(c * 2);
}
"""


@pytest.fixture(autouse=True, scope="module")
def build(tmp_path_factory):
    """A cache of this run's own, shared by its tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEFT_BUILD", str(tmp_path_factory.getbasetemp() / "kernels"))
        yield


@pytest.fixture(scope="module")
def device():
    return golden(Config.parse(SMALL), memory_mib=1)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "some.c"
    path.write_text(SOURCE)
    return path


@pytest.fixture(scope="module")
def kernels(device, source):
    return device.load_kernels(source)


# --- what works ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 63, 66, 67, 200])
def test_results_come_back(device, kernels, n):
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((2, n)).astype(np.float32)
    before, expected = x.copy(), np.float32(1.5) * x + y
    run = device.launch(kernels["saxpy"], 3, 16, [n, 1.5, x, y])
    assert np.array_equal(y, expected)
    assert np.array_equal(x, before)
    assert run is device.last_run
    assert run.kernel["issued"] > 0
    assert (run.kernel["memory_accesses"] > 0) == (n > 0)
    assert 0 < run.lane_utilization <= 1
    again = device.launch(kernels["saxpy"], 3, 16, [n, 1.5, x, y]).kernel
    assert again == run.kernel, "counters are those of one run"


def test_arrays_need_not_be_contiguous(device, kernels):
    big = np.arange(5 * 14, dtype=np.int32).reshape(5, 14)
    out = np.zeros((16, 5), np.int32)
    device.launch(kernels.transpose, (1, 5), 8, [5, 7, big[:, ::2], out[1:15:2]])
    assert (out[1:15:2] == big[:, ::2].T).all()
    assert not out[0::2].any()
    assert not out[15].any()


def test_tensors_stay_on_the_device(device, kernels):
    x, y = device.tensor(np.full(20, 2, np.float32)), device.tensor(np.ones(20, np.float32))
    version = x.version, y.version
    device.launch(kernels.saxpy, 1, 8, [20, 3.0, x, y])
    device.launch(kernels.saxpy, 1, 8, [20, 3.0, x, y])
    assert (y.numpy() == 13).all()
    assert (x.version, y.version > version[1], y.host) == (version[0], True, None)


def test_shared_memory(device, kernels):
    x = np.arange(48, dtype=np.uint8)
    y = np.zeros_like(x)
    run = device.launch(kernels["reversed"], 4, 12, [x, y], shared=12)
    assert (y.reshape(4, 12) == x.reshape(4, 12)[:, ::-1]).all()
    assert run.kernel["shared_accesses"] > 0


def test_globals_are_kept_and_null_pointers_passed(device, kernels):
    calls, first = np.zeros(1, np.int32), np.zeros(1, np.int32)
    device.launch(kernels["count"], 1, 1, [calls, None])
    device.launch(kernels["count"], 1, 1, [calls, first])
    assert (calls[0], first[0]) == (2, -1)


def test_stacks(device, kernels):
    sums = np.zeros(16, np.int32)
    device.launch(kernels.stack, 1, 16, [100, sums])
    assert (sums == 4950 + 100 * np.arange(16)).all()
    with pytest.raises(DeviceError, match=r"where there is nothing of this kind, at some\.c:"):
        device.launch(kernels.stack, 1, 16, [100, sums], private=256)
    device.launch(kernels.stack, 1, 16, [100, sums], private=2000)


def test_no_arguments(device, kernels):
    assert device.launch(kernels.nothing, (2, 2, 2), (2, 2, 2)).kernel["issued"] > 0


def test_numbers(device, kernels):
    y = np.zeros(3, np.int32)
    device.launch(kernels.numbers, 1, 1, [np.int8(-7), 65535, np.float64(1.5), y])
    assert y.tolist() == [-7, 65535, 3]


def test_one_array_twice_is_one_array(device, kernels):
    x = np.arange(7, 11, dtype=np.int32)
    device.launch(kernels.chain, 1, 1, [x, x])
    assert x.tolist() == [7, 7, 7, 7]


def test_names(kernels):
    assert list(kernels) == sorted(kernels)
    assert str(kernels.saxpy) == "saxpy(int32 n, float32 a, const float32 *x, float32 *y)"
    assert repr(kernels).startswith("DeviceKernels(some.c: chain, count, nothing")
    with pytest.raises(AttributeError, match="has no kernel 'sxpy'"):
        _ = kernels.sxpy
    with pytest.raises(KeyError, match=r"no kernel 'sxpy'; kernels: chain, count"):
        kernels["sxpy"]


def test_memory_is_given_back(device, source):
    device.launch(device.load_kernels(source).nothing, 1, 16)
    gc.collect()
    used = device.allocator.used
    device.launch(device.load_kernels(source).nothing, 1, 16)
    gc.collect()
    assert device.allocator.used == used


# --- traps ---------------------------------------------------------------------------------------


def test_a_trap_names_thread_and_line(device, kernels):
    y = np.zeros(2, np.int32)
    with pytest.raises(DeviceError) as caught:
        device.launch(kernels.reads, (2, 2), (2, 2, 2), [0x1000, y])
    error = caught.value
    line = 1 + next(i for i, text in enumerate(SOURCE.splitlines()) if "the trap" in text)
    assert f"at some.c:{line} in reads (pc " in str(error)
    assert "thread (1, 0, 1) of block (1, 0, 0)" in str(error)
    assert (error.cause, error.engine, error.index) == (Cause.TRAP, "SIMT", 0)
    assert error.fault is not None
    assert (error.fault.cause, error.fault.thread) == (Trap.DATA_UNMAPPED, (1, 0, 1))
    assert not y.any(), "arrays are as they were"
    device.launch(kernels.reads, (1, 1), (3, 2), [0x1000, y])
    assert y[1] == 1, "the device goes on"


def test_a_trap_in_the_last_warp_of_the_last_slot(device, kernels):
    """Two blocks run at once: the second one's hardware warps are not its threads' numbers."""
    with pytest.raises(DeviceError, match=r"thread \(5, 0, 0\) of block \(1, 0, 0\)") as caught:
        device.launch(kernels.reads, 2, 8, [1, np.zeros(2, np.int32)])
    fault = caught.value.fault
    assert fault is not None
    assert (fault.cause, fault.warp, fault.lane) == (Trap.DATA_MISALIGNED, 3, 1)


def test_floating_point_that_the_core_has_not(source):
    device = golden(Config.parse(SMALL + ",fp=none"), memory_mib=1)
    kernels = device.load_kernels(source)
    ones = np.ones(4, np.float32)
    with pytest.raises(DeviceError, match=r"illegal instruction, at some\.c:"):
        device.launch(kernels.saxpy, 1, 4, [4, 1.0, ones, ones.copy()])


# --- what is refused -----------------------------------------------------------------------------

X = np.ones(4, np.float32)
READ_ONLY = np.ones(4, np.float32)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([4, 1.0, X], r"saxpy\(int32 n, .*\) takes 4 arguments, not 3"),
        ([4, 1.0, X, X.copy(), 1], "takes 4 arguments, not 5"),
        ([4.5, 1.0, X, X.copy()], "saxpy: int32 n: 4.5 is not a whole number"),
        ([1 << 31, 1.0, X, X.copy()], "saxpy: int32 n: 2147483648 does not fit"),
        ([4, 1e39, X, X.copy()], r"saxpy: float32 a: 1e\+39 does not fit float32"),
        ([4, "1", X, X.copy()], "saxpy: float32 a: '1' is not a number"),
        ([X, 1.0, X, X.copy()], "saxpy: int32 n: an array was given"),
        ([4, 1.0, 5, X.copy()], r"saxpy: const float32 \*x needs an array or a tensor, not 5"),
        ([4, 1.0, X.astype("f8"), X], r"const float32 \*x: an array of float64 was given"),
        ([4, 1.0, X, X.astype(">f4")], r"saxpy: float32 \*y: an array of >f4 was given"),
        ([4, 1.0, X, READ_ONLY], r"float32 \*y is written, but the array is read-only"),
        ([3, 1.0, X[1:], X[:-1]], "share memory in part"),
    ],
)
def test_arguments_that_do_not_fit(device, kernels, args, says):
    with pytest.raises((TypeError, ValueError), match=says):
        device.launch(kernels.saxpy, 1, 4, args)
    assert (X == 1).all()


@pytest.mark.parametrize(
    ("grid", "block", "more", "says"),
    [
        (0, 1, {}, "grid = 0 is not valid: one to three whole numbers, each 1 to 65,535"),
        (1, (1, 2, 3, 4), {}, r"block = \(1, 2, 3, 4\) is not valid"),
        (1.5, 1, {}, "grid = 1.5 is not valid"),
        (1, (17,), {}, r"nothing: a block of 17 threads .* 4 lanes x 4 warps = 16 threads"),
        (1, 1, {"shared": 4096}, "nothing: shared memory of 1 blocks x 4096 bytes"),
        (1, 1, {"shared": -1}, "shared = -1 is not valid"),
        (1, 1, {"private": 70000}, "private = 70000 is not valid: 0 to 65,535 bytes"),
    ],
)
def test_sizes_that_the_core_has_not(device, kernels, grid, block, more, says):
    with pytest.raises(ValueError, match=says):
        device.launch(kernels.nothing, grid, block, **more)


def test_other_devices(device, kernels, source):
    other = golden(Config.parse(SMALL), memory_mib=1)
    x = other.tensor(X)
    with pytest.raises(ValueError, match="is on another device"):
        device.launch(kernels.saxpy, 1, 4, [4, 1.0, x, X])
    with pytest.raises(ValueError, match="kernel nothing was loaded on another device"):
        other.launch(kernels.nothing, 1, 1)
    with pytest.raises(TypeError, match=r"a kernel of Device.load_kernels is needed, not 'x'"):
        device.launch("x", 1, 1)


def test_no_core(source):
    with pytest.raises(ValueError, match="has no SIMT core: open a device with lanes"):
        golden(Config.parse("tiny,lanes=0"), memory_mib=1).load_kernels(source)


def test_the_url_of_a_device():
    with Device("golden:base?memory_mib=1") as device:
        assert isinstance(device.transport, GoldenTransport)
        assert (device.config.lanes, device.config.warps) == (8, 16)
