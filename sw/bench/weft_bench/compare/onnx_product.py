"""int8 products by onnxruntime. Import it only where onnx and onnxruntime are installed."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from .job import Arrays

OPSET = 13

IR_VERSION = 8
"""Old enough for every supported onnxruntime."""

FLIP = np.uint8(128)


def session(model: onnx.ModelProto, threads: int) -> onnxruntime.InferenceSession:
    """A session of so many threads, all on one model at a time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def prepare(a: NDArray[np.int8], b: NDArray[np.int8], threads: int) -> Callable[[], Arrays]:
    """A session with B as a constant, which it packs once."""
    zero = helper.make_tensor("zero", TensorProto.UINT8, (), [int(FLIP)])
    weights = helper.make_tensor("b", TensorProto.INT8, b.shape, b.tobytes(), raw=True)
    node = helper.make_node("MatMulInteger", ["a", "b", "zero"], ["c"])
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, a.shape)],
        [helper.make_tensor_value_info("c", TensorProto.INT32, (a.shape[0], b.shape[1]))],
        [weights, zero],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    run = session(model, threads)
    return lambda: (run.run(None, {"a": a.view(np.uint8) ^ FLIP})[0],)
