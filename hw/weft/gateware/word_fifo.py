"""A queue of words in a synchronous-read memory, one cycle from in to out."""

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .keep import KEEP
from .skid import Slice


class WordFifo(wiring.Component):
    """First in, first out; a word written in cycle t stands on ``o`` in t + 1 when nothing waits.

    The memory is read synchronously (block RAM), one address ahead of the reader, so that one word
    can leave in every cycle. ``i.ready`` and ``o.valid`` are registers.

    Parameters
    ----------
    shape
        Shape of a word.
    depth
        Words it holds, at least 1.

    Members
    -------
    i, o
        Words in and out.
    level
        Words held now.
    """

    i: stream.Interface
    o: stream.Interface
    level: Signal

    latency = 1
    """Cycles from ``i`` to ``o`` when empty."""

    def __init__(self, shape: ShapeLike, depth: int):
        if depth < 1:
            raise ValueError(f"depth = {depth} is not valid: at least 1")
        self._shape = shape
        self.depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory, its two pointers and the level."""
        m = Module()
        # A memory of one word would have an address of no bits.
        words = max(2, self.depth)
        m.submodules.storage = storage = memory.Memory(shape=self._shape, depth=words, init=[])
        write = storage.write_port()
        read = storage.read_port(transparent_for=(write,))

        tail = Signal(range(words))
        head = Signal(range(words))
        head_next = Signal(range(words))
        push = Signal()
        pop = Signal()
        some, room = Signal(), Signal(init=1)

        def after(pointer: Signal):
            return Mux(pointer == words - 1, 0, pointer + 1)

        m.d.comb += [
            self.i.ready.eq(room),
            self.o.valid.eq(some),
            push.eq(self.i.valid & self.i.ready),
            pop.eq(self.o.valid & self.o.ready),
            head_next.eq(Mux(pop, after(head), head)),
        ]

        m.d.comb += [
            write.addr.eq(tail),
            write.data.eq(self.i.payload),
            write.en.eq(push),
            read.addr.eq(head_next),
            read.en.eq(1),
            self.o.payload.eq(read.data),
        ]

        m.d.sync += [
            head.eq(head_next),
            some.eq(push | (some & ~(pop & (self.level == 1)))),
            room.eq(pop | (room & ~(push & (self.level == self.depth - 1)))),
        ]
        with m.If(push):
            m.d.sync += tail.eq(after(tail))
        # Both sums before the choice.
        more, fewer = Signal.like(self.level, attrs=KEEP), Signal.like(self.level, attrs=KEEP)
        m.d.comb += [more.eq(self.level + 1), fewer.eq(self.level - 1)]
        with m.If(push != pop):
            m.d.sync += self.level.eq(Mux(pop, fewer, more))
        return m


class ReadyFifo(wiring.Component):
    """First in, first out, with the first word in a register: `WordFifo` with the same latency.

    For words that many look at in the cycle in which they are taken, or that are taken far away:
    that they are moves a register or two, not the queue behind.

    Members
    -------
    i, o
        Words in and out; ``i.ready``, ``o.valid`` and ``o.payload`` are registers.
    """

    i: stream.Interface
    o: stream.Interface

    latency = 1
    """Cycles from ``i`` to ``o`` when empty."""

    def __init__(self, shape: ShapeLike, depth: int):
        self._behind = WordFifo(shape, depth)
        self._front = Slice(shape)
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        """Build the registers in front of the queue, and the way past it."""
        m = Module()
        m.submodules.behind = behind = self._behind
        m.submodules.front = front = self._front
        waits = behind.o.valid
        wiring.connect(m, front.o, wiring.flipped(self.o))
        m.d.comb += [
            self.i.ready.eq(behind.i.ready),
            behind.i.payload.eq(self.i.payload),
            behind.i.valid.eq(self.i.valid & (waits | ~front.i.ready)),
            behind.o.ready.eq(front.i.ready),
            front.i.valid.eq(waits | self.i.valid),
            front.i.payload.eq(Mux(waits, behind.o.payload, self.i.payload)),
        ]
        return m
