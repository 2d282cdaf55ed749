"""Jobs on the rows of a matrix of floats, for a GPU: softmax and layer norm."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .job import Arrays, Job, Task
from .on_core import empty, kernel
from .pixels import library

SIZE = 128 * 128, 32 * 32
"""Elements of the square matrix; the second is for quick runs."""

ARRAY_CANNOT = "it multiplies int8; there is neither an exponential nor a root in it"


def softmax_task(quick: bool) -> Task:
    """A random matrix."""
    rows, columns, x, y = library("softmax", SIZE[quick])
    return Task.of(f"{rows} x {columns}", {"x": x.before}, [y], rows * columns)


def softmax_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """In float32, in one new array."""
    x = task.inputs["x"]

    def call() -> Arrays:
        power = x - x.max(axis=1, keepdims=True)
        np.exp(power, out=power)
        power /= power.sum(axis=1, keepdims=True)
        return (power,)

    return call


def softmax_onnxruntime(task: Task, threads: int) -> Callable[[], Arrays]:
    """Its own operator."""
    from .onnx_models import rows

    return rows("Softmax", task.inputs["x"], {}, threads)


SOFTMAX_JOB = Job(
    name="softmax",
    doc="softmax of rows",
    unit="elements",
    expected="gpu",
    because="rows are independent, and each needs exponentials and two sums among threads",
    make=softmax_task,
    hosts={"numpy": softmax_numpy, "onnxruntime": softmax_onnxruntime},
    gpu=lambda torch, inputs: (torch.softmax(inputs["x"], 1),),
    chips={
        "array": ARRAY_CANNOT,
        "simt": kernel(
            "softmax", lambda t: (*t.inputs["x"].shape, t.inputs["x"], empty(t.wanted[0]))
        ),
    },
    needs_float=True,
)


def norm_task(quick: bool) -> Task:
    """A random matrix, a gain and a bias for each column."""
    rows, columns, epsilon, x, gain, bias, y = library("layer_norm", SIZE[quick])
    inputs = {
        "x": x.before,
        "gain": gain.before,
        "bias": bias.before,
        "epsilon": np.array([epsilon]),
    }
    return Task.of(f"{rows} x {columns}", inputs, [y], rows * columns)


def norm_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """In float32."""
    x, gain, bias, epsilon = (task.inputs[name] for name in ("x", "gain", "bias", "epsilon"))

    def call() -> Arrays:
        centred = x - x.mean(axis=1, keepdims=True)
        variance = np.square(centred).mean(axis=1, keepdims=True)
        centred /= np.sqrt(variance + epsilon)
        centred *= gain
        centred += bias
        return (centred,)

    return call


def norm_onnxruntime(task: Task, threads: int) -> Callable[[], Arrays]:
    """Its own operator."""
    from .onnx_models import rows

    constants = {"gain": task.inputs["gain"], "bias": task.inputs["bias"]}
    epsilon = float(task.inputs["epsilon"][0])
    return rows("LayerNormalization", task.inputs["x"], constants, threads, epsilon=epsilon)


def norm_gpu(torch: Any, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Its own operator."""
    x, gain, bias = inputs["x"], inputs["gain"], inputs["bias"]
    epsilon = float(inputs["epsilon"][0])
    return (torch.nn.functional.layer_norm(x, x.shape[1:], gain, bias, epsilon),)


def _norm_arguments(task: Task) -> tuple[Any, ...]:
    x, gain, bias = (task.inputs[name] for name in ("x", "gain", "bias"))
    return *x.shape, float(task.inputs["epsilon"][0]), x, gain, bias, empty(task.wanted[0])


NORM_JOB = Job(
    name="layer_norm",
    doc="layer norm of rows",
    unit="elements",
    expected="gpu",
    because="rows are independent, and each needs two sums among threads",
    make=norm_task,
    hosts={"numpy": norm_numpy, "onnxruntime": norm_onnxruntime},
    gpu=norm_gpu,
    chips={"array": ARRAY_CANNOT, "simt": kernel("layer_norm", _norm_arguments)},
    needs_float=True,
)

JOBS = (SOFTMAX_JOB, NORM_JOB)
