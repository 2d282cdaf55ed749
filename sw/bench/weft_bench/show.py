"""A page that steps through the array cycle by cycle, from a trace of the RTL."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

import weft
from weft.arch.registers import BINS
from weft.config import Config
from weft.gateware.act_sram import ActSram
from weft.gateware.array import SUM_LANE
from weft.gateware.primitives.multiplier import LATENCY
from weft_driver import Device

from .activity import BIN_SHIFT, ENGINES
from .files import write_atomically
from .fst import Waves
from .gemm import Ask, run_gemm
from .plots import BIN_COLOURS
from .results import identity
from .shapes import Shape

TIME_PER_CYCLE = 10
"""Time units of a recording in one clock cycle; a cycle begins with its rising edge."""

MOST_CYCLES = 4000
"""Longest run that fits a page: some megabytes."""

ENTER = ActSram.read_latency
"""Cycles from bin ``compute``, a cycle behind a row's issue, to element 0 beside weight (0, 0)."""


LEAVE = LATENCY
"""Cycles from an activation beside its weight to the partial sum that includes their product."""


@dataclass(frozen=True)
class Trace:
    """What stood in the array's registers in every cycle of one program.

    Parameters
    ----------
    config
        The chip.
    activity
        The activity port by cycle.
    x, weights, sums
        cycles x rows x cols: activation beside each multiplier, weight in use, partial sum that
        leaves each element downwards.
    """

    config: Config
    activity: np.ndarray
    x: np.ndarray
    weights: np.ndarray
    sums: np.ndarray

    @property
    def cycles(self) -> int:
        """Cycles from doorbell to interrupt."""
        return len(self.activity)

    def entering(self) -> np.ndarray:
        """Cycles in which element 0 of a row stands beside weight (0, 0), as booleans."""
        issued = self.activity >> BIN_SHIFT == BINS.index("compute")
        return np.concatenate((np.zeros(ENTER, bool), issued))[: self.cycles]


def read_trace(waves: Waves, config: Config) -> Trace:
    """Take the array's registers out of a recording of one program."""
    changes = list(waves.changes(waves.find("chip.activity")))
    running = [i for i, (_, value) in enumerate(changes) if value >> BIN_SHIFT < len(BINS)]
    if not running:
        raise ValueError("no program in the recording")
    start = changes[running[0]][0] // TIME_PER_CYCLE
    stop = changes[running[-1] + 1][0] // TIME_PER_CYCLE
    if stop - start > MOST_CYCLES:
        raise ValueError(
            f"{stop - start:,} cycles are too many for a page (at most {MOST_CYCLES:,}): "
            "take a smaller shape"
        )

    def lanes(name: str, bits: int, kind: str) -> np.ndarray:
        """Values of a packed signal by cycle, lane 0 first."""
        width = config.cols * bits // 8
        rows = np.zeros((stop - start, width), np.uint8)
        for time, value in waves.changes(waves.find(name)):
            # What is clocked changes with the edge, what follows from pins half a cycle later.
            at = max(0, time // TIME_PER_CYCLE - start)
            if at < len(rows):
                rows[at:] = np.frombuffer(value.to_bytes(width, "little"), np.uint8)
        return rows.view(kind)

    def by_row(name: str, bits: int, kind: str) -> np.ndarray:
        every = [lanes(f"array.{name}_{r}", bits, kind) for r in range(config.rows)]
        return np.stack(every, axis=1)

    activity = np.zeros(stop - start, np.uint8)
    for time, value in changes:
        activity[max(0, time // TIME_PER_CYCLE - start) :] = value
    return Trace(
        config,
        activity,
        by_row("x", 8, "<i1"),
        by_row("used", 8, "<i1"),
        by_row("sums", SUM_LANE, f"<i{SUM_LANE // 8}"),
    )


def record(url: str, shape: Shape, seed: int) -> tuple[Trace, dict[str, Any]]:
    """Run one int32 product with waves on; gives the trace and the result as JSON.

    Raises
    ------
    ValueError
        The device records no waves, or the run is too long for a page.
    """
    if url.partition(":")[0] != "verilator":
        raise ValueError(f"{url}: a trace needs the RTL, for example --device verilator:tiny")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.fst"
        joint = "&" if "?" in url else "?"
        with Device(f"{url}{joint}waves={quote(str(path))}&window=0:") as device:
            result = run_gemm(device, shape, Ask(out="int32", seed=seed))
            who = identity(device.config, url)
            config = device.config
        return read_trace(Waves.read(path), config), who | result.to_json()


def page_data(trace: Trace) -> dict[str, Any]:
    """The trace as what the page's script reads: one list of numbers a cycle and signal."""

    def text(values: np.ndarray) -> list[str]:
        """Numbers of a cycle joined by spaces; an empty string where nothing changed."""
        lines, last = [], None
        for cycle in values.reshape(len(values), -1):
            line = " ".join(map(str, cycle.tolist()))
            lines.append("" if line == last else line)
            last = line
        return lines

    return {
        "rows": trace.config.rows,
        "cols": trace.config.cols,
        "x": text(trace.x),
        "w": text(trace.weights),
        "s": text(trace.sums),
        "activity": trace.activity.tolist(),
        "entering": trace.entering().astype(int).tolist(),
        "bins": BINS,
        "colours": [BIN_COLOURS[name] for name in BINS],
        "engines": ENGINES,
        "shift": BIN_SHIFT,
    }


def show_page(url: str, m: int, n: int, k: int, seed: int, path: Path) -> Path:
    """Record one product and write the page; returns its path."""
    trace, result = record(url, Shape("", "", m, n, k), seed)
    environment = Environment(
        loader=PackageLoader("weft_bench", "templates"), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("show.html.j2").render(
        data=page_data(trace), result=result, leave=LEAVE, version=weft.__version__
    )
    write_atomically(path, page)
    return path
