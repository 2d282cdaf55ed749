"""Seconds on a chip: cycles by a clock that place and route has recorded, never by another."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from weft.config import Config

from ..fpga_table import read_record

RECORD = Path(__file__).resolve().parents[4] / "docs" / "fpga.json"
"""What place and route gave, in a checkout."""

TARGET = "ecp5-85k-6"
"""ULX3S with LFE5U-85F, speed grade 6."""

FASTER = "ecp5-85k-8"
"""The same with the fastest grade: taken, and said, where the board's own is not recorded."""


@dataclass(frozen=True)
class Clock:
    """A clock, or why there is none.

    Parameters
    ----------
    mhz
        The median of the recorded seeds.
    source
        Where it stands; or, without one, the command that would make it.
    luts, multipliers
        What the part takes on the device; None without a record.
    """

    mhz: float | None
    source: str
    luts: int | None = None
    multipliers: int | None = None

    def seconds(self, cycles: int) -> float | None:
        """How long cycles take; None without a clock."""
        return None if self.mhz is None else cycles / (self.mhz * 1e6)


@cache
def _record(path: Path) -> tuple[dict[str, Any], ...]:
    return tuple(read_record(path))


def find_clock(spec: str, part: str | None, path: Path = RECORD) -> Clock:
    """The clock of a part of a configuration.

    Parameters
    ----------
    spec, part
        A preset with changes, and ``board`` or a part that stands alone; None: never placed, cycles
        only.
    path
        The record, as docs/fpga.json.
    """
    if part is None:
        return Clock(None, f"{spec} is not placed on a device: cycles only")
    wanted = Config.parse(spec)
    rows = {
        row["target"]: row
        for row in _record(path)
        if row["part"] == part and _config(row) == wanted
    }
    for target in (TARGET, FASTER):
        if row := rows.get(target):
            seeds = " ".join(map(str, row["seeds"]))
            tools = ", ".join(tool for tool in row["tools"] if tool.startswith("nextpnr"))
            source = (
                f"docs/fpga.json: {row['preset']}, {part}, {target}, median of seeds {seeds}, "
                f"{tools}"
            ) + ("" if target == TARGET else f"; faster than the board's own, {TARGET}")
            return Clock(row["fmax_mhz"]["median"], source, row["luts"], row["multipliers"])
    command = f"weft synth --preset {spec} --part {part} --target {TARGET} --seeds 3"
    return Clock(None, f"not recorded in docs/fpga.json; `{command}` would make it")


def _config(row: dict[str, Any]) -> Config:
    return Config.parse(row["preset"])
