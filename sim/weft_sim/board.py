"""A simulated board at a pseudo-terminal: the whole design, pins to pins, bit by bit on its line.

What a serial port is to a real board, `SimulatedBoard.port` is to this one; any program that opens
serial ports can talk to it, the driver through pyserial among them.
"""

import ctypes
import os
import threading
import time
import tty
from enum import IntEnum
from pathlib import Path
from typing import Any

from weft import emit
from weft.boards.table import Board, find_board
from weft.config import Config
from weft.gateware.primitives.models import cell_model, pll_model

from .build import NATIVE, build_library, cached_text, progress

DIVISOR = 4
"""Cycles of a bit: a real board has ten times as many, and so would a simulated byte."""

PATIENCE = 8_000
"""Cycles after which the board forgets a frame; 0.1 s are as many as a real host would wait for."""

SLICE = 20_000
"""Cycles in one call of the library."""


class Fault(IntEnum):
    """What can happen to the line, or to the board, in the middle of a byte."""

    CUT = 1
    NOISE = 2
    RESET = 3


RESET_CYCLES = 64
"""How long a reset lasts."""


def build_board(board: Board, config: Config, divisor: int, patience: int) -> Path:
    """The shared library of a board, built when it is not there."""
    with progress(f"simulated board {board.name}") as report:
        cells = cell_model(config.multiplier)
        if board.clock_hz != board.oscillator_hz:
            cells += pll_model(board.family)

        def make() -> str:
            from weft.boards.system import TOP, System

            report("Verilog", 0, 1)
            baud = board.clock_hz // divisor
            system = System(board, config, baud=baud, patience=patience)
            return emit.component_verilog(system, TOP) + cells

        key = f"{board}-{divisor}-{patience}"
        text = cached_text(f"{board.name}-{config.hash_hex}", key, make)
        return build_library("board", text, NATIVE / "board.cpp", report=report, fast="-O1")


class SimulatedBoard:
    """A board that runs in a thread of its own until it is closed.

    Parameters
    ----------
    board
        Which, by name or as a row of the table.
    config
        Its chip, if it is not the table's.
    divisor, patience
        Cycles of a bit, and of the time after which a frame is forgotten.

    Members
    -------
    port
        Name of the pseudo-terminal.
    url
        Of the device, for `weft_driver.Device`.
    """

    def __init__(
        self,
        board: Board | str,
        config: Config | None = None,
        *,
        divisor: int = DIVISOR,
        patience: int = PATIENCE,
    ):
        self.board = find_board(board) if isinstance(board, str) else board
        self.config = config or self.board.config
        library: Any = ctypes.CDLL(str(build_board(self.board, self.config, divisor, patience)))
        library.board_open.restype = ctypes.c_void_p
        library.board_cycle.restype = ctypes.c_uint64
        self._library = library
        # The board keeps both ends open: the line is there when nobody listens.
        self._line, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self._line, False)
        self.port = os.ttyname(self._far)
        self._handle = ctypes.c_void_p(
            library.board_open(self._line, divisor, int(self.board.reset_low))
        )
        self._divisor = divisor
        self._lock = threading.Lock()
        self._running = True
        self._thread = threading.Thread(target=self._run, name=f"board {self.board.name}")
        self._thread.daemon = True
        self._thread.start()

    @property
    def url(self) -> str:
        """URL of the device; a simulated board may take its time."""
        return f"uart:{self.port}?baud={self.board.clock_hz // self._divisor}&timeout=20"

    @property
    def cycle(self) -> int:
        """Cycles since the board was switched on."""
        with self._lock:
            return self._library.board_cycle(self._handle)

    @property
    def leds(self) -> int:
        """Pins of the LEDs."""
        with self._lock:
            return self._library.board_leds(self._handle)

    def fault(self, kind: Fault, after: int = 0, line_bytes: int = 1) -> None:
        """Let something happen in the middle of a byte from the host.

        Parameters
        ----------
        kind
            What.
        after
            Whole bytes before that one.
        line_bytes
            How long it lasts, in bytes on the line; a reset lasts `RESET_CYCLES`.
        """
        cycles = RESET_CYCLES if kind is Fault.RESET else line_bytes * 10 * self._divisor
        with self._lock:
            self._library.board_fault(
                self._handle, int(kind), ctypes.c_uint64(after), ctypes.c_uint64(cycles)
            )

    def wait(self) -> None:
        """Wait until it is switched off, by another thread or Ctrl-C."""
        while self._running:
            time.sleep(0.1)

    def close(self) -> None:
        """Switch it off."""
        if self._running:
            self._running = False
            self._thread.join()
            self._library.board_close(self._handle)
            os.close(self._line)
            os.close(self._far)

    def __enter__(self) -> "SimulatedBoard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while self._running:
            with self._lock:
                self._library.board_run(self._handle, ctypes.c_uint64(SLICE))
