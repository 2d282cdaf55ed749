"""The kernel library on the gateware: results, counters against the simulator's, issue rate.

``WEFT_LONG=1`` runs every kernel at every awkward size on 1 x 1, 2 x 4 and 8 x 16, all with
floating point, and the figures of the issue rate.
"""

import dataclasses

import pytest

from weft.gateware.simt.sizes import Sizes
from weft_bench.kernels import AWKWARD, KERNELS

from .conftest import LONG
from .pair import SMALL, TINY, ids
from .rtl_kernels import run_kernel

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

GPU = Sizes(lanes=8, warps=16, fp="full")
FLOATS = {"saxpy", "vector_add", "dot_product", "softmax", "layer_norm", "gelu", "gemm_float"}
FLOATS |= {"depthwise", "mandelbrot", "mandelbrot_inside", "ray_tracer"}

TIMED = {"bfs"}
"""What these issue depends on which warp is faster."""


def cases():
    """Core, kernel and size; few by default."""
    if LONG:
        cores = [dataclasses.replace(TINY, fp="full"), SMALL, GPU]
        named = [(s, k.name, size) for s in cores for k in KERNELS.values() for size in k.sizes]
    else:
        each = list(enumerate(KERNELS.values()))
        named = [(SMALL, k.name, min(k.sizes[-1], AWKWARD[i % 4])) for i, k in each]
        named += [(TINY, k.name, min(k.sizes[-1], 67)) for _, k in each if k.name not in FLOATS]
    return [pytest.param(*case, id=f"{case[1]}-{case[2]}-{ids(case[0])}") for case in named]


@pytest.mark.parametrize(("sizes", "name", "size"), cases())
def test_kernels(sizes, name, size):
    run = run_kernel(name, size, sizes, seed=size, latency=7, spread=5, stall=10)
    assert run.result.mismatches == 0, f"largest errors {run.result.errors}"
    if name not in TIMED:
        expected = dataclasses.asdict(run.expected)
        for counter, value in run.outcome.counters().items():
            assert value == expected[counter], counter


@pytest.mark.skipif(not LONG, reason="builds the large core; WEFT_LONG=1 runs it")
@pytest.mark.parametrize("latency", [0, 40])
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("saxpy", 16_384),
        ("vector_add", 16_000),
        ("reduction", 16_384),
        ("transpose", 64 * 64),
        ("gemm_int8", 64 * 64),
        ("mandelbrot_inside", 64 * 64),
    ],
)
def test_issue_rate(name, size, latency):
    """Data in shared memory; code in a main memory of that many cycles."""
    run = run_kernel(name, size, GPU, "shared", simulated=False, latency=latency)
    assert run.result.mismatches == 0
    print(f"{name}: {run.outcome.issued} issued in {run.outcome.cycles} cycles")
    assert run.issue_rate >= 0.95, f"{run.issue_rate:.4f}"
    most = KERNELS[name].most
    assert most is None or run.result.instructions_per_item(run.work) <= most
