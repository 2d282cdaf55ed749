"""Measured kernels as a person reads them."""

from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from ..terminal import number, share
from .overlap import Overlap
from .results import KernelResult

BOUND_BY = {
    "replayed": "replays",
    "wait_memory": "memory",
    "wait_shared": "shared",
    "wait_units": "units",
    "wait_code": "code",
    "wait_barrier": "barriers",
    "pipeline": "few warps",
    "empty": "begin, end",
}
"""Bins of lost cycles in a few words."""


def lost_most(row: KernelResult) -> str:
    """What cost most of the cycles in which nothing was issued, with its share of all."""
    lost = {name: cycles for name, cycles in (row.bins or {}).items() if name != "issued"}
    if not row.cycles or not any(lost.values()):
        return "-"
    name = max(lost, key=lambda name: lost[name])
    return f"{BOUND_BY[name]} {share(lost[name] / row.cycles, 0)}"


def rate(value: float | None, digits: int = 3) -> str:
    """A rate, ``-`` when it is not known."""
    return "-" if value is None else f"{value:.{digits}f}"


def kernel_table(rows: Iterable[KernelResult]) -> Table:
    """Rows of measurements on one core."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kernel", no_wrap=True)
    table.add_column("memory", no_wrap=True)
    for head in ("size", "cycles", "rate", "lanes", "each", "wrong"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("lost most to")
    for r in rows:
        table.add_row(
            r.kernel,
            r.memory,
            number(r.size),
            number(r.cycles),
            rate(r.issue_rate),
            share(r.lane_utilization, 0),
            f"{r.instructions_per_item:.1f}",
            Text(str(r.mismatches), "bold red" if r.mismatches else ""),
            lost_most(r),
        )
    return table


LEGEND = (
    "cycles: LAUNCH to its post; rate: warp-instructions in a cycle; lanes: their share in use; "
    "each: instructions of a thread for each item"
)
"""What the columns say."""


def summary(rows: list[KernelResult]) -> Iterator[str]:
    """Rows in one line."""
    wrong = sum(row.mismatches for row in rows)
    yield f"{len(rows)} runs, {wrong} mismatches"
    yield LEGEND


def overlap_lines(result: Overlap) -> Iterator[str]:
    """A measured overlap, told in a few lines."""
    r = result
    yield f"{r.tiles} products {r.m} x {r.n} x {r.k}, and a kernel on each: {r.mismatches} wrong"
    yield f"alone       array {r.array_alone:,} cycles, kernels {r.kernels_alone:,}"
    hidden = f"{r.hidden:,} hidden, {share(r.hidden_share)} of the shorter"
    yield f"together    {r.cycles:,} cycles: {hidden}"
    yield (
        f"busy        MATMUL {r.matmul_busy:,}, SIMT {r.simt_busy:,}, both {r.both_busy:,}; "
        f"rows enter the array in {r.both_work:,} cycles of kernels"
    )
    if r.sim_khz is not None:
        yield f"simulation  {r.sim_khz:,.0f} kHz"
