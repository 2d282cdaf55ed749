"""Who was busy when: the chip's activity port over one run, as a timeline."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.arch.registers import BINS

ENGINES = ("LOAD", "MATMUL", "DRAIN", "STORE")
"""Engines in the order of their bits in the activity port, bit 0 first."""

SIMT, SIMT_BIT = "SIMT", 7
"""The engine that only some chips have, and its bit."""

BIN_MASK = 7

BIN_SHIFT = 4
"""Lowest bit of the number of the cycle bin in the activity port; a number beyond `BINS` says that
no program is in flight."""


@dataclass(frozen=True)
class Activity:
    """One recorded run.

    Parameters
    ----------
    title
        What ran.
    edges
        Cycles at which something changed, from 0 on, then the end of the run.
    values
        The activity port from each edge to the next.
    """

    title: str
    edges: NDArray[np.int64]
    values: NDArray[np.uint8]

    @classmethod
    def of_program(
        cls, title: str, changes: NDArray[np.uint64], values: NDArray[np.uint8], cycles: int
    ) -> "Activity":
        """The cycles from doorbell to interrupt out of what a device recorded.

        Parameters
        ----------
        title
            What ran: one program while the device recorded.
        changes, values
            Cycles at which the activity port changed, and its values from there on.
        cycles
            Of the program. A simulated device records while it waits for the interrupt, so the few
            cycles of the doorbell's own bus access are missing at the start; they are idle, as the
            last ones are, and are put there.

        Raises
        ------
        ValueError
            No program ran, or it ran for longer than ``cycles``.
        """
        running = np.flatnonzero((values >> BIN_SHIFT & BIN_MASK) < len(BINS))
        if not running.size:
            raise ValueError(f"no program in the recording of {title!r}")
        first, last = running[0], running[-1] + 1
        edges = (changes[first:last] - changes[first]).astype(np.int64)
        if edges[-1] >= cycles:
            raise ValueError(f"the recording of {title!r} is longer than its {cycles} cycles")
        return cls(title, np.append(edges, cycles), values[first:last])

    @property
    def cycles(self) -> int:
        """Cycles of the run."""
        return int(self.edges[-1])

    @property
    def engines(self) -> dict[str, int]:
        """Bits of the engines by name; of the SIMT core if it ran."""
        bits = {name: bit for bit, name in enumerate(ENGINES)}
        return bits | ({SIMT: SIMT_BIT} if self.engine(SIMT_BIT).any() else {})

    def engine(self, number: int) -> NDArray[np.bool_]:
        """Whether the engine of a bit was busy, from each edge to the next."""
        return (self.values >> number & 1).astype(bool)

    def bin(self, name: str) -> NDArray[np.bool_]:
        """Whether a cycle bin held, from each edge to the next."""
        return (self.values >> BIN_SHIFT & BIN_MASK) == BINS.index(name)

    def cycles_of(self, held: NDArray[np.bool_]) -> int:
        """Cycles during which something held."""
        return int(np.diff(self.edges)[held].sum())

    def shares(self, held: NDArray[np.bool_], buckets: int) -> NDArray[np.float64]:
        """Share of each of ``buckets`` equal pieces of the run during which something held."""
        so_far = np.concatenate(([0], np.cumsum(np.diff(self.edges) * held)))
        points = np.linspace(0, self.cycles, buckets + 1)
        return np.diff(np.interp(points, self.edges, so_far)) / (self.cycles / buckets)
