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
def boards(
    simulate: Annotated[
        str | None,
        typer.Option(
            "--simulate", metavar="BOARD", help="Run this one at a pseudo-terminal until Ctrl-C."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the boards that Weft knows, or simulate one.

    A simulated board is the whole design, pins to pins; what opens serial ports can talk to it.
    Examples: `weft boards --json`, `weft boards --simulate icebreaker`
    """
    from .boards.table import BOARDS

    if simulate is not None:
        _simulate(simulate)
        return
    if as_json:
        deliver([board.to_json() for board in BOARDS.values()], True, None)
        return
    for board in BOARDS.values():
        memory = f"{board.memory_bytes >> 10} KiB"
        mhz = f"{board.clock_hz / 1e6:g} MHz"
        typer.echo(f"{board.name:<12} {board.title:<22} {board.target:<14} {memory:>8} {mhz:>8}")


def _simulate(name: str) -> None:
    """Run a simulated board until somebody interrupts it."""
    from weft_sim.board import SimulatedBoard

    with SimulatedBoard(name) as board:
        typer.echo(f"a simulated {board.board.title} is at {board.port}; Ctrl-C ends it", err=True)
        typer.echo(f"weft gemm 16 16 16 --device '{board.url}'", err=True)
        board.wait()


@one_line_errors
def load(
    board: BoardName,
    bitstream: Annotated[Path, typer.Argument(metavar="FILE", help="The bitstream.")],
    flash: Annotated[
        bool, typer.Option("--flash", help="Into the board's flash, to stay there without power.")
    ] = False,
) -> None:
    """Write a bitstream to a board, through openFPGALoader.

    Example: `weft synth --preset ulx3s`, `weft load ulx3s build/ulx3s.bit`, `weft gemm 16 16 16
    --device uart:/dev/ttyUSB0`
    """
    from .boards.load import load as load_bitstream
    from .boards.table import find_board

    load_bitstream(find_board(board), bitstream, flash)
