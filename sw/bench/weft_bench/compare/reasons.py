"""One sentence why a device took as long as it did, derived from what was measured."""

from collections.abc import Mapping

from ..simt.shown import BOUND_BY
from ..terminal import share
from .row import Row

BUSY = 0.6
"""From this share of what something can do on, it is what binds."""

CALLING = 0.3
"""From this share of the time on, calls are what it goes for."""

COMMAND = 0.3
"""From this share of a program on, beginning and ending are what it goes for."""

MACS = "multiply-accumulates"
"""The unit of jobs that BLAS rates say something about."""


def chip_reason(row: Row) -> str:
    """Why a chip took so many cycles."""
    assert row.cycles
    assert row.parts is not None
    assert row.bins is not None
    return _simt(row) if row.engine == "simt" else _array(row)


def _array(row: Row) -> str:
    assert row.cycles
    assert row.parts is not None
    assert row.bins is not None
    used = f"{share(row.utilization)} of the multipliers' cycles do work"
    if row.parts["command"] >= COMMAND * row.cycles:
        return (
            f"{share(row.parts['command'] / row.cycles, 0)} of the cycles begin and end the "
            f"program while no row enters the array: {used}"
        )
    if (row.bus_share or 0) >= BUSY and row.parts["memory"] > row.parts["compute"] / 4:
        return (
            f"{row.intensity:.3g} operations a byte are too few: its memory port is at "
            f"{share(row.bus_share, 0)} and the array waits {_of(row, 'memory')}; {used}"
        )
    if row.parts["memory"] >= COMMAND * row.cycles:
        lost = {name: row.bins[name] for name in ("weights", "operands", "accumulator")}
        worst = max(lost, key=lambda name: lost[name])
        return (
            f"the array waits for {worst} {share(lost[worst] / row.cycles, 0)} of the time; {used}"
        )
    return (
        f"rows enter the array {_of(row, 'compute')} of the time, which {row.intensity:.3g} "
        f"operations a byte keep fed: {used}"
    )


def _simt(row: Row) -> str:
    assert row.cycles
    assert row.parts is not None
    assert row.bins is not None
    lanes = f"{share(row.lane_utilization, 0)} of the lanes take part"
    issue = row.bins["issued"] / row.cycles
    many = (row.preset or "").find("lanes=1,") < 0
    who = f"an instruction retires in {share(issue, 0)} of the cycles"
    tail = f"{who}, and {lanes}" if many else who
    if row.parts["command"] >= COMMAND * row.cycles:
        return f"{_of(row, 'command')} of the cycles begin and end the kernel; {tail}"
    if (row.bus_share or 0) >= BUSY:
        return (
            f"{row.intensity:.3g} operations a byte are few: its memory port is at "
            f"{share(row.bus_share, 0)}; {tail}"
        )
    if issue >= BUSY:
        return f"it issues most of the time: {tail}"
    lost = {name: cycles for name, cycles in row.bins.items() if name != "issued"}
    worst = max(lost, key=lambda name: lost[name])
    what = WAITS.get(worst, BOUND_BY[worst])
    return f"{what} cost {share(lost[worst] / row.cycles, 0)} of the cycles: {tail}"


WAITS = {
    "replayed": "instructions that come again while threads wait for each other",
    "wait_memory": "waits for main memory",
    "wait_shared": "waits for shared memory",
    "wait_units": "waits for division, roots and tables",
    "wait_code": "waits for instructions",
    "wait_barrier": "waits at barriers",
    "pipeline": "too few warps to fill the pipeline",
    "empty": "beginning and end of the kernel",
}
"""Bins of lost cycles in words that can cost something."""


def _of(row: Row, part: str) -> str:
    assert row.parts is not None
    return share(row.parts[part] / (row.cycles or 1), 0)


def host_reason(row: Row, peak: float | None, call: float, copy: float) -> tuple[float, str]:
    """Share of what binds, and why the host's CPU took so long.

    Parameters
    ----------
    row
        With its seconds.
    peak
        Multiply-accumulates in a second that the same library reaches in a large product.
    call, copy
        Seconds of a call that does nothing, and of a copy of as many bytes as the job has to move.
    """
    assert row.seconds
    moved = copy / row.seconds
    rate = f"{si(row.operations / row.seconds)} {row.unit} a second"
    if call >= CALLING * row.seconds:
        return moved, f"{rate}; a call that does nothing takes {share(call / row.seconds, 0)} of it"
    copying = f"a copy of as many bytes takes {share(moved, 0)} of the time"
    if row.unit == MACS and peak:
        compute = row.operations / row.seconds / peak
        if compute >= moved:
            return compute, (
                f"{rate}, {share(compute, 0)} of what the library reaches in a large product; "
                f"{row.intensity:.3g} operations a byte"
            )
        few = f"{row.intensity:.3g} operations a byte are few"
        return moved, f"{rate}: {few}, and {copying}"
    if moved >= BUSY:
        return moved, f"{rate}: memory binds, {copying}"
    return moved, f"{rate}: instructions, calls and passes bind; {copying}"


def gpu_reason(row: Row, limits: Mapping[str, float]) -> tuple[float, str]:
    """Share of what binds, and why a GPU took so long; ``limits`` as `gpu.examine` gives them."""
    assert row.seconds
    moved = row.operations / row.intensity / row.seconds / limits["bandwidth"]
    rate = f"{si(row.operations / row.seconds)} {row.unit} a second"
    if limits["call"] >= CALLING * row.seconds:
        return moved, f"{rate}; starting one kernel takes {limits['call'] * 1e6:.1f} us of them"
    if row.unit == MACS:
        compute = row.operations / row.seconds / limits["macs"]
        if compute >= moved:
            return compute, f"{rate}, {share(compute)} of a large float32 product's on this GPU"
    return moved, f"{rate}; arrays are moved at {share(moved)} of this GPU's memory bandwidth"


def si(value: float) -> str:
    """A number with a decimal prefix."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.3g}"
