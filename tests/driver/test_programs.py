"""Programs of several operations on tensors in device memory."""

import gc
from functools import partial

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import weft_driver.program
from weft.arch.layouts import DRAM_ALIGN, ceil_div
from weft.config import Config
from weft_driver.planner.split import split

from .conftest import examples, golden
from .reference import convolution, finish, product
from .strategies import configs

TINY = Config.parse("tiny")


def random_int8(rng, *shape: int) -> np.ndarray:
    return rng.integers(-128, 128, shape, dtype=np.int8)


@examples(60, 1000)
@given(st.data(), configs(), st.integers(0, 2**16))
def test_products_of_products(data, config, seed):
    """Any operand may be an input or an earlier result, the same one twice, too."""
    rng, n = np.random.default_rng(seed), data.draw(st.integers(1, 20))
    device = golden(config)
    values = [random_int8(rng, n, n) for _ in range(2)]
    values[1] = values[1].view(np.uint8)
    program = device.program()
    tensors = [device.tensor(value) for value in values]
    for _ in range(data.draw(st.integers(2, 6))):
        i, j = (data.draw(st.integers(0, len(values) - 1)) for _ in range(2))
        # A result has no column sums on the host: only zero points that need none.
        za = 128 if values[i].dtype == np.uint8 else 0
        zb = data.draw(st.sampled_from([0, 5]))
        out = data.draw(st.sampled_from(["int8", "uint8"]))
        note(f"{i} x {j}, zero points {za}, {zb}, to {out}")
        options = {"out": out, "scale": 0.003, "y_zero_point": 3}
        points = {"a_zero_point": za, "b_zero_point": zb}
        tensors.append(program.matmul(tensors[i], tensors[j], **points, **options))
        values.append(finish(product(values[i], values[j], za, zb), **options))
    program.run()
    for tensor, value in zip(tensors, values, strict=True):
        assert (tensor.numpy() == value).all()


@pytest.mark.parametrize("spec", ["tiny", "base", "base,rows=12,cols=10"])
def test_a_small_network(spec):
    """Convolutions after each other, one of them 1 x 1, and a result that is used twice."""
    rng = np.random.default_rng(3)
    device = golden(Config.parse(spec))
    x = random_int8(rng, 2, 9, 7, 5)
    w1, w2 = random_int8(rng, 3, 3, 5, 8), random_int8(rng, 1, 1, 8, 6)
    w3 = random_int8(rng, 2, 3, 8, 4)
    bias = rng.integers(-500, 500, 8, dtype=np.int32)
    step = {"out": "int8", "scale": 0.005, "y_zero_point": -7, "qmin": -7}
    with device.program() as program:
        h = program.conv2d(device.tensor(x), w1, padding=1, bias=bias, x_zero_point=4, **step)
        y = program.conv2d(h, w2, x_zero_point=-7)
        z = program.conv2d(h, w3, x_zero_point=-7, stride=2, dilation=2, **step)
    program.run()
    found = [t.numpy() for t in (h, y, z)]
    h = finish(convolution(x, w1, 4, bias=bias, padding=(1, 1, 1, 1)), **step)
    z = finish(convolution(h, w3, -7, stride=(2, 2), dilation=(2, 2)), **step)
    for got, expected in zip(found, [h, convolution(h, w2, -7), z], strict=True):
        assert (got == expected).all()


def views(rng) -> dict[str, np.ndarray]:
    """6 x 8 matrices that are not contiguous."""
    return {
        "transposed": random_int8(rng, 8, 6).T,
        "steps": random_int8(rng, 12, 16)[::2, ::2],
        "backwards": random_int8(rng, 6, 8)[::-1, ::-1],
        "broadcast": np.broadcast_to(random_int8(rng, 8), (6, 8)),
        "columns": random_int8(rng, 6, 30)[:, 11:19],
        "read only": np.frombuffer(random_int8(rng, 48).tobytes(), np.int8).reshape(6, 8),
    }


@pytest.mark.parametrize("name", views(np.random.default_rng(0)))
@pytest.mark.parametrize("layout", ["packed", "row_major"])
def test_views(name, layout):
    a = views(np.random.default_rng(1))[name]
    b = views(np.random.default_rng(2))[name].T
    device = golden(TINY)
    assert (device.matmul(a, b, b_layout=layout) == product(a, b)).all()
    left, right = device.tensor(a), device.tensor(b)
    assert (left.numpy() == a).all()
    assert (device.matmul(left, right, b_layout=layout) == product(a, b)).all()
    x, weight = (
        a.reshape(1, 2, 3, 8).swapaxes(1, 2),
        b.reshape(2, 4, 6, 1).swapaxes(2, 3)[:, :, ::-1],
    )
    weight = np.broadcast_to(weight, (2, 4, 8, 6))[:, :2]
    assert (device.conv2d(x, weight) == convolution(x, weight)).all()


def test_tensors_in_any_byte_order():
    device = golden(TINY)
    for kind in (">i4", "<f8", ">u2", "bool"):
        array = np.arange(6).astype(kind).reshape(2, 3)
        tensor = device.tensor(array)
        assert (tensor.numpy() == array).all()
        tensor.write(array[::-1])
        assert (tensor.numpy() == array[::-1]).all()


# --- the same program again ----------------------------------------------------------------------


def test_a_program_runs_again_with_other_inputs():
    rng = np.random.default_rng(4)
    device = golden(TINY)
    a, b = device.tensor(random_int8(rng, 5, 7)), device.tensor(random_int8(rng, 7, 6))
    weight = random_int8(rng, 7, 3)
    program = device.program()
    c = program.matmul(a, b, b_layout="row_major")
    d = program.matmul(a, weight, a_zero_point=9)
    for _ in range(3):
        values = random_int8(rng, 5, 7), random_int8(rng, 7, 6)
        a.write(values[0])
        b.write(values[1])
        program.run()
        assert (c.numpy() == product(*values)).all()
        assert (d.numpy() == product(values[0], weight, 9)).all()


@pytest.mark.parametrize("options", [{}, {"b_layout": "row_major", "a_zero_point": 1}])
def test_what_was_folded_must_not_change(options):
    rng = np.random.default_rng(5)
    device = golden(TINY)
    b = device.tensor(random_int8(rng, 7, 6))
    program = device.program()
    program.matmul(random_int8(rng, 5, 7), b, **options)
    program.run()
    b.write(random_int8(rng, 7, 6))
    with pytest.raises(ValueError, match=r"was written after .* record it again"):
        program.run()


def test_weights_that_are_written_are_packed_again():
    rng = np.random.default_rng(6)
    device = golden(TINY)
    a, b = random_int8(rng, 5, 7), device.tensor(random_int8(rng, 7, 6))
    for _ in range(3):
        value = random_int8(rng, 7, 6)
        b.write(value)
        for _ in range(2):
            assert (device.matmul(a, b) == product(a, value)).all()
            kept = b.packed["packed"].address
        assert b.packed["packed"].address == kept


def test_a_result_is_not_taken_for_what_was_written_to_it():
    rng = np.random.default_rng(7)
    device = golden(TINY)
    a, b = random_int8(rng, 6, 6), random_int8(rng, 6, 6)
    program = device.program()
    result = program.matmul(a, b, scale=0.01)
    result.write(np.zeros((6, 6), np.int8))
    assert (device.matmul(a, result) == 0).all()  # packed by the host
    program.run()
    expected = finish(product(a, b), "int8", 0.01)
    assert (device.matmul(a, result) == product(a, expected)).all()


def test_results_of_another_program():
    rng = np.random.default_rng(8)
    device = golden(TINY)
    a, b, c = (random_int8(rng, 6, 6) for _ in range(3))
    first = device.program()
    h = first.matmul(a, b, scale=0.01)
    first.run()
    second = device.program()
    y = second.matmul(h, c)
    second.run()
    assert (y.numpy() == product(finish(product(a, b), "int8", 0.01), c)).all()


# --- programs that are too long for one doorbell -------------------------------------------------


@pytest.mark.parametrize("most", [2, 3, 20, 60])
def test_a_program_in_parts(monkeypatch, most):
    rng = np.random.default_rng(9)
    a, b, c = random_int8(rng, 40, 33), random_int8(rng, 33, 18), random_int8(rng, 18, 5)
    device = golden(TINY)
    program = device.program()
    h = program.matmul(a, b, scale=0.01)
    y = program.matmul(h, c, b_zero_point=3)
    whole = len(program.plan().program.steps)
    monkeypatch.setattr(weft_driver.program, "split", partial(split, most=most))
    run = program.run()
    parts = -(-(whole - 1) // (most - 1))
    assert parts > 1
    assert run.commands == whole - 1 + parts
    expected = finish(product(a, b), "int8", 0.01)
    assert (h.numpy() == expected).all()
    assert (y.numpy() == product(expected, c, 0, 3)).all()


def test_a_short_program_is_not_split():
    program = golden(TINY).program()
    program.matmul(np.ones((3, 3), np.int8), np.ones((3, 3), np.int8))
    whole = program.plan().program
    assert split(TINY, whole) == split(TINY, whole, len(whole.steps)) == [whole]


# --- memory --------------------------------------------------------------------------------------


def test_memory_is_given_back():
    rng = np.random.default_rng(10)
    device = golden(TINY)
    a = device.tensor(random_int8(rng, 30, 30))
    before = device.allocator.used
    gc.disable()  # reference counts are enough
    try:
        for _ in range(3):
            device.matmul(a, random_int8(rng, 30, 30), scale=0.1)
            assert device.allocator.used == before
        program = device.program()
        result = program.matmul(a, random_int8(rng, 30, 30))
        program.run()
        del program
        assert device.allocator.used == before + ceil_div(4 * 900, DRAM_ALIGN) * DRAM_ALIGN
        del result
        assert device.allocator.used == before
    finally:
        gc.enable()


def test_tensors_in_cycles_are_collected_when_memory_is_short():
    device = golden(TINY, memory_mib=1)
    gc.disable()
    try:
        for _ in range(5):
            cycle = [device.tensor(np.zeros(400_000, np.int8))]
            cycle.append(cycle)
            del cycle
    finally:
        gc.enable()
