"""Rows of bytes in memory cut into bursts that the memory port takes."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .interfaces import burst_layout
from .skid import Slice
from .sums import overflows

BURST_BEATS = 16
"""Longest burst."""

PAGE_BYTES = 4096
"""No burst crosses a multiple of this (AXI4)."""

MEMORY_BITS = 32
"""Width of memory addresses and strides."""

COUNT_BITS = 16
"""Width of the row counts in commands."""

LENGTH_BITS = 24
"""Width of row lengths in commands."""


class AddressWalk:
    """Address of row (i2, i1) of a two-dimensional walk: two registers and one adder.

    Parameters
    ----------
    name
        Prefix of its signals.
    bits
        Addresses wrap modulo 2^bits.

    Attributes
    ----------
    row, base
        Address of the current row and of its i2's first row.
    """

    def __init__(self, name: str, bits: int):
        self.row = Signal(bits, name=f"{name}_row")
        self.base = Signal(bits, name=f"{name}_base")
        self._next = Signal(bits, name=f"{name}_next")

    def following(self, m: Module, outer: Value, stride1: Value, stride2: Value) -> Value:
        """Address of the next row; ``outer`` when the next row begins another i2."""
        m.d.comb += self._next.eq(Mux(outer, self.base, self.row) + Mux(outer, stride2, stride1))
        return self._next

    def start(self, address: Value) -> list:
        """Statements that begin a walk."""
        return [self.row.eq(address), self.base.eq(address)]

    def step(self, outer: Value) -> list:
        """Statements that go to what `following` returned."""
        return [self.row.eq(self._next), self.base.eq(Mux(outer, self._next, self.base))]


def rows_layout() -> data.StructLayout:
    """Rows in memory: ``len`` bytes from addr + i2 * stride2 + i1 * stride1."""
    return data.StructLayout(
        {
            "addr": MEMORY_BITS,
            "stride1": MEMORY_BITS,
            "stride2": MEMORY_BITS,
            "len": LENGTH_BITS,
            "count1": COUNT_BITS,
            "count2": COUNT_BITS,
        }
    )


class Bursts(wiring.Component):
    """Requests the bursts of all rows of a command, one burst a cycle.

    The first is offered two cycles after ``start``. Every burst begins at the bus-aligned
    address of its first byte, so the beats of a row are ``ceil((addr % bus_bytes + len) /
    bus_bytes)``. With `Config.held_commands` ``rows`` must hold while ``busy``.

    Members
    -------
    start, rows
        Begin while not ``busy``; ``len`` and the counts are at least 1.
    void
        The rows that began in the cycle before are not to be requested.
    single, word
        What starts is one beat at address ``word``, not ``rows``.
    busy
        Bursts are left to request.
    stop
        Ask for no further burst; what has fired is offered nevertheless. ``busy`` may stay high.
    burst
        The requests.
    fires, last
        A request goes out, or waits from now on until it does; it is the last of these rows.
    """

    start: Signal
    void: Signal
    rows: data.View
    single: Signal
    word: Signal
    busy: Signal
    stop: Signal
    burst: stream.Interface
    fires: Signal
    last: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "void": In(1),
                "rows": In(rows_layout()),
                "single": In(1),
                "word": In(MEMORY_BITS),
                "busy": Out(1),
                "stop": In(1),
                "burst": Out(stream.Signature(burst_layout())),
                "fires": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        bus = self.config.bus_bytes
        low_bits = bus.bit_length() - 1

        held = self.config.held_commands
        rows = self.rows if held else Signal(rows_layout())
        walk = AddressWalk("memory", MEMORY_BITS)
        inner_left, outer = Signal(COUNT_BITS), Signal()  # rows of this i2; this is its last one
        outer_left, at_outer = Signal(COUNT_BITS), Signal()  # i2 to go; this is the last one
        address = Signal(MEMORY_BITS - low_bits)  # of the burst, in beats
        more = Signal(LENGTH_BITS + 1 - low_bits)  # beats of the row from here on, less one
        few = Signal()  # no more than a burst's
        row_ends = Signal()  # nor than what is left of the page, so that it ends with this burst
        offers = Signal()  # as `busy`, for the request alone

        # --- the next row ----------------------------------------------------------------------
        last_row = outer & at_outer
        following = walk.following(m, outer, rows.stride1, rows.stride2)

        # What there is of a row behind its first beat does not depend on where it begins, but for
        # one beat more where its first and last bytes do not fit into as few. All that is known
        # with its length: the place of a last byte at the beginning of a beat, the beats, and
        # whether they are `BURST_BEATS` less one, or above it in any case; by no carry, for many
        # wait for that.
        burst_bits = (BURST_BEATS * bus).bit_length() - 1
        size = data.StructLayout(
            {"last": low_bits, "fewer": len(more), "more": len(more), "full": 1, "over": 1}
        )
        new_size = Signal(size)
        row_size = new_size if held else Signal(size)
        length = self.rows.len
        exact = length[burst_bits] & ~length[:burst_bits].any()
        full = length[low_bits:burst_bits].all() & length[:low_bits].any()
        m.d.comb += [
            new_size.last.eq(length[:low_bits] - 1),
            new_size.fewer.eq((length - 1)[: len(length)] >> low_bits),
            new_size.more.eq((length + (bus - 1)) >> low_bits),
            new_size.full.eq(full | exact),
            new_size.over.eq(
                length[burst_bits:].any() & ~(exact & ~length[burst_bits + 1 :].any())
            ),
        ]

        def row_more(address: Value, size: data.View) -> tuple[Value, Value]:
            """Beats behind the first one of a row that begins there, and whether they are few."""
            one_more = address[:low_bits] > ~size.last
            return Mux(one_more, size.more, size.fewer), ~size.over & ~(size.full & one_more)

        # --- the burst -------------------------------------------------------------------------
        position = address[: BURST_BEATS.bit_length() - 1]
        page_bits = slice(len(position), (PAGE_BYTES // bus).bit_length() - 1)
        page, in_last = address[page_bits], Signal()  # the page's last burst begins in it
        limit = Signal(range(BURST_BEATS))  # what a burst can have here, less one
        crosses = overflows(more[: len(position)], position)  # a multiple of a burst's length

        def ends(address: Value, more: Value, few: Value) -> Value:
            """Whether a row ends with its first burst, by no carry through all that is left."""
            beat = address[low_bits:]
            crosses = overflows(more[: len(position)], beat[: len(position)])
            return few & ~(beat[page_bits].all() & crosses)

        m.submodules.asked = asked = Slice(burst_layout())  # many choose among clients behind it
        wiring.connect(m, asked.o, wiring.flipped(self.burst))
        fires, request = self.fires, asked.i.payload
        m.d.comb += [
            limit.eq(~position | (~in_last).replicate(len(position))),
            request.addr.eq(Cat(Const(0, low_bits), address)),
            request.more.eq(Mux(row_ends, more, limit)),
            asked.i.valid.eq(offers & ~self.void),
            self.last.eq(row_ends & last_row),
            fires.eq(asked.i.valid & asked.i.ready),
        ]

        # `start` comes late: without bursts all is taken from what is offered, start or no start.
        first = Signal(MEMORY_BITS)
        m.d.comb += first.eq(Mux(self.single, self.word, self.rows.addr))
        with m.If(~self.busy):
            m.d.sync += [
                self.busy.eq(self.start),
                offers.eq(self.start),
                walk.start(first),
                inner_left.eq(self.rows.count1),
                outer.eq(self.single | (self.rows.count1 == 1)),
                outer_left.eq(self.rows.count2),
                at_outer.eq(self.single | (self.rows.count2 == 1)),
            ]
            if not held:
                m.d.sync += [rows.eq(self.rows), row_size.eq(new_size)]
        with m.Elif(fires & row_ends):
            m.d.sync += [
                walk.step(outer),
                inner_left.eq(Mux(outer, rows.count1, inner_left - 1)),
                outer.eq(Mux(outer, rows.count1 == 1, inner_left == 2)),
            ]
            with m.If(outer):
                m.d.sync += [outer_left.eq(outer_left - 1), at_outer.eq(outer_left == 2)]
            with m.If(last_row):
                m.d.sync += [self.busy.eq(0), offers.eq(0)]

        with m.If(self.void):
            m.d.sync += [self.busy.eq(0), offers.eq(0)]
        with m.If(self.stop):
            m.d.sync += offers.eq(0)

        # The sum before the choice: `single` comes late, too.
        new_more, new_few = row_more(self.rows.addr, new_size)
        next_more, next_few = row_more(following, row_size)
        with m.If(~self.busy):
            m.d.sync += [
                address.eq(first[low_bits:]),
                in_last.eq(first[low_bits:][page_bits].all()),
                more.eq(Mux(self.single, 0, new_more)),
                few.eq(self.single | new_few),
                row_ends.eq(self.single | ends(self.rows.addr, new_more, new_few)),
            ]
        with m.Elif(fires & row_ends):
            m.d.sync += [
                address.eq(following[low_bits:]),
                in_last.eq(following[low_bits:][page_bits].all()),
                more.eq(next_more),
                few.eq(next_few),
                row_ends.eq(ends(following, next_more, next_few)),
            ]
        with m.Elif(fires):
            behind = Cat(
                position & (~in_last).replicate(len(position)), address[len(position) :] + 1
            )
            beyond = more[len(position) :]
            next_last, stays_few = page == (1 << len(page)) - 2, Signal()
            m.d.comb += stays_few.eq(few | ((beyond == 1) & (more[: len(position)] <= limit)))
            m.d.sync += [
                address.eq(behind),
                in_last.eq(next_last),
                more.eq(more - limit - 1),
                few.eq(stays_few),
                # Into the page's last burst there come as many as a burst has, from the same place.
                row_ends.eq(stays_few & ~(next_last & crosses)),
            ]
        return m
