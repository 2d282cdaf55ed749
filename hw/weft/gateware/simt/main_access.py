"""Main memory: each pass is a burst, from the first to the last beat that its lanes touch.

Loads do not wait for each other: what has to be known of a burst when its data come stands in a
queue. A store's pass stays until its last beat has gone; its answer comes with the response.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.memory import MAX_OUTSTANDING
from weft.arch.simt import LINE_BYTES

from ..interfaces import MemoryRead, MemoryWrite
from ..word_fifo import WordFifo
from .requests import answer_layout, form_of, pass_layout, tag_layout, tag_of
from .scheduler import encode, lowest
from .sizes import Sizes

LINE_BITS = (LINE_BYTES - 1).bit_length()


def highest(mask):
    """The highest bit of a mask, alone."""
    return lowest(mask[::-1])[: len(mask)][::-1]


class MainAccess(wiring.Component):
    """Serves passes in main memory.

    Members
    -------
    i
        Passes.
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

    latency = 1
    """Cycles from the last beat of a load, or the response to a store, to the answer."""

    beats: Signal
    busy: Signal
    abort: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        answers = stream.Signature(answer_layout(sizes))
        super().__init__(
            {
                "i": In(stream.Signature(pass_layout(sizes))),
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
        sizes, lanes, bus = self.sizes, self.sizes.lanes, self.sizes.bus_bytes
        count = LINE_BYTES // bus  # beats of a line
        beat_bits, bus_bits = (count - 1).bit_length(), (bus - 1).bit_length()
        beat_range = range(max(2, count))
        depth = MAX_OUTSTANDING
        tags = tag_layout(sizes, LINE_BITS)
        entry = data.StructLayout({"tag": tags, "beat": beat_range})
        m.submodules.loads = loads = WordFifo(entry, depth)
        m.submodules.stores = stores = WordFifo(
            data.StructLayout({"warp": range(max(2, sizes.warps)), "emit": 1, "last": 1}), depth
        )
        what, request = self.i.payload, self.i.payload.request

        # The burst.
        touched, line = Signal(count), Signal(32 - LINE_BITS)
        beat_of = [
            request.a.word_select(lane, 32)[bus_bits:LINE_BITS] if count > 1 else Const(0, 1)
            for lane in range(lanes)
        ]
        leader, lowest_beat, highest_beat = Signal(lanes), Signal(count), Signal(count)
        m.d.comb += [
            leader.eq(lowest(what.served)),
            lowest_beat.eq(lowest(touched)),
            highest_beat.eq(highest(touched)),
            touched.eq(
                Cat(
                    Cat(what.served[lane] & (beat_of[lane] == beat) for lane in range(lanes)).any()
                    for beat in range(count)
                )
            ),
            line.eq(
                Cat(
                    Cat(leader[lane] & request.a[32 * lane + bit] for lane in range(lanes)).any()
                    for bit in range(LINE_BITS, 32)
                )
            ),
        ]
        first, last = Signal(beat_range), Signal(beat_range)
        address, beats = Signal(32), Signal(5)
        m.d.comb += [
            first.eq(encode(lowest_beat, count)),
            last.eq(encode(highest_beat, count)),
            beats.eq(last - first + 1),
            address.eq(Cat(Const(0, bus_bits), first[:beat_bits], line)),
        ]
        for side in (self.read, self.write):
            m.d.comb += [
                side.burst.payload.addr.eq(address),
                side.burst.payload.beats.eq(beats),
            ]

        # Loads: the burst goes when there is room for its tag.
        m.d.comb += [
            self.read.burst.valid.eq(self.i.valid & ~request.store & loads.i.ready),
            loads.i.valid.eq(self.read.burst.valid & self.read.burst.ready),
            *tag_of(what, loads.i.payload.tag, sizes, LINE_BITS),
            loads.i.payload.tag.rd.eq(request.rd),
            loads.i.payload.beat.eq(first),
        ]
        tag, item = loads.o.payload.tag, self.read.beat
        passed, beat = Signal(beat_range), Signal(beat_range)
        answer, has_answer = Signal(answer_layout(sizes)), Signal()
        failed, completes, moves = Signal(), Signal(), Signal()
        m.d.comb += beat.eq(loads.o.payload.beat + passed)
        for lane in range(lanes):
            offset = tag.offsets.word_select(lane, LINE_BITS)
            mine = tag.served[lane]
            if count > 1:
                mine = mine & (offset[bus_bits:] == beat)
            found = Const(0, 32)
            for place in range(bus // 4):
                here = offset[2:bus_bits] == place if bus > 4 else Const(1)
                found = found | (item.payload.data.word_select(place, 32) & here.replicate(32))
            with m.If(moves & mine):
                m.d.sync += answer.row.word_select(lane, 32).eq(found)
        m.d.comb += [
            completes.eq(item.payload.last & tag.emit),
            item.ready.eq(~has_answer | self.loaded.ready),
            moves.eq(item.valid & item.ready),
            loads.o.ready.eq(moves & item.payload.last),
            self.loaded.valid.eq(has_answer),
            self.loaded.payload.eq(answer),
        ]
        with m.If(self.loaded.ready):
            m.d.sync += has_answer.eq(0)
        with m.If(moves):
            m.d.sync += [
                passed.eq(Mux(item.payload.last, 0, passed + 1)),
                failed.eq((failed | item.payload.error) & ~completes),
            ]
            with m.If(completes):
                m.d.sync += [
                    has_answer.eq(1),
                    *(answer[name].eq(tag[name]) for name in ("rd", "warp", "mask", "last")),
                    *form_of(tag, answer, sizes, LINE_BITS),
                    answer.error.eq(failed | item.payload.error),
                ]

        # Stores: the burst and its beats go their own ways.
        asked, sent, now = Signal(), Signal(beat_range), Signal(beat_range)
        has_sent, storing, at_last = Signal(), Signal(), Signal()
        m.d.comb += [
            storing.eq(self.i.valid & request.store),
            now.eq(first + sent),
            at_last.eq(now == last),
            self.write.burst.valid.eq(storing & ~asked & stores.i.ready),
            self.write.beat.valid.eq(storing & ~has_sent & (asked | self.write.burst.valid)),
            stores.i.valid.eq(self.write.burst.valid & self.write.burst.ready),
            stores.i.payload.warp.eq(request.warp),
            stores.i.payload.emit.eq(what.emit),
            stores.i.payload.last.eq(what.last),
        ]
        goes = self.write.burst.valid & self.write.burst.ready
        beat_goes = self.write.beat.valid & self.write.beat.ready
        finished = storing & (asked | goes) & (has_sent | (beat_goes & at_last))
        with m.If(finished):
            m.d.sync += [asked.eq(0), has_sent.eq(0), sent.eq(0)]
        with m.Else():
            with m.If(goes):
                m.d.sync += asked.eq(1)
            with m.If(beat_goes):
                m.d.sync += [sent.eq(sent + 1), has_sent.eq(at_last)]
        # At most one lane writes a byte, so that no multiplexer is needed.
        words, strobes = [], []
        for place in range(bus // 4):
            word, written = Const(0, 32), Const(0, 4)
            for lane in range(lanes):
                here = Signal(4, name=f"lane_{lane}_at_{place}")
                at = request.a.word_select(lane, 32)[2:bus_bits]
                mine = what.served[lane] & (at == place if bus > 4 else 1)
                mine = mine & ((beat_of[lane] == now) if count > 1 else 1)
                m.d.comb += here.eq(what.bytes.word_select(lane, 4) & mine.replicate(4))
                mask = Cat(byte.replicate(8) for byte in here)
                word = word | (request.b.word_select(lane, 32) & mask)
                written = written | here
            words.append(word)
            strobes.append(written)
        m.d.comb += [
            self.write.beat.payload.data.eq(Cat(words)),
            self.write.beat.payload.strobe.eq(Mux(self.abort, 0, Cat(strobes))),
            self.i.ready.eq(Mux(request.store, finished, loads.i.valid)),
            self.beats.eq(Mux(loads.i.valid | goes, beats, 0)),
        ]

        # Responses cannot wait: each warp has a place for one.
        written, ends, broken = (Signal(sizes.warps, name=n) for n in ("written", "ends", "broken"))
        bad, which = Signal(), Signal(range(max(2, sizes.warps)))
        next_written = Signal(sizes.warps)
        response = self.write.done
        m.d.comb += [
            stores.o.ready.eq(response.valid),
            next_written.eq(lowest(written)),
            which.eq(encode(next_written, sizes.warps)),
            self.stored.valid.eq(written.any()),
            self.stored.payload.warp.eq(which),
            self.stored.payload.last.eq(ends.bit_select(which, 1)),
            self.stored.payload.error.eq(broken.bit_select(which, 1)),
            self.busy.eq(loads.o.valid | stores.o.valid | has_answer | written.any()),
        ]
        left = Mux(self.stored.ready, written & (written - 1), written)
        m.d.sync += written.eq(left)
        with m.If(response.valid):
            m.d.sync += bad.eq((bad | response.payload.error) & ~stores.o.payload.emit)
            with m.If(stores.o.payload.emit):
                warp = stores.o.payload.warp
                m.d.sync += [
                    written.eq(left | (1 << warp)),
                    ends.bit_select(warp, 1).eq(stores.o.payload.last),
                    broken.bit_select(warp, 1).eq(bad | response.payload.error),
                ]
        return m
