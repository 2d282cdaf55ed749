"""Throughput against the latency of main memory: threads hide it, and so does prefetching."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from weft.arch.memory import MemoryTiming
from weft.arch.simt import Core
from weft_driver import Device

from ..kernels.work import FOLDER
from ..reference import exact_product
from .matrices import Shape, product_task
from .pixels import saxpy_task

LATENCIES = (1, 10, 40, 100, 200, 400)

PRODUCT: Shape = 256, 256, 256

OUTSTANDING = 16
"""Bursts that memory accepts at a time: what is open when latency grows is limited by it."""


@dataclass(frozen=True)
class LatencyPoint:
    """Throughput under one latency.

    Parameters
    ----------
    who
        The array, or the core with so many warps.
    latency
        Of main memory in cycles.
    cycles
        Doorbell to interrupt.
    correct
        Whether the result was right.
    """

    who: str
    latency: int
    cycles: int
    correct: bool

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


def measure(spec: str = "base") -> list[LatencyPoint]:
    """A product on the array, and saxpy on one and on all warps, under several latencies."""
    found: list[LatencyPoint] = []
    with Device(f"verilator:{spec}") as chip:
        core = Core.of(chip.config)
        found += [LatencyPoint("array", n, *_product(chip, n)) for n in LATENCIES]
        for warps in dict.fromkeys((1, 4, core.warps)):
            who = f"SIMT core, {warps} warp" + "s" * (warps > 1)
            threads = core.lanes * warps
            found += [LatencyPoint(who, n, *_saxpy(chip, n, threads)) for n in LATENCIES]
    return found


def _set(chip: Device, latency: int) -> None:
    transport: Any = chip.transport
    transport.set_timing(replace(MemoryTiming(), latency=latency, outstanding=OUTSTANDING))


def _product(chip: Device, latency: int) -> tuple[int, bool]:
    _set(chip, latency)
    task = product_task(PRODUCT)
    result = chip.matmul(task.inputs["a"], task.inputs["b"], out="int32")
    assert chip.last_run is not None
    assert chip.last_run.cycles
    wanted = exact_product(task.inputs["a"], task.inputs["b"])
    return chip.last_run.cycles, bool((result == wanted).all())


def _saxpy(chip: Device, latency: int, threads: int) -> tuple[int, bool]:
    _set(chip, latency)
    task = saxpy_task(True)
    kernel = chip.load_kernels(FOLDER / "saxpy.c")["saxpy"]
    x, y = task.inputs["x"], task.inputs["y"].copy()
    run = chip.launch(kernel, 1, threads, [len(x), float(task.inputs["a"][0]), x, y])
    assert run.cycles
    return run.cycles, task.mismatches([y]) == 0


def shares(points: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, float]]:
    """Throughput by who and latency, as a share of the most that the same engine has shown.

    Parameters
    ----------
    points
        `LatencyPoint` as JSON.
    """
    least: dict[str, int] = {}
    for point in points:
        engine = _engine(point["who"])
        least[engine] = min(point["cycles"], least.get(engine, point["cycles"]))
    found: dict[str, dict[int, float]] = {}
    for point in points:
        who = point["who"]
        found.setdefault(who, {})[point["latency"]] = least[_engine(who)] / point["cycles"]
    return found


def _engine(who: str) -> str:
    return who.partition(",")[0]
