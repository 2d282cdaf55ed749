"""The report's pictures as SVG text that takes its text colour from the page."""

import html
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from weft.arch.registers import BINS
from weft.config import Config

from .activity import Activity
from .results import OUT_BYTES, Result

INK = "#010203"
"""A colour that nothing else uses; becomes ``currentColor``, so that dark pages work."""

BIN_COLOURS = {
    "compute": "#2e9e5b",
    "weights": "#e0a526",
    "operands": "#d9534f",
    "accumulator": "#a463c2",
    "fill": "#4a8fd6",
    "idle": "#9aa0a6",
}
"""Colours of the cycle bins, for light and dark ground."""

ENGINE_COLOURS = ("#e08a26", "#2e9e5b", "#a463c2", "#4a8fd6", "#d9534f")
"""Colours of LOAD, MATMUL, DRAIN, STORE, SIMT."""

WIDTH = 4.4
"""Width of every picture in inches: its text is readable when a phone scales it to its width."""

BUCKETS = 400
"""Pieces into which a timeline is cut."""

STYLE: Any = {
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "weft",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def svg(figure: Figure, label: str) -> str:
    """An inline ``<svg>`` of a figure: no XML header, no fixed size, no date, own text colour."""
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None}
    )
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    head, rest = text.split(">", 1)
    head = re.sub(r' (?:width|height|xmlns(?::xlink)?|version)="[^"]*"', "", head)
    # Inline SVG needs no namespaces, nor the `xlink:` of its references.
    rest = re.sub(r"\bxlink:href", "href", rest)
    # A hundredth of a point is far below what can be seen, and halves the text.
    rest = re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", rest)
    return f'{head} role="img" aria-label="{html.escape(label)}">{rest}'


def roofline(config: Config, results: Sequence[Result]) -> str:
    """Work per cycle against work per byte, on the busier direction of the memory port.

    The roof is the array's peak, and what memory can feed at one bus width a cycle. Points are
    numbered in the order of ``results``.
    """
    peak = config.rows * config.cols
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 3.2))
        axes = figure.subplots()
        points = []
        for r in results:
            if r.cycles:
                read, write = r.m * r.k + r.k * r.n, r.m * r.n * OUT_BYTES[r.out]
                points.append((r.macs / max(read, write), r.macs / r.cycles))
        ridge = peak / config.bus_bytes
        low = min([p[0] for p in points] + [ridge / 4]) / 1.6
        high = max([p[0] for p in points] + [ridge * 4]) * 1.6
        x = np.geomspace(low, high, 200)
        axes.plot(x, np.minimum(peak, x * config.bus_bytes), color=INK, linewidth=1.2)
        axes.fill_between(
            x, np.minimum(peak, x * config.bus_bytes), peak / 3e3, color=INK, alpha=0.06
        )
        labels: dict[tuple[float, float], list[str]] = {}
        for number, (intensity, rate) in enumerate(points, 1):
            axes.plot(intensity, rate, "o", color=BIN_COLOURS["compute"], markersize=6)
            near = (round(np.log(intensity), 1), round(np.log(rate), 1))
            labels.setdefault(near, []).append(str(number))
        for (intensity, rate), numbers in labels.items():
            axes.annotate(
                ", ".join(numbers),
                (np.exp(intensity), np.exp(rate)),
                xytext=(0, -13),
                textcoords="offset points",
                ha="center",
            )
        axes.set(
            xscale="log",
            yscale="log",
            xlim=(low, high),
            ylim=(min([p[1] for p in points] + [peak / 30]) / 2, peak * 1.6),
            xlabel="multiply-accumulates per byte",
            ylabel="multiply-accumulates per cycle",
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.text(high, peak * 1.08, f"array: {peak}", ha="right", fontsize=8)
        return svg(figure, "Roofline: work per cycle against work per byte")


def timeline(activity: Activity) -> str:
    """Busy shares of the engines over a run, and the cycle bins above them."""
    middle = (np.arange(BUCKETS) + 0.5) * activity.cycles / BUCKETS
    with mpl.rc_context(STYLE):
        engines = activity.engines
        ratios = (2, *([1] * len(engines)))
        figure = Figure(figsize=(WIDTH, 2.6 * sum(ratios) / 6))
        top, *lanes = figure.subplots(
            1 + len(engines), 1, sharex=True, gridspec_kw={"height_ratios": ratios}
        )
        below = np.zeros(BUCKETS)
        for name in BINS:
            above = below + activity.shares(activity.bin(name), BUCKETS)
            top.fill_between(middle, below, above, step="mid", color=BIN_COLOURS[name], linewidth=0)
            below = above
        top.set_ylabel("array", rotation=0, ha="right", va="center")
        for i, (lane, engine) in enumerate(zip(lanes, engines, strict=True)):
            share = activity.shares(activity.engine(engines[engine]), BUCKETS)
            lane.fill_between(middle, 0, share, step="mid", color=ENGINE_COLOURS[i], linewidth=0)
            lane.set_ylabel(engine, rotation=0, ha="right", va="center")
        for axes in (top, *lanes):
            axes.set(ylim=(0, 1), yticks=(), xlim=(0, activity.cycles))
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="x", length=0 if axes is not lanes[-1] else 3)
        lanes[-1].set_xlabel("cycles from the doorbell")
        lanes[-1].xaxis.set_major_locator(MaxNLocator(5))
        lanes[-1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        return svg(figure, f"Timeline of the engines: {activity.title}")
