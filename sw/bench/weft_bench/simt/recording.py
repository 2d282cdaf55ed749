"""What the SIMT core did in each cycle of a kernel, out of waves of the simulated chip."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from weft.arch.registers import KERNEL_STALLS
from weft.gateware.simt.events import Events

from ..fst import Waves
from ..show import TIME_PER_CYCLE

MOST_CYCLES = 1_000_000
"""Longest kernel that is traced; a page of events of more cycles opens nowhere."""

BINS = ("issued", *(name for name, _ in KERNEL_STALLS))
"""Bins of a kernel's cycles."""

SIGNALS = {
    "busy": "chip.simt.busy",
    "started": "core.started",
    "start_warp": "core.start_warp",
    "start_block_x": "core.start_block_x",
    "start_block_y": "core.start_block_y",
    "start_block_z": "core.start_block_z",
    "alive": "core.scheduler.alive",
    "picked": "core.scheduler.valid",
    "picked_warp": "core.scheduler.warp",
    "fetched": "core.icache.wake",
    "retired": "core.retire__valid",
    "warp": "core.retire__warp",
    "pc": "core.retire__pc",
    "mask": "core.retire__mask",
    "deferred": "core.retire__deferred",
    "answered": "core.retire__answered",
    "access": "core.commit.access",
    "to_shared": "core.to_shared",
}
"""Signals by what they are called here, see `weft.gateware.simt.core.Core`; a warp's bit or number,
``pc`` in words."""

EVENTS = {name: f"chip.simt.events.{name}" for name in BINS}
"""Likewise those of `weft.gateware.simt.events.Events`, which come later."""


def traced_url(url: str, waves: Path) -> str:
    """The URL of the same device with waves.

    Raises
    ------
    ValueError
        It is no simulated chip, or records waves already.
    """
    if url.partition(":")[0] != "verilator":
        raise ValueError(f"{url}: a trace needs the RTL, for example --device verilator:tiny")
    if "waves=" in url:
        raise ValueError(f"{url}: a trace records waves of its own; leave waves and window out")
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}waves={quote(str(waves))}&window=0:"


@dataclass(frozen=True)
class Recording:
    """The cycles of one kernel.

    Parameters
    ----------
    signals
        Values by cycle, by name in `SIGNALS` and `EVENTS`; cycle 0 is the first in which the engine
        is busy.
    """

    signals: dict[str, NDArray[np.int64]]

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        return self.signals[name]

    @property
    def cycles(self) -> int:
        """Cycles of the kernel."""
        return len(self.signals["busy"])

    @classmethod
    def of(cls, waves: Waves) -> "Recording":
        """Take the kernel out of waves of a program with one LAUNCH.

        Raises
        ------
        ValueError
            No kernel ran, several did, or one that is too long for a trace.
        """
        busy = _cycles(waves, SIGNALS["busy"])
        edges = [cycle for cycle, value in busy if value]
        ends = [cycle for cycle, value in busy if not value and edges and cycle > edges[0]]
        if len(edges) != 1 or len(ends) != 1:
            raise ValueError(f"{len(edges)} kernels in the recording: a trace is of one")
        start, stop = edges[0], ends[0]
        if stop - start > MOST_CYCLES:
            raise ValueError(
                f"{stop - start:,} cycles are too many for a trace (at most {MOST_CYCLES:,}): "
                "launch fewer blocks"
            )
        late = Events.latency
        return cls(
            {name: _dense(waves, path, start, stop) for name, path in SIGNALS.items()}
            | {n: _dense(waves, path, start + late, stop + late) for n, path in EVENTS.items()}
        )


def _cycles(waves: Waves, ending: str) -> list[tuple[int, int]]:
    """Changes by cycle; of several in one cycle the last counts."""
    last: dict[int, int] = {}
    for time, value in waves.changes(waves.find(ending)):
        last[time // TIME_PER_CYCLE] = value
    found: list[tuple[int, int]] = []
    for cycle, value in last.items():
        if not found or found[-1][1] != value:
            found.append((cycle, value))
    return found


def _dense(waves: Waves, ending: str, start: int, stop: int) -> NDArray[Any]:
    changes = [(cycle, value) for cycle, value in _cycles(waves, ending) if cycle < stop]
    at = np.array([cycle for cycle, _ in changes]) - start
    values = np.array([value for _, value in changes], np.int64)
    return values[np.searchsorted(at, np.arange(stop - start), side="right") - 1]
