"""Who was busy when: the chip's activity port over one run, as a timeline."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.arch.registers import BINS

ENGINES = ("LOAD", "MATMUL", "DRAIN", "STORE")
"""Engines in the order of their bits in the activity port, bit 0 first."""

BIN_SHIFT = 4
"""Lowest bit of the number of the cycle bin in the activity port."""


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
    def of(
        cls,
        title: str,
        changes: NDArray[np.uint64],
        values: NDArray[np.uint8],
        start: int,
        stop: int,
    ) -> "Activity":
        """Cut the changes that a device recorded to cycles ``start`` to ``stop`` of it."""
        at = changes.astype(np.int64)
        first = max(0, int(np.searchsorted(at, start, side="right")) - 1)
        last = int(np.searchsorted(at, stop, side="left"))
        edges = np.append(np.clip(at[first:last], start, stop), stop) - start
        return cls(title, edges, values[first:last])

    @property
    def cycles(self) -> int:
        """Cycles of the run."""
        return int(self.edges[-1])

    def engine(self, number: int) -> NDArray[np.bool_]:
        """Whether an engine was busy, from each edge to the next."""
        return (self.values >> number & 1).astype(bool)

    def bin(self, name: str) -> NDArray[np.bool_]:
        """Whether a cycle bin held, from each edge to the next."""
        return self.values >> BIN_SHIFT == BINS.index(name)

    def cycles_of(self, held: NDArray[np.bool_]) -> int:
        """Cycles during which something held."""
        return int(np.diff(self.edges)[held].sum())

    def shares(self, held: NDArray[np.bool_], buckets: int) -> NDArray[np.float64]:
        """Share of each of ``buckets`` equal pieces of the run during which something held."""
        so_far = np.concatenate(([0], np.cumsum(np.diff(self.edges) * held)))
        points = np.linspace(0, self.cycles, buckets + 1)
        return np.diff(np.interp(points, self.edges, so_far)) / (self.cycles / buckets)
