"""Main memory: each pass is a burst, from the first to the last beat that its lanes touch.

Loads do not wait for each other: what has to be known of a burst when its data come stands in a
queue. A store's pass stays until its last beat is on the way out; its answer comes with the
response.

::

    load    cycle 0    1 ... (memory)    beat      beat + 1            beat + 2
            burst                        taken     words, to lanes     answer
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.memory import MAX_OUTSTANDING
from weft.arch.simt import LINE_BYTES

from ..interfaces import MemoryRead, MemoryWrite, burst_layout
from ..one_hot import encode, lowest
from ..skid import Skid, Slice
from ..word_fifo import WordFifo
from .crossbar import chosen
from .requests import FORM, answer_layout, form_of, pass_layout, tag_layout, tag_of
from .sizes import Sizes, columns

LINE_BITS = (LINE_BYTES - 1).bit_length()


def highest(mask):
    """The highest bit of a mask, alone."""
    return lowest(mask[::-1])[: len(mask)][::-1]


class MainAccess(wiring.Component):
    """Serves passes in main memory.

    Members
    -------
    valid, what, taken, surely, if_free
        A pass; that it has been served; the same in two parts: surely, or if the way out is free.
    free, go, holds
        The way out to the columns is free; a beat goes there; what is there has to stay.
    takes
        Lanes of that beat.
    strobe, data
        Columns on the way out.
    waits, words, here, row
        The way back is in use; otherwise a beat and the columns that lanes take from it; what it
        gives them.
    loaded, stored
        Answers of the two directions.
    read, write
        Clients of the memory port.
    beats
        Beats of the burst that begins in this cycle, else 0; for the counters.
    busy
        A burst is under way.
    abort
        Write nothing: strobes are zero.
    """

    burst_latency = 1
    """Cycles from a load's pass to its burst."""

    write_latency = burst_latency + Slice.latency
    """Cycles from a store's pass to its burst."""

    load_latency = 2
    """Cycles from the last beat of a load to the answer."""

    store_latency = 2
    """Cycles from the response to a store to the answer."""

    valid: Signal
    taken: Signal
    surely: Signal
    if_free: Signal
    free: Signal
    go: Signal
    holds: Signal
    takes: Signal
    strobe: Signal
    data: Signal
    waits: Signal
    words: Signal
    here: Signal
    row: Signal
    beats: Signal
    busy: Signal
    abort: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        answers = stream.Signature(answer_layout(sizes))
        super().__init__(
            {
                "valid": In(1),
                "what": In(pass_layout(sizes)),
                "taken": Out(1),
                "surely": Out(1),
                "if_free": Out(1),
                "free": In(1),
                "go": Out(1),
                "holds": Out(1),
                "takes": Out(sizes.lanes),
                "strobe": In(sizes.bus_bytes),
                "data": In(8 * sizes.bus_bytes),
                "waits": In(1),
                "words": Out(8 * sizes.bus_bytes),
                "here": Out(columns(sizes) * sizes.lanes),
                "row": In(32 * sizes.lanes),
                "loaded": Out(answers),
                "stored": Out(answers),
                "read": Out(MemoryRead(sizes)),
                "write": Out(MemoryWrite(sizes)),
                "beats": Out(5),
                "busy": Out(1),
                "abort": In(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, what, request = self.sizes, self.what, self.what.request
        lanes, count = sizes.lanes, LINE_BYTES // sizes.bus_bytes  # beats of a line
        beat_bits, bus_bits = (count - 1).bit_length(), (sizes.bus_bytes - 1).bit_length()
        beat_range = range(max(2, count))

        # The burst, in registers: a load's pass is served with that, a store's stays.
        begun, begins, stores, ends, loads = (
            Signal(name=name) for name in ("begun", "begins", "stores", "ends", "loads")
        )
        touched, leader = Signal(count), Signal(lanes)
        beat_of = [
            request.a.word_select(lane, 32)[bus_bits:LINE_BITS] if count > 1 else Const(0, 1)
            for lane in range(lanes)
        ]
        m.d.comb += [
            begins.eq(self.valid & (~begun | loads)),
            leader.eq(lowest(what.served)),
            touched.eq(
                Cat(
                    Cat(what.served[lane] & (beat_of[lane] == beat) for lane in range(lanes)).any()
                    for beat in range(count)
                )
            ),
        ]
        line, first, last = Signal(32 - LINE_BITS), Signal(beat_range), Signal(beat_range)
        tag, first_beat = Signal(tag_layout(sizes, LINE_BITS)), Signal(beat_range)
        m.d.comb += first_beat.eq(encode(lowest(touched), count))
        m.d.sync += begun.eq(begins | (begun & ~ends))
        lines = [request.a.word_select(lane, 32)[LINE_BITS:] for lane in range(lanes)]
        its_line = chosen(m, zip(leader, lines, strict=True), "line")
        with m.If(begins):
            m.d.sync += [
                stores.eq(request.store),
                first.eq(first_beat),
                last.eq(encode(highest(touched), count)),
                line.eq(its_line),
                *tag_of(what, tag, sizes, LINE_BITS),
            ]
        bursts = []  # what they wait for comes from far: other clients, the memory
        for side, way in ((self.read, Skid(burst_layout())), (self.write, Slice(burst_layout()))):
            m.submodules += way
            wiring.connect(m, way.o, wiring.flipped(side.burst))
            bursts.append(way.i)
            m.d.comb += [
                way.i.payload.addr.eq(Cat(Const(0, bus_bits), first[:beat_bits], line)),
                way.i.payload.more.eq(last - first),
            ]

        goes, loading = self._loads(m, bursts[0], begun & ~stores, first, tag)
        asks, sent, sends, storing = self._stores(
            m, bursts[1], begun & stores, begins, first_beat, last, beat_of
        )
        m.d.comb += [
            loads.eq(goes),
            ends.eq(loads | sent | (self.free & sends)),
            self.surely.eq(Mux(request.store, sent, begins)),
            self.if_free.eq(request.store & sends),
            self.taken.eq(self.surely | (self.free & self.if_free)),
            self.beats.eq(Mux(loads | asks, last - first + 1, 0)),
            self.busy.eq(begun | loading | storing),
        ]
        return m

    def _loads(self, m, burst, begun, first, burst_tag):
        """The burst goes when there is room for its tag.

        Returns whether it does, and whether any is open.
        """
        sizes = self.sizes
        lanes, count = sizes.lanes, LINE_BYTES // sizes.bus_bytes
        bus_bits, words = (sizes.bus_bytes - 1).bit_length(), sizes.bus_bytes // 4
        tags = data.StructLayout(
            {"tag": tag_layout(sizes, LINE_BITS), "beat": range(max(2, count))}
        )
        m.submodules.loads = queue = WordFifo(tags, MAX_OUTSTANDING)
        tag, item = queue.o.payload.tag, self.read.beat
        room = Signal()  # even if one more is put there in this cycle
        m.d.sync += room.eq(queue.level < queue.depth - 1)
        m.d.comb += [
            burst.valid.eq(begun & room),
            queue.i.valid.eq(burst.valid & burst.ready),
            queue.i.payload.tag.eq(burst_tag),
            queue.i.payload.beat.eq(first),
            queue.o.ready.eq(item.valid & item.ready & item.payload.last),
        ]

        # A beat stands in a register until the way back is free.
        beat, passed = Signal(first.shape()), Signal(first.shape())
        held, moves, completes, failed = (
            Signal(name=name) for name in ("held", "moves", "completes", "failed")
        )
        form, mine = Signal(tag_layout(sizes, 2)), Signal(lanes)
        here = Signal.like(self.here)
        m.d.comb += [
            beat.eq(queue.o.payload.beat + passed),
            item.ready.eq(~held | moves),
        ]
        for lane in range(lanes):
            offset = tag.offsets.word_select(lane, LINE_BITS)
            word = offset[2:bus_bits] if words > 1 else Const(0, 1)
            in_beat = Signal(name=f"in_beat_{lane}")
            m.d.comb += in_beat.eq(
                tag.served[lane] & ((offset[bus_bits:] == beat) if count > 1 else Const(1))
            )
            with m.If(item.ready):
                m.d.sync += [
                    mine[lane].eq(in_beat),
                    here.word_select(lane, columns(sizes)).eq(
                        Cat(in_beat & (word == column) for column in range(words))
                    ),
                    form.offsets.word_select(lane, 2).eq(offset),
                ]
        with m.If(item.ready):
            m.d.sync += [
                held.eq(item.valid),
                self.words.eq(item.payload.data),
                completes.eq(item.payload.last & tag.emit),
                *(form[name].eq(tag[name]) for name in ("rd", "warp", "mask", "last", *FORM)),
            ]
        taken = item.valid & item.ready
        with m.If(taken):
            m.d.sync += passed.eq(Mux(item.payload.last, 0, passed + 1))
        m.d.sync += failed.eq((failed & ~(moves & completes)) | (taken & item.payload.error))

        # To the lanes, and from there to the registers.
        answer, has_answer = Signal(answer_layout(sizes)), Signal()
        m.d.comb += [
            # Not in the cycle in which the answer before is taken: that path would be long.
            moves.eq(held & ~self.waits & ~has_answer),
            # Where nothing is held the lanes get what nobody takes.
            self.here.eq(here & (~self.waits).replicate(len(here))),
            self.loaded.valid.eq(has_answer),
            self.loaded.payload.eq(answer),
        ]
        for lane in range(lanes):
            with m.If(moves & mine[lane]):
                m.d.sync += answer.row.word_select(lane, 32).eq(self.row.word_select(lane, 32))
        with m.If(self.loaded.ready):
            m.d.sync += has_answer.eq(0)
        with m.If(moves & completes):
            m.d.sync += [
                has_answer.eq(1),
                *(answer[name].eq(form[name]) for name in ("rd", "warp", "mask", "last")),
                *form_of(form, answer, sizes, 2),
                answer.error.eq(failed),
            ]
        return queue.i.valid, queue.o.valid | held | has_answer

    def _stores(self, m, burst, storing, begins, first_beat, last, beat_of):
        """The burst and its beats go their own ways.

        Returns whether the burst goes, whether all has gone, whether it has if the way out is free,
        and whether any is open.
        """
        sizes, what, request = self.sizes, self.what, self.what.request
        entry = data.StructLayout({"warp": range(max(2, sizes.warps)), "emit": 1, "last": 1})
        m.submodules.stores = queue = WordFifo(entry, MAX_OUTSTANDING)
        asked, asks, at_last, has_sent, leaves = (
            Signal(name=name) for name in ("asked", "asks", "at_last", "has_sent", "leaves")
        )
        now = Signal(last.shape())  # the beat that goes next
        room = Signal()  # even if one more is put there in this cycle
        m.d.sync += room.eq(queue.level < queue.depth - 1)
        m.d.comb += [
            at_last.eq(now == last),
            burst.valid.eq(storing & ~asked & room),
            asks.eq(burst.valid & burst.ready),
            self.go.eq(storing & ~has_sent & self.free),
            self.takes.eq(Cat(one == now for one in beat_of)),
            queue.i.valid.eq(asks),
            queue.i.payload.warp.eq(request.warp),
            queue.i.payload.emit.eq(what.emit),
            queue.i.payload.last.eq(what.last),
        ]
        sent, sends = storing & asked & has_sent, storing & asked & ~has_sent & at_last
        with m.If(sent | (self.free & sends)):
            m.d.sync += [asked.eq(0), has_sent.eq(0)]
        with m.Else():
            with m.If(asks):
                m.d.sync += asked.eq(1)
            with m.If(self.go):
                m.d.sync += [now.eq(now + 1), has_sent.eq(at_last)]
        with m.If(begins):
            m.d.sync += now.eq(first_beat)
        with m.If(self.free):
            m.d.sync += leaves.eq(self.go)
        # Whose turn it is to write comes from far, too.
        m.submodules.beats = beats = Slice(self.write.beat.payload.shape())
        wiring.connect(m, beats.o, wiring.flipped(self.write.beat))
        beat = beats.i
        m.d.comb += [
            self.holds.eq(leaves & ~beat.ready),
            beat.valid.eq(leaves),
            beat.payload.data.eq(self.data),
            beat.payload.strobe.eq(Mux(self.abort, 0, self.strobe)),
        ]

        # Responses cannot wait: each warp has a place for one.
        written, ends, broken = (Signal(sizes.warps, name=n) for n in ("written", "ends", "broken"))
        bad, which, free = Signal(), Signal(range(max(2, sizes.warps))), Signal()
        next_written, answer = Signal(sizes.warps), self.stored.payload
        response, entry = self.write.done, queue.o.payload
        m.d.comb += [
            queue.o.ready.eq(response.valid),
            free.eq(~self.stored.valid | self.stored.ready),
            next_written.eq(lowest(written)),
            which.eq(encode(next_written, sizes.warps)),
        ]
        with m.If(free):
            m.d.sync += [
                self.stored.valid.eq(written.any()),
                answer.warp.eq(which),
                answer.last.eq((ends & next_written).any()),
                answer.error.eq((broken & next_written).any()),
            ]
        left = Mux(free, written & ~next_written, written)
        m.d.sync += written.eq(left)
        with m.If(response.valid):
            m.d.sync += bad.eq((bad | response.payload.error) & ~entry.emit)
            with m.If(entry.emit):
                m.d.sync += [
                    written.eq(left | (1 << entry.warp)),
                    ends.bit_select(entry.warp, 1).eq(entry.last),
                    broken.bit_select(entry.warp, 1).eq(bad | response.payload.error),
                ]
        return asks, sent, sends, leaves | queue.o.valid | written.any() | self.stored.valid
