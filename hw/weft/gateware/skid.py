"""Places to stand on a stream's way, so that ``ready``, or both ways, need not hurry."""

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class _Way(wiring.Component):
    """From ``i`` to ``o``; of items of any shape."""

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: ShapeLike):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})


class Skid(_Way):
    """Passes items on in the same cycle; one that is not taken waits here.

    Members
    -------
    i, o
        Items. ``i.ready`` depends on a register alone.
    """

    def elaborate(self, platform: object) -> Module:
        """Build the place and its flag."""
        m = Module()
        held, full = Signal.like(self.i.payload, reset_less=True), Signal()
        m.d.comb += [
            self.i.ready.eq(~full),
            self.o.valid.eq(self.i.valid | full),
            self.o.payload.eq(Mux(full, held, self.i.payload)),
        ]
        with m.If(~full):
            m.d.sync += held.eq(self.i.payload)
        m.d.sync += full.eq(self.o.valid & ~self.o.ready)
        return m


class Stage(_Way):
    """A register on a stream's way, and behind it a place to wait, so that nothing else waits.

    As `Slice`, but whether an item is taken moves a single register, for which ``o`` comes through
    a choice.

    Members
    -------
    i, o
        Items. ``i.ready`` depends on a register alone, ``o`` on registers.
    """

    def elaborate(self, platform: object) -> Module:
        """Build the register, and the place behind it."""
        m = Module()
        m.submodules.skid = skid = Skid(self.i.payload.shape())
        item, there = Signal.like(self.i.payload, reset_less=True), Signal()
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        m.d.comb += [
            self.i.ready.eq(skid.i.ready),
            skid.i.valid.eq(there),
            skid.i.payload.eq(item),
        ]
        with m.If(skid.i.ready):
            m.d.sync += [there.eq(self.i.valid), item.eq(self.i.payload)]
        return m


class Slice(_Way):
    """Registers on a stream's way in both directions; an item a cycle goes through.

    Members
    -------
    i, o
        Items. ``i.ready`` and all of ``o`` depend on registers alone.
    """

    latency = 1
    """Cycles from ``i`` to ``o`` when nothing waits."""

    def elaborate(self, platform: object) -> Module:
        """Build a place to wait, and the register behind it."""
        m = Module()
        m.submodules.skid = skid = Skid(self.i.payload.shape())
        item = Signal.like(self.i.payload, reset_less=True)
        wiring.connect(m, wiring.flipped(self.i), skid.i)
        m.d.comb += [skid.o.ready.eq(~self.o.valid | self.o.ready), self.o.payload.eq(item)]
        with m.If(skid.o.ready):
            m.d.sync += [self.o.valid.eq(skid.o.valid), item.eq(skid.o.payload)]
        return m
