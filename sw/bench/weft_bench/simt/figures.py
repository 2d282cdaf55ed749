"""Every figure about kernels on the chip: measured part by part, kept in a folder.

A part is a JSON file. One that is there is not measured again, so that an interrupted measurement
goes on where it was, and slow parts can be made elsewhere by the commands that they name.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer

from weft_driver import Device

from ..files import write_atomically
from ..kernels import CORNERS, KERNELS
from ..results import identity
from .dial import KERNELS as DIALLED
from .dial import run_dial
from .overlap import run_overlap
from .runs import memories, parse_kernels, run_cores, run_library

SIDE_BY_SIDE = 256
"""Elements of each kernel where cores are compared: one of a lane and a warp takes its time."""

LATENCIES = (1, 40, 200)

OVERLAP = (8, (64, 64, 1024))
"""Tiles, and M, N, K of each product."""

SLOWEST = "spin_lock"
"""Says nothing of a core that others do not, and takes longest."""


def _rows(device: str, cores: list[tuple[int, int]], kernels: list[str], size: int | None) -> Any:
    asked = parse_kernels(",".join(kernels)), memories("both")
    return [
        identity(table.config, table.url) | row.to_json()
        for table in run_cores(device, cores, lambda chip: run_library(chip, *asked, size))
        for row in table.rows
    ]


def library(device: str) -> Any:
    """The whole library at full sizes on the device's own core."""
    with Device(device) as chip:
        core = chip.config.lanes, chip.config.warps
    return _rows(device, [core], list(KERNELS), None)


def cores(device: str) -> Any:
    """The library on four cores, at `SIDE_BY_SIDE` elements."""
    few = [name for name in KERNELS if name != SLOWEST]
    return _rows(device, list(CORNERS), few, SIDE_BY_SIDE)


def dial(device: str) -> Any:
    """The latency dial at `LATENCIES`."""
    with Device(device) as chip:
        who = identity(chip.config, chip.url)
        points = run_dial(chip, parse_kernels(DIALLED), LATENCIES)
    return [who | point.to_json() for point in points]


def overlap(device: str) -> Any:
    """Array and kernels at once, and the speed of the bare array in the same run."""
    from weft_sim.array_bench import array_khz

    with Device(device) as chip:
        bare = array_khz(chip.config)
        result, _ = run_overlap(chip, *OVERLAP)
        bare = max(bare, array_khz(chip.config))
        return identity(chip.config, chip.url) | result.to_json() | {"array_khz": bare}


PARTS: Mapping[str, Callable[[str], Any]] = {
    "library": library,
    "cores": cores,
    "dial": dial,
    "overlap": overlap,
}
"""How each part is measured on a device."""


def measure(device: str, folder: Path, again: bool = False) -> dict[str, Any]:
    """All parts, from files where they are there.

    Parameters
    ----------
    device
        The chip.
    folder
        Where ``library.json`` and the others are kept.
    again
        Measure all of them anew.
    """
    found = {}
    for name, part in PARTS.items():
        path = folder / f"{name}.json"
        if again or not path.is_file():
            typer.echo(f"measuring {name}", err=True)
            write_atomically(path, json.dumps(part(device), indent=1) + "\n")
        found[name] = json.loads(path.read_text())
    return found
