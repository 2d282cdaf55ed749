"""Size and speed of a part: LUTs, registers, multipliers, memories, Fmax, and the slowest path."""

import hashlib
import json
import shutil
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import weft
from weft.emit import component_verilog
from weft.gateware.simt.sizes import Sizes
from weft_driver.folders import build_root

from . import blocks
from .between import Between
from .nextpnr import Placed, Step, Target, place_and_route
from .parts import part
from .tools import Tool, find_nextpnr, find_yosys
from .yosys import script, synthesise

TOP = "top"

Report = Callable[[str], None]
"""Told what begins."""


def measure(
    name: str, sizes: Sizes, target: Target, seeds: Sequence[int], report: Report
) -> dict[str, Any]:
    """Synthesise, place and route a part, once for each seed.

    What has been computed before, of the same Verilog with the same tools, is read again.

    Returns
    -------
    dict
        ``fmax_mhz`` with minimum, median and maximum; counts and ``blocks`` of the first seed;
        ``path`` of the slowest one.

    Raises
    ------
    ValueError
        A size, a part or a target that does not exist.
    ToolError
        A tool is missing or has failed.
    """
    yosys, nextpnr = find_yosys(), find_nextpnr()
    text = component_verilog(Between(part(name, sizes)), TOP)
    folder = _folder(text, yosys)
    what = f"{name}, {sizes.lanes} x {sizes.warps}, fp {sizes.fp}"
    netlist = _netlist(yosys, text, folder, lambda: report(f"{what}: synthesis, minutes"))
    known = blocks.instances(text, TOP)
    runs = []
    for seed in seeds:
        begins = f"{what}: place and route, grade {target.grade}, seed {seed}, minutes"
        runs.append(_placed(nextpnr, netlist, target, seed, lambda b=begins: report(b)))
    slowest = min(runs, key=lambda run: run.fmax_mhz)
    speeds = [run.fmax_mhz for run in runs]
    by_block = blocks.count(runs[0].cells, known)
    counts = blocks.total(by_block)
    return {
        "weft_version": weft.__version__,
        "config_hash": None,
        "device": f"ecp5-{target.device}-{target.grade}",
        "part": name,
        "lanes": sizes.lanes,
        "warps": sizes.warps,
        "fp": sizes.fp,
        "grade": target.grade,
        "asked_mhz": target.freq,
        "tools": [yosys.version, nextpnr.version],
        "verilog_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "seeds": list(seeds),
        "fmax_mhz": {
            "min": round(min(speeds), 1),
            "median": round(statistics.median(speeds), 1),
            "max": round(max(speeds), 1),
        },
        **counts,
        "luts_per_lane": round(counts["luts"] / sizes.lanes, 1),
        "blocks": by_block,
        "path": blocks.route(slowest.path, known),
    }


def _folder(text: str, yosys: Tool) -> Path:
    key = hashlib.sha256("\0".join((text, script("", "", TOP), yosys.version)).encode())
    return build_root() / "synth" / key.hexdigest()[:16]


def _netlist(yosys: Tool, text: str, folder: Path, begins: Callable[[], None]) -> Path:
    """The netlist of a folder, made if it is not there; whole or not at all."""
    netlist = folder / "netlist.json"
    if not netlist.is_file():
        begins()
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        synthesise(yosys, text, TOP, partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return netlist


def _placed(
    nextpnr: Tool, netlist: Path, target: Target, seed: int, begins: Callable[[], None]
) -> Placed:
    """One run, or what it gave before."""
    key = "\0".join((nextpnr.version, *target.arguments(seed)))
    kept = netlist.with_name(f"run-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json")
    if not kept.is_file():
        begins()
        placed = place_and_route(nextpnr, netlist, target, seed, netlist.parent)
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(_to_json(placed)))
        partial.rename(kept)
    return _from_json(json.loads(kept.read_text()))


def _to_json(placed: Placed) -> dict[str, Any]:
    path = [[s.ns, s.kind, s.source, s.sink] for s in placed.path]
    return vars(placed) | {"path": path}


def _from_json(value: dict[str, Any]) -> Placed:
    path = tuple(Step(*step) for step in value.pop("path"))
    return Placed(path=path, **value)
