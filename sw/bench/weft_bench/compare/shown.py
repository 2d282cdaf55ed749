"""A comparison as a person reads it on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ..terminal import number, share
from .row import Row
from .run import LEFT_OUT, Comparison


def duration(seconds: float | None) -> str:
    """A time with a unit, ``-`` when it is not known."""
    if seconds is None:
        return "-"
    for factor, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def winner(rows: Sequence[Row]) -> Row | None:
    """The fastest correct row of a job by seconds; None if there are none."""
    timed = [row for row in rows if row.correct and row.seconds is not None]
    return min(timed, key=lambda row: row.seconds or 0, default=None)


def fewest(rows: Sequence[Row]) -> Row | None:
    """The chip of preset `base` with the fewest cycles."""
    counted = [row for row in rows if row.correct and row.cycles and row.fmax_mhz is None]
    counted = [row for row in counted if (row.preset or "").startswith("base")]
    return min(counted, key=lambda row: row.cycles or 0, default=None)


def side(row: Row) -> str:
    """Whom of `WINNERS` a row stands for; the chip's small CPU is one of its own."""
    if row.family != "chip":
        return row.family
    return "small cpu" if "lanes=1," in (row.preset or "") else row.engine or ""


def by_job(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of each job."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.job, []).append(row)
    return found


def verdict(rows: Sequence[Row]) -> str:
    """Who won a job, and whether that was expected."""
    best, expected = winner(rows), rows[0].expected
    rivals = [row for row in rows if side(row) == expected and row.correct]
    if best is None:
        chip = fewest(rows)
        if chip is None:
            return f"expected {expected}: nobody has done it"
        return f"expected {expected}: no times; fewest cycles {chip.device}, {number(chip.cycles)}"
    said = f"{best.device} wins with {duration(best.seconds)}"
    if side(best) == expected:
        return f"{said}, as expected"
    timed = winner(rivals)
    if timed is not None:
        factor = (timed.seconds or 0) / (best.seconds or 1)
        return f"{said}; expected was {expected}: wrong by a factor of {factor:.3g}"
    why = "has no recorded clock" if rivals else "did not run"
    return f"{said}; expected was {expected}, which {why}"


def comparison_table(rows: Sequence[Row]) -> Table:
    """All rows of a job."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("device", no_wrap=True)
    for head in ("time", "cycles", "used", "wrong"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("why")
    for row in rows:
        wrong = "-" if row.mismatches is None else str(row.mismatches)
        table.add_row(
            row.device,
            duration(row.seconds),
            number(row.cycles),
            share(row.utilization),
            Text(wrong, "bold red" if row.correct is False else ""),
            row.reason,
        )
    return table


def comparison_lines(found: Comparison) -> Iterator[Table | str]:
    """All of it: a table for each job, and who won."""
    for job, rows in by_job(found.rows).items():
        yield ""
        yield f"{job}, {rows[0].size}: {verdict(rows)}"
        yield comparison_table(rows)
    yield ""
    yield from notes(found)


def busy(machine: Mapping[str, Any]) -> str:
    """How busy a host was with other things while it was measured."""
    load = machine.get("load")
    if load is None:
        return "How busy it was with other things is not known."
    return (
        f"Its load average was {load:.1f} on {machine['threads']} CPUs when the measurement began"
        + (
            ": it was busy with other things, and the host's times suffer from that."
            if load >= machine["threads"] / 2
            else "."
        )
    )


def notes(found: Comparison) -> Iterator[str]:
    """What has to be known about the figures."""
    ran = [row for row in found.rows if row.ran]
    yield f"{len(ran)} runs, {len(found.wrong)} with a wrong result"
    yield busy(found.machine)
    if found.quick:
        yield (
            "quick: smaller sizes and fewer repeats than the figures are stated for, and without "
            f"{', '.join(LEFT_OUT)} if not asked for"
        )
    for source in dict.fromkeys(
        row.fmax_source for row in ran if row.fmax_source and row.seconds is None
    ):
        yield f"no time: {source}"
