"""Division: one warp after the other."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..word_fifo import WordFifo
from .divide import Dividers
from .requests import answer_layout, request_layout
from .sizes import Sizes


class Division(wiring.Component):
    """Divides for the warps, in the order of their requests.

    Members
    -------
    i, o
        Requests, of which there is room for one of each warp, and answers.
    """

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(request_layout(sizes))),
                "o": Out(stream.Signature(answer_layout(sizes))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        m.submodules.queue = queue = WordFifo(request_layout(self.sizes), self.sizes.warps)
        m.submodules.dividers = dividers = Dividers(self.sizes)
        wiring.connect(m, wiring.flipped(self.i), queue.i)
        request, answer = queue.o.payload, self.o.payload
        begun = Signal()
        m.d.comb += [
            dividers.start.eq(queue.o.valid & ~begun),
            dividers.a.eq(request.a),
            dividers.b.eq(request.b),
            dividers.unsigned.eq(request.unsigned),
            dividers.remainder.eq(request.remainder),
            answer.rd.eq(request.rd),
            answer.warp.eq(request.warp),
            answer.mask.eq(request.mask),
            answer.row.eq(dividers.row),
            answer.last.eq(1),
            self.o.valid.eq(begun & ~dividers.busy),
            queue.o.ready.eq(self.o.valid & self.o.ready),
        ]
        with m.If(dividers.start):
            m.d.sync += begun.eq(1)
        with m.Elif(queue.o.ready):
            m.d.sync += begun.eq(0)
        return m
