"""Writes a bitstream to a board with openFPGALoader."""

import shutil
import subprocess
from pathlib import Path

from .table import Board

LOADER = "openFPGALoader"
"""The program."""

PACKAGE = "openfpgaloader"
"""Its Debian package."""


def load_command(board: Board, bitstream: Path, flash: bool) -> list[str]:
    """What to run: into the FPGA, where it is lost with power, or into the board's flash."""
    return [LOADER, "--board", board.loader, *(["--write-flash"] if flash else []), str(bitstream)]


def load(board: Board, bitstream: Path, flash: bool = False) -> None:
    """Write a bitstream to a board; openFPGALoader shows what it does.

    Raises
    ------
    FileNotFoundError
        There is no such bitstream.
    RuntimeError
        openFPGALoader is missing, or has failed.
    """
    if not bitstream.is_file():
        raise FileNotFoundError(f"bitstream {str(bitstream)!r} does not exist")
    if shutil.which(LOADER) is None:
        raise RuntimeError(f"{LOADER} is missing: install Debian package {PACKAGE}")
    done = subprocess.run(load_command(board, bitstream, flash), check=False)
    if done.returncode:
        raise RuntimeError(
            f"{LOADER} failed with exit code {done.returncode}: is a {board.title} connected, and "
            "may this user open it?"
        )
