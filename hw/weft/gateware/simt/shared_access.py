"""Shared memory: a bank for each word of a row, every bank its own row in each cycle.

::

    cycle 0         1               1 + shared_latency  2 + shared_latency
    pass            port            words, to lanes     answer
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import later
from ..word_fifo import WordFifo
from .decode import Amo
from .requests import answer_layout, form_of, pass_layout, tag_layout, tag_of
from .sizes import Sizes, columns, row_bits

OFFSET_BITS = 2
"""Bits of a lane's offset that are needed to cut bytes and half words out of its word."""


class SharedPort(wiring.Signature):
    """The banks of shared memory: a region's word w is in row w / banks of bank w mod banks.

    Members
    -------
    read, ready
        Reads of each region, one at most, and whether it is taken, which may depend on ``read``.
    write, pause
        The same for writes, never with a read; they are taken, for there is none in the cycle after
        ``pause``. All of these are registers.
    region
        The number of that region.
    rows, strobe, data
        For each bank its row; the bytes to write, and their values.
    out
        What stood in these rows, `Sizes.shared_latency` cycles later. An access granted in the
        cycle after a write may miss it, the ones after that see it.
    """

    def __init__(self, sizes: Sizes):
        banks = sizes.banks
        super().__init__(
            {
                "read": Out(sizes.regions),
                "ready": In(1),
                "write": Out(sizes.regions),
                "pause": In(1),
                "region": Out(range(max(2, sizes.regions))),
                "rows": Out(banks * row_bits(sizes)),
                "strobe": Out(banks * 4),
                "data": Out(banks * 32),
                "out": In(banks * 32),
            }
        )


class SharedAccess(wiring.Component):
    """Serves passes in shared memory, one in a cycle; an atomic's in two, with the port's latency.

    Members
    -------
    valid, what, taken, if_free
        A pass; that it has been served; that it is served if the way out is free.
    free, go, holds
        The way out to the columns is free; this pass goes there; what is there has to stay.
    loads
        With ``free``: some pass, whosever it is, goes there.
    writes, values
        Lanes that write, and what all lanes write; of passes of other memories, too.
    way_rows
        For each bank its row, of what is on the way out.
    read, port_ready, write, pause, region, port_rows
        See `SharedPort`. A read that is not taken waits here, so that the way out is free at once.
    comes, here, row
        Words come to the lanes: from which columns, and what they are.
    o
        Answers; of their rows, which are many wires:
    queued, straight, row_waits
        The row of an answer that has waited, and of one that has not; which of them counts.
    stored, coming, port_warp
        The port takes the last access of ``port_warp``, a store, which is done with it and has
        no answer; ``next_warp``'s last access goes to the port in the next cycle, if that is free,
        and if it has an answer that comes `answer_latency` cycles later.
    busy
        An access is under way, or an answer waits.
    """

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        lanes, warp = sizes.lanes, range(max(2, sizes.warps))
        super().__init__(
            {
                "valid": In(1),
                "what": In(pass_layout(sizes)),
                "taken": Out(1),
                "if_free": Out(1),
                "free": In(1),
                "loads": In(1),
                "go": Out(1),
                "holds": Out(1),
                "writes": Out(lanes),
                "values": Out(32 * lanes),
                "way_rows": In(sizes.banks * row_bits(sizes)),
                "read": Out(sizes.regions),
                "port_ready": In(1),
                "write": Out(sizes.regions),
                "pause": In(1),
                "region": Out(range(max(2, sizes.regions))),
                "port_rows": Out(sizes.banks * row_bits(sizes)),
                "comes": Out(1),
                "here": Out(columns(sizes) * lanes),
                "row": In(32 * lanes),
                "o": Out(stream.Signature(answer_layout(sizes))),
                "queued": Out(32 * lanes),
                "straight": Out(32 * lanes),
                "row_waits": Out(1),
                "stored": Out(1),
                "port_warp": Out(warp),
                "coming": Out(1),
                "next_warp": Out(warp),
                "busy": Out(1),
            }
        )

    @staticmethod
    def answer_latency(sizes: Sizes) -> int:
        """Cycles from ``coming`` to the answer, if nobody waits."""
        return sizes.shared_latency + 2

    valid: Signal
    taken: Signal
    if_free: Signal
    free: Signal
    loads: Signal
    go: Signal
    holds: Signal
    writes: Signal
    values: Signal
    way_rows: Signal
    read: Signal
    port_ready: Signal
    write: Signal
    pause: Signal
    region: Signal
    port_rows: Signal
    comes: Signal
    here: Signal
    row: Signal
    queued: Signal
    straight: Signal
    row_waits: Signal
    stored: Signal
    port_warp: Signal
    coming: Signal
    next_warp: Signal
    busy: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes = self.sizes, self.sizes.lanes
        what, request = self.what, self.what.request
        found = Signal(32 * lanes)  # what lanes have read

        # An atomic reads first; its pass stays until what it read has come, and then writes.
        has_read, reading, has_old, computed = (
            Signal(name=name) for name in ("has_read", "reading", "has_old", "computed")
        )
        updates, goes = Signal(), Signal()
        m.d.comb += [
            reading.eq(request.atomic & ~has_read),
            # Right behind an atomic's write nothing may read what it wrote.
            goes.eq(self.valid & ~updates & (~request.atomic | ~has_read | computed)),
            self.go.eq(self.free & goes),
            self.if_free.eq(goes & ~reading),
            self.taken.eq(self.free & self.if_free),
        ]
        with m.If(self.go):
            m.d.sync += has_read.eq(reading)
        with m.If(self.free):
            m.d.sync += updates.eq(self.go & request.atomic & ~reading)
        m.d.sync += computed.eq(has_old & ~self.taken)
        for lane in range(lanes):
            b, before = (word.word_select(lane, 32) for word in (request.b, found))
            # What is added is 0 where there is nothing to add: no multiplexer.
            old, keeps = Signal(32, name=f"old_{lane}"), Signal(name=f"keeps_{lane}")
            adds = Signal(name=f"adds_{lane}")
            m.d.comb += adds.eq(has_old & (request.amo == Amo.ADD) & ~self.taken)
            with m.If(adds):
                m.d.sync += old.eq(before)
            with m.Else():
                m.d.sync += old.eq(0)
            # What a minimum or maximum keeps is not written again.
            less = before.as_signed() < b.as_signed()
            m.d.sync += keeps.eq(
                has_old & (request.amo != Amo.ADD) & ~self.taken
                & (less == (request.amo == Amo.MIN))
            )  # fmt: skip
            m.d.comb += [
                self.values.word_select(lane, 32).eq(old + b),
                self.writes[lane].eq(~keeps),
            ]

        # On the way out. What a read asks may step aside, where it waits until it is taken; nobody
        # passes it. A write is wide, and only waits for what is known from registers.
        asked = data.StructLayout(
            {
                "tag": tag_layout(sizes, OFFSET_BITS),
                "at": self.here.shape(),
                "rows": self.port_rows.shape(),
                "is_old": 1,
            }
        )
        leaves, writes, is_store = (Signal(name=n) for n in ("leaves", "writes", "is_store"))
        way, aside = Signal(asked.members["tag"]), Signal(asked, reset_less=True)
        way_at, way_old = Signal.like(self.here), Signal()
        asks, now, refused, waits_aside = Signal(asked), Signal(asked), Signal(), Signal()
        m.d.comb += [
            now.tag.eq(way),
            now.at.eq(way_at),
            now.rows.eq(self.way_rows),
            now.is_old.eq(way_old),
            asks.eq(Mux(waits_aside, aside, now)),
            self.port_rows.eq(asks.rows),
            refused.eq(self.read.any() & ~self.port_ready),
        ]
        with m.If(~waits_aside):
            m.d.sync += aside.eq(now)
        m.d.sync += waits_aside.eq(refused)

        # Many look at what the port is asked, so that it stands in registers.
        leaves_next, writes_next = Signal(), Signal()
        reads, stores, place = Signal(), Signal(), Signal.like(self.region)
        its_place = Signal.like(place)
        each = [place == number for number in range(sizes.regions)]
        m.d.comb += [
            leaves_next.eq(Mux(self.free, self.go, leaves)),
            writes_next.eq(Mux(self.loads, request.store | (request.atomic & has_read), writes)),
            place.eq(Mux(self.loads, what.region, its_place)),
            reads.eq(leaves_next & ~writes_next),
            stores.eq(leaves_next & writes_next & ~self.pause & ~refused),
        ]
        m.d.sync += [
            leaves.eq(leaves_next),
            writes.eq(writes_next),
            its_place.eq(place),
            self.holds.eq(leaves_next & (refused | (writes_next & self.pause))),
            self.write.eq(Cat(stores & mine for mine in each)),
        ]
        with m.If(self.loads):
            m.d.sync += [
                *tag_of(what, way, sizes, OFFSET_BITS),
                way_at.eq(what.at),
                way_old.eq(reading),
                is_store.eq(request.store),
            ]
        with m.If(~refused):
            m.d.sync += [self.region.eq(place), self.read.eq(Cat(reads & mine for mine in each))]

        # What comes back.
        latency = sizes.shared_latency
        granted = self.read.any() & self.port_ready
        come = later(m, granted, latency, "come", reset_less=False)
        old_comes = later(m, granted & asks.is_old, latency, "old_comes", reset_less=False)
        back = data.View(asks.tag.shape(), later(m, asks.tag.as_value(), latency, "tag"))
        soon = later(m, granted, latency - 1, "soon", reset_less=False)
        at_last = later(m, asks.at, latency - 1, "at")
        m.d.sync += self.here.eq(at_last & soon.replicate(len(at_last)))
        for lane in range(lanes):
            with m.If(come & back.served[lane]):
                m.d.sync += found.word_select(lane, 32).eq(self.row.word_select(lane, 32))
        answer, ready = Signal(answer_layout(sizes)), Signal()
        m.d.sync += [
            ready.eq(come & back.emit),
            has_old.eq((has_old | old_comes) & ~self.taken),
            answer.rd.eq(back.rd),
            answer.warp.eq(back.warp),
            answer.mask.eq(back.mask),
            answer.last.eq(back.last),
            *form_of(back, answer, sizes, OFFSET_BITS),
        ]
        m.submodules.answers = answers = WordFifo(answer_layout(sizes), sizes.warps)
        waits = answers.o.valid
        passing = Cat(
            later(m, granted, cycle, f"passing_{cycle}", reset_less=False)
            for cycle in range(1, latency + 1)
        )
        m.d.comb += [
            self.comes.eq(come),
            answer.row.eq(found),
            # Straight on where nothing waits.
            self.o.valid.eq(waits | ready),
            self.o.payload.eq(Mux(waits, answers.o.payload.as_value(), answer.as_value())),
            self.row_waits.eq(waits),
            self.queued.eq(answers.o.payload.row),
            self.straight.eq(found),
            answers.o.ready.eq(self.o.ready),
            answers.i.valid.eq(ready & (waits | ~self.o.ready)),
            answers.i.payload.eq(answer),
            self.stored.eq(leaves & ~self.holds & is_store & way.last),
            self.port_warp.eq(way.warp),
            self.coming.eq(self.go & what.last & (reading | ~request.atomic)),
            self.next_warp.eq(request.warp),
            self.busy.eq(leaves | waits_aside | passing.any() | ready | waits),
        ]
        return m
