"""Placement and routing with nextpnr, and what it reports."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .families import Family
from .targets import Target
from .tools import Tool, ToolError

WIRE = 2
"""Contents of an iCE40 LUT that only leads to its register."""


def arguments(
    target: Target, freq: float, seed: int, package: str = "", board: bool = False
) -> list[str]:
    """What nextpnr is told, files apart; ``freq`` in MHz, ``board`` for a whole one."""
    return [
        *target.arguments(package),
        *("--freq", f"{freq:g}"),
        *("--seed", str(seed)),
        "--timing-allow-fail",
        *target.family.options,
        *(target.family.routing if board else ()),
    ]


def frame_pins(target: Target) -> str:
    """Constraints for a part between registers; empty where nextpnr needs none."""
    line = target.family.pin
    pins = target.properties.pins.items() if line else ()
    return "".join(line.format(port=port, pin=pin) + "\n" for port, pin in pins)


@dataclass(frozen=True)
class Step:
    """A step of a path: nanoseconds, what takes them, and from where to where."""

    ns: float
    kind: str
    source: str
    sink: str


@dataclass(frozen=True)
class Placed:
    """What came out of a run.

    Parameters
    ----------
    seed, fmax_mhz
        Of this run.
    grade
        Speed grade as nextpnr names it in what it wrote; empty where a family has one only.
    used, available
        Cells of each type on the device, the frame's included; and how many it has.
    path
        The slowest path from register to register.
    cells
        Type of every cell by its name.
    """

    seed: int
    fmax_mhz: float
    grade: str
    used: dict[str, int]
    available: dict[str, int]
    path: tuple[Step, ...]
    cells: dict[str, str]


_USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", re.MULTILINE)


def too_full(log: str) -> str | None:
    """What there is more of than the device has, as nextpnr counts it; its placer may not say."""
    counts = [(name, int(used), int(there)) for name, used, there in _USED.findall(log)]
    over = [f"{used:,} {name} of {there:,}" for name, used, there in counts if used > there]
    return f"the device is too small: {', '.join(over)}" if over else None


_ROUNDS = re.compile(r"^Info:\s+iter=\d+ .*overused=(\d+) .*tmgfail=(\d+) ", re.MULTILINE)

ROUNDS, SHARED = 60, 20
"""Rounds of routing without any gain before nextpnr is stopped, which would go on for hours; they
count as soon as so few wires have more than one user."""


def too_slow(log: str) -> str | None:
    """How many connections stay too slow for what was asked, where nextpnr gains no more."""
    slow = [int(late) for shared, late in _ROUNDS.findall(log) if int(shared) < SHARED]
    if len(slow) <= ROUNDS or min(slow[-ROUNDS:]) < min(slow[:-ROUNDS]):
        return None
    return (
        f"{min(slow):,} connections or more stay too slow for what was asked: ask for less (--freq)"
    )


def hopeless(log: str) -> str | None:
    """Why a run of nextpnr will not end well; None while it may."""
    return too_full(log) or too_slow(log)


def place_and_route(
    nextpnr: Tool,
    netlist: Path,
    family: Family,
    options: list[str],
    pins: str,
    seed: int,
    name: str,
) -> Placed:
    """Place and route a netlist in its folder, where nextpnr writes the packer's input, too.

    Parameters
    ----------
    nextpnr
        The family's.
    netlist, family
        What, and for which family.
    options
        As `arguments` has them, for this seed.
    pins
        Constraints; may be empty.
    seed
        Of placement.
    name
        Of the files that are written, without their suffixes.
    """
    folder = netlist.parent
    report, design = folder / f"{name}.report.json", folder / f"{name}.design.json"
    options = [*options, "--json", netlist.name]
    options += ["--report", report.name, "--write", design.name]
    packer = family.packer
    if packer.written_by != "--write":
        options += [packer.written_by, f"{name}{packer.suffixes[0]}"]
    if pins:
        constraints = folder / f"{name}.pins"
        constraints.write_text(pins)
        options += [text.format(name=constraints.name) for text in family.pins]
    nextpnr.run(options, folder / f"{name}.log", hopeless)
    written = json.loads(design.read_text())
    if packer.written_by == "--write":
        design.rename(folder / f"{name}{packer.suffixes[0]}")
    else:
        design.unlink()  # a hundred times what is read of it
    (module,) = (m for m in written["modules"].values() if m.get("cells"))
    cells = {cell: kind_of(cell, value) for cell, value in module["cells"].items()}
    grade = str(module.get("settings", {}).get("arch.speed", ""))
    return read_report(json.loads(report.read_text()), seed, grade, cells)


def kind_of(name: str, cell: dict[str, Any]) -> str:
    """A cell's type; of iCE40's, which hold a LUT and a register, with what is used of them.

    LUTs through which nextpnr leads a wire to a register of Gowin are no logic: ``LUT4/wire``.
    """
    kind = cell["type"]
    if name.endswith("_passthrough_lut$"):
        kind += "/wire"
    if kind == "ICESTORM_LC":
        values = cell["parameters"]
        lut = int(values["LUT_INIT"], 2) not in (0, WIRE) or int(values["CARRY_ENABLE"], 2) != 0
        kind += "/lut" * lut + "/ff" * (int(values["DFF_ENABLE"], 2) != 0)
    return kind


def read_report(report: dict[str, Any], seed: int, grade: str, cells: dict[str, str]) -> Placed:
    """Read nextpnr's report; `ToolError` if there is not one clock in it."""
    if len(report["fmax"]) != 1:
        names = ", ".join(report["fmax"]) or "none"
        raise ToolError(f"one clock was expected in nextpnr's report, there are: {names}")
    ((clock, fmax),) = report["fmax"].items()
    paths = [
        path["path"]
        for path in report["critical_paths"]
        if path["from"] == path["to"] == f"posedge {clock}"
    ]
    counts = report["utilization"]
    used = {name: count["used"] for name, count in counts.items() if count["used"]}
    available = {name: count["available"] for name, count in counts.items() if count["available"]}
    steps = tuple(Step(s["delay"], s["type"], s["from"]["cell"], s["to"]["cell"]) for s in paths[0])
    return Placed(seed, fmax["achieved"], grade, used, available, steps, cells)
