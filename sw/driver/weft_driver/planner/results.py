"""Results on their way out: drains and stores, written a little behind the products.

A DRAIN goes into the program after the MATMUL that follows its own, so that the queue of DRAIN
never holds up what the array needs next.
"""

from dataclasses import replace

from weft.arch.layouts import ceil_div
from weft.config import Config

from .cuts import even
from .moves import Output, Result, drain_and_store, result_bytes
from .spans import span
from .sram import ActMap, Ring
from .steps import Step


class Results:
    """Queue of rectangles that are summed up; `flush` writes their drains and stores.

    Parameters
    ----------
    config, output
        The chip, and where results go.
    steps
        The program so far; drains and stores are appended.
    act
        Where they pass through.
    """

    def __init__(self, config: Config, output: Output, steps: list[Step], act: ActMap):
        self.config, self.output, self.steps = config, output, steps
        start, size = act.results
        self.ring = Ring(start, size, config.act_row_bytes)
        self._pending: list[tuple[Result, int]] = []

    def add(self, result: Result, param: int) -> None:
        """Queue a rectangle, cut so that two pieces fit into the space for results.

        Parameters
        ----------
        result
            The rectangle.
        param
            Parameter block of the panel's first block of columns.
        """
        low, high = result.rows
        pieces = ceil_div(result_bytes(self.config, self.output, result), self.ring.size // 2)
        most = max(1, (high - low) // pieces)
        self._pending += [(part, param) for part in _by_rows(result, most)]

    def make_room(self, acc: int, rows: int) -> None:
        """Write what is queued if some of it lies in these accumulator rows."""
        wanted = span("acc", acc, rows)
        if any(result.touched.overlaps(wanted) for result, _ in self._pending):
            self.flush()

    def free_param(self, param: int) -> None:
        """Write what is queued if some of it needs the parameters that lie in this slot."""
        if any(used == param for _, used in self._pending):
            self.flush()

    def flush(self, keep: int = 0) -> None:
        """Write the drains and stores that are queued, except the last ``keep``."""
        count = max(0, len(self._pending) - keep)
        for result, param in self._pending[:count]:
            act = self.ring.take(result_bytes(self.config, self.output, result))
            self.steps += drain_and_store(self.config, self.output, result, act, param)
        del self._pending[:count]

    def finish(self, rows: int) -> None:
        """Write all, in pieces of so many rows, so that they follow each other closely.

        Parameters
        ----------
        rows
            0: in one piece.
        """
        if rows:
            self._pending = [
                (part, param) for result, param in self._pending for part in _by_rows(result, rows)
            ]
        self.flush()


def _by_rows(result: Result, most: int) -> list[Result]:
    """Cut a rectangle into pieces of at most so many rows."""
    low, high = result.rows
    return [
        replace(result, acc=result.acc + start, rows=(low + start, low + stop))
        for start, stop in even(high - low, most)
    ]
