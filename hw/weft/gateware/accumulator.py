"""The accumulators: C columns of two halves of 32-bit rows that add what the array delivers.

The array's columns arrive one cycle apart, and so do the addresses here: column c works c cycles
behind column 0, which saves the registers that would align the array's sums. Each column is four
stages::

    address      read the old value (first tile: not read)
    choice       of the half that was read, or zero
    sum arrives  old + sum
    write

hence a row may come back `REUSE_DISTANCE` cycles after it entered, at the earliest. DRAIN reads all
columns of a row at once, in cycles in which no column reads the same half for the array.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .array import SUM_LANE
from .drain import AccRead

REUSE_DISTANCE = 4
"""Fewest cycles between two entries of the same accumulator row."""


def entry_layout(config: Config) -> data.StructLayout:
    """Where an array row goes: ``half`` and ``row`` of the accumulators, ``first`` (write instead
    of add), ``last`` (of its command), and whether there is one (``valid``)."""
    return data.StructLayout(
        {
            "valid": 1,
            "first": 1,
            "last": 1,
            "half": 1,
            "row": max(1, (config.acc_rows - 1).bit_length()),
        }
    )


class AccumulatorColumn(wiring.Component):
    """One column: two memories, one for each half.

    Members
    -------
    entry
        Entry of the sum that arrives in the cycle after the next one.
    sum
        The array's partial sum.
    drain, drain_half, drain_row
        Read ``drain_row``; in vain while the array reads from that half.
    value
        What ``drain`` read, one cycle later.
    """

    def __init__(self, config: Config):
        self.config = config
        layout = entry_layout(config)
        super().__init__(
            {
                "entry": In(layout),
                "sum": In(signed(32)),
                "drain": In(1),
                "drain_half": In(1),
                "drain_row": In(layout["row"].shape),
                "value": Out(32),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        layout = entry_layout(self.config)
        read_for = Signal(layout)
        arriving = Signal(layout)
        written = Signal(layout)
        old = Signal(32, reset_less=True)
        total = Signal(32, reset_less=True)
        m.d.sync += [
            read_for.eq(self.entry),
            arriving.valid.eq(read_for.valid),
            written.valid.eq(arriving.valid),
        ]

        values = []
        for half in range(2):
            # Nobody reads a row in the cycle of its write: MATMUL waits (`REUSE_DISTANCE`), DRAIN
            # for a post.
            memory = Memory(shape=32, depth=self.config.acc_rows, init=[], attrs={"no_rw_check": 1})
            m.submodules[f"half_{half}"] = memory
            write = memory.write_port()
            read = memory.read_port(domain="sync", transparent_for=())
            adds = Signal(name=f"adds_{half}")
            m.d.comb += [
                adds.eq(self.entry.valid & ~self.entry.first & (self.entry.half == half)),
                read.en.eq(adds | (self.drain & (self.drain_half == half))),
                read.addr.eq(Mux(adds, self.entry.row, self.drain_row)),
                write.en.eq(written.valid & (written.half == half)),
                write.addr.eq(written.row),
                write.data.eq(total),
            ]
            values.append(read.data)

        # A memory of an FPGA takes half a cycle, a sum of 32 bits most of the other half.
        with m.If(read_for.valid):
            m.d.sync += [
                arriving.half.eq(read_for.half),
                arriving.row.eq(read_for.row),
                old.eq(Mux(read_for.first, 0, Mux(read_for.half, values[1], values[0]))),
            ]
        with m.If(arriving.valid):
            m.d.sync += [
                written.half.eq(arriving.half),
                written.row.eq(arriving.row),
                total.eq(old + self.sum),
            ]
        drained_half = Signal()
        m.d.sync += drained_half.eq(self.drain_half)
        m.d.comb += self.value.eq(Mux(drained_half, values[1], values[0]))
        return m


class Accumulators(wiring.Component):
    """All columns.

    Members
    -------
    entry, coming
        Entry of the row whose column-0 sum arrives in the cycle after the next one; what it will be
        in the next one.
    sums
        From the array.
    blocked
        For each half: DRAIN must not read it in this cycle (the row-sum column does).
    drain
        DRAIN's port; the array goes first.
    finished
        Strobe: the last row of a command can be read two cycles later.
    """

    read_latency = 1
    """Cycles from DRAIN's grant to its data."""

    entry: Signal
    coming: Signal
    sums: Signal
    blocked: Signal
    drain: AccRead
    finished: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "entry": In(entry_layout(config)),
                "coming": In(entry_layout(config)),
                "sums": In(SUM_LANE * config.cols),
                "blocked": In(2),
                "drain": In(AccRead(config)),
                "finished": Out(1),
            }
        )

    @staticmethod
    def finish_latency(config: Config) -> int:
        """Cycles from an entry to `finished`."""
        return config.cols + 1

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        layout = entry_layout(config)

        # A column reads in the cycle in which its entry is there. Who reads in the next cycle is
        # looked at now: the grant goes to all columns.
        entry = self.entry
        entries = [self.coming]
        values = []
        for c in range(config.cols):
            entries.append(entry)
            column = AccumulatorColumn(config)
            m.submodules[f"column_{c}"] = column
            m.d.comb += [
                column.entry.eq(entry),
                column.sum.eq(self.sums.word_select(c, SUM_LANE).as_signed()),
                column.drain.eq(self.drain.asks),
                column.drain_half.eq(self.drain.half),
                column.drain_row.eq(self.drain.row),
            ]
            values.append(column.value)
            later = Signal(layout, name=f"entry_{c + 1}")
            m.d.sync += later.valid.eq(entry.valid)
            with m.If(entry.valid):
                m.d.sync += [
                    later.first.eq(entry.first),
                    later.last.eq(entry.last),
                    later.half.eq(entry.half),
                    later.row.eq(entry.row),
                ]
            entry = later
        # `entry` is a cycle behind the last column's here. Its sum is added in the next cycle and
        # written in the one after; whom the post lets go reads after two more at the earliest.
        m.d.sync += self.finished.eq(entry.valid & entry.last)

        busy = Signal(2)
        m.d.sync += busy.eq(
            Cat(
                Cat(e.valid & ~e.first & (e.half == h) for e in entries[: config.cols]).any()
                for h in range(2)
            )
        )
        blocked = busy | self.blocked
        m.d.comb += [
            self.drain.ready.eq(~Mux(self.drain.half, blocked[1], blocked[0])),
            self.drain.data.eq(Cat(*values)),
        ]
        return m
