"""Two engines at once: the array multiplies tile i + 1 while the SIMT core works on tile i.

One program: for each tile a product, and the launch of a kernel on its int32 sums. Nothing in it
asks for the overlap; it follows from semaphores that order only what touches the same bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.arch.simt import Core
from weft_driver import Device
from weft_driver.program import Program
from weft_driver.run import Run
from weft_driver.tensors import Tensor

from ..activity import SIMT_BIT, Activity
from ..gemm import random_int8, sim_seconds
from ..kernels import Array, writes
from ..kernels.reductions import SOFTMAX_ULPS
from ..reference import exact_product

MATMUL_BIT = 1


@dataclass(frozen=True)
class Stage:
    """A kernel on int32 sums: ``name(rows, columns, scale, sums, y)``.

    Parameters
    ----------
    source, name
        C file and function.
    dtype
        Of y.
    reference
        ``reference(sums, scale)`` is y as it must be, with its tolerance.
    """

    source: Path
    name: str
    dtype: Any
    reference: Callable[[NDArray[Any], float], Array]


def _softmax(sums: NDArray[Any], scale: float) -> Array:
    # The kernel rounds a sum to float32 first, which is exact below 2^24.
    power = np.exp((sums - sums.max(axis=1, keepdims=True)) * np.float64(scale))
    return writes(power / power.sum(axis=1, keepdims=True), np.float32, ulps=SOFTMAX_ULPS)


SOFTMAX = Stage(
    Path(__file__).with_name("softmax_scores.c"), "softmax_scores", np.float32, _softmax
)


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What was measured; cycles from doorbell to interrupt where nothing else is said.

    Parameters
    ----------
    tiles, m, n, k
        Products of M x K and K x N.
    mismatches
        Elements of all results that are further off than their tolerance.
    cycles
        Of both together, in one program.
    array_alone, kernels_alone
        Of a program of the products alone, and of one of the kernels alone.
    matmul_busy, simt_busy
        Cycles in which the engines had a command, in the program of both.
    both_busy, both_work
        Cycles in which both had; and in which a row entered the array while a kernel ran.
    hidden
        ``array_alone + kernels_alone - cycles``.
    hidden_share
        The same as a share of the shorter of the two: what could be hidden at most.
    kernel_counters
        Of the kernels, in the program of both.
    sim_khz
        Thousand cycles of the program of both in a second of processor time.
    """

    tiles: int
    m: int
    n: int
    k: int
    mismatches: int
    cycles: int
    array_alone: int
    kernels_alone: int
    matmul_busy: int
    simt_busy: int
    both_busy: int
    both_work: int
    hidden: int
    hidden_share: float
    kernel_counters: dict[str, int]
    sim_khz: float | None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


def run_overlap(
    device: Device, tiles: int, shape: tuple[int, int, int], stage: Stage = SOFTMAX, seed: int = 1
) -> tuple[Overlap, Activity]:
    """Run both alone and together; check every element.

    Parameters
    ----------
    device
        A simulated chip with a SIMT core.
    tiles, shape
        How many products, and M, N, K of each.

    Raises
    ------
    ValueError
        The device keeps no time, or its core cannot run the kernel.
    """
    transport: Any = device.transport
    if not transport.timed or not hasattr(transport, "record_activity"):
        raise ValueError(f"{device.url} has no timeline: --device verilator:base has")
    core = Core.of(device.config)
    kernels = device.load_kernels(stage.source)
    if kernels.compiled.needs_float and not core.has_float:
        raise ValueError(f"{stage.name} needs floating point, which {device.url} has not")
    m, n, k = shape
    rng = np.random.default_rng([seed, *shape])
    left = [random_int8(rng, m, k) for _ in range(tiles)]
    right = random_int8(rng, k, n)
    scale = float(np.float32(1 / (74.0**2 * np.sqrt(k))))  # sums of this deviation: logits of 1
    sums = [exact_product(a, right) for a in left]
    wanted = [stage.reference(one, scale) for one in sums]
    results = [device.tensor(np.zeros((m, n), stage.dtype)) for _ in range(tiles)]
    kernel = kernels[stage.name]

    def launch(program: Program, source: Tensor, target: Tensor) -> None:
        program.launch(kernel, 1, core.threads, [m, n, scale, source, target])

    with device.program() as products:
        for a in left:
            products.matmul(a, right, out="int32")
    ready = [device.tensor(one.astype(np.int32)) for one in sums]
    with device.program() as launches:
        for source, target in zip(ready, results, strict=True):
            launch(launches, source, target)
    with device.program() as both:
        for a, target in zip(left, results, strict=True):
            launch(both, both.matmul(a, right, out="int32"), target)

    array_alone, kernels_alone = _cycles(products.run()), _cycles(launches.run())
    wrong = _mismatches(wanted, results)
    for target in results:
        target.write(np.zeros(target.shape, target.dtype))
    before = sim_seconds(device)
    transport.record_activity(True)
    run = both.run()
    transport.record_activity(False)
    spent = (sim_seconds(device) or 0) - (before or 0)
    wrong += _mismatches(wanted, results)
    cycles = _cycles(run)
    changes, values = transport.activity()
    activity = Activity.of_program(f"{tiles} x {stage.name}", changes, values, cycles)
    simt = activity.engine(SIMT_BIT)
    hidden = array_alone + kernels_alone - cycles
    return Overlap(
        tiles=tiles,
        m=m,
        n=n,
        k=k,
        mismatches=wrong,
        cycles=cycles,
        array_alone=array_alone,
        kernels_alone=kernels_alone,
        matmul_busy=run.counters["matmul_busy"],
        simt_busy=run.counters["simt_busy"],
        both_busy=activity.cycles_of(simt & activity.engine(MATMUL_BIT)),
        both_work=activity.cycles_of(simt & activity.bin("compute")),
        hidden=hidden,
        hidden_share=hidden / min(array_alone, kernels_alone),
        kernel_counters=run.kernel,
        sim_khz=cycles / spent / 1e3 if spent else None,
    ), activity


def _cycles(run: Run) -> int:
    assert run.cycles is not None
    return run.cycles


def _mismatches(wanted: Sequence[Array], results: Sequence[Tensor]) -> int:
    return sum(one.mismatches(got.numpy()) for one, got in zip(wanted, results, strict=True))
