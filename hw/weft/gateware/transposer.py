"""Transposes blocks of C rows of R bytes on their way into the weight SRAM."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config


class Transposer(wiring.Component):
    """A block of bytes: rows shift in, columns shift out.

    The block is R lanes of C bytes. A row puts one byte into each lane; a column is a lane::

        row in    r0 r1 r2 ..           lane 0:  c0 c1 .. cC-1  -> first column out
                   |  |  |              lane 1:  c0 c1 .. cC-1
                   v  v  v              ...

    Members
    -------
    push, row
        A row of R bytes shifts in; only while not ``full``.
    full
        C rows are in: a column leaves in each cycle, R in all.
    column, final
        While ``full``: the column, and whether it is the block's last (else 0).
    """

    push: Signal
    row: Signal
    full: Signal
    column: Signal
    final: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "push": In(1),
                "row": In(8 * config.rows),
                "full": Out(1),
                "column": Out(8 * config.cols),
                "final": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        rows, cols = self.config.rows, self.config.cols
        block = Signal(8 * rows * cols, reset_less=True)  # columns leave when all of it has come
        filled = Signal(range(max(2, cols)))
        index = Signal(range(max(2, rows)))  # of the column
        m.d.comb += [
            self.column.eq(block[: 8 * cols]),
        ]

        with m.If(self.full):
            m.d.sync += [
                block.eq(block >> 8 * cols),
                index.eq(Mux(self.final, 0, index + 1)),
                self.full.eq(~self.final),
                self.final.eq(index == rows - 2),
            ]
        with m.Elif(self.push):
            lanes = []
            for r in range(rows):
                lane = block.word_select(r, 8 * cols)
                lanes += [lane[8:], self.row.word_select(r, 8)]
            m.d.sync += [
                block.eq(Cat(*lanes)),
                filled.eq(Mux(filled == cols - 1, 0, filled + 1)),
                self.full.eq(filled == cols - 1),
                self.final.eq((filled == cols - 1) & (rows == 1)),
            ]
        return m
