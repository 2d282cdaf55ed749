"""Placement and routing on an ECP5 with nextpnr, and what it reports."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .tools import Tool, ToolError

DEVICES = {"25k": "CABGA256", "45k": "CABGA381", "85k": "CABGA756"}
"""Devices by nextpnr's names, and a package of each."""

GRADES = (6, 7, 8)
"""Speed grades; 8 is the fastest."""


@dataclass(frozen=True)
class Target:
    """A device, its speed grade, and the clock that placement aims at in MHz."""

    device: str
    grade: int
    freq: float

    def __post_init__(self):
        if self.device not in DEVICES:
            raise ValueError(f"device {self.device!r} is not valid: one of {', '.join(DEVICES)}")
        if self.grade not in GRADES:
            raise ValueError(f"grade = {self.grade} is not valid: 6 (slow), 7 or 8 (fast)")

    def arguments(self, seed: int) -> list[str]:
        """What nextpnr is told, files apart."""
        return [
            f"--{self.device}",
            *("--package", DEVICES[self.device]),
            *("--speed", str(self.grade)),
            *("--freq", f"{self.freq:g}"),
            *("--seed", str(seed)),
            "--timing-allow-fail",
            "--lpf-allow-unconstrained",
        ]


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
    used
        Cells of each type on the device, the frame's included.
    path
        The slowest path from register to register.
    cells
        Type of every cell by its name.
    """

    seed: int
    fmax_mhz: float
    used: dict[str, int]
    path: tuple[Step, ...]
    cells: dict[str, str]


def place_and_route(
    nextpnr: Tool, netlist: Path, target: Target, seed: int, folder: Path
) -> Placed:
    """Place and route a netlist in ``folder``, where nextpnr writes, too."""
    report, placed = folder / f"report-{seed}.json", folder / f"placed-{seed}.json"
    arguments = [*target.arguments(seed), "--json", netlist.name]
    arguments += ["--report", report.name, "--write", placed.name, "--quiet"]
    nextpnr.run(arguments, folder / f"nextpnr-{seed}.log")
    design = json.loads(placed.read_text())
    placed.unlink()  # a hundred times what is read of it
    (module,) = (m for m in design["modules"].values() if m.get("cells"))
    cells = {name: cell["type"] for name, cell in module["cells"].items()}
    return read_report(json.loads(report.read_text()), seed, cells)


def read_report(report: dict[str, Any], seed: int, cells: dict[str, str]) -> Placed:
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
    used = {name: count["used"] for name, count in report["utilization"].items() if count["used"]}
    steps = tuple(Step(s["delay"], s["type"], s["from"]["cell"], s["to"]["cell"]) for s in paths[0])
    return Placed(seed, fmax["achieved"], used, steps, cells)
