"""Files of a board: its design in Verilog, and where its pins are."""

from pathlib import Path

from weft import emit
from weft.config import Config

from .constraints import constraints
from .table import Board


def board_verilog(board: Board, config: Config | None = None) -> str:
    """Verilog of a whole board for its FPGA, or for another chip on it; top module ``board``."""
    from .system import TOP, System

    return emit.component_verilog(System(board, config or board.fpga_config), TOP)


def emit_board(board: Board, folder: Path) -> tuple[Path, ...]:
    """Write ``board.v`` and the constraint file into a folder, and say where they are."""
    name, text = constraints(board)
    folder.mkdir(parents=True, exist_ok=True)
    files = {"board.v": board_verilog(board), name: text}
    for file, content in files.items():
        (folder / file).write_text(content)
    return tuple(folder / file for file in files)
