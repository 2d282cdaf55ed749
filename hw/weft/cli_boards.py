"""Commands about boards: ``weft boards`` and ``weft load``."""

from pathlib import Path
from typing import Annotated

import typer

from .cli_common import Json, deliver
from .cli_errors import one_line_errors

BoardName = Annotated[
    str, typer.Argument(metavar="BOARD", help="A board's name: `weft boards` lists them.")
]


@one_line_errors
def boards(as_json: Json = False) -> None:
    """List the boards that Weft knows.

    Example: `weft boards --json`
    """
    from .boards.table import BOARDS

    if as_json:
        deliver([board.to_json() for board in BOARDS.values()], True, None)
        return
    for board in BOARDS.values():
        memory = f"{board.memory_bytes >> 10} KiB"
        mhz = f"{board.clock_hz / 1e6:g} MHz"
        typer.echo(f"{board.name:<12} {board.title:<22} {board.target:<14} {memory:>8} {mhz:>8}")


@one_line_errors
def load(
    board: BoardName,
    bitstream: Annotated[Path, typer.Argument(metavar="FILE", help="The bitstream.")],
    flash: Annotated[
        bool, typer.Option("--flash", help="Into the board's flash, to stay there without power.")
    ] = False,
) -> None:
    """Write a bitstream to a board, through openFPGALoader.

    Example: `weft load ulx3s build/ulx3s.bit`, then `weft gemm 16 16 16 --device
    uart:/dev/ttyUSB0`
    """
    from .boards.load import load as load_bitstream
    from .boards.table import find_board

    load_bitstream(find_board(board), bitstream, flash)
