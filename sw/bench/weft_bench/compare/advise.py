"""Which device for a product or a job: predictions, their error, limits, and what would change."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from weft.arch.numerics import gemm_ideal_cycles
from weft.config import Config

from . import chips
from .chips import ChipDevice
from .cost import Error, Model, error, model_of, points
from .jobs import JOBS
from .matrices import Shape
from .record import merged, read_records
from .row import Row
from .shown import duration

SQUARES, SHAPES = "scaling-*.json", "shapes-*.json"
"""Recorded runs that models are made of, and that they are tested on."""

LARGEST_BATCH = 1024


@dataclass(frozen=True)
class Advice:
    """What a device is expected to make of a product.

    Parameters
    ----------
    device
        Its name.
    cycles, seconds
        Expected; seconds of a chip only by a recorded clock.
    factor
        How many times as long as the fastest with a time; None without a time.
    kind
        ``estimated``, or ``measured`` and ``simulated`` where a recorded run says it.
    limit
        What limits it.
    error
        Of the model on the recorded shapes; None where it was measured.
    fmax_source
        Of the clock.
    """

    device: str
    cycles: float | None
    seconds: float | None
    factor: float | None
    kind: str
    limit: str
    error: Error | None
    fmax_source: str | None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class DeviceModel:
    """A device with its model; ``device`` is None for hosts and GPUs."""

    name: str
    device: ChipDevice | None
    model: Model
    error: Error

    def expect(self, shape: Shape) -> tuple[float | None, float | None]:
        """Cycles and seconds."""
        value = self.model(shape)
        if self.device is None:
            return None, value
        mhz = self.device.clock.mhz
        return value, None if mhz is None else value / (mhz * 1e6)


@cache
def recorded(pattern: str) -> tuple[Row, ...]:
    """Rows of the recorded runs of a pattern."""
    return tuple(merged(read_records(pattern=pattern)))


def models() -> list[DeviceModel]:
    """A model for each device of which enough squares are recorded.

    Raises
    ------
    ValueError
        None are; says which command records them.
    """
    squares, shapes = recorded(SQUARES), recorded(SHAPES)
    known = {device.name: device for device in chips.DEVICES}
    found = []
    for name in dict.fromkeys(row.device for row in squares):
        model = model_of(known.get(name), points(squares, name))
        if model is not None:
            off = error(model, points(shapes, name))
            found.append(DeviceModel(name, known.get(name), model, off))
    if not found:
        raise ValueError(
            "no squares are recorded in docs/results: `weft compare --jobs squares -o DIR` makes "
            "DIR/record.json, which belongs there as scaling-NAME.json"
        )
    return found


def advise_product(shape: Shape, known: Sequence[DeviceModel]) -> list[Advice]:
    """What each device is expected to make of a product, the fastest first."""
    expected = [(each, *each.expect(shape)) for each in known]
    best = min((s for _, _, s in expected if s is not None), default=None)
    found = [
        Advice(
            device=each.name,
            cycles=None if cycles is None else round(cycles),
            seconds=seconds,
            factor=None if seconds is None or best is None else seconds / best,
            kind="estimated",
            limit=limit(each, shape, cycles),
            error=each.error,
            fmax_source=None if each.device is None else each.device.clock.source,
        )
        for each, cycles, seconds in expected
    ]
    return sorted(found, key=lambda a: (a.seconds is None, a.seconds or a.cycles or 0))


def limit(each: DeviceModel, shape: Shape, cycles: float | None) -> str:
    """What limits a device at a product, in a few words."""
    if each.device is None or cycles is None:
        call = each.model((1, 1, 1))
        part = call / each.model(shape)
        return f"calls take {part:.0%} of it" if part > 0.3 else "multiplications and bytes"
    config = each.device.config
    if each.device.engine != "array":
        return "instructions and waits of its threads: 4 multiply-accumulates a lane at most"
    return array_limit(config, shape, cycles)


def array_limit(config: Config, shape: Shape, cycles: float) -> str:
    """Multipliers, memory port, or beginning and end."""
    m, n, k = shape
    ideal = gemm_ideal_cycles(
        m=m,
        n=n,
        k=k,
        out_bytes=4,
        rows=config.rows,
        cols=config.cols,
        bus_bytes=config.bus_bytes,
        drain_units=config.drain_units,
    )
    macs = m * n * k / (config.rows * config.cols)
    if ideal < cycles / 2:
        return f"beginning, end and memory's latency: {1 - ideal / cycles:.0%} of it"
    if macs > 0.8 * ideal:
        return f"its {config.rows * config.cols} multipliers"
    return "its memory port, or tiles that it does not fill"


def what_would_change(
    shape: Shape, known: Sequence[DeviceModel], found: Sequence[Advice]
) -> Iterator[str]:
    """What else would win under which conditions."""
    timed = [advice for advice in found if advice.seconds is not None]
    if not timed:
        return
    best = timed[0]
    assert best.seconds
    for advice in found:
        if advice.cycles and advice.device != best.device:
            mhz = advice.cycles / best.seconds / 1e6
            yield f"{advice.device} would equal {best.device} at {mhz:,.0f} MHz"
    names = {advice.device for advice in timed}
    rivals = [each for each in known if each.name in names]
    m, n, k = shape
    while len(rivals) > 1 and (m := 2 * m) <= LARGEST_BATCH:
        later = advise_product((m, n, k), rivals)
        if later[0].device != best.device:
            yield f"from a batch of about {m} rows on, {later[0].device} wins"
            return
    if len(rivals) > 1:
        yield f"no batch of up to {LARGEST_BATCH:,} rows changes the winner"


def advise_job(name: str) -> list[Advice]:
    """What each device has made of a job in the recorded runs.

    Raises
    ------
    ValueError
        There is no such job, or no run of it is recorded.
    """
    if name not in JOBS:
        raise ValueError(f"no job {name!r}; jobs: {', '.join(JOBS)}")
    rows = [row for row in merged(read_records()) if row.job == name and row.correct]
    if not rows:
        raise ValueError(f"no run of {name} is recorded in docs/results")
    best = min((row.seconds for row in rows if row.seconds), default=None)
    found = [
        Advice(
            device=row.device,
            cycles=row.cycles,
            seconds=row.seconds,
            factor=row.seconds / best if row.seconds and best else None,
            kind=row.kind,
            limit=row.reason,
            error=None,
            fmax_source=row.fmax_source,
        )
        for row in rows
    ]
    return sorted(found, key=lambda a: (a.seconds is None, a.seconds or a.cycles or 0))


def lines(found: Sequence[Advice]) -> Iterator[str]:
    """Advice as a person reads it: the best, then all."""
    timed = [advice for advice in found if advice.seconds is not None]
    if timed:
        yield f"fastest: {timed[0].device}, {duration(timed[0].seconds)}"
    for advice in found:
        cycles = "" if advice.cycles is None else f", {advice.cycles:,.0f} cycles"
        factor = "" if advice.factor is None else f", {advice.factor:.3g} x"
        time = duration(advice.seconds) if advice.seconds else "no clock recorded"
        yield f"  {advice.device:18} {time}{factor}{cycles} ({advice.kind}): {advice.limit}"


def error_lines(known: Sequence[DeviceModel]) -> Iterator[str]:
    """How far models are off, device by device."""
    yield "error of the models on products that they were not made from (median, worst):"
    for each in known:
        if each.error.median is None or each.error.worst is None:
            yield f"  {each.name:18} not known: no shapes are recorded"
        else:
            yield (
                f"  {each.name:18} {each.error.median:.1%}, {each.error.worst:.1%} "
                f"of {each.error.count}"
            )
