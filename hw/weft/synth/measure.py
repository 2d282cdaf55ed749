"""From a configuration to a bitstream, and what that says about size and speed."""

import hashlib
import json
import shutil
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import weft
from weft.boards.table import Board
from weft.config import Config
from weft.emit import tool_versions
from weft_driver.folders import build_root

from . import blocks
from .design import BOARD, Design, board_design, board_of, netlist_of, part_design
from .fit import prediction
from .nextpnr import Placed, Step, arguments, place_and_route
from .parts import CHIP, block_depth
from .targets import Target
from .tools import Tool, find_nextpnr, find_packer, find_yosys
from .yosys import NETLIST

Report = Callable[[str], None]
"""Told what begins and what came out."""


@dataclass(frozen=True)
class Job:
    """What is to be built.

    Parameters
    ----------
    preset, config
        The configuration as it was asked for; multipliers written ``portable`` become the target's.
    part
        ``chip`` or a block, alone between registers; ``board`` for the preset's, with its pins.
    target
        Device and speed grade.
    seeds
        Of placement, one run each.
    freq
        Clock in MHz that placement aims at; None for the target's usual one.
    portable
        Keep portable multipliers, whatever the target has.
    """

    preset: str
    config: Config
    part: str
    target: Target
    seeds: Sequence[int] = (1,)
    freq: float | None = None
    portable: bool = False

    @property
    def asked_mhz(self) -> float:
        """Clock that placement aims at: a board's own when nobody asks for another one."""
        if self.freq is None and (board := self.board):
            return board.clock_hz / 1e6
        return self.target.asked_mhz(self.part) if self.freq is None else self.freq

    @property
    def board(self) -> Board | None:
        """The board that is built, if one is."""
        return board_of(self.preset, self.part)

    @property
    def placed_config(self) -> Config:
        """The configuration with the target's multipliers."""
        if self.config.multiplier != "portable" or self.portable:
            return self.config
        return self.config.changed({"multiplier": self.target.family.multiplier})


def measure(job: Job, report: Report) -> dict[str, Any]:
    """Synthesise, place and route, once for each seed, and pack the fastest.

    What has been computed before, of the same Verilog with the same tools, is read again.

    Returns
    -------
    dict
        ``fmax_mhz`` with minimum, median and maximum; counts and ``blocks`` of the first seed;
        ``path`` of the slowest one; ``bitstream`` of the fastest, relative to the build folder;
        ``predicted``, what `weft.synth.fit` says of the same columns, or None.

    Raises
    ------
    ValueError
        A part that does not exist, or that the configuration does not have.
    ToolError
        A tool is missing or has failed.
    """
    config, target, family = job.placed_config, job.target, job.target.family
    yosys, nextpnr = find_yosys(), find_nextpnr(family)
    report(f"{job.part} of {job.preset}: Verilog")
    design = _design(job)
    folder = netlist_of(yosys, family, design, report)
    known = blocks.instances(design.verilog, design.top, design.framed)
    runs = [_placed(nextpnr, folder, job, design, seed, report) for seed in job.seeds]
    slowest = min(runs, key=lambda run: run.fmax_mhz)
    fastest = max(runs, key=lambda run: run.fmax_mhz)
    speeds = [run.fmax_mhz for run in runs]
    depth = block_depth(job.part)
    by_block = blocks.count(runs[0].cells, known, family.cells, depth, design.framed)
    counts = blocks.total(by_block)
    return {
        "weft_version": weft.__version__,
        "config_hash": config.hash_hex,
        "device": None,
        "preset": job.preset,
        "multiplier": config.multiplier,
        "part": job.part,
        "target": target.name,
        "grade": runs[0].grade or target.grade,
        "asked_mhz": job.asked_mhz,
        "tools": [*_writers(), yosys.version, nextpnr.version],
        "verilog_sha256": hashlib.sha256(design.verilog.encode()).hexdigest(),
        "seeds": list(job.seeds),
        "fmax_mhz": {
            "min": round(min(speeds), 1),
            "median": round(statistics.median(speeds), 1),
            "max": round(max(speeds), 1),
        },
        **counts,
        "predicted": _predicted(job),
        "percent": _percent(counts, runs[0].available, family.available),
        "per_pe": _shares(by_block, job.part, "array", config.rows * config.cols),
        "per_lane": _shares(by_block, job.part, "simt", config.lanes),
        "blocks": by_block,
        "path": blocks.route(slowest.path, known, depth, design.framed),
        "path_ends": blocks.ends(slowest.path),
        "timing_without": family.caveat,
        "synthesis": family.steps,
        **_product(folder, job, design, fastest, nextpnr, report),
    }


def _predicted(job: Job) -> dict[str, int] | None:
    """What the model says, which knows designs with the target's own multipliers."""
    if job.placed_config.multiplier != job.target.family.multiplier:
        return None
    name = job.board.name if job.board else ""
    return prediction(job.placed_config, job.target, job.part, name)


def _design(job: Job) -> Design:
    """What is synthesised."""
    if (board := job.board) is not None:
        return board_design(board, job.placed_config, job.target, job.asked_mhz)
    return part_design(job.part, job.placed_config, job.target)


def _product(
    folder: Path, job: Job, design: Design, fastest: Placed, nextpnr: Tool, report: Report
) -> dict[str, Any]:
    """The bitstream; for a board only when it is fast enough for the board's clock."""
    board = job.board
    if board is None:
        return {"bitstream": _bitstream(folder, job, design, fastest.seed, nextpnr, report)}
    mhz = board.clock_hz / 1e6
    told = {"board": board.name, "board_mhz": mhz, "board_met": fastest.fmax_mhz >= mhz}
    if not told["board_met"]:
        return {**told, "bitstream": None}
    made = _bitstream(folder, job, design, fastest.seed, nextpnr, report)
    named = f"{board.name}{job.target.family.packer.suffixes[1]}"
    shutil.copyfile(build_root() / made, build_root() / named)
    return {**told, "bitstream": named}


def _writers() -> list[str]:
    """What wrote the Verilog, with versions."""
    return [f"{tool} {number}" for tool, number in tool_versions().items()]


def _percent(
    counts: Mapping[str, int], available: Mapping[str, int], types: Mapping[str, str]
) -> dict[str, float]:
    """Part of the device by column, for those whose number on the device nextpnr reports."""
    return {
        column: round(100 * counts[column] / available[kind], 1)
        for column, kind in types.items()
        if available.get(kind)
    }


def _shares(
    by_block: Mapping[str, Mapping[str, int]], part_name: str, wanted: str, among: int
) -> dict[str, float] | None:
    """LUTs and registers of the array for each element, or of the core for each lane.

    None where the part has no such block.
    """
    # The array stands in another block in a small chip.
    places = {"array": ("matmul.array", "matrix.array"), "simt": ("simt",)}[wanted]
    chip = "chip." if part_name == BOARD else ""
    inside = part_name in (CHIP, BOARD)
    if not among or not (inside or part_name == wanted):
        return None
    prefixes = tuple(f"{chip}{place}." for place in places)
    rows = [b for name, b in by_block.items() if not inside or f"{name}.".startswith(prefixes)]
    return {name: round(sum(row[name] for row in rows) / among, 1) for name in ("luts", "ffs")}


def _told(job: Job, design: Design, seed: int) -> list[str]:
    """Arguments of nextpnr."""
    return arguments(job.target, job.asked_mhz, seed, design.package, job.board is not None)


def _run_name(nextpnr: Tool, job: Job, design: Design, seed: int) -> str:
    """Name of the files of one run."""
    told = _told(job, design, seed)
    key = "\0".join((nextpnr.version, *told, *([] if design.framed else [design.pins])))
    return f"{job.target.name}-seed{seed}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _placed(
    nextpnr: Tool, folder: Path, job: Job, design: Design, seed: int, report: Report
) -> Placed:
    """One run, or what it gave before."""
    name = _run_name(nextpnr, job, design, seed)
    kept = folder / f"{name}.json"
    if not kept.is_file():
        report(f"{nextpnr.version}: {job.target.name} at {job.asked_mhz:g} MHz, seed {seed}")
        told = _told(job, design, seed)
        netlist, family = folder / NETLIST, job.target.family
        placed = place_and_route(nextpnr, netlist, family, told, design.pins, seed, name)
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(_to_json(placed)))
        partial.rename(kept)
    placed = _from_json(json.loads(kept.read_text()))
    report(f"seed {seed}: {placed.fmax_mhz:.1f} MHz")
    return placed


def _bitstream(
    folder: Path, job: Job, design: Design, seed: int, nextpnr: Tool, report: Report
) -> str:
    """The bitstream of a run, packed if it is not there."""
    packer = job.target.family.packer
    name = _run_name(nextpnr, job, design, seed)
    result = folder / f"{name}{packer.suffixes[1]}"
    if not result.is_file():
        report(f"{packer.program}: bitstream of seed {seed}")
        partial = f"{name}.partial{packer.suffixes[1]}"
        source = f"{name}{packer.suffixes[0]}"
        tool = find_packer(packer)
        tool.run(
            packer.command(job.target.properties.packed_as, source, partial),
            folder / f"{name}.pack.log",
        )
        (folder / partial).rename(result)
    return str(result.relative_to(build_root()))


def _to_json(placed: Placed) -> dict[str, Any]:
    path = [[s.ns, s.kind, s.source, s.sink] for s in placed.path]
    return vars(placed) | {"path": path}


def _from_json(value: dict[str, Any]) -> Placed:
    path = tuple(Step(*step) for step in value.pop("path"))
    return Placed(path=path, **value)
