"""The row-sum column: sums of activations, for products whose B has a zero point.

The bytes of a row are added in a tree as it enters the array, and accumulated beside the array's
own columns. Being shorter than the array, this path is always ahead of it.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .accumulator import AccumulatorColumn, entry_layout


class RowSum(wiring.Component):
    """Adder tree and accumulator column.

    Members
    -------
    row, entry
        A row of R activations and its entry; ``entry.valid`` only where a row sum is wanted.
    drain, drain_half, drain_row
        As `AccumulatorColumn`.
    value
        One cycle after ``drain``.
    reading
        For each half: the column reads it for itself in this cycle, and nothing for ``drain``.
    """

    row: Signal
    drain: Signal
    drain_half: Signal
    drain_row: Signal
    value: Signal
    reading: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "row": In(8 * config.rows),
                "entry": In(entry_layout(config)),
                "drain": In(1),
                "drain_half": In(1),
                "drain_row": In(range(max(2, config.acc_rows))),
                "value": Out(32),
                "reading": Out(2),
            }
        )

    @staticmethod
    def levels(config: Config) -> int:
        """Registers from a row to its sum."""
        return 1 + max(1, (config.rows - 1).bit_length())

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        entries = [self.entry]
        level = []
        for r in range(config.rows):
            byte = Signal(signed(8), name=f"byte_{r}")
            added = self.row.word_select(r, 8).as_signed()
            with m.If(self.entry.valid):
                m.d.sync += byte.eq(added)
            level.append(byte)
        depth = 0
        while True:
            entry = Signal(entry_layout(config), name=f"entry_{depth + 1}")
            m.d.sync += entry.eq(entries[-1])
            entries.append(entry)
            if len(level) == 1 and depth:
                break
            depth += 1
            following = []
            for i in range(0, len(level), 2):
                total = Signal(signed(8 + depth), name=f"sum_{depth}_{i // 2}")
                pair = level[i] + level[i + 1] if i + 1 < len(level) else level[i]
                m.d.sync += total.eq(pair)
                following.append(total)
            level = following

        # The column wants the entry two cycles before its sum.
        m.submodules.column = column = AccumulatorColumn(config)
        wanted = entries[-3]
        adds = wanted.valid & ~wanted.first
        m.d.comb += [
            self.reading.eq(Mux(adds, Mux(wanted.half, 0b10, 0b01), 0)),
            column.entry.eq(wanted),
            column.sum.eq(level[0]),
            column.drain.eq(self.drain),
            column.drain_half.eq(self.drain_half),
            column.drain_row.eq(self.drain_row),
            self.value.eq(column.value),
        ]
        return m
