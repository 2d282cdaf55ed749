"""The command port: a command is put together word by word, handed over, and waited for."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import COMMAND_BYTES
from weft.arch.simt import PortWord
from weft.config import SEMAPHORES

from .requests import answer_layout, pass_layout
from .scheduler import encode
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
    i, o
        Passes and answers.
    busy
        An answer is due.
    push
        Bus-wide words of a command; once begun, they come without a gap.
    take, semaphore, taken
        Take this semaphore in this cycle; it was above zero.
    """

    busy: Signal
    take: Signal
    semaphore: Signal
    taken: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(pass_layout(sizes))),
                "o": Out(stream.Signature(answer_layout(sizes))),
                "busy": Out(1),
                "push": Out(stream.Signature(8 * sizes.bus_bytes)),
                "take": Out(1),
                "semaphore": Out(range(SEMAPHORES)),
                "taken": In(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes = self.sizes, self.sizes.lanes
        what, request, answer = self.i.payload, self.i.payload.request, self.o.payload
        beats = COMMAND_BYTES // sizes.bus_bytes
        beat, row = Signal(range(max(2, beats))), Signal(lanes)
        words = Array(Signal(32, name=f"word_{i}") for i in range(COMMAND_BYTES // 4))

        # The one lane of the pass.
        lane = Signal(range(max(2, lanes)))
        word, value = Signal(OFFSET_BITS - 2), Signal(32)
        m.d.comb += [
            lane.eq(encode(what.served, lanes)),
            word.eq(request.a.word_select(lane, 32)[2:]),
            value.eq(request.b.word_select(lane, 32)),
        ]
        pushes, done = Signal(), Signal()
        per_beat = sizes.bus_bytes // 4
        groups = Array(Cat(words[per_beat * i : per_beat * (i + 1)]) for i in range(beats))
        m.d.comb += [
            pushes.eq(request.store & (word == PortWord.PUSH >> 2)),
            self.push.valid.eq(self.i.valid & pushes & ~self.o.valid),
            self.push.payload.eq(groups[beat] if beats > 1 else groups[0]),
            self.semaphore.eq(word),
            self.take.eq(self.i.valid & ~request.store & ~self.o.valid),
            done.eq(
                self.i.valid & ~self.o.valid & (~pushes | (self.push.ready & (beat == beats - 1)))
            ),
            self.i.ready.eq(done),
            self.busy.eq(self.o.valid),
            answer.row.eq(Cat(Cat(bit, Const(0, 31)) for bit in row)),
        ]
        with m.If(self.push.valid & self.push.ready):
            m.d.sync += beat.eq(Mux(beat == beats - 1, 0, beat + 1))
        with m.If(done & request.store & ~pushes):
            m.d.sync += words[word[:4]].eq(value)
        with m.If(self.take):
            m.d.sync += row.eq((row & ~what.served) | Mux(self.taken, what.served, 0))
        with m.If(done & what.emit):
            m.d.sync += [
                self.o.valid.eq(1),
                answer.rd.eq(Mux(request.store, 0, request.rd)),
                answer.warp.eq(request.warp),
                answer.mask.eq(what.mask),
                answer.last.eq(what.last),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
