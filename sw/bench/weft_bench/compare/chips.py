"""The chip's devices: which configuration, which engine, which memory, which clock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from weft.arch.link import BAUD, FRAME_HEAD, MAX_WORDS, WORD_BYTES
from weft.arch.memory import BLOCK_MEMORY, MemoryTiming
from weft.boards.table import find_board
from weft.config import Config
from weft_driver import Device
from weft_driver.run import Run

from .clock import Clock, find_clock
from .job import ChipRun, Job, Task
from .reasons import MACS, chip_reason, si
from .row import Row

BOARD = "ulx3s"
"""Board and preset that time is given for."""

SDRAM = MemoryTiming(latency=12, outstanding=2, read_interval=4, write_interval=4)
"""The board's SDRAM, modelled, for jobs that its block RAM does not hold: 16 bits a cycle of the
chip's clock, which makes 4 cycles for a beat of 8 bytes, and 12 for a row to open (a precharge, an
activation and a read of 2 to 3 cycles each, and the controller). Refresh is left out. No controller
for it has been built here."""

LINE_BITS = 10
"""On a serial line for each byte."""

CODE_BYTES = 8 * 1024
"""Room for programs, kernels and stacks beside a job's arrays."""


@dataclass(frozen=True)
class ChipDevice:
    """A device of the comparison.

    Parameters
    ----------
    name
        As it is shown and chosen.
    engine
        One of `weft_bench.compare.job.ENGINES`.
    spec
        The configuration.
    part
        What of it has to be placed for a clock, as `weft synth --part`; None: cycles only.
    """

    name: str
    engine: str
    spec: str
    part: str | None = None

    @property
    def config(self) -> Config:
        """The configuration."""
        return Config.parse(self.spec)

    @property
    def clock(self) -> Clock:
        """Its recorded clock."""
        return find_clock(self.spec, self.part)

    def timing(self, task: Task) -> tuple[MemoryTiming, str]:
        """The memory that is simulated, in numbers and in words."""
        if self.part is None:
            timing = MemoryTiming()
            return timing, f"one beat a cycle, {timing.latency} cycles of latency"
        room = find_board(BOARD).memory_bytes
        if task.traffic + CODE_BYTES <= room:
            return BLOCK_MEMORY, f"the board's block RAM, {room >> 10} KiB"
        return SDRAM, "SDRAM of the board, modelled: 16 bits a cycle, 12 cycles of latency"


SMALL_CPU = "lanes=1,warps=1"

DEVICES = (
    ChipDevice("array", "array", "base"),
    ChipDevice("simt", "simt", "base"),
    ChipDevice("chip", "chip", "base"),
    ChipDevice("core", "simt", f"base,{SMALL_CPU}"),
    ChipDevice("array@ulx3s", "array", "ulx3s", "board"),
    ChipDevice("simt@ulx3s", "simt", "ulx3s", "board"),
    ChipDevice("chip@ulx3s", "chip", "ulx3s", "board"),
    # Of the array's size nothing is in the core: `rows` says as what it was placed and routed.
    ChipDevice("core@ulx3s", "simt", f"ulx3s,rows=8,{SMALL_CPU},fp=full", "simt"),
)
"""Array, SIMT core, both at once, and the small CPU: as preset `base` in cycles, and as placed."""


def link_seconds(size: int) -> float:
    """How long so many bytes take over the board's serial line, without the driver's checks."""
    frames = -(-size // (WORD_BYTES * MAX_WORDS))
    return (size + FRAME_HEAD * frames) * LINE_BITS / BAUD


def blank(job: Job, task: Task, device: ChipDevice, reason: str = "") -> Row:
    """The row of a device that has not done the job, or not yet."""
    clock = device.clock
    return Row.of(
        job,
        task,
        device=device.name,
        family="chip",
        engine=device.engine,
        preset=device.spec,
        kind="simulated",
        fmax_mhz=clock.mhz,
        fmax_source=clock.source,
        config_hash=device.config.hash_hex,
        reason=reason,
    )


CYCLES_PER_MAC = {"array": 1 / 200, "simt": 0.2, "simt@ulx3s": 0.5, "core": 18, "core@ulx3s": 20}
"""Roughly, for int8 products; only for how long a simulation would take."""

MOST_CYCLES = 6e6
"""Products by size (``product-MxNxK``) are not simulated on a device where they take longer."""


def too_long(job: Job, task: Task, device: ChipDevice) -> str | None:
    """Why a product is not simulated; None where it is."""
    cycles = task.operations * CYCLES_PER_MAC.get(device.name, 1 / 100)
    if not job.name.startswith("product-") or cycles <= MOST_CYCLES:
        return None
    return f"about {si(cycles)} cycles are not simulated: `weft advise` estimates them"


def refusal(job: Job, task: Task, device: ChipDevice) -> str | None:
    """Why a device does not do a job; None where it does."""
    how = job.chips.get(device.engine)
    if how is None:
        return "it has no part in this job"
    if isinstance(how, str):
        return how
    config = device.config
    if job.needs_float and device.engine != "array" and config.fp == "none":
        return f"the SIMT core of {device.spec.partition(',')[0]} has no floating point"
    return too_long(job, task, device)


def shown(job: Job, device: ChipDevice) -> bool:
    """Whether a device has a row for a job."""
    return device.engine in job.chips


def run_chip(
    device: ChipDevice, tasks: Sequence[tuple[Job, Task]], transport_query: str = ""
) -> Iterator[Row]:
    """All jobs on one device of the chip, one row after the other; the simulator is open meanwhile.

    Parameters
    ----------
    device
        Which.
    tasks
        Jobs with their tasks.
    transport_query
        Options of the simulated device's URL.
    """
    able = [pair for pair in tasks if shown(pair[0], device)]
    if all(refusal(job, task, device) for job, task in able):
        for job, task in able:
            yield blank(job, task, device, refusal(job, task, device) or "")
        return
    with Device(f"verilator:{device.spec}{transport_query}") as chip:
        for job, task in able:
            reason = refusal(job, task, device)
            yield blank(job, task, device, reason) if reason else measure(chip, device, job, task)


def measure(chip: Device, device: ChipDevice, job: Job, task: Task) -> Row:
    """One job on an open device."""
    how = job.chips[device.engine]
    assert not isinstance(how, str)
    transport: Any = chip.transport
    timing, memory = device.timing(task)
    transport.set_timing(timing)
    return row_of(device, job, task, how(chip, task), memory)


def row_of(device: ChipDevice, job: Job, task: Task, done: ChipRun, memory: str) -> Row:
    """A row from what a chip has done."""
    run, config, clock = done.run, device.config, device.clock
    assert run.cycles
    wrong = task.mismatches(done.results)
    row = replace(
        blank(job, task, device),
        correct=not wrong,
        mismatches=wrong,
        seconds=clock.seconds(run.cycles),
        cycles=run.cycles,
        utilization=_utilization(device.engine, run),
        roofline=_roofline(device.engine, config, job, task, run),
        parts=parts(device.engine, run),
        bins=run.kernel_bins if device.engine == "simt" else run.bins,
        lane_utilization=run.lane_utilization,
        issue_rate=run.issue_rate,
        bus_share=max(run.counters["read_beats"], run.counters["write_beats"]) / run.cycles,
        memory=memory,
        link_seconds=link_seconds(task.traffic) if device.part else None,
        more=dict(done.more),
        activity=done.activity,
    )
    return replace(row, reason=chip_reason(row))


def _utilization(engine: str, run: Run) -> float | None:
    """Share of the array's multipliers' cycles, or of the lanes' cycles, that did work."""
    if engine != "simt":
        return run.utilisation
    return run.kernel["active_lanes"] / (run.lanes * (run.cycles or 1))


DOT4 = 4
"""Multiply-accumulates of one instruction of one lane."""


def _roofline(engine: str, config: Config, job: Job, task: Task, run: Run) -> float | None:
    """Share of what the peak and both directions of the memory port allow."""
    peak = config.rows * config.cols
    if engine == "simt":
        peak = config.lanes * (1 if job.needs_float or job.unit != MACS else DOT4)
    allowed = min(peak, task.intensity * 2 * config.bus_bytes)
    return task.operations / (run.cycles or 1) / allowed


def parts(engine: str, run: Run) -> dict[str, int]:
    """Cycles of a run: computing, waiting for memory, beginning and ending."""
    assert run.cycles
    bins: Mapping[str, int] = (run.kernel_bins if engine == "simt" else run.bins) or {}
    names = MEMORY_BINS[engine == "simt"]
    memory = sum(bins[name] for name in names)
    if engine == "simt":
        command = bins["empty"] + run.cycles - sum(bins.values())
    else:
        command = bins["fill"] + bins["idle"]
    return {"compute": run.cycles - memory - command, "memory": memory, "command": command}


MEMORY_BINS = (("weights", "operands", "accumulator"), ("wait_memory", "wait_code"))
"""Bins of the array and of kernels in which something waits for main memory, or for data from it
to come through an SRAM."""
