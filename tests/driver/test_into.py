"""Products and convolutions that fill tensors which are there already."""

import numpy as np
import pytest

from weft_bench.reference import exact_product, requantise
from weft_driver import Device


@pytest.fixture
def device():
    with Device("golden:tiny") as device:
        device.effort = 300
        yield device


def bytes_of(rng, *shape):
    return rng.integers(-128, 128, shape, dtype=np.int8)


@pytest.mark.parametrize("kind", ["int8", "int32"])
def test_side_by_side(device, kind):
    """Two products fill a matrix; a third one reads it; what belongs to none stays."""
    rng = np.random.default_rng(1)
    a, left, right = bytes_of(rng, 11, 6), bytes_of(rng, 6, 7), bytes_of(rng, 6, 5)
    after = bytes_of(rng, 14, 9)
    options = {"scale": 0.01} if kind == "int8" else {}
    before = rng.integers(-99, 99, (11, 14)).astype(kind)
    target = device.tensor(before)
    with device.program() as program:
        assert program.matmul(a, left, into=target, **options) is target
        program.matmul(a, right, into=target, column=9, **options)
        last = program.matmul(target, after) if kind == "int8" else None
    program.run()

    def product(b):
        sums = exact_product(a, b)
        return requantise(sums, np.float32(0.01)) if kind == "int8" else sums

    wanted = before.copy()
    wanted[:, :7], wanted[:, 9:] = product(left), product(right)
    assert (target.numpy() == wanted).all()
    if last is not None:
        assert (last.numpy() == exact_product(wanted, after)).all()


def test_convolution(device):
    rng = np.random.default_rng(2)
    x, weight = bytes_of(rng, 1, 5, 6, 3), bytes_of(rng, 3, 3, 3, 5)
    target = device.tensor(np.zeros((1, 3, 4, 5), np.int8))
    with device.program() as program:
        assert program.conv2d(x, weight, scale=0.001, into=target) is target
    program.run()
    assert (target.numpy() == device.conv2d(x, weight, scale=0.001)).all()


def test_what_does_not_fit(device):
    a, b = np.ones((4, 3), np.int8), np.ones((3, 5), np.int8)
    small, square = (
        device.tensor(np.zeros((4, 4), np.int8)),
        device.tensor(np.ones((4, 4), np.int8)),
    )
    wide, long = device.tensor(np.zeros((4, 8), np.int8)), device.tensor(np.zeros((5, 8), np.int8))
    program = device.program()
    with pytest.raises(ValueError, match=r"columns 0\.\.4 of 4 rows do not fit into"):
        program.matmul(a, b, scale=1, into=small)
    with pytest.raises(ValueError, match=r"columns 4\.\.8 of 4 rows do not fit into"):
        program.matmul(a, b, scale=1, into=wide, column=4)
    with pytest.raises(ValueError, match="4 rows do not fit into"):
        program.matmul(a, b, scale=1, into=long)
    with pytest.raises(TypeError, match="the result is int32"):
        program.matmul(a, b, into=wide)
    with pytest.raises(ValueError, match="in place"):
        program.matmul(square, square, scale=1, into=square)
    image = np.ones((1, 3, 3, 2), np.int8)
    with pytest.raises(ValueError, match="1 x 3 x 3 x 4 results do not fit"):
        program.conv2d(image, np.ones((1, 1, 2, 4), np.int8), scale=1, into=wide)
    with Device("golden:tiny") as other, pytest.raises(ValueError, match="on another device"):
        program.matmul(a, b, scale=1, into=other.tensor(np.zeros((4, 5), np.int8)))
    assert not program.ops
