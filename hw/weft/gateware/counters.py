"""The event counters of the register table: many counters, one adder, one memory."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .fp32.pipeline import later
from .interfaces import events_layout

COUNTER_BITS = 32


def counter_places(config: Config) -> dict[str, int]:
    """Where each counter stands in `Counters`, by its event's name: those that count most first."""
    shapes = events_layout(config).members
    names = sorted(shapes, key=lambda name: -_bits(shapes[name]))
    return {name: place for place, name in enumerate(names)}


def _bits(shape) -> int:
    return shape if isinstance(shape, int) else shape.width


class Counters(wiring.Component):
    """A 32-bit counter for each event, zero after reset, modulo 2^32.

    Each event has a counter of a few bits; a scanner visits one after the other, a cycle each,
    moves what it finds into a memory of 32-bit totals and starts it again from zero. A total is
    exact while it is visited, so a reader waits for that: at most `period` cycles. Against a full
    counter for each event this saves some 600 flip-flops and the multiplexer that reads them.

    The few bits of all counters are kept by weight: bit b of each that has one lies in one vector,
    ``part_b``.

    Parameters
    ----------
    config
        Says which events there are.

    Members
    -------
    events
        How much each counts in this cycle.
    enable
        Count in this cycle.
    select
        Counter to read, see `counter_places`.
    valid, total
        While ``valid``, ``total`` is the counter that was selected in the last cycle, as it was
        when it was visited, `latency` cycles ago: with all events up to two cycles before.
    """

    latency = 3
    """Cycles from a counter's visit to its total."""

    select: Signal
    enable: Signal
    valid: Signal
    total: Signal

    def __init__(self, config: Config):
        self._layout = events_layout(config)
        self._names = list(counter_places(config))
        self.period = len(self._names)
        """Cycles from one visit of a counter to the next."""
        super().__init__(
            {
                "events": In(self._layout),
                "enable": In(1),
                "select": In(range(self.period)),
                "valid": Out(1),
                "total": Out(COUNTER_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the small counters, the scanner and the totals."""
        m = Module()
        size = self.period
        # Read with the visit and written two cycles later, by which time another one is visited.
        m.submodules.totals = totals = memory.Memory(
            shape=COUNTER_BITS, depth=size, init=[], attrs={"no_rw_check": 1}
        )
        write = totals.write_port()
        read = totals.read_port()

        visit = Signal(range(size))
        visit_next = Signal(range(size))
        fresh = Signal(init=1)  # first round after reset: what the memory holds does not count
        m.d.comb += visit_next.eq(Mux(visit == size - 1, 0, visit + 1))
        m.d.sync += visit.eq(visit_next)
        with m.If(visit == size - 1):
            m.d.sync += fresh.eq(0)

        counted = Signal(self._layout)
        m.d.sync += counted.as_value().eq(Mux(self.enable, self.events.as_value(), 0))

        # A visited counter restarts from zero; this cycle's event belongs to its next round.
        widths = [_bits(self._layout.members[name]) for name in self._names]
        most = [((1 << width) - 1) * size for width in widths]
        keep, carry = Signal(size, init=(1 << size) - 2), Signal(size)
        m.d.sync += keep.eq(~(1 << visit_next))
        parts = []
        for bit in range(most[0].bit_length()):
            # The counters stand in order of their widths.
            here = sum(value.bit_length() > bit for value in most)
            events = Cat(
                counted[name][bit]
                for name, width in zip(self._names, widths, strict=True)
                if width > bit
            )
            part = Signal(here, name=f"part_{bit}")
            kept, added = Signal(here, name=f"kept_{bit}"), Signal(here, name=f"added_{bit}")
            m.d.comb += [kept.eq(part & keep), added.eq(events)]
            m.d.sync += part.eq(kept ^ added ^ carry)
            over = Signal(here, name=f"carry_{bit}")
            m.d.comb += over.eq((kept & added) | (kept & carry) | (added & carry))
            carry = over
            parts.append(part)

        # Registers behind the memory, too: it stands where the device has block RAM.
        found = later(m, Cat(part.bit_select(visit, 1) for part in parts), 2, "found")
        before = later(m, Mux(later(m, fresh, 1, "fresh"), 0, read.data), 1, "before")
        number = later(m, visit, 2, "visit")
        total = Signal(COUNTER_BITS)
        m.d.comb += [
            total.eq(before + found),
            read.addr.eq(visit),
            read.en.eq(1),
            write.addr.eq(number),
            write.data.eq(total),
            write.en.eq(1),
        ]
        m.d.sync += [self.total.eq(total), self.valid.eq(number == self.select)]
        return m
