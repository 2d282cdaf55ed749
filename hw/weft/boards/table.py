"""The table of boards: device, clock, main memory and pins of each.

Pins are those of the boards' schematics, as LiteX's and the makers' constraint files list them.
"""

from dataclasses import dataclass
from typing import Any

from weft.arch.link import BAUD
from weft.config import Config

MOST_BAUD_ERROR = 0.02
"""Furthest that the line's speed may be from what it is to be: a byte is 10 bits, and what the
other side is off comes on top."""


@dataclass(frozen=True)
class Board:
    """A board and what is to be on it.

    Parameters
    ----------
    name, title
        As commands call it, and as its maker does.
    preset
        Configuration of the chip.
    target, package
        The FPGA: the target of synthesis, and the package by the name of its tools.
    oscillator_hz
        Oscillator on the board.
    clock_hz
        Clock of everything in the FPGA, which place and route has reached; made by a PLL where it
        is not the oscillator.
    memory_bytes
        Main memory inside the FPGA, a power of two.
    small
        The chip is a small one, `weft.gateware.small`: another one cannot be placed and routed.
    pins
        Site of each pin by name; ``leds`` has several, lowest bit first.
    reset_low, leds_low
        The reset button gives 0 when pressed; LEDs shine with 0.
    loader
        Name of the board in openFPGALoader.
    """

    name: str
    title: str
    preset: str
    target: str
    package: str
    oscillator_hz: int
    clock_hz: int
    memory_bytes: int
    pins: dict[str, str | tuple[str, ...]]
    loader: str
    small: bool = False
    reset_low: bool = False
    leds_low: bool = False

    @property
    def config(self) -> Config:
        """Configuration of the chip."""
        return Config.parse(self.preset)

    @property
    def family(self) -> str:
        """Family of the FPGA: the first part of the target's name."""
        return self.target.partition("-")[0]

    @property
    def fpga_config(self) -> Config:
        """The same chip with the FPGA's own multipliers."""
        return self.config.changed({"multiplier": self.family})

    @property
    def leds(self) -> int:
        """How many LEDs there are."""
        return len(self.pins["leds"])

    def sites(self) -> dict[str, str]:
        """Site of each bit of each pin: ``{"clk": "G2", "leds[0]": "B2", ...}``."""
        found: dict[str, str] = {}
        for name, site in self.pins.items():
            if isinstance(site, str):
                found[name] = site
            else:
                found |= {f"{name}[{i}]": one for i, one in enumerate(site)}
        return found

    def to_json(self) -> dict[str, Any]:
        """What a person may want to know, as plain values."""
        return {
            "name": self.name,
            "title": self.title,
            "preset": self.preset,
            "config_hash": self.config.hash_hex,
            "target": self.target,
            "oscillator_mhz": self.oscillator_hz / 1e6,
            "clock_mhz": self.clock_hz / 1e6,
            "memory_bytes": self.memory_bytes,
            "pins": self.sites(),
        }


def divisor(clock_hz: int, baud: int) -> int:
    """Cycles of a bit on the line.

    Raises
    ------
    ValueError
        No whole number of cycles comes near that speed; says which do.
    """
    cycles = round(clock_hz / baud)
    if cycles < 2 or abs(clock_hz / cycles / baud - 1) > MOST_BAUD_ERROR:
        low = max(2, int(clock_hz / baud))
        near = ", ".join(f"{clock_hz / n:,.0f}" for n in (low + 1, low))
        raise ValueError(
            f"{baud:,} baud is not possible at {clock_hz / 1e6:g} MHz: {near} are the nearest"
        )
    return cycles


_BOARDS = (
    Board(
        name="ulx3s",
        title="ULX3S with LFE5U-85F",
        preset="ulx3s",
        target="ecp5-85k-6",
        package="CABGA381",
        oscillator_hz=25_000_000,
        clock_hz=50_000_000,
        memory_bytes=128 << 10,
        pins={
            "clk": "G2",
            "reset": "R1",  # FIRE1
            "uart_rx": "M1",
            "uart_tx": "L4",
            "leds": ("B2", "C2", "C1", "D2", "D1", "E2", "E1", "H3"),
        },
        loader="ulx3s",
    ),
    Board(
        name="icebreaker",
        title="iCEBreaker",
        preset="icebreaker",
        target="ice40-up5k",
        package="sg48",
        oscillator_hz=12_000_000,
        clock_hz=30_000_000,
        memory_bytes=64 << 10,  # the other half of the SPRAM is the chip's
        small=True,
        pins={
            "clk": "35",
            "reset": "10",  # the user button
            "uart_rx": "6",
            "uart_tx": "9",
            "leds": ("37", "11"),  # green, red
        },
        reset_low=True,
        leds_low=True,
        loader="ice40_generic",
    ),
    Board(
        name="nano20k",
        title="Tang Nano 20K",
        preset="nano20k",
        target="gowin-gw2a-18",
        package="QN88",
        oscillator_hz=27_000_000,
        clock_hz=27_000_000,
        memory_bytes=32 << 10,
        small=True,
        pins={
            "clk": "4",
            "reset": "88",  # S1
            "uart_rx": "70",
            "uart_tx": "69",
            "leds": ("15", "16", "17", "18", "19", "20"),
        },
        leds_low=True,
        loader="tangnano20k",
    ),
)

BOARDS = {board.name: board for board in _BOARDS}
"""All boards by name; the line runs at `weft.arch.link.BAUD`."""


def find_board(name: str) -> Board:
    """The board of that name; `ValueError` says which there are."""
    if name not in BOARDS:
        raise ValueError(f"unknown board {name!r}; boards: {', '.join(BOARDS)}")
    return BOARDS[name]


for _board in _BOARDS:
    divisor(_board.clock_hz, BAUD)
