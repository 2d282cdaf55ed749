"""Instructions in which all live threads of a warp meet: votes, ballots, shuffles."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import later
from .decode import Meet
from .sizes import Sizes


class Collectives(wiring.Component):
    """The results of collectives; a butterfly of one multiplexer a lane and bit for shuffles.

    Members
    -------
    meet, lane_mask
        What to do.
    live
        Live threads.
    a
        Operands of all lanes.
    writes
        Two cycles after the operands: there is such an instruction.
    answer
        Two cycles after the operands: the same for all lanes, 0 for a shuffle.
    row
        A shuffle's results of all lanes, `latency` cycles later, otherwise 0.
    """

    latency = 3

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "meet": In(Meet),
                "lane_mask": In(5),
                "live": In(sizes.lanes),
                "a": In(32 * sizes.lanes),
                "writes": In(1),
                "answer": Out(32),
                "row": Out(32 * sizes.lanes),
            }
        )

    live: Signal
    a: Signal
    writes: Signal
    answer: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        lanes = self.sizes.lanes
        words = [self.a.word_select(lane, 32) for lane in range(lanes)]
        ballot = later(m, Cat(word.any() for word in words) & self.live, 2, "ballot")
        live, meet = later(m, self.live, 2, "live"), later(m, self.meet, 2, "meet")

        # Whether the other lane lives goes the same way, beside its word.
        shuffled = [Cat(word, self.live[lane]) for lane, word in enumerate(words)]
        for level in range((lanes - 1).bit_length()):
            swap = self.lane_mask[level]
            swapped = [Signal(33, name=f"swapped_{level}_{lane}") for lane in range(lanes)]
            m.d.comb += [
                swapped[lane].eq(Mux(swap, shuffled[lane ^ (1 << level)], shuffled[lane]))
                for lane in range(lanes)
            ]
            shuffled = swapped
        row = later(m, Cat(word[:32] for word in shuffled), 2, "row")
        there = later(m, Cat(word[32] for word in shuffled), 2, "there")

        shuffles = self.writes & (meet == Meet.SHUFFLE)
        for lane in range(lanes):
            word = row.word_select(lane, 32)
            with m.If(shuffles & there[lane]):
                m.d.sync += self.row.word_select(lane, 32).eq(word)
            with m.Else():
                m.d.sync += self.row.word_select(lane, 32).eq(0)
        with m.Switch(meet):
            with m.Case(Meet.ANY):
                m.d.comb += self.answer.eq(ballot.any())
            with m.Case(Meet.ALL):
                m.d.comb += self.answer.eq(ballot == live)
            with m.Case(Meet.SHUFFLE):
                pass
            with m.Default():
                m.d.comb += self.answer.eq(ballot)
        return m
