"""Results on their way out: drains and stores, written a little behind the products.

A DRAIN goes into the program after the MATMUL that follows its own, so that the queue of DRAIN
never holds up what the array needs next.
"""

from dataclasses import replace

from weft.arch.layouts import ceil_div
from weft.config import Config

from .cuts import even
from .moves import Output, Result, drain_and_store, result_bytes
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
    """

    def __init__(self, config: Config, output: Output, steps: list[Step]):
        self.config, self.output, self.steps = config, output, steps
        start, size = ActMap(config).results
        self.ring = Ring(start, size, config.act_row_bytes)
        self._pending: list[tuple[int, Result, int]] = []

    def add(self, result: Result, slot: int, param: int, most_rows: int = 0) -> None:
        """Queue a rectangle, cut so that two pieces fit into the space for results.

        Parameters
        ----------
        result
            The rectangle.
        slot
            Its accumulator slot, by which `flush` finds it.
        param
            Parameter block of the tile's first block of columns.
        most_rows
            Most rows of a piece; 0: as many as fit.
        """
        height = result.rows[1] - result.rows[0]
        pieces = ceil_div(result_bytes(self.config, self.output, result), self.ring.size // 2)
        most = max(1, height // pieces)
        if most_rows:
            most = min(most, most_rows)
        for start, stop in even(height, most):
            rows = (result.rows[0] + start, result.rows[0] + stop)
            self._pending.append((slot, replace(result, rows=rows), param))

    def flush(self, slot: int | None = None) -> None:
        """Write what is queued: all of it, or nothing unless some is of this slot."""
        if slot is not None and all(item[0] != slot for item in self._pending):
            return
        for _, result, param in self._pending:
            act = self.ring.take(result_bytes(self.config, self.output, result))
            self.steps += drain_and_store(self.config, self.output, result, act, param)
        self._pending.clear()
