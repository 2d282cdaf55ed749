"""What the small chip's controller finds at which address; the firmware is compiled with these."""

from enum import IntEnum

WINDOW = 1 << 16
"""Bytes of each window, and most that main and local memory have."""

WORD_BYTES = 4
"""Of the controller's words; rows of the array that are wider take several."""

WAITS_BIT, WRITES_BIT = 30, 31
"""Bits of `Input.HOST`, above the address of a register: the host waits, and wants to write."""


class Window(IntEnum):
    """Windows, in order of address."""

    CODE = 0
    MAIN = 1  # main memory
    LOCAL = 2  # activations, weights, parameters; the firmware's variables and stack
    PORTS = 3  # `Input` and `Output`

    @property
    def base(self) -> int:
        """Its first address."""
        return self * WINDOW


class Input(IntEnum):
    """What loads from `Window.PORTS` give."""

    HOST = 0x00  # address of the register that the host wants, and whether
    HOST_DATA = 0x04  # what it writes there
    CYCLES = 0x08  # since reset, modulo 2^32
    REQUANTISED = 0x0C  # what became of the last `Output.MAGNITUDE`
    SUMS = 0x10  # first of C: the accumulator row that `Output.ROW` chose


class Output(IntEnum):
    """What stores to `Window.PORTS` do."""

    WEIGHTS = 0x00  # shift a row of weights into the array, this word its last one
    ROW = 0x04  # accumulator row; with `ROW_FIRST` sums are written there instead of added
    STRIDE = 0x08  # bytes of local memory from one row of activations to the next
    COUNT = 0x0C  # rows of the next run
    START = 0x10  # run from this byte of local memory on; the store ends when the run does
    ANSWER = 0x14  # let the host go on, with this value
    REFUSE = 0x18  # let the host go on, with an error
    STATE = 0x1C  # bit 0: interrupt line; bit 1: a program runs
    SCALE = 0x20  # of the next `MAGNITUDE`
    MAGNITUDE = 0x24  # requantise; the store ends when that is done
    WEIGHTS_BEFORE = 0x28  # a word of weights before the last one, the first one first


ROW_FIRST = 1 << 8
"""Bit of `Output.ROW`."""
