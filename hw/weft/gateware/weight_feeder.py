"""The weight feeder: shifts the next tile into the array behind the running one."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .keep import KEEP
from .load_writer import Fence, hidden

PIPELINE = 2
"""Cycles from ``read`` to that row and ``shift`` at the array: SRAM, then one register."""


class WeightFeeder(wiring.Component):
    """Reads the weight tiles of MATMUL commands, last row first, one tile ahead of the array.

    Members
    -------
    valid, wgt, wgt_block
        The next command: SRAM row of its first tile, rows from one block to the next.
    accept
        The array moves on to that command.
    taken
        The array starts on the tile that is `ready`; the one after it is fed from the next cycle.
    fence
        Rows of the SRAM that are still to come: a tile that has some of them waits.
    block_last, final
        The tile being taken is the last of its block; of its command.
    loaded
        The next command's first tile is being fed, or has been: the command may go.
    ready
        A tile may start in this cycle: its weights will be there in time.
    bad
        It lies outside the SRAM, and none may start any more.
    read, row
        To the weight SRAM.
    shift
        To the array, `PIPELINE` cycles after ``read``.
    """

    valid: Signal
    wgt: Signal
    wgt_block: Signal
    accept: Signal
    taken: Signal
    fence: wiring.PureInterface
    block_last: Signal
    final: Signal
    loaded: Signal
    ready: Signal
    bad: Signal
    read: Signal
    row: Signal
    shift: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "valid": In(1),
                "wgt": In(16),
                "wgt_block": In(16),
                "accept": In(1),
                "taken": In(1),
                "fence": In(Fence()),
                "block_last": In(1),
                "final": In(1),
                "loaded": Out(1),
                "ready": Out(1),
                "bad": Out(1),
                "read": Out(1),
                "row": Out(range(config.wgt_rows)),
                "shift": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        rows = self.config.rows
        # One bit more than an SRAM row, so that running past the end shows.
        tile, block = Signal(17), Signal(17)
        stride = Signal(16)
        left = Signal(range(rows), init=rows - 1)
        at_last = Signal() if rows > 1 else Const(1)  # none is left
        pending = Signal()  # `tile` is to be fed
        loaded = self.loaded

        last = Signal()
        reads = Signal()
        begun = Signal()  # a row of `tile` has been read
        m.d.comb += [
            # What is left behind a fence only shrinks: a tile that has begun need not look again.
            reads.eq(pending & (begun | ~hidden(self.fence, tile))),
            last.eq((pending & begun if rows > 1 else reads) & at_last),
            self.read.eq(reads),
            self.row.eq(tile + left),
        ]
        shifting = Signal()
        m.d.sync += [shifting.eq(reads), self.shift.eq(shifting)]

        with m.If(reads):
            m.d.sync += [left.eq(left - 1), begun.eq(1)]
            if rows > 1:
                m.d.sync += at_last.eq(left == 1)
        with m.If(last):
            m.d.sync += [pending.eq(0), begun.eq(0), left.eq(rows - 1)]
        # A tile of several rows stands here for a cycle before its last one is read, so that what
        # is said of it can come from registers.
        beyond = tile + rows > self.config.wgt_rows
        if rows > 1:
            comes = reads & (left == 1)
            m.d.sync += [
                self.ready.eq((self.ready & ~self.taken) | (comes & ~beyond)),
                self.bad.eq(comes & beyond | self.bad),
            ]
        else:
            full = Signal()  # a fed tile waits for the array
            there = full | last
            m.d.comb += [self.ready.eq(there & ~beyond), self.bad.eq(there & beyond)]
            m.d.sync += full.eq(there & ~self.taken)

        # The next command's first tile goes in as soon as this command's last tile is taken. While
        # there is none, where it would be is copied all the same: who needs 50 registers enabled
        # must not wait to know.
        idle = Signal(init=1)
        start = Signal()
        # Whether a tile is taken comes last.
        at_once, behind_it = Signal(attrs=KEEP), Signal(attrs=KEEP)
        m.d.comb += [
            at_once.eq(self.valid & ~loaded & idle),
            behind_it.eq(self.valid & ~loaded & self.final),
            start.eq(at_once | (self.taken & behind_it)),
        ]
        with m.If(idle | self.taken):
            with m.If(idle | self.final):
                m.d.sync += [tile.eq(self.wgt), block.eq(self.wgt), stride.eq(self.wgt_block)]
            with m.Elif(self.block_last):
                m.d.sync += [tile.eq(block + stride), block.eq(block + stride)]
            with m.Else():
                m.d.sync += tile.eq(tile + rows)
        with m.If(start | (self.taken & ~self.final)):
            m.d.sync += pending.eq(1)
        with m.If(start):
            m.d.sync += idle.eq(0)
        with m.Elif(self.taken & self.final):
            m.d.sync += idle.eq(1)
        with m.If(self.accept):
            m.d.sync += loaded.eq(0)
        with m.Elif(start):
            m.d.sync += loaded.eq(1)
        return m
