"""Every figure that this project quotes, measured in one go."""

import platform
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft.arch.memory import MemoryTiming
from weft.config import Config
from weft_driver import Device
from weft_sim.array_bench import array_khz

from .conv import run_convs
from .digits import LEAST_FLOAT_ACCURACY, MOST_IMAGES_LOST
from .digits_run import run_digits
from .gemm import Ask, run_gemm, run_table
from .main_job import golden_url
from .results import Result, Summary, identity
from .shapes import CONVS, GEMMINI, SQUARE, Shape, random_shapes, read_shapes
from .terminal import console, share

MOST_MACS = 200e6
"""Products of the tables above this are left out."""

RANDOM_SEED, RANDOM_COUNT = 7, 200

DEFAULT_LATENCY = MemoryTiming().latency
"""Cycles of memory latency where nothing else is said."""

UTILIZATION = {512: 0.985, 256: 0.97, 128: 0.92, 64: 0.70}
"""Least utilization of squares with packed B."""


@dataclass(frozen=True)
class Figure:
    """One figure with what it should be.

    Parameters
    ----------
    name, target
        What it is and what it must reach, in words.
    value
        What was measured, in words.
    met
        Whether it reaches the target; None when it was not measured, or nothing is asked.
    """

    name: str
    target: str
    value: str
    met: bool | None


@dataclass
class Figures:
    """All of them with the tables they come from.

    Parameters
    ----------
    config
        The chip.
    figures
        In the order in which they are quoted.
    tables
        Rows by title.
    """

    config: Config
    figures: list[Figure] = field(default_factory=list)
    tables: dict[str, list[Result]] = field(default_factory=dict)

    def at_least(self, name: str, value: float | None, target: float) -> None:
        """Add a share that must not be below a target."""
        text = "not measured" if value is None else f"{value:.4f}"
        met = None if value is None else value >= target
        self.figures.append(Figure(name, f">= {target:g}", text, met))

    def at_most(self, name: str, value: float | None, target: float) -> None:
        """Add a number that must not be above a target."""
        text = "not measured" if value is None else f"{value:,.0f}"
        met = None if value is None else value <= target
        self.figures.append(Figure(name, f"<= {target:,.0f}", text, met))

    def without_bar(self, name: str, value: float | None) -> None:
        """Add a share of which nothing is asked."""
        text = "not measured" if value is None else f"{value:.4f}"
        self.figures.append(Figure(name, "none", text, None))


class Bench:
    """Measures tables on one build of the chip, one device for each memory latency.

    Parameters
    ----------
    preset
        Configuration of the chip.
    found
        Where tables go.
    """

    def __init__(self, preset: str, found: Figures):
        self.preset, self.found = preset, found
        self.stack = ExitStack()
        self._devices: dict[int, Device] = {}

    def device(self, latency: int = DEFAULT_LATENCY) -> Device:
        """The chip with a memory of that latency; opened once and kept."""
        if latency not in self._devices:
            url = f"verilator:{self.preset}?latency={latency}"
            self._devices[latency] = self.stack.enter_context(Device(url))
        return self._devices[latency]

    def table(
        self, title: str, shapes: Sequence[Shape], ask: Ask, latency: int = DEFAULT_LATENCY
    ) -> list[Result]:
        """Measure products, keep them under a title, and tell what came out."""
        return self.keep(title, run_table(self.device(latency), shapes, ask, title))

    def keep(self, title: str, rows: list[Result]) -> list[Result]:
        """Keep rows under a title, and tell what they sum up to."""
        self.found.tables[title] = rows
        summary = Summary.of(rows)
        worst = summary.worst.roofline_efficiency if summary.worst else None
        console().print(
            f"{title}: {len(rows)} rows, {summary.mismatches} mismatches, mean "
            f"{share(summary.mean_efficiency)}, worst {share(worst)}",
            markup=False,
            soft_wrap=True,
        )
        return rows


def measure_figures(preset: str, tables: Path | None, quick: bool) -> dict[str, Any]:
    """Measure everything and give it as one JSON value.

    Parameters
    ----------
    preset
        Configuration of the chip, ``base`` for the figures that are quoted.
    tables
        Folder with ``mlp.csv``, ``cnn.csv``, ``stress.csv`` and ``edge.csv``; what is missing there
        is left out and said so.
    quick
        Leave out whatever takes more than seconds.
    """
    config = Config.parse(preset)
    found = Figures(config)
    bench = Bench(preset, found)
    with bench.stack:
        squares(found, bench, quick)
        gemmini(found, bench, quick)
        for name in ("mlp", "cnn"):
            network(found, bench, name, tables, quick)
        odd(found, bench, tables, quick)
        convolutions(found, bench, quick)
        classifier(found, bench)
        speed(found, bench, quick)
    rows = [row for table in found.tables.values() for row in table]
    summary = Summary.of(rows)
    found.figures[:0] = [
        Figure("mismatches anywhere", "0", str(summary.mismatches), summary.mismatches == 0),
        Figure("runs below ideal_cycles", "0", str(summary.below_ideal), summary.below_ideal == 0),
    ]
    who = identity(config, f"verilator:{preset}")
    return who | {
        "host": {"machine": platform.machine(), "python": platform.python_version()},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "figures": [vars(figure) for figure in found.figures],
        "tables": {
            title: {
                "summary": Summary.of(rows).to_json(),
                "rows": [who | row.to_json() for row in rows],
            }
            for title, rows in found.tables.items()
        },
    }


def squares(found: Figures, bench: Bench, quick: bool) -> None:
    """Squares with both layouts of B, long latency, start-up cycles."""
    most = 256 if quick else 1024
    shapes = [shape for shape in SQUARE if shape.m <= most]
    packed = bench.table("squares, packed B", shapes, Ask())
    rows = bench.table("squares, row-major B", shapes, Ask(b_layout="row_major"))
    by_size = {row.m: row for row in packed}
    for size, target in UTILIZATION.items():
        row = by_size.get(size)
        found.at_least(f"utilization {size}^3", row and row.utilization, target)
    slower = [
        (r.cycles or 0) / (p.cycles or 1) - 1
        for p, r in zip(packed, rows, strict=True)
        if p.m >= 64
    ]
    found.figures.append(
        Figure(
            "row-major B, M >= 64: cycles above packed B, worst",
            "<= 5 %",
            f"{100 * max(slower):.1f} %",
            max(slower) <= 0.05,
        )
    )
    found.at_most("cycles of 16 x 16 x 16", by_size[16].cycles, 330)
    waiting = [r.bins["idle"] + r.bins["fill"] for r in packed if r.bins and r.m >= 64]
    found.at_most("idle + fill cycles, squares from 64^3 up, most", max(waiting), 300)
    if not quick:
        far = bench.table(
            "512^3, 200 cycles of latency", [Shape("square", "512", 512, 512, 512)], Ask(), 200
        )
        found.at_least("utilization 512^3, 200 cycles of latency", far[0].utilization, 0.95)


def gemmini(found: Figures, bench: Bench, quick: bool) -> None:
    """Against Gemmini's cycles, same type of result, at our default latency or theirs if longer."""
    won, rows = 0, []
    peers = [peer for peer in GEMMINI if not quick or peer.cycles < 1e5]
    for out, latency in sorted({(p.out, max(DEFAULT_LATENCY, p.latency)) for p in peers}):
        chosen = [p for p in peers if (p.out, max(DEFAULT_LATENCY, p.latency)) == (out, latency)]
        title = f"Gemmini's shapes, {out}, {latency} cycles of latency"
        ours = bench.table(title, [p.shape for p in chosen], Ask(out=out), latency)
        won += sum((row.cycles or 0) < p.cycles for row, p in zip(ours, chosen, strict=True))
        rows += ours
    found.figures.append(
        Figure(
            "rows of Gemmini's table with fewer cycles than Gemmini",
            f"{len(peers)} of {len(peers)}",
            f"{won} of {len(peers)}",
            won == len(peers),
        )
    )


def network(found: Figures, bench: Bench, name: str, tables: Path | None, quick: bool) -> None:
    """Layers of networks; depthwise rows of CNNs apart."""
    target = {"mlp": 0.95, "cnn": 0.90}[name]
    label = f"roofline efficiency of {name}, geometric mean"
    shapes = _table(tables, name)
    if shapes is None:
        found.at_least(label, None, target)
        return
    limit = 2e6 if quick else MOST_MACS
    rows = [s for s in shapes if s.macs <= limit and not s.depthwise]
    summary = Summary.of(bench.table(name, rows, Ask()))
    found.at_least(label, summary.mean_efficiency, target)
    if depthwise := [s for s in shapes if s.depthwise and s.macs <= limit]:
        bench.table(f"{name}, depthwise rows", depthwise, Ask())


def odd(found: Figures, bench: Bench, tables: Path | None, quick: bool) -> None:
    """Cycles above the roofline of shapes that fit nothing."""
    rows: list[Result] = []
    for name in ("stress", "edge"):
        shapes = _table(tables, name)
        if shapes is not None:
            rows += bench.table(name, [s for s in shapes if s.macs <= MOST_MACS], Ask())
    count = 20 if quick else RANDOM_COUNT
    rows += bench.table(
        f"random shapes, seed {RANDOM_SEED}", random_shapes(RANDOM_SEED, count), Ask()
    )
    summary = Summary.of(rows)
    found.at_most("stress, edge, random: cycles above ideal, most", summary.most_above_ideal, 400)
    found.at_most(
        "stress, edge, random: cycles above ideal, median", summary.median_above_ideal, 300
    )


def convolutions(found: Figures, bench: Bench, quick: bool) -> None:
    """Roofline efficiency of convolutions.

    The bars are for 3 x 3 layers of 16 channels or more. The page says what keeps the stem, of 3
    channels, and the 1 x 1 shortcuts from them.
    """
    convs = [c for c in CONVS if not quick or c.gemm().macs < 3e6]
    rows = bench.keep("convolutions", run_convs(bench.device(), convs, Ask()))
    asked: list[Result] = []
    others: list[Result] = []
    for row, conv in zip(rows, convs, strict=True):
        (asked if conv.cin >= 16 and conv.kernel == 3 else others).append(row)
    found.at_least("conv2d 3 x 3, 16 channels or more, worst layer", _worst(asked), 0.80)
    mean = Summary.of(asked).mean_efficiency
    found.at_least("conv2d 3 x 3, 16 channels or more, geometric mean", mean, 0.85)
    found.without_bar("conv2d, stem and 1 x 1 shortcuts, worst layer", _worst(others))


def _worst(rows: Sequence[Result]) -> float | None:
    """The least roofline efficiency."""
    worst = Summary.of(rows).worst
    return worst.roofline_efficiency if worst else None


def classifier(found: Figures, bench: Bench) -> None:
    """The digits, and the layers against onnxruntime where it is installed."""
    digits = run_digits(bench.device(), golden_url(bench.device().url))
    found.at_least("digits, float accuracy", digits.float_accuracy, LEAST_FLOAT_ACCURACY)
    found.at_most("digits, images lost by int8 on chip", digits.images_lost, MOST_IMAGES_LOST)
    found.at_most("digits, elements unlike numpy or the golden model", digits.mismatches, 0)


def speed(found: Figures, bench: Bench, quick: bool) -> None:
    """Simulation speed against the bare array, several times in turn, the best of each."""
    size = 128 if quick else 512
    chip, bare = 0.0, 0.0
    for _ in range(3):
        bare = max(bare, array_khz(found.config))
        row = run_gemm(bench.device(), Shape("square", str(size), size, size, size), Ask())
        chip = max(chip, row.sim_khz or 0)
    found.at_least("simulation speed of the chip / of the bare array", chip / bare, 0.4)
    found.figures.append(
        Figure(f"simulation speed, {size}^3, kHz", "about 300", f"{chip:.0f}", chip >= 250)
    )


def _table(tables: Path | None, name: str) -> Sequence[Shape] | None:
    path = tables / f"{name}.csv" if tables else None
    return read_shapes(path) if path and path.is_file() else None


def unmet(figures: Iterable[dict[str, Any]]) -> list[str]:
    """Names of figures that miss their target."""
    return [figure["name"] for figure in figures if figure["met"] is False]
