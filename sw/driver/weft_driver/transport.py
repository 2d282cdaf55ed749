"""How the driver reaches a chip: the transport protocol and its entry points.

All driver logic awaits nothing but these few calls, so the same driver runs on the golden model,
over a simulated chip and over a wire.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from weft.arch.memory import MemoryTiming
from weft.config import Config

ENTRY_POINTS = "weft.transports"
"""Entry-point group: a URL scheme names a function ``open(rest: str) -> Transport``."""


class Transport(Protocol):
    """One chip with its memory.

    Members
    -------
    config
        The configuration that this transport claims the chip has; the driver checks its hash.
    url
        The URL that opens it again.
    memory_bytes
        Device memory, in bytes; addresses start at 0.
    timing
        Memory that the planner may count on; None for the default model. Never changes results.
    timed
        Whether counters count cycles. False for the golden model.
    """

    config: Config
    url: str
    memory_bytes: int
    timing: MemoryTiming | None
    timed: bool

    def read(self, address: int, size: int) -> bytes:
        """Read ``size`` bytes of device memory."""
        ...

    def write(self, address: int, data: bytes | memoryview) -> None:
        """Write device memory."""
        ...

    def read_register(self, offset: int) -> int:
        """Read a 32-bit register."""
        ...

    def write_register(self, offset: int, value: int) -> None:
        """Write a 32-bit register."""
        ...

    def wait_irq(self, timeout_cycles: int | None = None) -> None:
        """Return when the interrupt line is high; `TimeoutError` after so many cycles."""
        ...

    def close(self) -> None:
        """Give the chip back."""
        ...


def transports() -> dict[str, EntryPoint]:
    """Installed transports by URL scheme."""
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def open_transport(url: str) -> Transport:
    """Open a device URL such as ``golden:base`` or ``verilator:tiny,rows=8?latency=100``.

    Raises
    ------
    ValueError
        The URL has no scheme, no transport has that scheme, or the transport refuses the rest.
    RuntimeError
        The transport's package is not installed completely.
    """
    scheme, colon, rest = url.partition(":")
    known = transports()
    schemes = ", ".join(sorted(f"{name}:" for name in known)) or "none installed"
    if not colon:
        raise ValueError(f"device URL {url!r} has no scheme; for example golden:base ({schemes})")
    if scheme not in known:
        raise ValueError(f"unknown device {scheme + ':'!r} in {url!r}; devices: {schemes}")
    try:
        opener = known[scheme].load()
    except ImportError as error:
        raise RuntimeError(
            f"device {scheme}: needs a package that is not installed ({error}); "
            f"pip install 'weft[sim,hw]'"
        ) from None
    return opener(rest)
