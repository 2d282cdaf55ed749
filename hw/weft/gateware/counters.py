"""The event counters of the register table: many counters, one adder, one memory."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.registers import COUNTERS

from .interfaces import events_layout

COUNTER_BITS = 32


class Counters(wiring.Component):
    """A 32-bit counter for each event, zero after reset, modulo 2^32.

    Each event has a counter of a few bits; a scanner visits one after the other, a cycle each,
    moves what it finds into a memory of 32-bit totals and starts it again from zero. A total is
    exact while it is visited, so a reader waits for that: at most `period` cycles. Against a full
    counter for each event this saves some 600 flip-flops and the multiplexer that reads them.

    The few bits of all counters are kept by weight: bit b of each lies in one vector, ``part_b``.

    Members
    -------
    events
        High in each cycle that counts.
    enable
        Count in this cycle.
    select
        Counter to read, by its place in the table.
    valid, total
        While ``valid``, ``total`` is the selected counter with all events up to two cycles ago.
    """

    select: Signal
    enable: Signal
    valid: Signal
    total: Signal

    period = len(COUNTERS)
    """Cycles from one visit of a counter to the next."""

    def __init__(self):
        super().__init__(
            {
                "events": In(events_layout()),
                "enable": In(1),
                "select": In(range(len(COUNTERS))),
                "valid": Out(1),
                "total": Out(COUNTER_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the small counters, the scanner and the totals."""
        m = Module()
        size = len(COUNTERS)
        m.submodules.totals = totals = memory.Memory(shape=COUNTER_BITS, depth=size, init=[])
        write = totals.write_port()
        read = totals.read_port()

        visit = Signal(range(size))
        visit_next = Signal(range(size))
        fresh = Signal(init=1)  # first round after reset: what the memory holds does not count
        m.d.comb += visit_next.eq(Mux(visit == size - 1, 0, visit + 1))
        m.d.sync += visit.eq(visit_next)
        with m.If(visit == size - 1):
            m.d.sync += fresh.eq(0)

        counted = Signal(size)
        m.d.sync += counted.eq(Mux(self.enable, self.events.as_value(), 0))

        # A visited counter restarts from zero; this cycle's event belongs to its next round.
        keep = Signal(size)
        m.d.comb += keep.eq(~(1 << visit))
        carry = counted
        parts = [Signal(size, name=f"part_{bit}") for bit in range(self.period.bit_length())]
        for part in parts:
            m.d.sync += part.eq((part & keep) ^ carry)
            carry = part & keep & carry

        m.d.comb += [
            self.total.eq(
                Mux(fresh, 0, read.data) + Cat(part.bit_select(visit, 1) for part in parts)
            ),
            self.valid.eq(visit == self.select),
        ]

        m.d.comb += [
            read.addr.eq(visit_next),
            read.en.eq(1),
            write.addr.eq(visit),
            write.data.eq(self.total),
            write.en.eq(1),
        ]
        return m
