"""The host link of boards: UARTBone frames on a serial line, and what lies at which address.

The wire format is LiteX's (``litex/soc/cores/uart.py``, class ``Stream2Wishbone``, and
``litex/tools/remote/comm_uart.py``), so that LiteX's own tools can talk to a board::

    host to board     command   words   address, 4 bytes   data of a write, 4 bytes a word
    board to host     data of a read, 4 bytes a word

An address counts words of 32 bits. Addresses and words are sent most significant byte first; a line
is 8 bits, no parity, one stop bit. There is no answer to a write and no checksum in a frame: for
both there are registers of the link, which a driver reads after what it did.
"""

from collections.abc import Iterable
from enum import IntEnum

from .registers import Access, Bits, Register


class Frame(IntEnum):
    """First byte of a frame; with ``FIXED`` the address stays the same for all its words."""

    WRITE = 1
    READ = 2
    WRITE_FIXED = 3
    READ_FIXED = 4


MAX_WORDS = 255
"""Words of one frame; a frame of no words does nothing."""

FRAME_HEAD = 6
"""Bytes of a frame before its data."""

WORD_BYTES = 4

BAUD = 1_000_000
"""Bits per second of all boards: their clocks are multiples of it."""

RESYNC_SECONDS = 0.1
"""A frame whose next byte takes longer is forgotten, as by LiteX's bridge."""

MEMORY_BASE = 0
"""Byte address of main memory on the link; the chip's address 0 is there."""

CHIP_BASE = 0xF000_0000
"""Byte address of the chip's registers on the link."""

LINK_BASE = 0xF000_1000
"""Byte address of the link's own registers."""

WINDOW_BYTES = 4096
"""Room for the registers of each."""

LINK_ID = 0x4B4E494C
"""ID register of the link: "LINK" in little-endian ASCII."""

EVENT_BITS = 8
"""Width of the link's counters of events; they wrap."""

COUNT_BITS = 16
"""Width of the link's counter of words; it wraps."""

CHECK_ROTATION = 5
"""Bits by which the checksum is rotated for each word: more than one, so that small differences of
neighbouring words or addresses do not meet."""

LINK_REGISTERS: tuple[Register, ...] = (
    Register("LINK_ID", 0x00, Access.RO, "Reads 0x4b4e494c, ASCII LINK."),
    Register("LINK_MEMORY", 0x04, Access.RO, "Bytes of main memory."),
    Register("LINK_CLOCK", 0x08, Access.RO, "Cycles of the chip in a second."),
    Register("LINK_CYCLES", 0x0C, Access.RO, "Cycles since reset, modulo 2^32."),
    Register(
        "LINK_STATUS",
        0x10,
        Access.RW,
        "What has happened; a write sets the session, nothing else.",
        (
            Bits("irq", 0, 1, "The chip's interrupt line."),
            Bits("session", 1, 7, "As last written; 0 after reset."),
            Bits("refused", 8, EVENT_BITS, "Accesses that were answered with an error."),
            Bits("framing", 16, EVENT_BITS, "Bytes without a stop bit."),
            Bits("forgotten", 24, EVENT_BITS, "Frames that were not complete in time."),
        ),
    ),
    Register(
        "LINK_COUNT",
        0x14,
        Access.RO,
        "Words moved since reset, both directions.",
        (Bits("words", 0, COUNT_BITS, "Modulo 2^16; words of the link's registers do not count."),),
    ),
    Register(
        "LINK_CHECK",
        0x18,
        Access.RO,
        f"Checksum of these words: for each it is rotated left by {CHECK_ROTATION} bits, then "
        "XORed with the word and the address of the word, which counts words.",
    ),
)
"""Registers of the link, at `LINK_BASE`."""

LINK_BY_NAME = {register.name: register for register in LINK_REGISTERS}

_WORD = (1 << 32) - 1


def checked(check: int, address: int, words: Iterable[int], step: int = 1) -> int:
    """LINK_CHECK after ``words`` from word ``address`` on, ``step`` 0 or 1 apart."""
    for word in words:
        rotated = check << CHECK_ROTATION & _WORD | check >> 32 - CHECK_ROTATION
        check = rotated ^ word ^ address
        address += step
    return check
