"""The way back to the registers: answers choose their cycle before it comes, and are put in form.

::

    cycle 0                             1
    taken: the instruction before the   bytes and half words
    last stage writes nothing           extended, written
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import register
from .interfaces import RowWrite
from .parts_of_words import extended
from .requests import answer_layout
from .sizes import Sizes


class Returns(wiring.Component):
    """Takes an answer where the register file will have nothing else to write.

    Members
    -------
    i
        Answers; the words of a load as they stand in memory.
    free
        Nothing else writes in `latency` cycles.
    row
        `latency` cycles after an answer was taken; mask and data are 0 when there is none.
    answered, warp
        In the same cycle: it was the last answer to this warp's request.
    """

    latency = 1

    free: Signal
    answered: Signal
    warp: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(answer_layout(sizes))),
                "free": In(1),
                "row": Out(RowWrite(sizes)),
                "answered": Out(1),
                "warp": Out(range(max(2, sizes.warps))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        row, taken, answer = self.row, Signal(), Signal(answer_layout(self.sizes))
        m.d.comb += self.i.ready.eq(self.free)
        m.d.sync += [
            taken.eq(self.i.valid & self.free),
            answer.eq(self.i.payload),
        ]
        # Whoever chooses among rows takes zeros for nothing.
        with m.If(~(self.i.valid & self.free)):
            m.d.sync += [answer.row.eq(0), answer.mask.eq(0)]

        part = register()  # byte or half word
        m.d.sync += part.eq(self.i.payload.byte | self.i.payload.half)
        words = []
        for lane in range(self.sizes.lanes):
            word, offset = answer.row.word_select(lane, 32), answer.offsets.word_select(lane, 2)
            words.append(extended(word, offset, part, answer.byte, answer.unsigned))
        m.d.comb += [
            self.answered.eq(taken & answer.last),
            self.warp.eq(answer.warp),
            row.warp.eq(answer.warp),
            row.rd.eq(answer.rd),
            row.mask.eq(answer.mask & answer.rd.any().replicate(self.sizes.lanes)),
            row.data.eq(Cat(words)),
        ]
        return m
