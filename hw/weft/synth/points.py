"""Measures the points of the model in `weft.synth.resources`: synthesis only, no placement."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import weft
from weft.boards.table import BOARDS, Board
from weft.config import Config
from weft.emit import tool_versions

from .blocks import instances
from .counts import netlist_counts
from .design import BOARD, Design, board_design, netlist_of, part_design
from .families import FAMILIES
from .parts import CHIP
from .resources import PREDICTED, Point, grouped
from .targets import Target
from .tools import find_yosys
from .yosys import NETLIST

RECORD = Path(__file__).with_name("resources.json")
"""What was measured: `weft bench fit` makes it."""

POINTS = {
    "ecp5": (
        "tiny,lanes=0",
        "array8",
        "tiny",
        "ulx3s,rows=8,act_regions=4,lanes=4,warps=8,icache_bytes=4096",
        "array8,bus_bytes=4,act_kib=8,act_regions=2,wgt_kib=2,acc_rows=64,drain_units=1,"
        "param_blocks=16,queue_depth=2,transpose=false",
        "array12",
        "tiny,lanes=4,warps=8,fp=full,icache_bytes=2048",
        "tiny,lanes=0,acc_rows=32,queue_depth=1,transpose=false,row_sum=false",
        "tiny,lanes=0,queue_depth=1",
        "ulx3s,rows=8,act_regions=4,lanes=0,warps=8,icache_bytes=4096",
        "tiny,lanes=8,warps=4",
        "tiny,lanes=1,warps=16,fp=full",
    ),
}
"""Chips by family, in the order in which they are measured."""

BOARD_POINTS = {"ecp5": ("ulx3s",)}
"""Boards by family, whose own part is measured: all but the chip."""

TARGETS = {"ecp5": "ecp5-85k-6"}
"""A target of each family: netlists are the same for all of them but for places."""

SOURCES = ("gateware", "arch", "config.py")
"""What netlists are made of, in the folder of `weft`."""


@cache
def sources_hash() -> str:
    """What the sources of netlists are: changes whenever one of them does."""
    root = Path(weft.__file__).parent
    files = [path for name in SOURCES for path in sorted((root / name).rglob("*.py"))]
    files += [root / name for name in SOURCES if name.endswith(".py")]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass
class Record:
    """What was measured.

    Parameters
    ----------
    points
        Chips.
    boards
        What boards take besides their chips, by name and column.
    routed
        By family, the fullest device of those in docs/fpga.json: ``preset``, ``target`` and the
        ``percent`` of its LUTs.
    sources
        `sources_hash` of each point, by family and preset, and of each board, by its name.
    tools
        What made the netlists.
    """

    points: list[Point] = field(default_factory=list)
    boards: dict[str, dict[str, int]] = field(default_factory=dict)
    routed: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    tools: list[str] = field(default_factory=list)

    def stale(self, family: str) -> bool:
        """Whether the gateware has changed since points of a family were measured."""
        mine = [f"{family} {point.preset}" for point in self.points if point.family == family]
        return any(self.sources[name] != sources_hash() for name in mine)

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return {
            "tools": self.tools,
            "points": [asdict(point) for point in self.points],
            "boards": self.boards,
            "routed": self.routed,
            "sources": self.sources,
        }


def read_record(path: Path = RECORD) -> Record:
    """A record, empty if there is no file."""
    if not path.is_file():
        return Record()
    value = json.loads(path.read_text())
    points = [Point(**point) for point in value.pop("points")]
    return Record(points=points, **value)


def _counted(design: Design, target: Target, report: Callable[[str], None], depth: int = 3) -> Any:
    """What blocks of a design take."""
    folder = netlist_of(find_yosys(), target.family, design, report)
    known = instances(design.verilog, design.top, design.framed)
    return netlist_counts(folder / NETLIST, target.family.name, known, depth, design.framed)


def measure_point(preset: str, family: str, report: Callable[[str], None]) -> Point:
    """Synthesise a chip, or read its netlist, and count."""
    target = Target.parse(TARGETS[family])
    config = Config.parse(preset).changed({"multiplier": target.family.multiplier})
    blocks = _counted(part_design(CHIP, config, target), target, report)
    return Point(family, preset, grouped(blocks), config.hash_hex)


def measure_board(board: Board, report: Callable[[str], None]) -> dict[str, int]:
    """What a board takes besides its chip."""
    target = Target.parse(board.target)
    design = board_design(board, board.fpga_config, target, board.clock_hz / 1e6)
    blocks: Mapping[str, Mapping[str, int]] = _counted(design, target, report, 1)
    own = [counts for name, counts in blocks.items() if name != "chip"]
    return {column: sum(counts.get(column, 0) for counts in own) for column in PREDICTED}


def fullest(results: Sequence[Mapping[str, Any]], family: str) -> dict[str, Any] | None:
    """Of results of whole chips and boards of a family the one that takes most of its device."""
    mine = [
        result
        for result in results
        if result["part"] in (CHIP, BOARD) and Target.parse(result["target"]).family.name == family
        if "luts" in result["percent"]
    ]
    if not mine:
        return None
    most = max(mine, key=lambda result: result["percent"]["luts"])
    return {
        "preset": most["preset"],
        "part": most["part"],
        "target": most["target"],
        "percent": most["percent"]["luts"],
    }


def measure_points(
    family: str,
    path: Path,
    results: Sequence[Mapping[str, Any]],
    report: Callable[[str], None],
    only: str = "",
) -> Record:
    """Measure chips and boards of a family, and write the record after each of them.

    Parameters
    ----------
    family
        One of `POINTS`.
    path
        The record, read and written; what is not measured stays.
    results
        Of place and route, see `fullest`.
    report
        Told what goes on.
    only
        Text in the presets of those to measure.
    """
    record = read_record(path)
    if (most := fullest(results, family)) is not None:
        record.routed[family] = most
        _save(record, path)
    for preset in POINTS[family]:
        if only in preset:
            report(f"{preset} for {FAMILIES[family].title}")
            point = measure_point(preset, family, report)
            points = {(each.family, each.preset): each for each in (*record.points, point)}
            order = [(name, each) for name, presets in POINTS.items() for each in presets]
            record.points = [points[key] for key in order if key in points]
            _write(record, path, f"{family} {preset}")
    for name in BOARD_POINTS.get(family, ()):
        if only in name:
            report(f"board {name}")
            record.boards[name] = measure_board(BOARDS[name], report)
            _write(record, path, name)
    return record


def _write(record: Record, path: Path, measured: str) -> None:
    """Write a record in which something was measured."""
    record.tools = [f"{name} {number}" for name, number in tool_versions().items()]
    record.tools.append(find_yosys().version)
    kept = {*(f"{p.family} {p.preset}" for p in record.points), *record.boards}
    record.sources = {k: v for k, v in record.sources.items() if k in kept}
    record.sources[measured] = sources_hash()
    _save(record, path)


def _save(record: Record, path: Path) -> None:
    """Replace the file at once."""
    partial = path.with_suffix(".partial")
    partial.write_text(text_of(record))
    partial.rename(path)


def text_of(record: Record) -> str:
    """A record's text: a line for each point."""
    value = record.to_json()
    points = ",\n  ".join(json.dumps(point) for point in value.pop("points"))
    rest = json.dumps(value, indent=1)[2:]
    return '{\n "points": [\n  ' + points + "\n ],\n" + rest + "\n"
