"""What is synthesised: a part between registers, or a whole board."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from weft.boards.constraints import constraints
from weft.boards.files import board_verilog
from weft.boards.system import TOP as BOARD_TOP
from weft.boards.table import BOARDS, Board
from weft.config import Config
from weft.emit import component_verilog
from weft_driver.folders import build_root

from .between import Between
from .block_floorplan import activations, board_memory
from .families import Family
from .floorplan import ARRAY, CORE, Floorplan
from .nextpnr import frame_pins
from .parts import CHIP, part
from .targets import Target
from .tools import Tool
from .whole import whole
from .yosys import NETLIST, maps, script, synthesise

BOARD = "board"
"""Name of the part that is a whole board, pins to pins."""

FRAME_TOP = "top"
"""Name of the module around other parts."""


@dataclass(frozen=True)
class Design:
    """A design, and what the tools are to know of it.

    Parameters
    ----------
    verilog, top
        Its text and the name of its top module.
    framed
        Whether it is a `between.Between`.
    places
        Where multipliers and block RAMs go.
    pins
        Constraints, empty where the tools need none.
    package
        Of the device; empty for the usual one.
    """

    verilog: str
    top: str
    framed: bool
    places: Floorplan
    pins: str
    package: str = ""


def board_of(preset: str, part_name: str) -> Board | None:
    """The board of a preset, for the part `BOARD`; None for other parts.

    Raises
    ------
    ValueError
        The preset is no board's.
    """
    if part_name != BOARD:
        return None
    name = preset.partition(",")[0].strip()
    if name not in BOARDS:
        raise ValueError(f"preset {name!r} belongs to no board; boards: {', '.join(BOARDS)}")
    return BOARDS[name]


def _places(config: Config, target: Target, part_name: str) -> Floorplan:
    """Places of what has some in a part, multipliers and block RAMs, by names in it."""
    whole, core = target.family.floorplans
    if config.multiplier == "portable":
        return {}
    if part_name == "simt":
        return {cell.removeprefix(CORE): at for cell, at in core(config, target.device).items()}
    of_chip = whole(config, target.device)
    if part_name == "array":
        return {cell.removeprefix(ARRAY): at for cell, at in of_chip.items() if ARRAY in cell}
    of_chip |= activations(config, target.device)
    prefix = {CHIP: "", BOARD: "chip."}.get(part_name)
    return {} if prefix is None else {prefix + cell: place for cell, place in of_chip.items()}


def board_design(board: Board, config: Config, target: Target, asked_mhz: float) -> Design:
    """A whole board; `ValueError` for a target that is not on it."""
    if target.device != Target.parse(board.target).device:
        raise ValueError(f"target {target.name!r} is not on {board.title}: {board.target} is")
    text = board_verilog(board, config)
    places = _places(config, target, BOARD)
    if places:
        places |= board_memory(config, board.memory_bytes, target.device)
    _, pins = constraints(board, asked_mhz)
    return Design(text, BOARD_TOP, False, places, pins, board.package)


def part_design(name: str, config: Config, target: Target) -> Design:
    """A part between registers; `ValueError` for one that is not there."""
    text = component_verilog(Between(part(name, config), target.family.oscillator), FRAME_TOP)
    places = _places(config, target, name)
    return Design(text, FRAME_TOP, True, places, frame_pins(target))


def netlist_of(yosys: Tool, family: Family, design: Design, report: Callable[[str], None]) -> Path:
    """Folder of a design's netlist, which is made if it is not there."""
    places, framed = design.places, design.framed
    steps = script(family, places, "", "", design.top, framed)
    read = (design.verilog, steps, *maps(family).values(), yosys.version)
    key = hashlib.sha256("\0".join(read).encode()).hexdigest()[:16]
    folder = build_root() / "synth" / key
    if not (folder / NETLIST).is_file():
        report(f"{yosys.version}: {family.synthesis}")
        with whole(folder) as partial:
            synthesise(yosys, family, places, design.verilog, design.top, partial, framed)
    return folder
