"""Options of a simulated device's URL: ``base,rows=8?latency=100&stall=0.2``."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from weft.arch.memory import MemoryTiming
from weft.config import Config

from .native_device import MAX_OUTSTANDING

DEFAULT_MEMORY_MIB = 256

WHOLE = {
    "latency": (1, 1_000_000),
    "outstanding": (1, MAX_OUTSTANDING),
    "read_interval": (1, 100_000),
    "write_interval": (1, 100_000),
    "seed": (0, 2**32 - 1),
    "memory_mib": (1, 4096),
}
"""Options that are whole numbers, with their least and largest value."""

MAX_STALL = 0.99
"""Largest probability of a stall; at 1 nothing would ever move."""


@dataclass(frozen=True)
class Options:
    """What a device URL asks for.

    Parameters
    ----------
    config, timing, stall, seed, memory_bytes
        The chip and its memory.
    waves, window
        File to record waves into, and which cycles from the first doorbell on.
    """

    config: Config
    timing: MemoryTiming
    stall: float = 0.0
    seed: int = 1
    memory_bytes: int = DEFAULT_MEMORY_MIB << 20
    waves: Path | None = None
    window: tuple[int, int] | None = None


def parse_options(rest: str) -> Options:
    """Read what stands after the scheme of a device URL.

    Raises
    ------
    ValueError
        An unknown preset, field or option, or a value out of range; says what would be valid.
    """
    spec, _, query = rest.partition("?")
    values: dict[str, int] = {}
    stall, waves, window = 0.0, None, None
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name in WHOLE:
            values[name] = _whole(name, text)
        elif name == "stall":
            stall = _probability(text)
        elif name == "waves":
            if not text:
                raise ValueError("waves = '' is not valid: the name of an FST file")
            waves = Path(text)
        elif name == "window":
            window = parse_window(text)
        else:
            known = ", ".join([*WHOLE, "stall", "waves", "window"])
            raise ValueError(f"unknown option {name!r} of a simulated device; options: {known}")
    if window is not None and waves is None:
        raise ValueError("window needs waves=FILE, too")
    memory_bytes = values.pop("memory_mib", DEFAULT_MEMORY_MIB) << 20
    seed = values.pop("seed", 1)
    timing = MemoryTiming(**values)
    return Options(Config.parse(spec), timing, stall, seed, memory_bytes, waves, window)


def parse_window(text: str) -> tuple[int, int]:
    """Read ``A:B``, cycles counted from the first doorbell; either side may be empty."""
    start, colon, stop = text.partition(":")
    try:
        window = (int(start or 0), int(stop) if stop else 2**62)
    except ValueError:
        window = (0, 0)
    if not colon or not 0 <= window[0] < window[1]:
        raise ValueError(f"window = {text!r} is not valid: A:B with cycles 0 <= A < B")
    return window


def _whole(name: str, text: str) -> int:
    low, high = WHOLE[name]
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ValueError(f"{name} = {text!r} is not valid: a whole number from {low} to {high}")
    return value


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MAX_STALL:
        raise ValueError(f"stall = {text!r} is not valid: a probability from 0 to {MAX_STALL}")
    return value
