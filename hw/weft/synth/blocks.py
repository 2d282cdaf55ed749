"""Which block of a design a cell of its netlist belongs to, and what the blocks take."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from .between import INSIDE
from .families import COLUMNS
from .nextpnr import Step

REST = "unnamed"
"""Cells that nextpnr added to carry chains, whose names say nothing."""


def instances(verilog: str, top: str, framed: bool = True) -> set[str]:
    """Paths of all instances within the part, from the names of the modules of our Verilog."""
    start = f"{top}.{INSIDE}." if framed else f"{top}."
    names = re.findall(r"^module \\?(\S+)", verilog, re.MULTILINE)
    return {name.removeprefix(start) for name in names if name.startswith(start)}


def block_of(cell: str, known: set[str], depth: int = 2, framed: bool = True) -> str | None:
    """The block that a cell belongs to: at most ``depth`` names, one for all lanes.

    Parameters
    ----------
    cell
        Its name.
    known
        Paths of all instances.
    depth
        Most names.
    framed
        The part stands in a frame; else there is nothing but the part.

    Returns
    -------
    str or None
        `INSIDE` for what stands in the part itself, `REST` where the name says nothing, None for
        what belongs to the frame.
    """
    head, _, rest = cell.partition(".") if framed else (INSIDE, "", cell)
    if cell.startswith("$nextpnr_"):
        return REST
    if head != INSIDE:
        return None
    path: list[str] = []
    for name in rest.split("."):
        if len(path) == depth or ".".join([*path, name]) not in known:
            break
        path.append(name)
    return re.sub(r"\$\d+|_\d+(?=\.|$)", "", ".".join(path)) or INSIDE


def count(
    cells: Mapping[str, str],
    known: set[str],
    columns: Mapping[str, tuple[str, ...]],
    depth: int = 2,
    framed: bool = True,
) -> dict[str, dict[str, int]]:
    """What each block takes, the largest first: numbers by the names of `COLUMNS`.

    Parameters
    ----------
    cells
        Type of each cell by its name.
    known
        Paths of all instances.
    columns
        Names of columns by types of cells, `Family.cells`.
    depth, framed
        As `block_of` takes them.
    """
    blocks: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COLUMNS, 0))
    for cell, kind in cells.items():
        block = block_of(cell, known, depth, framed)
        if block is not None:
            for column in columns.get(kind, ()):
                blocks[block][column] += 1
    return dict(sorted(blocks.items(), key=lambda item: -item[1]["luts"]))


def total(blocks: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """The sum over all blocks."""
    return {column: sum(block[column] for block in blocks.values()) for column in COLUMNS}


def route(
    path: Iterable[Step], known: set[str], depth: int = 2, framed: bool = True
) -> list[dict[str, float | int | str]]:
    """A path told by blocks: nanoseconds and LUTs in each one that it goes through."""
    told: list[dict[str, float | int | str]] = []
    for step in path:
        block = block_of(step.sink, known, depth, framed) or "frame"
        if not told or told[-1]["block"] != block:
            told.append({"block": block, "ns": 0.0, "luts": 0})
        told[-1]["ns"] = round(float(told[-1]["ns"]) + step.ns, 2)
        told[-1]["luts"] = int(told[-1]["luts"]) + (step.kind == "logic")
    return told


def ends(path: Sequence[Step]) -> list[str]:
    """Where a path begins and where it ends, without what Yosys adds to our names."""
    names = (path[0].source, path[-1].sink) if path else ()
    return [
        re.sub(r"_(TRELLIS_FF|SB_DFF|DFF|OXIDE_FF|FD1P3)\w*$", "", name.removeprefix(f"{INSIDE}."))
        for name in names
    ]
