"""What a person sees while and after something runs: bars, tables, lines. On standard error."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from weft.arch.registers import BINS

from .results import Result, Summary

T = TypeVar("T")

BIN_STYLES = {
    "compute": "green",
    "weights": "yellow",
    "operands": "red",
    "accumulator": "magenta",
    "fill": "blue",
    "idle": "bright_black",
}
"""Colours of the cycle bins on a terminal."""

BAR = 40
"""Width of a bar in characters."""


def console() -> Console:
    """A console on standard error, made at each call so that redirection is seen."""
    return Console(stderr=True, highlight=False)


def track(items: Sequence[T], work: Sequence[float], what: str) -> Iterator[T]:
    """Yield ``items`` under a progress bar that weighs each by its ``work``.

    The time that remains is an estimate from the work done; nothing is shown when standard error
    is not a terminal.
    """
    with progress_bar(what, sum(work)) as advance:
        for item, amount in zip(items, work, strict=True):
            yield item
            advance(amount)


@contextlib.contextmanager
def progress_bar(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """A progress bar that is told how much was done; nothing where there is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    screen = console()
    with Progress(
        *columns, console=screen, transient=True, disable=not screen.is_terminal
    ) as progress:
        task = progress.add_task(what, total=total)
        yield lambda amount: progress.advance(task, amount)


def share(part: float | None, digits: int = 1) -> str:
    """A share as a percentage, ``-`` when it is not known."""
    return "-" if part is None else f"{100 * part:.{digits}f} %"


def number(value: float | None) -> str:
    """A whole number with thousands separated, ``-`` when it is not known."""
    return "-" if value is None else f"{value:,.0f}"


def bins_bar(bins: Mapping[str, int]) -> Text:
    """The cycle bins as one coloured bar and a legend with cycles and shares."""
    total = sum(bins.values()) or 1
    bar, legend = Text(), Text()
    edge = filled = 0
    for name in BINS:
        edge += bins.get(name, 0)
        width = round(BAR * edge / total) - filled
        filled += width
        bar.append("█" * width, BIN_STYLES[name])
        if bins.get(name, 0):
            legend.append(f"  {name} ", BIN_STYLES[name])
            legend.append(f"{bins[name]:,} ({share(bins[name] / total)})")
    return bar + legend


def result_table(results: Iterable[Result]) -> Table:
    """Rows of measurements."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("shape", no_wrap=True)
    for head in ("m", "n", "k", "cycles", "ideal", "roofline", "util", "wrong", "kHz"):
        table.add_column(head, justify="right")
    for r in results:
        table.add_row(
            f"{r.suite} {r.name}".strip(),
            *(str(value) for value in (r.m, r.n, r.k)),
            number(r.cycles),
            number(r.ideal_cycles),
            share(r.roofline_efficiency),
            share(r.utilization),
            Text(str(r.mismatches), "bold red" if r.mismatches else ""),
            number(r.sim_khz),
        )
    return table


def result_lines(result: Result) -> Iterator[Text | str]:
    """One measurement, told in a few lines."""
    r = result
    yield f"C ({r.m} x {r.n}, {r.out}) = A ({r.m} x {r.k}) B ({r.k} x {r.n}, {r.b_layout})"
    yield Text.assemble(
        "mismatches  ", (str(r.mismatches), "bold red" if r.mismatches else "green")
    )
    if r.cycles is None or r.bins is None:
        yield "cycles      - (this device keeps no time)"
    else:
        yield f"cycles      {r.cycles:,}, at best {r.ideal_cycles:,}"
        yield f"roofline    {share(r.roofline_efficiency)}, utilization {share(r.utilization)}"
        yield Text("bins        ") + bins_bar(r.bins)
    if r.bytes_read is not None:
        yield f"memory      {number(r.bytes_read)} bytes read, {number(r.bytes_written)} written"
    if r.sim_khz is not None:
        yield f"simulation  {r.sim_seconds:.2f} s, {r.sim_khz:,.0f} kHz"


def summary_lines(title: str, summary: Summary) -> Iterator[str]:
    """A table's sum: mismatches, mean efficiency, worst row."""
    yield f"{title}: {summary.rows} rows, {summary.mismatches} mismatches" + (
        f", {summary.below_ideal} rows below the roofline" if summary.below_ideal else ""
    )
    if summary.worst is not None:
        w = summary.worst
        yield (
            f"  roofline efficiency {share(summary.mean_efficiency)} (geometric mean), worst "
            f"{share(w.roofline_efficiency)}: {w.suite} {w.name} ({w.m} x {w.n} x {w.k})"
        )
        yield (
            f"  cycles above the roofline: median {number(summary.median_above_ideal)}, "
            f"most {number(summary.most_above_ideal)}"
        )
