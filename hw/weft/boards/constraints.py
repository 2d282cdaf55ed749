"""Constraint files of boards: which signal is at which pin, and how fast the clock is."""

from collections.abc import Callable
from dataclasses import dataclass

from .table import Board


@dataclass(frozen=True)
class Format:
    """A tool's file format.

    Members
    -------
    suffix
        Of the file.
    pin
        Lines for a bit of a pin: name, site, and ``UP``, ``DOWN`` or ``NONE`` as its pull.
    clock
        Lines for the clock's name and its frequency in MHz.
    """

    suffix: str
    pin: Callable[[str, str, str], list[str]]
    clock: Callable[[str, float], list[str]]


def _lpf_pin(name: str, site: str, pull: str) -> list[str]:
    return [
        f'LOCATE COMP "{name}" SITE "{site}";',
        f'IOBUF PORT "{name}" IO_TYPE=LVCMOS33 PULLMODE={pull};',
    ]


def _pcf_pin(name: str, site: str, pull: str) -> list[str]:
    return [f"set_io{' -pullup yes' if pull == 'UP' else ''} {name} {site}"]


def _cst_pin(name: str, site: str, pull: str) -> list[str]:
    return [f'IO_LOC "{name}" {site};', f'IO_PORT "{name}" IO_TYPE=LVCMOS33 PULL_MODE={pull};']


FORMATS = {
    "ecp5": Format("lpf", _lpf_pin, lambda name, mhz: [f'FREQUENCY PORT "{name}" {mhz:g} MHZ;']),
    "ice40": Format("pcf", _pcf_pin, lambda name, mhz: [f"set_frequency {name} {mhz:g}"]),
    # nextpnr's Gowin takes the frequency on its command line.
    "gowin": Format("cst", _cst_pin, lambda name, mhz: [f"// {name}: {mhz:g} MHz"]),
}
"""Formats by family, the first part of a target's name."""


def constraints(board: Board, aim_mhz: float | None = None) -> tuple[str, str]:
    """Name and text of a board's constraint file.

    Parameters
    ----------
    board
        Which.
    aim_mhz
        What placement is to aim at, if it is not the board's clock.
    """
    style = FORMATS[board.family]
    aim = 1.0 if aim_mhz is None else aim_mhz * 1e6 / board.clock_hz
    lines = style.clock("clk", board.oscillator_hz / 1e6 * aim)
    for name, site in board.sites().items():
        pull = "NONE"
        if name == "uart_rx":
            pull = "UP"  # a line that is not connected is idle
        if name == "reset":
            pull = "UP" if board.reset_low else "DOWN"
        lines += style.pin(name, site, pull)
    return f"board.{style.suffix}", "\n".join(lines) + "\n"
