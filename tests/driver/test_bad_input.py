"""Bad input: one clear line with the value, the limit and the way out, and nothing left behind."""

import gc

import numpy as np
import pytest

from weft.config import Config

from .conftest import golden
from .reference import product

A = np.ones((3, 5), np.int8)
B = np.ones((5, 4), np.int8)
X = np.ones((1, 6, 6, 2), np.int8)
W = np.ones((3, 3, 2, 4), np.int8)
FLOAT = np.ones((3, 5), np.float32)

MATMUL = {
    "float array": ((FLOAT, B), {}, TypeError, "a is float32; int8 or uint8 is needed: quantise"),
    "float b": ((A, FLOAT.T), {}, TypeError, "b is float32; int8 or uint8 is needed"),
    "int32 array": ((A.astype(np.int32), B), {}, TypeError, "a is int32"),
    "list": (([[1, 2]], B), {}, TypeError, "a must be an array or a Tensor, not list"),
    "3-D array": ((A[None], B), {}, ValueError, "not 3-dimensional (1, 3, 5): reshape it"),
    "vector": ((A[0], B), {}, ValueError, "a must be a matrix, not 1-dimensional (5,)"),
    "inner sizes": ((A, A), {}, ValueError, "a is 3 x 5, b is 3 x 5: the inner sizes differ"),
    "empty": ((A[:0], B), {}, ValueError, "a is empty: shape (0, 5)"),
    "scale 0": ((A, B), {"scale": 0}, ValueError, "scale = 0.0 is zero; a positive normal float32"),
    "scale NaN": ((A, B), {"scale": float("nan")}, ValueError, "scale = nan is not a number"),
    "scale negative": ((A, B), {"scale": -0.5}, ValueError, "scale = -0.5 is negative"),
    "scale infinite": ((A, B), {"scale": 1e39}, ValueError, "scale = 1e+39 is infinite"),
    "scale subnormal": ((A, B), {"scale": 1e-40}, ValueError, "scale = 1e-40 is subnormal"),
    "one bad scale": ((A, B), {"scale": [1, 2, 0, 4]}, ValueError, "scale[2] = 0.0 is zero"),
    "scales": ((A, B), {"scale": [1, 2, 3]}, ValueError, "one per column (4,) needed"),
    "scale of words": ((A, B), {"scale": "big"}, TypeError, "must be a number or one per column"),
    "bias float": ((A, B), {"bias": np.ones(4)}, TypeError, "bias is float64; int32 is needed"),
    "bias size": ((A, B), {"bias": [1, 2]}, ValueError, "bias has shape (2,); one per column (4,)"),
    "bias range": (
        (A, B),
        {"bias": [0, 2**31, 0, 0]},
        ValueError,
        "2147483648: does not fit int32",
    ),
    "bias below": ((A, B), {"bias": [0, 0, -(2**31) - 1, 0]}, ValueError, "does not fit int32"),
    "a zero point": ((A, B), {"a_zero_point": 128}, ValueError, "does not fit int8: -128 to 127"),
    "b zero point": ((A, B), {"b_zero_point": -129}, ValueError, "b_zero_point = -129 does not"),
    "half a point": ((A, B), {"a_zero_point": 0.5}, TypeError, "must be a whole number, not 0.5"),
    "y zero point": (
        (A, B),
        {"scale": 1, "out": "uint8", "y_zero_point": -1},
        ValueError,
        "y_zero_point = -1 does not fit uint8: 0 to 255",
    ),
    "clamp": ((A, B), {"scale": 1, "qmin": 5, "qmax": 4}, ValueError, "qmin = 5 is above qmax = 4"),
    "clamp range": ((A, B), {"scale": 1, "qmax": 128}, ValueError, "qmax = 128 does not fit int8"),
    "out": ((A, B), {"out": "int16"}, ValueError, "out = 'int16' is not one of int8, uint8, int32"),
    "no scale": ((A, B), {"out": "int8"}, ValueError, "out = 'int8' needs a scale"),
    "scale for int32": (
        (A, B),
        {"out": "int32", "scale": 1},
        ValueError,
        "scale has no meaning with out = 'int32'",
    ),
    "clamp for int32": ((A, B), {"qmin": 0}, ValueError, "qmin has no meaning with out = 'int32'"),
    "layout": ((A, B), {"b_layout": "column"}, ValueError, "not one of packed, row_major"),
    "misspelt": ((A, B), {"bais": 1}, TypeError, "bais"),
}

CONV = {
    "float": ((X.astype(float), W), {}, TypeError, "x is float64; int8 or uint8"),
    "matrix": ((A, W), {}, ValueError, "x must be images x height x width x channels, not (3, 5)"),
    "weight": ((X, B), {}, ValueError, "weight must be kh x kw x cin x cout, not (5, 4)"),
    "channels": ((X, W[:, :, :1]), {}, ValueError, "x has 2 channels, weight 1: they differ"),
    "groups": ((X, W), {"groups": 2}, ValueError, "groups = 2: only 1 is supported"),
    "stride": ((X, W), {"stride": 0}, ValueError, "stride = 0 must be at least 1"),
    "strides": ((X, W), {"stride": (1, 2, 3)}, ValueError, "one number, or (vertical, horizontal)"),
    "half a stride": ((X, W), {"stride": 1.5}, TypeError, "stride must be whole numbers, not 1.5"),
    "dilation": ((X, W), {"dilation": (1, -1)}, ValueError, "dilation = -1 must be at least 1"),
    "padding": ((X, W), {"padding": -1}, ValueError, "padding = -1 must be at least 0"),
    "paddings": ((X, W), {"padding": (1, 2, 3)}, ValueError, "or (top, bottom, left, right)"),
    "reach": (
        (X, W),
        {"dilation": 3, "padding": (0, 0, 1, 1)},
        ValueError,
        "the kernel reaches over 7 x 7 pixels, the padded image has 6 x 8",
    ),
    "zero point": ((X, W), {"x_zero_point": 200}, ValueError, "x_zero_point = 200 does not fit"),
    "window": (
        (np.ones((1, 9, 9, 40), np.int8), np.ones((9, 9, 40, 1), np.int8)),
        {},
        ValueError,
        "a 9 x 9 window of 40 channels does not fit this chip: a region of the activation SRAM "
        "has 1,024 bytes",
    ),
}


def check(name: str, case) -> None:
    operands, options, kind, says = case
    device = golden(Config.parse("tiny"))
    kept = device.tensor(A)
    before = device.allocator.used
    text = "not refused"
    gc.disable()  # what stays behind may not wait for it
    try:
        getattr(device, name)(*operands, **options)
    except kind as error:
        text = str(error)
    finally:
        used = device.allocator.used
        gc.enable()
    assert used == before
    assert says in text
    assert "\n" not in text
    assert len(text) < 200
    assert (device.matmul(kept, B) == product(A, B)).all()


@pytest.mark.parametrize("name", MATMUL)
def test_matmul(name):
    check("matmul", MATMUL[name])


@pytest.mark.parametrize("name", CONV)
def test_conv2d(name):
    check("conv2d", CONV[name])


def test_an_operation_that_fails_leaves_its_program_as_it_was():
    device = golden(Config.parse("tiny"), memory_mib=1)
    with device.program() as program:
        result = program.matmul(A, B)
        before = device.allocator.used
        with pytest.raises(MemoryError, match=r"4,000,000 bytes asked for.*memory_mib="):
            program.matmul(np.ones((1000, 5), np.int8), np.ones((5, 1000), np.int8))
        gc.collect()  # the traceback that pytest keeps
        assert device.allocator.used == before
    program.run()
    assert (result.numpy() == product(A, B)).all()


def test_computed_operands():
    device = golden(Config.parse("tiny"))
    program = device.program()
    b = program.matmul(A, B, scale=1)
    with pytest.raises(ValueError, match="computed on the device and cannot be packed: use row_m"):
        program.matmul(A[:, :3], b, b_layout="packed")
    with pytest.raises(ValueError, match=r"a_zero_point = 3 .* make a's zero point 0"):
        program.matmul(A[:, :3], b, a_zero_point=3)
    wide = program.matmul(A, B)
    with pytest.raises(TypeError, match="a is int32; int8 or uint8 is needed"):
        program.matmul(wide, B)
    w = program.conv2d(X, W, scale=1)
    with pytest.raises(ValueError, match="weight is computed on the device"):
        program.conv2d(np.ones((1, 6, 6, 4), np.int8), w)


def test_tensor_of_another_device():
    one, other = golden(Config.parse("tiny")), golden(Config.parse("tiny"))
    for a, b in ((other.tensor(A), B), (A, other.tensor(B))):
        for layout in ("packed", "row_major"):
            with pytest.raises(ValueError, match="is on another device: pass the array"):
                one.matmul(a, b, b_layout=layout)
    with pytest.raises(ValueError, match="is on another device"):
        one.conv2d(X, other.tensor(W))


def test_a_chip_without_row_sums():
    device = golden(Config.parse("tiny,row_sum=false"))
    with pytest.raises(ValueError, match="zero point of b needs row sums, which this chip"):
        device.matmul(A, B, b_zero_point=1)
    with pytest.raises(ValueError, match="zero point of b needs row sums"):
        device.matmul(A, B.view(np.uint8))
    assert (device.matmul(A, B.view(np.uint8), b_zero_point=128) == product(A, B, 0, 128)).all()


def test_tensors():
    device = golden(Config.parse("tiny"))
    with pytest.raises(TypeError, match="a numpy array is needed, not list"):
        device.tensor([1, 2])  # pyright: ignore[reportArgumentType]
    tensor = device.tensor(A)
    with pytest.raises(ValueError, match=r"shape \(3, 5\), the array \(5, 4\)"):
        tensor.write(B)
    with pytest.raises(TypeError, match="holds int8, the array float32"):
        tensor.write(FLOAT)
    assert (tensor.numpy() == A).all()


def test_an_empty_program():
    device = golden(Config.parse("tiny"))
    with pytest.raises(ValueError, match="the program is empty"):
        device.program().run()
