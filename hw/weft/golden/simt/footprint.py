"""Which bytes a kernel touches, for race detection: exact, and cheap enough to be always on.

Whatever the order of a kernel's threads, all accesses come after what LAUNCH waited for and before
what it posts. So it is enough to collect them and to tell at the end, and before it uses the
command port.
"""

import numpy as np

from weft.arch.simt import MAIN, SHARED
from weft.golden.state import Place, Watch

_PLACES = {MAIN.name: Place.MEMORY, SHARED.name: Place.ACT}


class Footprint:
    """Accesses of one kernel; those of its private memory count as what they are, main memory."""

    def __init__(self) -> None:
        self._touched: dict[tuple[str, bool, int], set[int]] = {}

    def add(self, window: str, write: bool, size: int, offset: int) -> None:
        """An access of ``size`` bytes to an array of `Memories`; others' have no effect."""
        key = window, write, size
        if key not in self._touched:
            self._touched[key] = set()
        self._touched[key].add(offset)

    def tell(self, watch: Watch) -> None:
        """Tell a watch of everything; `RaceError` if it finds a race."""
        for (window, write, size), offsets in self._touched.items():
            if window in _PLACES:
                starts = np.fromiter(sorted(offsets), np.int64, len(offsets))
                watch.access(_PLACES[window], write, starts, size)
