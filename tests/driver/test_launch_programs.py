"""Kernels in programs: ordered against products by semaphores, in every direction."""

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from weft.arch.commands import Engine
from weft.arch.simt import Core
from weft.config import Config
from weft.golden.faults import RaceError
from weft_driver.launch import shared_spans
from weft_driver.planner.spans import span
from weft_driver.planner.split import split
from weft_driver.planner.steps import KERNELS

from .conftest import examples, golden
from .reference import finish, product

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

SOURCE = """
#include "weft.h"

WEFT_KERNEL void add(int n, int8_t by, const int8_t *x, int8_t *y)
{
    for (int i = weft_global_x(); i < n; i += weft_global_dim_x())
        y[i] = x[i] + by;
}

WEFT_KERNEL void negate(int n, int8_t *y)
{
    for (int i = weft_global_x(); i < n; i += weft_global_dim_x())
        y[i] = -y[i];
}

WEFT_KERNEL void through(int n, const int8_t *x, int8_t *y)
{
    int8_t *shared = weft_shared();
    for (int i = weft_thread(); i < n; i += weft_block_dim_x())
        shared[i] = x[i];
    weft_bar();
    for (int i = weft_thread(); i < n; i += weft_block_dim_x())
        y[i] = shared[n - 1 - i];
}
"""
N = 12
SIZE = N * N
STEP = {"out": "int8", "scale": 0.01}


@pytest.fixture(autouse=True, scope="module")
def build(tmp_path_factory):
    """A cache of this run's own, shared by its tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEFT_BUILD", str(tmp_path_factory.getbasetemp() / "kernels"))
        yield


@pytest.fixture(scope="module", params=["tiny,lanes=4,warps=4,fp=full", "base,warps=2"])
def device(request):
    return golden(Config.parse(request.param), memory_mib=2)


@pytest.fixture(scope="module")
def kernels(device, tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "some.c"
    path.write_text(SOURCE)
    return device.load_kernels(path)


def square(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-60, 60, (N, N), dtype=np.int8)


def test_between_products(device, kernels):
    """Product, kernel on its result, product of that: read after write both ways."""
    a, b, c = square(1), square(2), square(3)
    moved = device.tensor(np.zeros((N, N), np.int8))
    with device.program() as p:
        first = p.matmul(device.tensor(a), b, **STEP)
        p.launch(kernels["add"], 2, 8, [SIZE, 3, first, moved])
        second = p.matmul(moved, c, **STEP)
    for _ in range(2):
        p.run()
        expected = finish(product(a, b), **STEP)
        assert (first.numpy() == expected).all()
        assert (moved.numpy() == expected + np.int8(3)).all()
        assert (second.numpy() == finish(product(expected + np.int8(3), c), **STEP)).all()
    assert device.last_run.kernel["issued"] > 0
    assert "kernel add, grid (2, 1, 1), block (8, 1, 1)" in p.explain()
    assert "LAUNCH" in p.disassemble()


def test_a_kernel_overwrites_what_a_product_reads(device, kernels):
    """Write after read: the product was recorded before anything was known of the kernel."""
    a, b = square(4), square(5)
    x = device.tensor(a)
    with device.program() as p:
        before = p.matmul(x, b, **STEP)
        p.launch(kernels["negate"], 1, 8, [SIZE, x])
        after = p.matmul(x, b, **STEP)
    p.run()
    assert (before.numpy() == finish(product(a, b), **STEP)).all()
    assert (after.numpy() == finish(product(-a, b), **STEP)).all()
    assert x.host is None


def test_in_place_on_a_result(device, kernels):
    a, b = square(6), square(7)
    with device.program() as p:
        y = p.matmul(a, b, **STEP)
        p.launch(kernels["negate"], 3, 4, [SIZE, y])
        p.launch(kernels["negate"], 1, 8, [SIZE, y])
        p.launch(kernels["add"], 1, 8, [SIZE, 1, y, y])
    p.run()
    assert (y.numpy() == finish(product(a, b), **STEP) + np.int8(1)).all()


def test_shared_memory_and_products(device, kernels):
    """The kernel has all of the activation SRAM, which is the array's before and after."""
    everything = Core.of(device.config).shared_bytes
    a, b = square(8), square(9)
    out = device.tensor(np.zeros(SIZE, np.int8))
    with device.program() as p:
        first = p.matmul(a, b, **STEP)
        for _ in range(2):
            p.launch(kernels["through"], 1, 8, [SIZE, first, out], shared=everything)
        second = p.matmul(first, b, **STEP)
    p.run()
    expected = finish(product(a, b), **STEP)
    assert (out.numpy() == expected.reshape(-1)[::-1]).all()
    assert (second.numpy() == finish(product(expected, b), **STEP)).all()


def test_shared_memory_under_a_product_that_has_nothing_to_do_with_the_kernel(device, kernels):
    """What the product still reads of the activation SRAM must not be overwritten."""
    everything = Core.of(device.config).shared_bytes
    a, b = square(18), square(19)
    x = np.random.default_rng(20).integers(-60, 60, min(everything, 4096), dtype=np.int8)
    out = device.tensor(np.zeros_like(x))
    with device.program() as p:
        y = p.matmul(a, b, **STEP)
        p.launch(kernels["through"], 1, 8, [len(x), x, out], shared=everything)
    p.run()
    assert (y.numpy() == finish(product(a, b), **STEP)).all()
    assert (out.numpy() == x[::-1]).all()


def test_shared_memory_in_act_addresses():
    """Regions of 3 KiB lie 4 KiB apart; a part of the window may reach over the hole."""
    config = Config.parse("tiny,lanes=4,act_regions=3,act_kib=9")
    core = Core.of(config)
    found = shared_spans(config.act_region_span, core, 0xBF0, 0xC20)
    assert found == (
        span("act", 0xBF0, 0x10),
        span("act", 0x1000, 0xC00),
        span("act", 0x2000, 0x10),
    )
    assert shared_spans(config.act_region_span, core, 0xBF0, 0) == ()


def test_weights_that_a_kernel_writes_are_not_packed_by_the_host(device, kernels):
    a, b = square(10), square(11)
    weights = device.tensor(b)
    with device.program() as p:
        p.launch(kernels["negate"], 1, 8, [SIZE, weights])
        y = p.matmul(a, weights, **STEP)
        with pytest.raises(ValueError, match="computed on the device and cannot be packed"):
            p.matmul(a, weights, b_layout="packed")
    p.run()
    assert (y.numpy() == finish(product(a, -b), **STEP)).all()


def test_weights_that_were_packed_before_a_kernel_changed_them(device, kernels):
    a, b = square(12), square(13)
    weights = device.tensor(b)
    with device.program() as p:
        y = p.matmul(a, weights, **STEP)
        p.launch(kernels["negate"], 1, 8, [SIZE, weights])
    p.run()
    assert (y.numpy() == finish(product(a, b), **STEP)).all()
    with pytest.raises(ValueError, match="was written after the host had packed"):
        p.run()


@examples(12, 500)
@given(st.data(), st.integers(0, 2**16))
def test_any_program(device, kernels, data, seed):
    """Products and kernels in any order on any tensors, through shared memory or not."""
    values = [square(seed + i) for i in range(3)]
    tensors = [device.tensor(value) for value in values]
    p = device.program()
    for _ in range(data.draw(st.integers(1, 8))):
        what = data.draw(st.sampled_from(["product", "add", "through", "negate"]))
        i, j = (data.draw(st.integers(0, len(values) - 1)) for _ in range(2))
        note(f"{what} {i} {j}")
        if what == "product":
            tensors.append(p.matmul(tensors[i], tensors[j], b_layout="row_major", **STEP))
            values.append(finish(product(values[i], values[j]), **STEP))
        elif what == "negate":
            p.launch(kernels["negate"], 2, 8, [SIZE, tensors[j]])
            values[j] = -values[j]
        elif i != j:
            args, shared = ([SIZE, 5], 0) if what == "add" else ([SIZE], SIZE)
            grid = 2 if what == "add" else 1
            p.launch(kernels[what], grid, 8, [*args, tensors[i], tensors[j]], shared=shared)
            back = values[i].reshape(-1)[::-1].reshape(N, N)
            values[j] = values[i] + np.int8(5) if what == "add" else back
    if p.ops:
        p.run()
    for tensor, value in zip(tensors, values, strict=True):
        assert (tensor.numpy() == value).all()


def test_only_kernels(device, kernels):
    """Constant arrays are taken as they are; independent kernels need no semaphores but the end's.

    The golden chip refuses a program that retires before a command is done.
    """
    x = square(14)
    y = device.tensor(np.zeros((N, N), np.int8))
    p = device.program()
    p.launch(kernels["add"], 1, 8, [SIZE, 2, x, y])
    p.run()
    assert (y.numpy() == x + np.int8(2)).all()
    assert p.plan().program.semaphores == ("SIMT tells STORE",)


def test_arrays_that_are_written_are_refused(device, kernels):
    p = device.program()
    with pytest.raises(TypeError, match=r"add: int8 \*y is written: pass a tensor"):
        p.launch(kernels["add"], 1, 8, [SIZE, 2, square(1), square(2)])
    with pytest.raises(ValueError, match="the program is empty"):
        p.run()


def test_long_programs_end_after_their_kernels(device, kernels):
    """Each part of a program that is cut waits for the kernels in it."""
    y = device.tensor(square(15))
    p = device.program()
    for _ in range(4):
        p.launch(kernels["negate"], 1, 8, [SIZE, y])
    parts = split(device.config, p.plan().program, most=3)
    assert [part.count(Engine.SIMT) for part in parts] == [2, 2]
    for part in parts:
        assert KERNELS in part.steps[-1].reads
        device.run_commands(part.lower())
    assert (y.numpy() == square(15)).all()


def test_without_the_rule_the_golden_chip_finds_a_race(device, kernels, monkeypatch):
    """What the tests above rest on: an order that is left out is seen."""
    monkeypatch.setattr("weft_driver.planner.plan.produced", lambda ops: ops)
    x, b = device.tensor(square(16)), square(17)
    with device.program() as p:
        p.matmul(x, b, **STEP)
        p.launch(kernels["negate"], 1, 8, [SIZE, x])
    with pytest.raises(RaceError, match="LAUNCH"):
        p.run()
