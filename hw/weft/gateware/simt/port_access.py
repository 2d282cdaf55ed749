"""The command port: a command is put together word by word, handed over, and waited for."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.arch.commands import COMMAND_BYTES
from weft.arch.simt import PortWord
from weft.config import SEMAPHORES

from ..one_hot import selected
from ..skid import Slice
from .requests import answer_layout, pass_layout
from .sizes import Sizes

OFFSET_BITS = 8
"""Bits of an offset in the window that tell its words apart."""


def knows(offset, store):
    """Whether the window has a word at this offset, a multiple of 4, that can be accessed so."""
    rest = (offset >> OFFSET_BITS) == 0
    word = offset[2:OFFSET_BITS]
    first_take = PortWord.TAKE >> 2
    writable = (word < COMMAND_BYTES // 4) | (word == PortWord.PUSH >> 2)
    readable = (word >= first_take) & (word < first_take + SEMAPHORES)
    return rest & Mux(store, writable, readable)


class PortAccess(wiring.Component):
    """Serves passes of one lane each.

    Members
    -------
    valid, what, taken, surely, if_free
        A pass; that it has been served; the same in two parts: surely, or if the way out is free.
    free
        The way out to the columns is free; what goes there does not stay.
    strobe, data
        Columns on the way out.
    o
        Answers.
    busy
        An answer is due.
    push
        Bus-wide words of a command; once begun, they come without a gap.
    take, semaphore, taken_one
        Take this semaphore in this cycle, the one behind its pass; it was above zero.
    """

    valid: Signal
    taken: Signal
    surely: Signal
    if_free: Signal
    free: Signal
    strobe: Signal
    data: Signal
    busy: Signal
    take: Signal
    semaphore: Signal
    taken_one: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "valid": In(1),
                "what": In(pass_layout(sizes)),
                "taken": Out(1),
                "surely": Out(1),
                "if_free": Out(1),
                "free": In(1),
                "strobe": In(sizes.bus_bytes),
                "data": In(8 * sizes.bus_bytes),
                "o": Out(stream.Signature(answer_layout(sizes))),
                "busy": Out(1),
                "push": Out(stream.Signature(8 * sizes.bus_bytes)),
                "take": Out(1),
                "semaphore": Out(range(SEMAPHORES)),
                "taken_one": In(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes = self.sizes, self.sizes.lanes
        what, request, answer = self.what, self.what.request, self.o.payload
        beats = COMMAND_BYTES // sizes.bus_bytes
        beat, row = Signal(range(max(2, beats))), Signal(lanes)
        # The command that is put together: its beats, of which each word is written by itself.
        m.submodules.command = command = Memory(
            shape=8 * sizes.bus_bytes, depth=max(2, beats), init=[]
        )
        write = command.write_port(granularity=32)
        read = command.read_port(domain="comb")

        word = Signal(OFFSET_BITS - 2)  # of the one lane of the pass
        words = [request.a.word_select(lane, 32)[2:OFFSET_BITS] for lane in range(lanes)]
        one = lanes == 1  # that its lane is served need not be waited for
        m.d.comb += word.eq(words[0] if one else selected(zip(what.served, words, strict=True)))
        writes, written_beat = Signal(), Signal.like(beat)
        # A pass is looked at in its first cycle, and served from the second one on.
        looked, pushes, idle = Signal(), Signal(), Signal()
        m.d.sync += [
            looked.eq(self.valid & ~self.taken),
            pushes.eq(request.store & (word == PortWord.PUSH >> 2)),
        ]
        took = Signal()  # in the last cycle: that does not show in the semaphore yet
        lanes_take, emits = Signal(lanes), Signal()  # what the pass of the last cycle was
        at_last = beat == beats - 1
        m.submodules.pushed = pushed = Slice(8 * sizes.bus_bytes)
        wiring.connect(m, pushed.o, wiring.flipped(self.push))
        m.d.comb += [
            idle.eq(~self.o.valid & ~writes & ~took),
            pushed.i.valid.eq(looked & pushes & idle),
            pushed.i.payload.eq(read.data),
            read.addr.eq(beat),
            write.addr.eq(written_beat),
            write.data.eq(self.data),
            write.en.eq(Cat(self.strobe[::4]) & writes.replicate(len(write.en))),
            self.surely.eq(looked & idle & pushes & pushed.i.ready & at_last),
            self.if_free.eq(looked & idle & ~pushes),
            self.taken.eq(self.surely | (self.free & self.if_free)),
            self.busy.eq(self.o.valid | writes | emits),
            answer.row.eq(Cat(Cat(bit, Const(0, 31)) for bit in row)),
        ]
        with m.If(pushed.i.valid & pushed.i.ready):
            m.d.sync += beat.eq(Mux(at_last, 0, beat + 1))
        # Semaphores are far away, and they are asked by a register.
        m.d.sync += [
            self.take.eq(self.taken & ~request.store),
            self.semaphore.eq(word),
            lanes_take.eq(what.served),
            took.eq(self.take),
            emits.eq(self.taken & what.emit),
            writes.eq(self.taken & request.store & ~pushes),
            written_beat.eq(word[(sizes.bus_bytes // 4 - 1).bit_length() :]),
        ]
        with m.If(self.take):
            m.d.sync += row.eq((row & ~lanes_take) | Mux(self.taken_one, lanes_take, 0))
        with m.If(self.taken & what.emit):
            m.d.sync += [
                answer.rd.eq(Mux(request.store, 0, request.rd)),
                answer.warp.eq(request.warp),
                answer.mask.eq(what.mask),
                answer.last.eq(what.last),
            ]
        # There was no answer when that pass was taken.
        with m.If(emits | self.o.ready):
            m.d.sync += self.o.valid.eq(emits)
        return m
