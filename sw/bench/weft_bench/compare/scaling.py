"""How devices scale with the side of a square product, and where one overtakes another."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..markdown import table
from ..terminal import number
from .cost import points
from .matrices import SIDES
from .row import Row
from .shown import duration

CLAIMED = 256
"""Side at which a popular claim is tested: that of the job `gemm`."""

Line = dict[int, float]
"""Time or cycles by side."""


def line(rows: Sequence[Row], device: str, seconds: bool = False) -> Line:
    """What was measured on a device, by side; seconds of a chip where they are asked for."""
    if seconds:
        chosen = [r for r in rows if r.device == device and r.correct and r.seconds]
        return {int(r.job.rsplit("x", 1)[1]): r.seconds or 0.0 for r in chosen}
    return {point.shape[0]: point.value for point in points(rows, device)}


def best_host(rows: Sequence[Row]) -> dict[int, Row]:
    """The fastest way on the host's CPU, by side."""
    found: dict[int, Row] = {}
    for row in rows:
        if row.family == "cpu" and row.correct and row.seconds:
            side = int(row.job.rsplit("x", 1)[1])
            if side not in found or row.seconds < (found[side].seconds or 0):
                found[side] = row
    return found


@dataclass(frozen=True)
class Crossover:
    """Where one line overtakes another.

    Parameters
    ----------
    first, second
        Which; from ``side`` on the second is lower.
    side
        Interpolated between measured sides; None: it never does.
    always
        The second is lower from the least side on.
    """

    first: str
    second: str
    side: float | None
    always: bool = False

    def __str__(self) -> str:
        if self.always:
            return f"{self.second} is ahead of {self.first} at every side"
        if self.side is None:
            return f"{self.second} never overtakes {self.first}"
        return f"{self.second} overtakes {self.first} at a side of about {self.side:.0f}"


def crossover(first: str, a: Line, second: str, b: Line) -> Crossover | None:
    """Where ``b`` falls below ``a`` for good; None where they have fewer than two sides in common.

    Between two sides both are taken as straight lines in logarithms.
    """
    sides = sorted(set(a) & set(b))
    if len(sides) < 2:
        return None
    ratio = {side: math.log(b[side] / a[side]) for side in sides}
    if all(value < 0 for value in ratio.values()):
        return Crossover(first, second, sides[0], always=True)
    if ratio[sides[-1]] >= 0:
        return Crossover(first, second, None)
    low, high = [pair for pair in pairwise(sides) if ratio[pair[0]] >= 0 > ratio[pair[1]]][-1]
    part = ratio[low] / (ratio[low] - ratio[high])
    return Crossover(first, second, low * (high / low) ** part)


ON_BASE = ("array", "simt", "core")

PLACED = ("array@ulx3s", "simt@ulx3s", "core@ulx3s")


def scaling_section(rows: Sequence[Row]) -> Iterator[str]:
    """The section of the page; nothing where no squares are recorded."""
    if not rows:
        return
    hosts = best_host(rows)
    gpu = line(rows, "gpu torch")
    chips = {name: line(rows, name) for name in (*ON_BASE, *PLACED)}
    yield "## Scaling"
    yield (
        "Square int8 products, from `weft compare --jobs squares`; every result that has a number "
        "was right. The host is the fastest of its libraries. Chips are in cycles; the last column "
        "is the clock at which `array` would be as fast as the host."
    )
    head = ("side", "host", "GPU", *(f"`{name}`" for name in chips), "clock to equal the host")
    yield table(head, [_cells(side, hosts, gpu, chips) for side in SIDES])
    host = {side: row.seconds or 0.0 for side, row in hosts.items()}
    yield "\n".join(f"- {found}." for found in _crossovers(rows, host, gpu, chips))
    yield from _claim(host, gpu, chips["array"])


def _cells(side: int, hosts: dict[int, Row], gpu: Line, chips: dict[str, Line]) -> tuple[str, ...]:
    row, array = hosts.get(side), chips["array"].get(side)
    needed = "-"
    if row and row.seconds and array:
        needed = f"{array / row.seconds / 1e6:,.0f} MHz"
    return (
        number(side),
        f"{duration(row.seconds)} ({row.device.removeprefix('cpu ')})" if row else "-",
        duration(gpu.get(side)),
        *(number(found.get(side)) for found in chips.values()),
        needed,
    )


def _crossovers(
    rows: Sequence[Row], host: Line, gpu: Line, chips: dict[str, Line]
) -> Iterator[str]:
    """In cycles on one chip, then in time where there are clocks."""
    for first, second in (("simt", "array"), ("core", "simt"), ("core", "array")):
        found = crossover(first, chips[first], second, chips[second])
        if found:
            yield f"In cycles, {found}"
    placed = {name: line(rows, name, seconds=True) for name in PLACED}
    others = {"GPU": gpu, **placed}
    for name, there in others.items():
        found = crossover("the host", host, name, there)
        if found:
            yield f"In time, {found}"
    without = [name for name, there in others.items() if not there]
    if without:
        yield f"No time is known of {', '.join(without)}, so no crossover in time is claimed"


def _claim(host: Line, gpu: Line, array: Line) -> Iterator[str]:
    """The claim that CPUs take seconds, GPUs milliseconds and TPUs microseconds."""
    largest = CLAIMED
    if largest not in host or largest not in array:
        return
    at = f"{largest} x {largest} x {largest}"
    slow = 1 / host[largest]
    needed = array[largest] / 1e-6 / 1e6
    yield (
        '"CPU seconds, GPU milliseconds, TPU microseconds" does not hold here: '
        f"for {at} this CPU takes {duration(host[largest])}, {slow:,.0f} times less than a second; "
        + (f"the GPU {duration(gpu[largest])}; " if largest in gpu else "no GPU was measured; ")
        + f"an array of this size takes {number(array[largest])} cycles, for which a microsecond "
        f"would need a clock of {needed:,.0f} MHz. Who is fastest depends on size and on how many "
        "multipliers there are, not on the name of the chip."
    )
