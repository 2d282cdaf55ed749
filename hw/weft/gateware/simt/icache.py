"""The instruction cache: direct mapped, lines of 64 bytes, one look-up in each cycle.

A look-up that misses is forgotten: its warp waits, and looks again when it is woken. A fill is
one burst, of the line and those behind it in the same aligned group, each of which counts when it
is whole. The first fill of a kernel goes on behind its group for as long as no warp waits for
another line: code is mostly run from its beginning on, and all warps come to it at once. The warp
that asked for a line finds it before the next fill begins, so that two warps cannot take each
other's line away for ever; the others are woken then, too.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.arch.simt import LINE_BYTES

from ..bursts import BURST_BEATS
from ..fp32.pipeline import later
from ..interfaces import MemoryRead
from .selection import PC_BITS
from .sizes import Sizes

LINE_WORD_BITS = (LINE_BYTES // 4 - 1).bit_length()

FIRST_GROUPS = 4
"""Groups that the first fill takes at most: a cache has four or more."""


class InstructionCache(wiring.Component):
    """Instruction cache in front of main memory.

    Members
    -------
    valid, warp, pc
        Look up a word address in main memory.
    hit, word, fault
        `latency` cycles later: the word is there; memory has answered with an error (with ``hit``).
    wake
        Warps that are to look again.
    missed
        Strobe: a fill begins.
    flush
        Forget everything; not while a fill is under way.
    onward
        Fills may go on behind what was asked for.
    busy
        A fill is under way.
    waits
        Some warp waits for a line.
    memory
        Read client of the memory port.
    """

    latency = 2

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "valid": In(1),
                "warp": In(range(max(2, sizes.warps))),
                "pc": In(PC_BITS),
                "hit": Out(1),
                "word": Out(32),
                "fault": Out(1),
                "wake": Out(sizes.warps),
                "missed": Out(1),
                "flush": In(1),
                "onward": In(1),
                "busy": Out(1),
                "waits": Out(1),
                "memory": Out(MemoryRead(sizes)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes = self.sizes
        lines = sizes.icache_bytes // LINE_BYTES
        index_bits = (lines - 1).bit_length()
        beats = LINE_BYTES // sizes.bus_bytes
        group = max(1, min(BURST_BEATS // beats, lines // 4))  # lines
        beat_words = sizes.bus_bytes // 4
        offset_bits = (beat_words - 1).bit_length()  # words of a beat
        tag_bits = PC_BITS - 1 - LINE_WORD_BITS - index_bits  # the top bit says "main memory"
        # What is read of a line that is being written counts for nothing: it is not present.
        any_value = {"no_rw_check": 1}
        m.submodules.words = words = Memory(
            shape=8 * sizes.bus_bytes, depth=lines * beats, init=[], attrs=any_value
        )
        m.submodules.tags = tags = Memory(shape=tag_bits, depth=lines, init=[], attrs=any_value)
        read, write = words.read_port(domain="sync", transparent_for=()), words.write_port()
        tag_read, tag_write = tags.read_port(domain="sync", transparent_for=()), tags.write_port()
        present, fresh, stale = Signal(lines), Signal(lines), Signal(lines)
        # A line goes a cycle after that is known, which is as early as its first word can be lost.
        goes, going = Signal(), Signal(index_bits)
        goes_now, going_now = (
            later(m, goes, 1, "goes", reset_less=False),
            later(m, going, 1, "going"),
        )
        m.d.comb += stale.eq(Mux(goes_now, 1 << going_now, 0))
        m.d.sync += present.eq((present | fresh) & ~stale)

        def index_of(pc):
            return pc[LINE_WORD_BITS : LINE_WORD_BITS + index_bits]

        def tag_of(pc):
            return pc[LINE_WORD_BITS + index_bits : PC_BITS - 1]

        pc_1 = later(m, self.pc, 1, "pc")
        pc_2, warp_2 = later(m, pc_1, 1, "pc_again"), later(m, self.warp, 2, "warp")
        valid_2 = later(m, self.valid, 2, "valid", reset_less=False)
        there = Signal()
        m.d.comb += [
            read.en.eq(1),
            read.addr.eq(self.pc[offset_bits : LINE_WORD_BITS + index_bits]),
            tag_read.en.eq(1),
            tag_read.addr.eq(index_of(self.pc)),
        ]
        # A line that is being replaced is not present; words of it that were read before are whole.
        m.d.sync += [
            there.eq((tag_read.data == tag_of(pc_1)) & present.bit_select(index_of(pc_1), 1)),
            self.word.eq(read.data.word_select(pc_1[:offset_bits], 32)),
        ]

        filling, asking, owned, failed = Signal(), Signal(), Signal(), Signal()
        served, bad = Signal(), Signal()  # the owner has found its line; an error in this line
        line, owner = Signal(PC_BITS - LINE_WORD_BITS), Signal.like(self.warp)
        asked = Signal.like(line)  # the line that was missed
        waiting, beat = Signal(sizes.warps), Signal(range(max(2, beats)))
        # What was asked for changes only where nothing has failed yet.
        same = later(m, pc_1[LINE_WORD_BITS:] == asked, 1, "same")
        faulty = failed & same
        hit = Signal()
        m.d.comb += [
            hit.eq(there | faulty),
            self.hit.eq(hit),
            self.fault.eq(faulty),
            self.busy.eq(filling),
            self.waits.eq(waiting.any()),
        ]

        # Present one cycle after the last write: a read of the same cycle has missed it.
        index, filled = line[:index_bits], Signal()
        filled_index = later(m, index, 1, "filled_index")
        with m.If(later(m, filled, 1, "filled", reset_less=False)):
            m.d.comb += fresh.eq(1 << filled_index)

        further = Signal(range(FIRST_GROUPS))  # groups behind this one
        goes_on = Signal()
        item, burst = self.memory.beat, self.memory.burst
        left = group - line[: (group - 1).bit_length()] if group > 1 else 1
        m.d.comb += [
            goes_on.eq(further.any() & self.onward & ~waiting.any()),
            burst.valid.eq(asking),
            burst.payload.addr.eq(Cat(Const(0, 2 + LINE_WORD_BITS), line[:-1])),
            burst.payload.beats.eq(left * beats),
            item.ready.eq(1),
            write.addr.eq(Cat(beat if beats > 1 else [], index)),
            write.data.eq(item.payload.data),
            write.en.eq(filling & item.valid),
            tag_write.addr.eq(index),
            tag_write.data.eq(line[index_bits:-1]),
            tag_write.en.eq(filling),
        ]
        with m.If(burst.ready):
            m.d.sync += asking.eq(0)
        with m.If(item.valid & filling):
            m.d.sync += [beat.eq(beat + 1), bad.eq(bad | item.payload.error)]
            with m.If(item.payload.error & (line == asked)):
                m.d.sync += failed.eq(1)
            with m.If(beat == beats - 1 if beats > 1 else 1):
                m.d.comb += [self.wake.eq(waiting), filled.eq(~(bad | item.payload.error))]
                m.d.sync += [beat.eq(0), bad.eq(0), line.eq(line + 1)]
                with m.If(item.payload.last):
                    m.d.sync += [
                        filling.eq(goes_on),
                        asking.eq(goes_on),
                        further.eq(Mux(goes_on, further - 1, 0)),
                    ]
                with m.If(~item.payload.last | goes_on):
                    m.d.comb += [goes.eq(1), going.eq(line + 1)]

        found = valid_2 & (warp_2 == owner)
        with m.If(valid_2 & ~hit):
            m.d.sync += waiting.eq((waiting & ~self.wake) | (1 << warp_2))
            with m.If(~owned):
                m.d.comb += [self.missed.eq(1), goes.eq(1), going.eq(index_of(pc_2))]
                m.d.sync += [
                    owned.eq(1),
                    filling.eq(1),
                    asking.eq(1),
                    beat.eq(0),
                    failed.eq(0),
                    owner.eq(warp_2),
                    line.eq(pc_2[LINE_WORD_BITS:]),
                    asked.eq(pc_2[LINE_WORD_BITS:]),
                ]
        with m.Elif(owned & ~filling & (served | found)):
            m.d.comb += self.wake.eq(waiting)
            m.d.sync += [waiting.eq(0), owned.eq(0), served.eq(0)]
        with m.Else():
            m.d.sync += waiting.eq(waiting & ~self.wake)
            with m.If(owned & found):
                m.d.sync += served.eq(1)

        with m.If(self.flush):
            m.d.sync += [present.eq(0), failed.eq(0), owned.eq(0), served.eq(0), waiting.eq(0)]
            m.d.sync += further.eq(FIRST_GROUPS - 1)
        return m
