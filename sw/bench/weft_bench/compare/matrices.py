"""Jobs that are one int8 product: a matrix by a vector, and a large one."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from weft_driver import Device

from ..gemm import random_int8
from ..kernels import writes
from ..kernels.matrices import COLUMNS_ALIGN, ROWS_ALIGN, pack_fours
from ..reference import exact_product
from ..shapes import random_shapes
from .job import Arrays, ChipRun, Job, Task
from .on_core import empty, kernel

Shape = tuple[int, int, int]
"""M, N, K."""

PLANNED = "planned"
"""Name of the cycles that the planner expected, among a row's further figures."""

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
    with device.program() as program:
        result = program.matmul(task.inputs["a"], task.inputs["b"], out="int32")
    done = program.run()
    return ChipRun((result.numpy(),), done, {PLANNED: program.plan().estimate.cycles})


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

PRODUCT = "product-{}x{}x{}".format
"""Name of a product that is no job of its own, by M, N, K."""

SIDES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Of the products that show how devices scale."""

LONGEST = 4096
"""Side of a product that can be asked for."""

SHAPES_SEED, SHAPES, LARGEST = 5, 60, 256
"""Of the shapes that cost models are tested on: none of them was used to make one."""


def product_of(shape: Shape) -> Job:
    """The job that is this product, quick or not."""
    doc = f"int8 product, M, N, K = {', '.join(map(str, shape))}"
    because = "from some size on the array wins, below it the host's CPU"
    return product_job(PRODUCT(*shape), doc, "array", because, (shape, shape))


def parse_product(name: str) -> Job | None:
    """The job of a name like ``product-4x8x16``; None for another name."""
    found = re.fullmatch(r"product-(\d+)x(\d+)x(\d+)", name)
    if found is None:
        return None
    m, n, k = map(int, found.groups())
    if not (min(m, n, k) >= 1 and max(m, n, k) <= LONGEST):
        raise ValueError(f"{name}: sizes are from 1 to {LONGEST}")
    return product_of((m, n, k))


def groups() -> dict[str, list[Job]]:
    """Products that are asked for together: ``squares`` and ``shapes``."""
    shapes = random_shapes(SHAPES_SEED, SHAPES, LARGEST)
    return {
        "squares": [product_of((side, side, side)) for side in SIDES],
        "shapes": [product_of((shape.m, shape.n, shape.k)) for shape in shapes],
    }
