"""The report's pictures: vector graphics that can be told apart in black and white."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..plots import INK, STYLE, WIDTH, svg
from .latency import shares
from .row import Row
from .shown import by_job, duration

MARKERS = "osD^vP*X<>ph8d"
"""A shape for each device."""

FILLS = {"compute": ("0.25", ""), "memory": ("0.75", "////"), "command": ("1.0", "")}
"""Grey and hatching of the parts of a run."""

LINE = 0.28
"""Inches for a line of a picture."""


def times(rows: Sequence[Row]) -> str | None:
    """Time of each device for each job, on a logarithmic axis; None if there is no time at all."""
    timed = [row for row in rows if row.correct and row.seconds]
    if not timed:
        return None
    jobs = list(by_job(timed))
    devices = list(dict.fromkeys(row.device for row in timed))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.1 + LINE * len(jobs) + 0.15 * len(devices)))
        axes = figure.subplots()
        for number, device in enumerate(devices):
            points = [(r.seconds, jobs.index(r.job)) for r in timed if r.device == device]
            axes.plot(
                *zip(*points, strict=True),
                MARKERS[number % len(MARKERS)],
                color=INK,
                markerfacecolor="none" if number % 2 else INK,
                markersize=5,
                label=device,
            )
        axes.set(xscale="log", yticks=range(len(jobs)), yticklabels=jobs)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
        axes.grid(axis="x", color=INK, alpha=0.15)
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=2, frameon=False, fontsize=8
        )
        return svg(figure, "Time of each device for each job")


def chip_parts(rows: Sequence[Row]) -> str | None:
    """How the cycles of the chip's devices for one job fall apart; None if none has run."""
    ran = [row for row in rows if row.parts and row.cycles]
    if not ran:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 0.75 + LINE * len(ran)))
        axes = figure.subplots()
        for line, row in enumerate(ran):
            left = 0.0
            for name, (grey, hatch) in FILLS.items():
                part = (row.parts or {})[name] / (row.cycles or 1)
                axes.barh(
                    line,
                    part,
                    left=left,
                    height=0.6,
                    facecolor=grey,
                    edgecolor=INK,
                    hatch=hatch,
                    linewidth=0.6,
                    label=name if line == 0 else None,
                )
                left += part
            axes.text(1.02, line, f"{row.cycles:,}", va="center", fontsize=8)
        axes.set(
            yticks=range(len(ran)),
            yticklabels=[row.device for row in ran],
            xlim=(0, 1),
            xticks=(0, 0.5, 1),
            xticklabels=("0", "50 %", "100 % of the cycles"),
        )
        axes.invert_yaxis()
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False, fontsize=8)
        return svg(figure, f"Cycles of {rows[0].job} on the chip")


DASHES = ("-", "--", ":", "-.")
"""A kind of line for each device, beside its shape."""


def latency_lines(points: Sequence[Mapping[str, Any]]) -> str | None:
    """Throughput against memory latency; None where it was not measured."""
    if not points:
        return None
    lines = {who: list(found.items()) for who, found in shares(points).items()}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 2.8))
        axes = figure.subplots()
        for number, (who, values) in enumerate(lines.items()):
            _line(axes, number, who, values)
        axes.set(
            xscale="log",
            xlabel="memory latency in cycles",
            ylabel="share of the engine's\nmost throughput",
            ylim=(0, 1.05),
        )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.legend(frameon=False, fontsize=8)
        return svg(figure, "Throughput against memory latency")


def scaling_lines(rows: Sequence[Row]) -> str | None:
    """Multiply-accumulates a cycle of the chip's devices by the side of a square product."""
    squares = [r for r in rows if r.cycles and r.correct and is_square(r.job)]
    if not squares:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 3.2))
        axes = figure.subplots()
        for number, device in enumerate(dict.fromkeys(row.device for row in squares)):
            values = [
                (int(r.job.rsplit("x", 1)[1]), r.operations / (r.cycles or 1))
                for r in squares
                if r.device == device
            ]
            _line(axes, number, device, values)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="side of the product",
            ylabel="multiply-accumulates a cycle",
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.legend(frameon=False, fontsize=8)
        return svg(figure, "Work per cycle by the side of a square product")


def is_square(job: str) -> bool:
    """Whether a job is a product of square matrices by size."""
    sides = job.removeprefix("product-").split("x")
    return job.startswith("product-") and len(set(sides)) == 1


def _line(axes: Any, number: int, label: str, values: Sequence[tuple[float, float]]) -> None:
    axes.plot(
        *zip(*values, strict=True),
        DASHES[number % len(DASHES)],
        marker=MARKERS[number % len(MARKERS)],
        color=INK,
        markerfacecolor="none" if number % 2 else INK,
        markersize=4,
        linewidth=1,
        label=label,
    )
