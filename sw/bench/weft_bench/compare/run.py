"""A comparison: every job on every device, checked, with progress."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import typer

from ..terminal import console, progress_bar
from . import chips, gpu, hosts, latency
from .chips import ChipDevice
from .job import Job, Task
from .jobs import find_job
from .machine import Machine, examine
from .row import Row

SLOW = {"core": 12.0, "core@ulx3s": 25.0}
"""How much longer than others these devices take to simulate, for the order and the bar."""


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Parameters
    ----------
    quick
        Whether sizes were those of a quick run.
    date
        Day of the run, ISO 8601.
    machine
        The host.
    gpu
        About the GPU; None without one.
    rows
        By job, then by device.
    latency
        Throughput against memory latency, `weft_bench.compare.latency.LatencyPoint` as JSON.
    """

    quick: bool
    date: str
    machine: dict[str, Any]
    gpu: dict[str, str] | None
    rows: tuple[Row, ...]
    latency: tuple[dict[str, Any], ...] = ()

    @property
    def wrong(self) -> list[Row]:
        """Rows with a wrong result."""
        return [row for row in self.rows if row.correct is False]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        rows = [row.to_json() for row in self.rows]
        return {
            "quick": self.quick,
            "date": self.date,
            "machine": self.machine,
            "gpu": self.gpu,
            "rows": rows,
            "latency": list(self.latency),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Comparison":
        """What `to_json` wrote."""
        rows = tuple(Row.from_json(row) for row in value["rows"])
        return cls(
            value["quick"],
            value["date"],
            value["machine"],
            value["gpu"],
            rows,
            tuple(value.get("latency", ())),
        )


LEFT_OUT = ("core@ulx3s",)
"""Devices that a quick run leaves out if nobody asks for them: they take longest to simulate."""


def parse_devices(text: str | None, quick: bool = False) -> tuple[str, ...]:
    """Read ``array,cpu``: families ``cpu``, ``gpu``, and names of the chip's devices.

    None stands for all; in a quick run for all but `LEFT_OUT`.

    Raises
    ------
    ValueError
        There is no such device; names those that there are.
    """
    known = ("cpu", "gpu", *(device.name for device in chips.DEVICES))
    if text is None:
        return tuple(name for name in known if not (quick and name in LEFT_OUT))
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in known:
            raise ValueError(f"no device {name!r}; devices: {', '.join(known)}")
    return names


def compare(
    jobs: Sequence[Job], devices: Sequence[str], quick: bool, gpu_choice: str, date: str
) -> Comparison:
    """Run jobs on devices: the host alone first, then chips, as many at once as there are CPUs.

    Parameters
    ----------
    jobs, devices
        As `parse_jobs` and `parse_devices` give them.
    quick
        Smaller sizes, shorter measurements.
    gpu_choice
        ``auto`` or ``off``.
    date
        To be put down.
    """
    state = gpu.find(gpu_choice if "gpu" in devices else "off")
    machine = examine()
    tasks = [(job, job.make(quick)) for job in jobs]
    rows: list[Row] = []
    if "cpu" in devices:
        rows += _on_host(tasks, machine, quick)
    if "gpu" in devices:
        rows += gpu.run_gpu(state, tasks)
    wanted = [device for device in chips.DEVICES if device.name in devices]
    rows += _on_chips(tasks, wanted, quick)
    order = {job.name: i for i, job in enumerate(jobs)}
    rows.sort(key=lambda row: order[row.job])  # stable: devices stay in order
    dial = latency.measure() if {"array", "simt"} <= set(devices) else []
    points = tuple(point.to_json() for point in dial)
    return Comparison(quick, date, machine.to_json(), state.about, tuple(rows), points)


def _on_host(tasks: Sequence[tuple[Job, Task]], machine: Machine, quick: bool) -> Iterator[Row]:
    for device in hosts.devices():
        typer.echo(f"{device.name}: {len(tasks)} jobs", err=True)
        yield from hosts.run_host(device, tasks, machine, quick)


def _on_chips(
    tasks: Sequence[tuple[Job, Task]], devices: Sequence[ChipDevice], quick: bool
) -> list[Row]:
    """Rows in the order of devices, then jobs."""
    found: dict[tuple[str, str], Row] = {}
    todo: list[tuple[float, ChipDevice, Job, Task]] = []
    for device in devices:
        for job, task in tasks:
            if not chips.shown(job, device):
                continue
            reason = chips.refusal(job, task, device)
            if reason:
                found[device.name, job.name] = chips.blank(job, task, device, reason)
            else:
                weight = task.operations * SLOW.get(device.name, 1.0)
                todo.append((weight, device, job, task))
    _build({device.spec for _, device, _, _ in todo})
    todo.sort(key=lambda item: -item[0])
    spawn = get_context("spawn")
    with (
        progress_bar("simulating", sum(item[0] for item in todo)) as advance,
        ProcessPoolExecutor(min(len(todo), hosts.all_threads()) or 1, spawn) as pool,
    ):
        futures = {
            pool.submit(_one, device.name, job.name, quick): (weight, device, job)
            for weight, device, job, _ in todo
        }
        for future in as_completed(futures):
            weight, device, job = futures[future]
            found[device.name, job.name] = future.result()
            advance(weight)
            if not console().is_terminal:
                typer.echo(f"{device.name}: {job.name}", err=True)
    order = [(device.name, job.name) for device in devices for job, _ in tasks]
    return [found[key] for key in order if key in found]


def _build(specs: set[str]) -> None:
    """Build the simulators that are missing, one after the other, before several are wanted."""
    from weft_driver import Device

    for spec in sorted(specs):
        Device(f"verilator:{spec}").close()


def _one(device_name: str, job_name: str, quick: bool) -> Row:
    """One job on one chip, in a process of its own."""
    device = next(device for device in chips.DEVICES if device.name == device_name)
    job = find_job(job_name)
    (row,) = chips.run_chip(device, [(job, job.make(quick))])
    return row
