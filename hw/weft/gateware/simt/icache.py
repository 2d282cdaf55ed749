"""The instruction cache: direct mapped, lines of 64 bytes, one look-up in each cycle.

A look-up that misses is forgotten: its warp waits, and looks again when it is woken. A fill is
one burst, of the line and those behind it in the same aligned group, each of which counts when it
is whole. The first fill of a kernel goes on behind its group for as long as no warp waits for
another line: code is mostly run from its beginning on, and all warps come to it at once. The warp
that asked for a line finds it before the next fill begins, so that two warps cannot take each
other's line away for ever; the others are woken then, too.

Which lines hold something stands beside their tags, as the number of the kernel that they were
fetched for: to forget all is to count on, which a reset does not begin anew. When all numbers are
used the tags are cleared one by one; no kernel begins meanwhile.
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

GENERATION_BITS = 6
"""Bits of the number of a kernel beside a tag; 0 is nobody's."""


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
    ready, flush
        Forget everything, for a kernel begins: only with ``ready``.
    idle
        No kernel is in progress: nothing is looked up.
    onward
        Fills may go on behind what was asked for.
    busy
        A fill is under way: not ``ready``.
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
                "ready": Out(1),
                "flush": In(1),
                "idle": In(1),
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
        m.submodules.numbers = numbers = Memory(
            shape=GENERATION_BITS, depth=lines, init=[], attrs=any_value
        )
        read, write = words.read_port(domain="sync", transparent_for=()), words.write_port()
        tag_read, tag_write = tags.read_port(domain="sync", transparent_for=()), tags.write_port()
        number_read = numbers.read_port(domain="sync", transparent_for=())
        number_write = numbers.write_port()
        generation = Signal(GENERATION_BITS, reset_less=True)
        clearing, cleared = Signal(reset_less=True), Signal(index_bits, reset_less=True)

        def index_of(pc):
            return pc[LINE_WORD_BITS : LINE_WORD_BITS + index_bits]

        def tag_of(pc):
            return pc[LINE_WORD_BITS + index_bits : PC_BITS - 1]

        pc_1 = later(m, self.pc, 1, "pc")
        pc_2, warp_2 = later(m, pc_1, 1, "pc_again"), later(m, self.warp, 2, "warp")
        valid_2 = later(m, self.valid, 2, "valid", reset_less=False)
        # In parts: a memory's data come late in their cycle.
        half = tag_bits // 2
        same_low, same_high, current, whole = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            read.en.eq(1),
            read.addr.eq(self.pc[offset_bits : LINE_WORD_BITS + index_bits]),
            tag_read.en.eq(1),
            tag_read.addr.eq(index_of(self.pc)),
            number_read.en.eq(1),
            number_read.addr.eq(index_of(self.pc)),
        ]
        filling, asking, owned, failed = Signal(), Signal(), Signal(), Signal()
        served, bad = Signal(), Signal()  # the owner has found its line; an error in this line
        line, owner = Signal(PC_BITS - LINE_WORD_BITS), Signal.like(self.warp)
        asked = Signal.like(line)  # the line that was missed
        waiting, beat = Signal(sizes.warps), Signal(range(max(2, beats)))
        index = line[:index_bits]
        # What is read of a line that is being replaced is not whole, until the cycle of its last
        # write and its tag's.
        m.d.sync += [
            whole.eq(~filling | (index_of(self.pc) != index)),
            same_low.eq(tag_read.data[:half] == tag_of(pc_1)[:half]),
            same_high.eq(tag_read.data[half:] == tag_of(pc_1)[half:]),
            current.eq((number_read.data == generation) & whole),
            self.word.eq(read.data.word_select(pc_1[:offset_bits], 32)),
        ]
        # What was asked for changes only where nothing has failed yet.
        same = later(m, pc_1[LINE_WORD_BITS:] == asked, 1, "same")
        faulty = failed & same
        hit = Signal()
        m.d.comb += [
            hit.eq((same_low & same_high & current) | faulty),
            self.hit.eq(hit),
            self.fault.eq(faulty),
            self.busy.eq(filling),
            self.waits.eq(waiting.any()),
        ]

        # A cycle late: while no kernel runs no fill begins.
        m.d.sync += self.ready.eq(~filling & ~clearing & ~generation.all())

        further = Signal(range(FIRST_GROUPS))  # groups behind this one
        goes_on = Signal()
        item, burst = self.memory.beat, self.memory.burst
        left = group - line[: (group - 1).bit_length()] if group > 1 else 1
        m.d.comb += [
            goes_on.eq(further.any() & self.onward & ~waiting.any()),
            burst.valid.eq(asking),
            burst.payload.addr.eq(Cat(Const(0, 2 + LINE_WORD_BITS), line[:-1])),
            burst.payload.more.eq(left * beats - 1),
            item.ready.eq(1),
            write.addr.eq(Cat(beat if beats > 1 else [], index)),
            write.data.eq(item.payload.data),
            write.en.eq(filling & item.valid),
        ]

        # Of a line whose last beat comes, or one after the other.
        complete, whole_line = Signal(), Signal()
        m.d.comb += [
            complete.eq(filling & item.valid & (beat == beats - 1 if beats > 1 else 1)),
            whole_line.eq(~(bad | item.payload.error)),
            tag_write.addr.eq(Mux(clearing, cleared, index)),
            tag_write.data.eq(line[index_bits:-1]),
            tag_write.en.eq(complete),
            number_write.addr.eq(tag_write.addr),
            number_write.data.eq(Mux(whole_line & ~clearing, generation, 0)),
            number_write.en.eq(clearing | complete),
        ]
        with m.If(clearing):
            m.d.sync += [cleared.eq(cleared + 1), clearing.eq(~cleared.all())]
        with m.Elif(generation.all() & self.idle & ~filling):
            m.d.sync += [clearing.eq(1), generation.eq(0)]
        with m.If(burst.ready):
            m.d.sync += asking.eq(0)
        with m.If(item.valid & filling):
            m.d.sync += [beat.eq(beat + 1), bad.eq(bad | item.payload.error)]
            with m.If(item.payload.error & (line == asked)):
                m.d.sync += failed.eq(1)
            with m.If(complete):
                m.d.comb += self.wake.eq(waiting)
                m.d.sync += [beat.eq(0), bad.eq(0), line.eq(line + 1)]
                with m.If(item.payload.last):
                    m.d.sync += [
                        filling.eq(goes_on),
                        asking.eq(goes_on),
                        further.eq(Mux(goes_on, further - 1, 0)),
                    ]

        found = valid_2 & (warp_2 == owner)
        with m.If(valid_2 & ~hit):
            m.d.sync += waiting.eq((waiting & ~self.wake) | (1 << warp_2))
            with m.If(~owned):
                m.d.comb += self.missed.eq(1)
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
            m.d.sync += [failed.eq(0), owned.eq(0), served.eq(0), waiting.eq(0)]
            m.d.sync += [further.eq(FIRST_GROUPS - 1), generation.eq(generation + 1)]
        return m
