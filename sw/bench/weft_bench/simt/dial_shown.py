"""The latency dial as table and plot."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..terminal import number, share
from .dial import Point

PLOTS = ("svg", "png", "pdf")
"""Formats of the plot, by the file's ending."""


def dial_table(points: Iterable[Point]) -> Table:
    """One row for each point, with all terms of its bound."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kernel", no_wrap=True)
    heads = ("latency", "warps", "cycles", "rate", "items", "bus", "bound", "share")
    for head in (*heads, "wrong"):
        table.add_column(head, justify="right", no_wrap=True)
    for p in points:
        table.add_row(
            p.kernel,
            number(p.latency),
            number(p.warps),
            number(p.cycles),
            f"{p.issue_rate:.3f}",
            f"{p.items_per_cycle:.3f}",
            f"{p.bound_bus:.3f}",
            f"{p.bound_warps:.3f}",
            share(p.share),
            Text(str(p.mismatches), "bold red" if p.mismatches else ""),
        )
    return table


LEGEND = (
    "rate: warp-instructions in a cycle; items: in a cycle; bus: instructions for each beat of the "
    "busier direction; bound: warps x instructions / sum of their latencies; share: rate / min(1, "
    "bus, bound)"
)
"""What the columns say."""


def plot(points: Sequence[Point], path: Path) -> None:
    """Draw rates against warps, a line for each latency and its bound dashed.

    Parameters
    ----------
    path
        Its ending says the format, one of `PLOTS`.

    Raises
    ------
    ValueError
        Another ending.
    ModuleNotFoundError
        The extra ``report`` is not installed.
    """
    check_plot(path)
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    kernels = list(dict.fromkeys(p.kernel for p in points))
    latencies = sorted({p.latency for p in points})
    figure = Figure(figsize=(4.4 * len(kernels), 3.6), layout="constrained")
    for place, kernel in enumerate(kernels):
        axes = figure.add_subplot(1, len(kernels), place + 1)
        for i, latency in enumerate(latencies):
            own = [p for p in points if (p.kernel, p.latency) == (kernel, latency)]
            colour = colormaps["viridis"](0.9 * i / max(1, len(latencies) - 1))
            warps = [p.warps for p in own]
            axes.plot(warps, [p.issue_rate for p in own], "o-", ms=3, color=colour, label=latency)
            axes.plot(warps, [p.bound for p in own], "--", lw=0.8, color=colour)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set_xticks(sorted({p.warps for p in points}))
        axes.set_ylim(0, 1.02)
        axes.set_title(kernel)
        axes.set_xlabel("warps in use")
        axes.set_ylabel("warp-instructions in a cycle")
        axes.legend(title="latency (dashed: bound)", fontsize=7, title_fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, metadata=metadata)


def check_plot(path: Path) -> None:
    """Refuse a file whose format is not known, before anything is measured."""
    if path.suffix[1:] not in PLOTS:
        endings = ", ".join(f".{ending}" for ending in PLOTS)
        raise ValueError(f"--plot {path} is not valid: it ends in one of {endings}")
    import matplotlib as _  # noqa: F401  # missing: say so now
