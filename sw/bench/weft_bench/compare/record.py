"""Recorded comparisons: read, put together, and given the clocks that are known now."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from . import chips
from .clock import find_clock
from .jobs import JOBS
from .row import Row
from .run import Comparison

FOLDER = Path(__file__).resolve().parents[4] / "docs" / "results"
"""Where recorded runs are kept, in a checkout."""

PATTERN = "compare-*.json"
"""Names of those that ``weft compare`` wrote."""


def read_records(folder: Path = FOLDER, pattern: str = PATTERN) -> list[Comparison]:
    """All recorded comparisons of a pattern, by name of the file."""
    return [Comparison.from_json(json.loads(p.read_text())) for p in sorted(folder.glob(pattern))]


def with_clock(row: Row) -> Row:
    """A row of a chip with seconds by the clock that is recorded now."""
    device = next((d for d in chips.DEVICES if d.name == row.device), None)
    if device is None or row.preset is None:
        return row
    clock = find_clock(device.spec, device.part)
    seconds = None if row.cycles is None else clock.seconds(row.cycles)
    return replace(row, seconds=seconds, fmax_mhz=clock.mhz, fmax_source=clock.source)


def is_current(row: Row) -> bool:
    """Whether a chip's row is of the configuration that its device has now."""
    device = next((d for d in chips.DEVICES if d.name == row.device), None)
    return device is None or row.config_hash == device.config.hash_hex


def merged(records: Sequence[Comparison]) -> list[Row]:
    """Rows of several records, one for each job and device: one that ran replaces one that did not.

    Rows of chips whose preset has changed since are left out.

    Raises
    ------
    ValueError
        Two records have a job at different sizes.
    """
    found: dict[tuple[str, str], Row] = {}
    sizes: dict[str, str] = {}
    for row in (row for record in records for row in record.rows if is_current(row)):
        if sizes.setdefault(row.job, row.size) != row.size:
            raise ValueError(f"{row.job} was recorded as {sizes[row.job]} and as {row.size}")
        before = found.get((row.job, row.device))
        if before is None or row.ran or not before.ran:
            found[row.job, row.device] = with_clock(row)
    return ordered(found.values())


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows by job, then host, GPU, chip."""
    jobs = {name: i for i, name in enumerate(JOBS)}
    families = {"cpu": 0, "gpu": 1, "chip": 2}
    devices = {device.name: i for i, device in enumerate(chips.DEVICES)}
    return sorted(
        rows,
        key=lambda r: (jobs.get(r.job, 99), families[r.family], devices.get(r.device, 0)),
    )
