"""Jobs by onnxruntime. Import it only where onnx and onnxruntime are installed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from .job import Arrays

OPSET = 17
"""The first with LayerNormalization."""

IR_VERSION = 8
"""Old enough for every supported onnxruntime."""

FLIP = np.uint8(128)
"""Makes uint8 with zero point 128 of int8."""


def session(model: onnx.ModelProto, threads: int) -> Any:
    """A session of so many threads, all on one model at a time."""
    options = onnxruntime.SessionOptions()
    # Where x86 has no VNNI, pairs of products of uint8 and int8 would saturate; elsewhere this is
    # without effect.
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _one_node(
    node: onnx.NodeProto,
    given: Sequence[onnx.ValueInfoProto],
    result: onnx.ValueInfoProto,
    constants: Mapping[str, NDArray[Any]],
    threads: int,
) -> Any:
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph([node], "job", given, [result], tensors)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    return session(model, threads)


def product(a: NDArray[np.int8], b: NDArray[np.int8], threads: int) -> Callable[[], Arrays]:
    """An int8 product; B is a constant, which the session packs once."""
    run = _one_node(
        helper.make_node("MatMulInteger", ["a", "b", "zero"], ["c"]),
        [helper.make_tensor_value_info("a", TensorProto.UINT8, a.shape)],
        helper.make_tensor_value_info("c", TensorProto.INT32, (a.shape[0], b.shape[1])),
        {"b": b, "zero": np.array(FLIP)},
        threads,
    )
    return lambda: (run.run(None, {"a": a.view(np.uint8) ^ FLIP})[0],)


def rows(
    kind: str,
    x: NDArray[np.float32],
    constants: Mapping[str, NDArray[Any]],
    threads: int,
    **more: Any,
) -> Callable[[], Arrays]:
    """An operator of float32 rows, ``Softmax`` or ``LayerNormalization``."""
    run = _one_node(
        helper.make_node(kind, ["x", *constants], ["y"], axis=-1, **more),
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape),
        constants,
        threads,
    )
    return lambda: (run.run(None, {"x": x})[0],)
