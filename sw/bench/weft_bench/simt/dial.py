"""The latency dial: throughput from main memory against warps in use, under several latencies."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from weft.arch.commands import COMMAND_BYTES
from weft.arch.memory import MemoryTiming
from weft.arch.simt import Core, Dim
from weft.config import Config
from weft_driver import Device
from weft_driver.kernels import KernelFile, load_kernels

from ..kernels import LibraryKernel, Work
from ..terminal import track
from .bound import Bound, Mix, bound, mix
from .on_chip import on_chip

KERNELS = "vector_add,saxpy"
"""Those that are measured when none are named."""

EACH = 128
"""Elements for each thread, when no size is given: what 16,384 are for 128 threads."""

DEFAULT = MemoryTiming().latency


@dataclass(frozen=True, kw_only=True)
class Point:
    """One kernel on so many warps under one latency.

    Parameters
    ----------
    kernel, size, lanes, warps, memory, latency
        What ran; ``warps`` are those in use, ``memory`` is ``main``.
    core_warps
        Those that the core has.
    cycles, issued, issue_rate, lane_utilization, mismatches
        As in `weft_bench.simt.results.KernelResult`.
    items_per_cycle
        Elements of the work in a cycle.
    bound_issue, bound_bus, bound_warps
        Terms of the bound, see `weft_bench.simt.bound.Bound`.
    bound
        The least of them.
    share
        ``issue_rate / bound``.
    """

    kernel: str
    size: int
    lanes: int
    warps: int
    core_warps: int
    memory: str
    latency: int
    cycles: int
    issued: int
    issue_rate: float
    lane_utilization: float
    mismatches: int
    items_per_cycle: float
    bound_issue: float
    bound_bus: float
    bound_warps: float
    bound: float
    share: float

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


def parse_latencies(text: str) -> list[int]:
    """Read ``40``, ``1,40,200`` or a range ``1:200``: its ends, doublings, and the default.

    Raises
    ------
    ValueError
        It is not of this form.
    """
    try:
        if ":" not in text:
            found = [int(part) for part in text.split(",")]
        else:
            low, high = (int(part) for part in text.split(":"))
            found = [low, high, *([DEFAULT] if low < DEFAULT < high else [])]
            while low and (low := 2 * low) < high:
                found.append(low)
            if found[0] > high:
                found = [0]
    except ValueError:
        found = [0]
    if min(found) < 1 or max(found) > 1_000_000:
        raise ValueError(
            f"--latency {text} is not valid: cycles from 1 on, as A:B with A <= B, or A,B,..."
        )
    return sorted(set(found))


def steps(warps: int) -> list[int]:
    """Warps to use on a core of so many: powers of two, and all."""
    return [*(1 << i for i in range(warps.bit_length()) if 1 << i < warps), warps]


def on_warps(kernel: LibraryKernel, warps: int) -> LibraryKernel:
    """The same kernel in one block of so many whole warps."""

    def one_block(core: Core, work: Work) -> tuple[Dim, Dim]:
        return (1, 1, 1), (core.lanes * warps, 1, 1)

    return replace(kernel, geometry=one_block)


def run_dial(
    device: Device,
    kernels: Sequence[LibraryKernel],
    latencies: Sequence[int],
    size: int | None = None,
) -> list[Point]:
    """Measure every kernel on every number of warps under every latency, with progress.

    Parameters
    ----------
    device
        A simulated chip; the latency of its memory is the last one afterwards.
    size
        Elements for each warp in use; `EACH` for each thread when left out.

    Raises
    ------
    ValueError
        The device keeps no time; or a kernel that the bound does not know.
    """
    transport: Any = device.transport
    if not transport.timed or not hasattr(transport, "set_timing"):
        raise ValueError(f"{device.url} has no memory latency: --device verilator:base has")
    core = Core.of(device.config)
    each = EACH * core.lanes if size is None else size
    counted: dict[tuple[str, int], tuple[LibraryKernel, KernelFile, Mix]] = {}
    for kernel in kernels:
        file = load_kernels(kernel.source)
        if file.needs_float and not core.has_float:
            raise ValueError(f"{kernel.name} needs floating point, which {device.url} has not")
        for warps in steps(core.warps):
            on = on_warps(kernel, warps)
            counted[kernel.name, warps] = on, file, mix(on, file, each * warps, core)
    asked = [
        (latency, warps, kernel.name)
        for kernel in kernels
        for latency in latencies
        for warps in steps(core.warps)
    ]
    points = []
    for latency, warps, name in track(asked, [20.0 + case[0] for case in asked], "latencies"):
        transport.set_timing(replace(transport.timing, latency=latency))
        points.append(_measure(device, *counted[name, warps], each * warps, warps, latency))
    return points


def _measure(
    device: Device,
    kernel: LibraryKernel,
    file: KernelFile,
    counted: Mix,
    size: int,
    warps: int,
    latency: int,
) -> Point:
    done = on_chip(device, kernel, size, "main", file)
    run, config = done.run, device.config
    cycles, issued = run.kernel_cycles, run.kernel["issued"]
    assert cycles
    assert issued == counted.instructions, "the chip has done something else"
    limit = bound(config, counted, warps, latency, busier(config, run.counters, run.commands))
    return Point(
        kernel=kernel.name,
        size=size,
        lanes=config.lanes,
        warps=warps,
        core_warps=config.warps,
        memory="main",
        latency=latency,
        cycles=cycles,
        issued=issued,
        issue_rate=issued / cycles,
        lane_utilization=run.lane_utilization or 0.0,
        mismatches=done.outcome.mismatches,
        items_per_cycle=done.work.items / cycles,
        **_terms(limit),
        share=issued / cycles / limit.value,
    )


def busier(config: Config, counters: dict[str, int], commands: int) -> int:
    """Beats of the busier direction of the memory port, those of the commands left out."""
    fetched = commands * COMMAND_BYTES // config.bus_bytes
    return max(counters["read_beats"] - fetched, counters["write_beats"])


def _terms(limit: Bound) -> dict[str, float]:
    terms = {f"bound_{name}": value for name, value in asdict(limit).items()}
    return terms | {"bound": limit.value}
