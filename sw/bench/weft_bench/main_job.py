"""The main job, `weft sim`: products and the digits classifier on the chip, told and reported."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.text import Text

from weft.config import Config
from weft_driver import Device

from .activity import Activity
from .digits_run import DigitsResult, run_digits
from .files import write_atomically
from .gemm import Ask, run_gemm
from .results import Result, identity
from .scramble import scramble
from .shapes import Shape
from .terminal import bins_bar, console, number, result_table, share, track

JOBS = (
    (Shape("", "smallest tile", 16, 16, 16), Ask()),
    (Shape("", "square", 64, 64, 64), Ask()),
    (Shape("", "square", 128, 128, 128), Ask()),
    (Shape("", "square", 256, 256, 256), Ask()),
    (Shape("", "square", 512, 512, 512), Ask()),
    (Shape("", "row-major B", 256, 256, 256), Ask(b_layout="row_major")),
    (Shape("", "odd, int32", 101, 67, 259), Ask(out="int32")),
    (Shape("", "one row", 1, 1000, 512), Ask()),
)
"""Products of the main job, and how each is asked for."""

TRACED = 2
"""Which of `JOBS` gets a timeline: small enough to see its beginning and its end."""


@dataclass(frozen=True)
class MainResult:
    """Everything that the main job found.

    Parameters
    ----------
    config, device
        The chip and the URL that opens it.
    gemms
        One result for each of `JOBS`.
    digits
        The classifier.
    activities
        Timelines, none on a device without time.
    sim_khz
        Speed of the simulation: cycles per millisecond of CPU time over the products without a
        timeline.
    seconds
        Wall time of the whole job.
    """

    config: Config
    device: str
    gemms: list[Result]
    digits: DigitsResult
    activities: list[Activity]
    sim_khz: float | None
    seconds: float

    @property
    def mismatches(self) -> int:
        """Over all products and layers."""
        return sum(r.mismatches for r in self.gemms) + self.digits.mismatches

    @property
    def below_ideal(self) -> int:
        """Products that claim fewer cycles than the roofline."""
        return sum(r.cycles is not None and r.cycles < r.ideal_cycles for r in self.gemms)

    @property
    def ok(self) -> bool:
        """Everything is right."""
        return self.mismatches == 0 and self.below_ideal == 0 and self.digits.ok

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values, timelines excepted."""
        who = identity(self.config, self.device)
        return who | {
            "ok": self.ok,
            "mismatches": self.mismatches,
            "gemms": [who | row.to_json() for row in self.gemms],
            "digits": who | self.digits.to_json(),
            "sim_khz": self.sim_khz,
            "seconds": self.seconds,
        }


def golden_url(url: str) -> str:
    """The golden device of the configuration that another device URL names."""
    return "golden:" + url.partition("?")[0].partition(":")[2]


@contextlib.contextmanager
def recorded(device: Device, title: str, into: list[Activity]) -> Iterator[None]:
    """Record the activity of the one program that runs inside; nothing where there is no time."""
    transport: Any = device.transport
    if not hasattr(transport, "record_activity"):
        yield
        return
    transport.record_activity(True)
    try:
        yield
    finally:
        transport.record_activity(False)
    cycles = device.last_run.cycles if device.last_run else None
    changes, values = transport.activity()
    into.append(Activity.of_program(title, changes, values, cycles or 0))


def measure(device: Device, started: float) -> MainResult:
    """Run every product and the classifier; ``started`` is when the job began."""
    activities: list[Activity] = []
    gemms = []
    scramble(device, np.random.default_rng(1))
    work = [shape.macs + 1e6 for shape, _ in JOBS]
    for i, (shape, ask) in enumerate(track(JOBS, work, "products")):
        if i == TRACED:
            with recorded(device, f"{shape.m} x {shape.n} x {shape.k}", activities):
                gemms.append(run_gemm(device, shape, ask))
        else:
            gemms.append(run_gemm(device, shape, ask))
    with recorded(device, "digits: three layers", activities):
        digits = run_digits(device, golden_url(device.url))
    timed = [r for i, r in enumerate(gemms) if i != TRACED and r.cycles and r.sim_seconds]
    seconds = sum(r.sim_seconds or 0 for r in timed)
    return MainResult(
        config=device.config,
        device=device.url,
        gemms=gemms,
        digits=digits,
        activities=activities,
        sim_khz=sum(r.cycles or 0 for r in timed) / seconds / 1e3 if seconds else None,
        seconds=time.perf_counter() - started,
    )


def lines(result: MainResult) -> Iterator[Any]:
    """What the job found, for a terminal."""
    config, digits = result.config, result.digits
    yield Text(f"{config.rows} x {config.cols} array, {result.device}", "bold")
    yield result_table(result.gemms)
    yield ""
    yield Text(f"digits: MLP 64-64-32-10, {digits.images} held-out images, one program", "bold")
    yield (
        f"accuracy    {share(digits.float_accuracy, 2)} float, {share(digits.int8_accuracy, 2)} "
        f"int8 on the chip ({digits.images_lost:+} images lost)"
    )
    run = digits.run
    if run.cycles and run.bins:
        yield f"cycles      {number(run.cycles)}, at best {number(digits.ideal_cycles)}"
        yield f"utilization {share(run.utilisation)}"
        yield Text("bins        ") + bins_bar(run.bins)
    else:
        yield "cycles      - (this device keeps no time)"
    yield ""
    good = "green" if result.ok else "bold red"
    yield Text.assemble(
        "mismatches  ",
        (str(result.mismatches), good),
        " (products against numpy; layers against numpy and the golden model)",
    )
    if result.below_ideal:
        yield Text(f"{result.below_ideal} products claim less than the roofline", "bold red")
    if result.sim_khz:
        yield f"simulation  {number(result.sim_khz)} kHz"
    yield f"time        {result.seconds:.1f} s"


def run_main_job(url: str, folder: Path) -> dict[str, Any]:
    """Run it, print what it found on standard error, write the report, and return the JSON value.

    Parameters
    ----------
    url
        The device.
    folder
        Where ``report.html`` and ``result.json`` go.
    """
    from .report import report_page  # matplotlib takes a second to load: after the device is open

    started = time.perf_counter()
    with Device(url) as device:
        result = measure(device, started)
    value = result.to_json()
    report = folder / "report.html"
    write_atomically(report, report_page(result))
    write_atomically(folder / "result.json", json.dumps(value, indent=2) + "\n")
    screen = console()
    for line in lines(result):
        screen.print(line, markup=False, soft_wrap=True)
    screen.print(f"report      {report} (open it in a browser)", markup=False, soft_wrap=True)
    return value
