"""Convolutions against onnxruntime's QLinearConv; products are in tests/bench/test_digits.py."""

import numpy as np
import pytest

from weft.config import Config
from weft_bench.reference import combined_scale

from .conftest import golden

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")


def qlinear_conv(x, weight, bias, scales, zero_points, where) -> np.ndarray:
    """The result for NCHW images and weights of output channels first, as onnxruntime has it."""
    helper, from_array = onnx.helper, onnx.numpy_helper.from_array
    # Where x86 has no VNNI, pairs of products of uint8 and int8 saturate; of uint8 alone none do.
    middle = 128 if x.dtype == np.uint8 else 0
    values = {
        "xs": np.float32(scales[0]),
        "xz": x.dtype.type(zero_points[0]),
        "w": (weight.astype(np.int16) + middle).astype(x.dtype),
        "ws": scales[1],
        "wz": np.full(len(scales[1]), middle, x.dtype),
        "ys": np.float32(scales[2]),
        "yz": x.dtype.type(zero_points[1]),
        "b": bias,
    }
    top, bottom, left, right = where["padding"]
    node = helper.make_node(
        "QLinearConv",
        ["x", *values],
        ["y"],
        strides=where["stride"],
        dilations=where["dilation"],
        pads=[top, left, bottom, right],
    )
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("x", kind, x.shape)],
        [helper.make_tensor_value_info("y", kind, None)],
        [from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": np.ascontiguousarray(x)})[0]


@pytest.mark.parametrize(
    ("kernel", "where"),
    [
        ((3, 3), {"stride": (1, 1), "dilation": (1, 1), "padding": (1, 1, 1, 1)}),
        ((3, 3), {"stride": (2, 2), "dilation": (1, 1), "padding": (0, 1, 0, 1)}),
        ((2, 4), {"stride": (1, 2), "dilation": (2, 1), "padding": (2, 0, 1, 3)}),
        ((1, 1), {"stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0)}),
        ((3, 2), {"stride": (1, 1), "dilation": (1, 3), "padding": (0, 0, 0, 0)}),
    ],
)
@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_qlinear_conv(kernel, where, kind):
    rng = np.random.default_rng(sum(kernel))
    images, size, cin, n = 2, 11, 7, 19
    x = rng.integers(0, 256, (images, size, size, cin)).astype(np.uint8).view(kind)
    weight = rng.integers(-127, 128, (*kernel, cin, n), dtype=np.int8)
    bias = rng.integers(-3000, 3000, n, dtype=np.int32)
    y_scale = np.float32(0.01 * np.sqrt(np.prod(kernel) * cin))  # a few results are clamped
    scales = np.float32(0.02), rng.uniform(0.002, 0.01, n).astype(np.float32), y_scale
    low = np.iinfo(kind).min
    points = (low + 100, low + 131)
    found = golden(Config.parse("base")).conv2d(
        x,
        weight,
        bias=bias,
        scale=combined_scale(float(scales[0]), scales[1], float(scales[2])),
        x_zero_point=points[0],
        y_zero_point=points[1],
        out=np.dtype(kind).name,
        **where,
    )
    expected = qlinear_conv(
        x.transpose(0, 3, 1, 2), weight.transpose(3, 2, 0, 1).copy(), bias, scales, points, where
    )
    assert (found == expected.transpose(0, 2, 3, 1)).all()
    info = np.iinfo(kind)
    assert 0.7 < np.mean((found > info.min) & (found < info.max)) < 1
