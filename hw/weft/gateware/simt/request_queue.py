"""Where accesses wait for their passes: room for one of each warp."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .requests import asked_layout, request_layout
from .sizes import Sizes

WIDE = 4
"""Lanes from which on what is stored stands in block RAM: a row of them fills its width."""


class RequestQueue(wiring.Component):
    """First in, first out; whoever asks need not wait, for a warp has one request at a time.

    What a request stores is not needed to cut it into passes. It stands in a memory of its own,
    and comes a cycle later than the rest.

    Members
    -------
    i, o
        Requests; on ``o`` without what they store.
    stored
        What the request stores that was taken last.
    """

    latency = 1
    """Cycles from ``i`` to ``o`` when empty."""

    i: stream.Interface
    o: stream.Interface
    stored: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(request_layout(sizes))),
                "o": Out(stream.Signature(asked_layout(sizes))),
                "stored": Out(32 * sizes.lanes),
            }
        )

    def elaborate(self, platform):
        """Build both memories."""
        m = Module()
        sizes, names = self.sizes, asked_layout(self.sizes).members
        words = max(2, sizes.warps)
        m.submodules.asked = asked = Memory(shape=asked_layout(sizes), depth=words, init=[])
        m.submodules.values = values = Memory(
            shape=32 * sizes.lanes,
            depth=words,
            init=[],
            attrs={"no_rw_check": 1} | ({"ram_style": "block"} if sizes.lanes >= WIDE else {}),
        )
        write = asked.write_port()
        read = asked.read_port(transparent_for=(write,))

        # Places, and whether they are in an odd turn: that tells an empty queue from a full one.
        tail, head, head_next = (Signal(range(words), name=n) for n in ("tail", "head", "next"))
        tail_odd, head_odd, pops = Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(1),
            self.o.valid.eq((tail != head) | (tail_odd != head_odd)),
            pops.eq(self.o.valid & self.o.ready),
            head_next.eq(Mux(pops, Mux(head == words - 1, 0, head + 1), head)),
            write.addr.eq(tail),
            write.en.eq(self.i.valid),
            *(write.data[name].eq(self.i.payload[name]) for name in names),
            read.addr.eq(head_next),
            read.en.eq(1),
            self.o.payload.eq(read.data),
        ]
        m.d.sync += head.eq(head_next)
        with m.If(pops & (head == words - 1)):
            m.d.sync += head_odd.eq(~head_odd)
        with m.If(self.i.valid):
            m.d.sync += tail.eq(Mux(tail == words - 1, 0, tail + 1))
            with m.If(tail == words - 1):
                m.d.sync += tail_odd.eq(~tail_odd)

        put, get = values.write_port(), values.read_port(domain="sync", transparent_for=())
        m.d.comb += [
            put.en.eq(self.i.valid),
            put.addr.eq(self.i.payload.warp),
            put.data.eq(self.i.payload.b),
            get.en.eq(self.o.ready),
            get.addr.eq(self.o.payload.warp),
            self.stored.eq(get.data),
        ]
        return m
