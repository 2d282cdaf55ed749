"""The way back to the registers: answers choose their cycle early, and are put in form on it.

::

    cycle 0                      1                              2
    taken: the instruction that  bytes and half words           written
    is two cycles before the     extended
    last stage writes nothing
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

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

    latency = 2

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
        taken, answer = Signal(), Signal(answer_layout(self.sizes))
        m.d.comb += self.i.ready.eq(self.free)
        m.d.sync += [taken.eq(self.i.valid & self.free), answer.eq(self.i.payload)]

        words = []
        for lane in range(self.sizes.lanes):
            word, offset = answer.row.word_select(lane, 32), answer.offsets.word_select(lane, 2)
            words.append(extended(word, offset, answer.byte, answer.half, answer.unsigned))
        row = self.row
        m.d.sync += [
            self.answered.eq(taken & answer.last),
            self.warp.eq(answer.warp),
            row.warp.eq(answer.warp),
            row.rd.eq(answer.rd),
        ]
        with m.If(taken & answer.rd.any()):
            m.d.sync += [row.mask.eq(answer.mask), row.data.eq(Cat(words))]
        with m.Else():
            m.d.sync += [row.mask.eq(0), row.data.eq(0)]
        return m
