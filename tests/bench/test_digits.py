"""The digits network, its quantisation, and its layers against onnxruntime."""

import os

import numpy as np
import pytest

from weft_bench.digits import (
    HELD_OUT,
    LEAST_FLOAT_ACCURACY,
    MOST_IMAGES_LOST,
    Int8Layer,
    quantise,
    split,
    train_float,
)
from weft_bench.digits_run import run_digits, run_layers
from weft_bench.digits_settings import CHOSEN, VALIDATION, choose
from weft_driver import Device

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")


@pytest.fixture(scope="module")
def network():
    return train_float()


@pytest.fixture(scope="module")
def int8(network):
    return quantise(network)


def by_onnxruntime(layer: Int8Layer, x: np.ndarray, with_bias: bool) -> np.ndarray:
    """The layer by onnxruntime, QOperator form, S8S8, without its clamp.

    QLinearMatMul has no bias; QGemm is the same kernel with one.
    """
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    helper, from_array = onnx.helper, onnx.numpy_helper.from_array
    bias = {"b": layer.bias} if with_bias else {}
    values = {
        "xs": np.float32(layer.x_scale),
        "xz": np.int8(layer.x_zero_point),
        "w": layer.weight,
        "ws": layer.weight_scale,
        "wz": np.zeros(layer.outputs, np.int8),
        **bias,
        "ys": np.float32(layer.y_scale),
        "yz": np.int8(layer.y_zero_point),
    }
    kernel = {"op_type": "QLinearMatMul"}
    if with_bias:
        kernel = {"op_type": "QGemm", "domain": "com.microsoft"}
    kind = onnx.TensorProto.INT8
    graph = helper.make_graph(
        [helper.make_node(inputs=["x", *values], outputs=["y"], **kernel)],
        "layer",
        [helper.make_tensor_value_info("x", kind, [len(x), layer.inputs])],
        [helper.make_tensor_value_info("y", kind, [len(x), layer.outputs])],
        [from_array(np.asarray(value), name) for name, value in values.items()],
    )
    versions = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=8)
    options = ort.SessionOptions()
    # Without the first, x86 may saturate pairs of products; with it, onnxruntime's own rewriting of
    # int8 weights makes a graph that it has no kernel for.
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": np.ascontiguousarray(x)})[0]


def test_the_data_are_split_as_said(network):
    assert len(network.held_out) == len(network.labels) == HELD_OUT
    assert len(network.train) == 1797 - HELD_OUT
    counts = np.bincount(network.labels)
    assert len(counts) == 10
    assert counts.max() - counts.min() <= 4  # stratified
    held_out = {row.tobytes() for row in network.held_out}
    assert not held_out & {row.tobytes() for row in network.train}


def test_the_settings_are_the_best_of_those_validated():
    assert VALIDATION[CHOSEN] == max(VALIDATION.values())
    assert max(VALIDATION.values()) <= len(split()[0])


@pytest.mark.skipif(not LONG, reason="a minute; WEFT_LONG=1 runs it")
def test_the_settings_are_chosen_on_the_training_images():
    train, labels, held_out, _ = split()
    assert not {row.tobytes() for row in held_out} & {row.tobytes() for row in train}
    _, found = choose(train, labels)
    assert found.keys() == VALIDATION.keys()
    for settings, right in found.items():  # float sums differ a little between machines
        assert abs(right - VALIDATION[settings]) <= len(train) // 100, settings
    assert found[CHOSEN] >= max(found.values()) - len(train) // 200


def test_accuracies(network, int8):
    x = int8.quantise_input(network.held_out)
    right = int((int8.reference(x)[-1].argmax(axis=1) == network.labels).sum())
    assert network.accuracy() >= LEAST_FLOAT_ACCURACY
    assert round(network.accuracy() * HELD_OUT) - right <= MOST_IMAGES_LOST


def test_quantisation(network, int8):
    x = int8.quantise_input(network.held_out)
    assert (x * int8.layers[0].x_scale == network.held_out).all()  # grey levels are exact
    for layer, weight in zip(int8.layers, network.weights, strict=True):
        assert layer.weight.dtype == np.int8
        assert np.abs(layer.weight).max() == 127
        error = np.abs(layer.weight * layer.weight_scale.astype(np.float64) - weight)
        assert (error <= layer.weight_scale / 2 * 1.0001).all()
        assert np.isfinite(layer.scale).all()
    for before, after in zip(int8.layers, int8.layers[1:], strict=False):
        assert (before.y_scale, before.y_zero_point) == (after.x_scale, after.x_zero_point)
        assert before.relu
        assert before.qmin == before.y_zero_point
    assert not int8.layers[-1].relu


def test_layers_equal_onnxruntime(network, int8):
    x = int8.quantise_input(network.held_out)
    for layer in int8.layers:
        expected = layer.reference(x)
        found = np.maximum(by_onnxruntime(layer, x, with_bias=True), layer.qmin)
        assert (found == expected).all()
        x = expected


def test_products_of_the_layers_on_the_chip_equal_qlinearmatmul(network, int8):
    x = int8.quantise_input(network.held_out[:100])
    with Device("golden:base") as device:
        for layer in int8.layers:
            found = device.matmul(
                x,
                layer.weight,
                scale=layer.scale,
                a_zero_point=layer.x_zero_point,
                y_zero_point=layer.y_zero_point,
            )
            assert (found == by_onnxruntime(layer, x, with_bias=False)).all()
            x = layer.reference(x)


def test_three_layers_are_one_program(network, int8):
    x = int8.quantise_input(network.held_out[:50])
    with Device("golden:base") as device:
        outputs = run_layers(device, int8, x)
        assert device.last_run.macs == 50 * (64 * 64 + 64 * 32 + 32 * 10)
    for found, expected in zip(outputs, int8.reference(x), strict=True):
        assert (found == expected).all()


def test_a_wrong_layer_is_found(monkeypatch):
    right = Int8Layer.reference
    monkeypatch.setattr(Int8Layer, "reference", lambda self, x: right(self, x) ^ (x[:, :1] == 0))
    with Device("golden:base") as device:
        digits = run_digits(device, None)
    assert digits.mismatches > 0
    assert not digits.ok
