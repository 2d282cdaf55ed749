"""What a measured kernel is: one row."""

from dataclasses import asdict, dataclass
from typing import Any

from weft.config import Config
from weft_driver import Device

from ..kernels import LibraryKernel
from ..kernels.simulate import Where
from .on_chip import ChipRun


@dataclass(frozen=True, kw_only=True)
class KernelResult:
    """One kernel on one core; timing is None on a device that has no clock.

    Parameters
    ----------
    kernel, size, lanes, warps, memory
        What ran, on which core; ``memory`` is where its arrays lay, ``main`` or ``shared``.
    latency
        Of main memory, in cycles.
    cycles, bins
        From LAUNCH to its post; how they fall into `weft_driver.run.Run.kernel_bins`.
    issued, issue_rate
        Retired warp-instructions, and how many in a cycle.
    lane_utilization
        Share of lanes that took part in them.
    mismatches
        Elements that are further from the reference than the kernel's tolerance.
    items, unit, instructions_per_item
        What the work consists of, and instructions of single threads for each.
    counters
        All that the kernel counted.
    program_cycles
        Of the whole program, from doorbell to interrupt.
    sim_seconds
        Process CPU time of the simulation of the whole program.
    """

    kernel: str
    size: int
    lanes: int
    warps: int
    memory: Where
    latency: int | None
    cycles: int | None
    bins: dict[str, int] | None
    issued: int
    issue_rate: float | None
    lane_utilization: float | None
    mismatches: int
    items: int
    unit: str
    instructions_per_item: float
    counters: dict[str, int]
    program_cycles: int | None
    sim_seconds: float | None

    @property
    def sim_khz(self) -> float | None:
        """Simulated cycles per millisecond of CPU time."""
        known = self.program_cycles and self.sim_seconds
        return (self.program_cycles or 0) / (self.sim_seconds or 1) / 1e3 if known else None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self) | {"sim_khz": self.sim_khz}


def kernel_result(
    device: Device,
    kernel: LibraryKernel,
    size: int,
    where: Where,
    done: ChipRun,
    sim_seconds: float | None,
) -> KernelResult:
    """A row from a run on a device; ``sim_seconds`` as in `KernelResult`."""
    config: Config = device.config
    timing = getattr(device.transport, "timing", None)
    return KernelResult(
        kernel=kernel.name,
        size=size,
        lanes=config.lanes,
        warps=config.warps,
        memory=where,
        latency=timing.latency if timing and device.transport.timed else None,
        cycles=done.run.kernel_cycles,
        bins=done.run.kernel_bins,
        issued=done.run.kernel["issued"],
        issue_rate=done.run.issue_rate,
        lane_utilization=done.run.lane_utilization,
        mismatches=done.outcome.mismatches,
        items=done.work.items,
        unit=kernel.unit,
        instructions_per_item=done.outcome.instructions_per_item(done.work),
        counters=done.run.kernel,
        program_cycles=done.run.cycles,
        sim_seconds=sim_seconds,
    )
