"""Places to stand on a stream's way, so that ``ready``, or both ways, need not hurry."""

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Skid(wiring.Component):
    """Passes items on in the same cycle; one that is not taken waits here.

    Members
    -------
    i, o
        Items. ``i.ready`` depends on a register alone.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: ShapeLike):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

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


class Slice(wiring.Component):
    """Registers on a stream's way in both directions; an item a cycle goes through.

    Members
    -------
    i, o
        Items. ``i.ready`` and all of ``o`` depend on registers alone.
    """

    latency = 1
    """Cycles from ``i`` to ``o`` when nothing waits."""

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape: ShapeLike):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

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
