"""The host's CPU: libraries, threads, and how calls are timed."""

import contextlib
import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from .job import HOSTS, Arrays, Job, Task
from .machine import Machine, copy_seconds
from .row import Row

NEEDED = {"numpy": ("threadpoolctl",), "numba": ("numba",), "onnxruntime": ("onnxruntime", "onnx")}
"""Packages that a library needs here, all of the extra `compare`."""

WARM_UP = 2
"""Calls before those that are timed; the first one is reported apart."""

LEAST_CALLS, MOST_CALLS = 7, 1000
SECONDS = 0.2, 0.05
"""How long calls are repeated; the second is for quick runs."""


@dataclass(frozen=True)
class HostDevice:
    """A package on so many threads."""

    package: str
    threads: int

    @property
    def name(self) -> str:
        """As it is shown and chosen."""
        return f"cpu {self.package} {self.threads}"


def all_threads() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def devices() -> list[HostDevice]:
    """Every library, on all threads and on one.

    All threads come first: a library that starts its threads later would start them pinned.
    """
    threads = dict.fromkeys((all_threads(), 1))
    return [HostDevice(library, count) for library in HOSTS for count in threads]


def missing(library: str) -> str | None:
    """How to get a library; None where it is there."""
    for package in NEEDED[library]:
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed: pip install 'weft[compare]'"
    return None


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """BLAS on so many threads; with one, this thread is pinned to one CPU meanwhile."""
    from threadpoolctl import threadpool_limits

    pinned = count == 1 and hasattr(os, "sched_setaffinity")
    before = os.sched_getaffinity(0) if pinned else set()
    with threadpool_limits(limits=count):
        if pinned:
            os.sched_setaffinity(0, {min(before)})
        try:
            yield
        finally:
            if pinned:
                os.sched_setaffinity(0, before)


@dataclass(frozen=True)
class Timed:
    """Calls that were timed: results and time of the first, median and number of the others."""

    results: Arrays
    first: float
    median: float
    calls: int


def timed(call: Callable[[], Arrays], seconds: float) -> Timed:
    """Time a function for about so many seconds."""
    start = time.perf_counter()
    results = call()
    first = time.perf_counter() - start
    for _ in range(WARM_UP - 1):
        call()
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while len(taken) < LEAST_CALLS or (time.perf_counter() < until and len(taken) < MOST_CALLS):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return Timed(results, first, statistics.median(taken), len(taken))


def run_host(
    device: HostDevice, tasks: Sequence[tuple[Job, Task]], machine: Machine, quick: bool
) -> Iterator[Row]:
    """All jobs by one library on the host's CPU."""
    absent = missing(device.package)
    for job, task in tasks:
        if device.package not in job.hosts:
            continue
        how = job.hosts[device.package]
        reason = how if isinstance(how, str) else absent
        if isinstance(how, str) or absent:
            yield _blank(job, task, device, reason or "")
            continue
        with threads(device.threads):
            found = timed(how(task, device.threads), SECONDS[quick])
        yield host_row(job, task, device, found, machine)


def _blank(job: Job, task: Task, device: HostDevice, reason: str = "") -> Row:
    return Row.of(job, task, device=device.name, family="cpu", kind="measured", reason=reason)


def host_row(job: Job, task: Task, device: HostDevice, found: Timed, machine: Machine) -> Row:
    """A row from what was timed."""
    from .reasons import host_reason

    wrong = task.mismatches(found.results)
    row = replace(
        _blank(job, task, device),
        correct=not wrong,
        mismatches=wrong,
        seconds=found.median,
        first_seconds=found.first,
        repeats=found.calls,
    )
    speed = machine.speed(device.threads)
    peak = speed.int8_macs if device.package == "onnxruntime" else speed.macs
    share, reason = host_reason(row, peak, speed.call, copy_seconds(task.traffic))
    return replace(row, utilization=share, roofline=share, reason=reason)
