"""Jobs that are one int8 product: a matrix by a vector, and a large one."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from weft_driver import Device

from ..gemm import random_int8
from ..kernels import writes
from ..kernels.matrices import COLUMNS_ALIGN, ROWS_ALIGN, pack_fours
from ..reference import exact_product
from .job import Arrays, ChipRun, Job, Task
from .on_core import empty, kernel

Shape = tuple[int, int, int]
"""M, N, K."""

GEMV: Shape = 1, 128, 128
GEMM: tuple[Shape, Shape] = (256, 256, 256), (64, 64, 64)
"""The second is for quick runs."""

EXACT_IN_FLOAT32 = (1 << 24) // (128 * 128)
"""Longest K whose sums of int8 products float32 holds exactly, whatever the order."""


def product_task(shape: Shape) -> Task:
    """Random int8 matrices and their int32 product."""
    m, n, k = shape
    rng = np.random.default_rng([2, m, n, k])
    a, b = random_int8(rng, m, k), random_int8(rng, k, n)
    wanted = [writes(exact_product(a, b))]
    return Task.of(f"{m} x {k} by {k} x {n}", {"a": a, "b": b}, wanted, m * n * k)


def product_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """BLAS in float32, exact as long as sums stay below 2^24; B is converted beforehand.

    numpy multiplies integers without BLAS, many times slower.
    """
    a, b = task.inputs["a"], task.inputs["b"]
    kind = np.float32 if a.shape[1] <= EXACT_IN_FLOAT32 else np.float64
    right = b.astype(kind)
    return lambda: ((a.astype(kind) @ right).astype(np.int32),)


def product_onnxruntime(task: Task, threads: int) -> Callable[[], Arrays]:
    """``MatMulInteger``; A as uint8 with zero point 128, for which its kernels are made."""
    from .onnx_models import product

    return product(task.inputs["a"], task.inputs["b"], threads)


def product_gpu(torch: Any, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """``torch._int_mm`` (cuBLASLt, tensor cores) where it takes the shape, else float32."""
    a, b = inputs["a"], inputs["b"]
    if a.is_cuda and a.shape[0] > 16 and not (a.shape[1] % 8 or b.shape[1] % 8):
        return (torch._int_mm(a, b),)
    kind = torch.float32 if a.shape[1] <= EXACT_IN_FLOAT32 else torch.float64
    return ((a.to(kind) @ b.to(kind)).to(torch.int32),)


def product_array(device: Device, task: Task) -> ChipRun:
    """One product from memory to memory; B is packed once by the host, as weights are."""
    result = device.matmul(task.inputs["a"], task.inputs["b"], out="int32")
    assert device.last_run is not None
    return ChipRun((result,), device.last_run)


def _kernel_arguments(task: Task) -> tuple[Any, ...]:
    a, b = task.inputs["a"], task.inputs["b"]
    rows, columns = pack_fours(a.T, ROWS_ALIGN), pack_fours(b, COLUMNS_ALIGN)
    return a.shape[0], b.shape[1], len(rows), rows, columns, empty(task.wanted[0])


def product_job(
    name: str, doc: str, expected: str, because: str, sizes: tuple[Shape, Shape]
) -> Job:
    """A job that is one product; the second of its sizes is for quick runs."""
    return Job(
        name=name,
        doc=doc,
        unit="multiply-accumulates",
        expected=expected,
        because=because,
        make=lambda quick: product_task(sizes[quick]),
        hosts={"numpy": product_numpy, "onnxruntime": product_onnxruntime},
        gpu=product_gpu,
        chips={"array": product_array, "simt": kernel("gemm_int8", _kernel_arguments)},
    )


GEMV_JOB = product_job(
    "gemv",
    "int8 vector by matrix",
    "cpu",
    "every weight is used once, so that moving it costs more than multiplying",
    (GEMV, GEMV),
)

GEMM_JOB = product_job(
    "gemm",
    "int8 product of square matrices",
    "array",
    "every byte that is loaded is used hundreds of times, and every decision is known beforehand",
    GEMM,
)
