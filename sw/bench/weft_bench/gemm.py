"""One random product on a device, checked against numpy, and tables of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft_driver import Device

from .reference import exact_product, requantise
from .results import OUT_BYTES, Result, ideal_cycles
from .scramble import scramble
from .shapes import Shape
from .terminal import track

B_LAYOUTS = ("packed", "row_major")
"""Layouts of B in memory: packed once by the host as the weight SRAM holds it, or as it is."""


@dataclass(frozen=True)
class Ask:
    """How products are measured.

    Parameters
    ----------
    out
        Type of C: ``int8`` (one scale for all columns, no bias) or ``int32``.
    b_layout
        One of `B_LAYOUTS`.
    seed
        Of the operands and of what lies in the SRAMs before.
    """

    out: str = "int8"
    b_layout: str = "packed"
    seed: int = 1

    def __post_init__(self) -> None:
        if self.out not in OUT_BYTES:
            raise ValueError(f"out = {self.out!r} is not valid: {' or '.join(OUT_BYTES)}")
        if self.b_layout not in B_LAYOUTS:
            raise ValueError(f"b = {self.b_layout!r} is not valid: {' or '.join(B_LAYOUTS)}")


def random_int8(rng: np.random.Generator, *shape: int) -> NDArray[np.int8]:
    """Uniform over all 256 values."""
    return rng.integers(-128, 128, shape, dtype=np.int8)


def fitting_scale(k: int) -> np.float32:
    """A scale that spreads sums of K random products over the int8 range, some of them beyond."""
    deviation = 74.0**2 * np.sqrt(k)  # of int8 uniform over its range: 73.9
    return np.float32(64 / deviation)


def sim_seconds(device: Device) -> float | None:
    """CPU seconds that the simulation of this device has run; None when it keeps no time."""
    return getattr(device.transport, "run_seconds", None)


def measured(device: Device, before: float | None) -> dict[str, Any]:
    """The timing fields of a `Result`, from the device's last run."""
    run = device.last_run
    assert run is not None
    after = sim_seconds(device)
    return {
        "cycles": run.cycles,
        "bins": run.bins,
        "bytes_read": run.bytes_read,
        "bytes_written": run.bytes_written,
        "commands": run.commands,
        "sim_seconds": None if before is None or after is None else after - before,
        "macs_per_cycle": device.config.rows * device.config.cols,
    }


def run_gemm(device: Device, shape: Shape, ask: Ask) -> Result:
    """Multiply random matrices on the device and compare every element with numpy.

    Raises
    ------
    weft_driver.DeviceError
        The chip halted.
    """
    rng = np.random.default_rng([ask.seed, shape.m, shape.n, shape.k])
    a, b = random_int8(rng, shape.m, shape.k), random_int8(rng, shape.k, shape.n)
    expected: NDArray[Any] = exact_product(a, b)
    options: dict[str, Any] = {"b_layout": ask.b_layout}
    if ask.out == "int8":
        options["scale"] = fitting_scale(shape.k)
        expected = requantise(expected, options["scale"])
    before = sim_seconds(device)
    c = device.matmul(a, b, **options)
    return Result(
        suite=shape.suite,
        name=shape.name,
        count=shape.count,
        m=shape.m,
        n=shape.n,
        k=shape.k,
        out=ask.out,
        b_layout=ask.b_layout,
        mismatches=int(np.count_nonzero(c != expected)),
        ideal_cycles=ideal_cycles(device.config, shape.m, shape.n, shape.k, ask.out),
        **measured(device, before),
    )


def run_one(device: Device, shape: Shape, ask: Ask) -> Result:
    """`run_gemm` after filling the chip's SRAMs with random bytes."""
    scramble(device, np.random.default_rng(ask.seed))
    return run_gemm(device, shape, ask)


def run_table(
    device: Device, shapes: Sequence[Shape], ask: Ask, what: str = "products"
) -> list[Result]:
    """Measure each shape of a table, with progress on standard error.

    SRAMs hold random bytes before the first product, and what random operands left before the
    others. A shape that occurs again is not run again: cycles do not depend on values.
    """
    scramble(device, np.random.default_rng(ask.seed))
    known: dict[tuple[int, int, int], Result] = {}
    results = []
    # A row costs its cycles and something like 2,000 more for everything around them.
    work = [ideal_cycles(device.config, s.m, s.n, s.k, ask.out) + 2000.0 for s in shapes]
    for shape in track(shapes, work, what):
        size = (shape.m, shape.n, shape.k)
        if size not in known:
            known[size] = run_gemm(device, shape, ask)
        row = known[size]
        results.append(
            Result(**vars(row) | {"suite": shape.suite, "name": shape.name, "count": shape.count})
        )
    return results
