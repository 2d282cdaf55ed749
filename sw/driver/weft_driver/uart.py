"""Transport ``uart:``: a board at a serial port, ``uart:/dev/ttyUSB0``."""

import time
from typing import Any
from urllib.parse import parse_qsl

from weft.arch.link import BAUD, CHIP_BASE, MEMORY_BASE, WORD_BYTES
from weft.arch.memory import BLOCK_MEMORY, MemoryTiming
from weft.arch.registers import BY_NAME, ID_VALUE
from weft.config import MULTIPLIERS, PRESETS, Config

from .errors import DeviceError
from .link import Link

TIMEOUT = 1.0
"""Default of ``timeout``: USB adapters and busy hosts pause for a few milliseconds."""

POLL_SECONDS = 0.001
"""Between two looks at the interrupt line."""


class UartTransport:
    """A board (`weft_driver.transport.Transport`).

    Parameters
    ----------
    link
        To the board.
    url
        The URL that opens it again.
    config
        Of its chip; None for the preset whose hash the chip has, with whatever multipliers.

    Raises
    ------
    DeviceError
        No Weft answers, or one of an unknown configuration.
    LinkError
        Nothing answers.
    """

    timed = True

    def __init__(self, link: Link, url: str, config: Config | None = None):
        self._link, self.url = link, url
        link.poll()
        self.memory_bytes = link.register("LINK_MEMORY")
        self.clock_hz = link.register("LINK_CLOCK")
        self.config = config or self._preset()
        self.timing: MemoryTiming | None = BLOCK_MEMORY

    def read(self, address: int, size: int) -> bytes:
        """Read device memory; whole words are read, and what was not asked for is dropped."""
        self._check(address, size)
        first, last = _span(address, size)
        if first == last:
            return b""
        data = self._link.read(MEMORY_BASE + first, (last - first) // WORD_BYTES)
        self._accepted(f"read of {size} bytes at {address:#x}")
        return _swapped(data)[address - first : address - first + size]

    def write(self, address: int, data: bytes | memoryview) -> None:
        """Write device memory; bytes beside it in the same words are read first and kept."""
        data = bytes(data)
        self._check(address, len(data))
        first, last = _span(address, len(data))
        if first == last:
            return
        head = self.read(first, address - first)
        tail = self.read(address + len(data), last - address - len(data))
        self._link.write(MEMORY_BASE + first, _swapped(head + data + tail))
        self._accepted(f"write of {len(data)} bytes at {address:#x}")

    def read_register(self, offset: int) -> int:
        """Read a register of the chip; `RuntimeError` when the chip refuses."""
        data = self._link.read(CHIP_BASE + offset, 1)
        self._accepted(f"read of register {offset:#05x}")
        return int.from_bytes(data, "big")

    def write_register(self, offset: int, value: int) -> None:
        """Write a register of the chip; `RuntimeError` when the chip refuses."""
        self._link.write(CHIP_BASE + offset, value.to_bytes(WORD_BYTES, "big"))
        self._accepted(f"write of register {offset:#05x}")

    def wait_irq(self, timeout_cycles: int | None = None) -> None:
        """Ask until the interrupt line is high.

        Raises
        ------
        TimeoutError
            It was not within ``timeout_cycles``, by the board's own count.
        """
        state, passed = self._link.poll(), 0
        while not state.irq:
            if timeout_cycles is not None and passed >= timeout_cycles:
                raise TimeoutError(f"no interrupt within {timeout_cycles} cycles")
            time.sleep(POLL_SECONDS)
            before, state = state, self._link.poll()
            passed += (state.cycles - before.cycles) % (1 << 32)

    def close(self) -> None:
        """Give the port back."""
        self._link.close()

    # --- what is there -------------------------------------------------------------------------

    def _preset(self) -> Config:
        found = self.read_register(BY_NAME["ID"].offset)
        if found != ID_VALUE:
            raise DeviceError(f"{self.url}: ID reads {found:#010x}, not {ID_VALUE:#010x}: no Weft")
        low, high = (self.read_register(BY_NAME[f"HASH_{half}"].offset) for half in ("LO", "HI"))
        variants = [
            preset.changed({"multiplier": multiplier})
            for preset in PRESETS.values()
            for multiplier in MULTIPLIERS
        ]
        known = {config.hash: config for config in variants}
        if (chip := high << 32 | low) not in known:
            raise DeviceError(
                f"{self.url}: the chip's configuration has hash {chip:016x}, which no preset has: "
                "say which it is with ?config="
            )
        return known[chip]

    def _check(self, address: int, size: int) -> None:
        if address < 0 or address + size > self.memory_bytes:
            raise ValueError(
                f"{size} bytes at {address:#x} are outside the device memory of "
                f"{self.memory_bytes:#x} bytes"
            )

    def _accepted(self, what: str) -> None:
        if self._link.refused():
            raise RuntimeError(f"{self.url}: the {what} was refused")


def _span(address: int, size: int) -> tuple[int, int]:
    """Whole words around bytes: where they begin and end."""
    if size == 0:
        return address, address
    return address // WORD_BYTES * WORD_BYTES, -(-(address + size) // WORD_BYTES) * WORD_BYTES


def _swapped(data: bytes) -> bytes:
    """Words of memory are little-endian, those on the wire are not."""
    swapped = bytearray(len(data))
    for i in range(WORD_BYTES):
        swapped[i::WORD_BYTES] = data[WORD_BYTES - 1 - i :: WORD_BYTES]
    return bytes(swapped)


def open_uart(rest: str) -> UartTransport:
    """Open what stands after ``uart:`` in a device URL.

    Options: ``baud``, ``timeout`` in seconds without an answer, ``config`` if the chip is not that
    of a preset.

    Raises
    ------
    ValueError
        An unknown option, or a value that is not valid.
    RuntimeError
        pyserial is not installed.
    DeviceError, LinkError
        The port cannot be opened, or what is there is no Weft.
    """
    path, _, query = rest.partition("?")
    if not path:
        raise ValueError("uart: needs the name of a serial port, for example uart:/dev/ttyUSB0")
    options = _options(query)
    serial = _pyserial()
    try:
        # What cannot be sent in time is a fault of the port: nothing holds bytes back on the line.
        port = serial.Serial(path, options["baud"], timeout=options["timeout"], write_timeout=60.0)
    except (OSError, ValueError) as error:
        raise DeviceError(f"uart:{path} cannot be opened: {error}") from None
    link = Link(port, f"uart:{path}", options["timeout"], options["baud"])
    try:
        return UartTransport(link, f"uart:{rest}", options["config"])
    except BaseException:
        link.close()
        raise


def _pyserial() -> Any:
    try:
        import serial
    except ImportError:
        raise RuntimeError(
            "device uart: needs pyserial: pip install 'weft[uart]', or Debian package "
            "python3-serial"
        ) from None
    return serial


def _options(query: str) -> dict[str, Any]:
    options: dict[str, Any] = {"baud": BAUD, "timeout": TIMEOUT, "config": None}
    for name, text in parse_qsl(query, keep_blank_values=True):
        match name:
            case "baud":
                options[name] = _number(name, text, int, 300, 50_000_000)
            case "timeout":
                options[name] = _number(name, text, float, 0.01, 3600)
            case "config":
                options[name] = Config.parse(text)
            case _:
                raise ValueError(
                    f"unknown option {name!r} of a board; options: {', '.join(options)}"
                )
    return options


def _number(name: str, text: str, kind: type, low: float, high: float) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ValueError(f"{name} = {text!r} is not valid: a number from {low:,} to {high:,}")
    return value
