"""Floating point: a pipelined unit in each lane; division, roots and the table for all lanes."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import Op, Rounding
from weft.arch.fp32_special import Special

from ..fp32.divsqrt import DivSqrt
from ..fp32.pipeline import later
from ..fp32.special import SpecialUnit
from ..fp32.unit import FloatUnit
from ..word_fifo import WordFifo
from .interfaces import token_layout
from .requests import answer_layout
from .scheduler import encode, lowest
from .sizes import Sizes


class FloatRows(wiring.Component):
    """A `FloatUnit` in each lane.

    Operands enter before it is known whether the instruction is done, `DECIDED` cycles later.

    Members
    -------
    op, mode, a, b
        Operands of all lanes, from registers.
    does, rd, token
        `DECIDED` cycles later: there is such an instruction, and which.
    o
        Answers; those that are not taken at once wait.
    """

    DECIDED = 2
    answer_latency = FloatUnit.latency - DECIDED
    """Cycles from ``does`` to the answer, if none waits."""

    does: Signal
    rd: Signal
    a: Signal
    b: Signal
    op: Signal
    mode: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "op": In(Op),
                "mode": In(Rounding),
                "a": In(32 * sizes.lanes),
                "b": In(32 * sizes.lanes),
                "does": In(1),
                "rd": In(5),
                "token": In(token_layout(sizes)),
                "o": Out(stream.Signature(answer_layout(sizes))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        m.submodules.queue = queue = WordFifo(answer_layout(self.sizes), self.sizes.warps)
        results = []
        for lane in range(self.sizes.lanes):
            m.submodules[f"unit_{lane}"] = unit = FloatUnit()
            m.d.comb += [
                unit.valid.eq(1),
                unit.op.eq(self.op),
                unit.mode.eq(self.mode),
                unit.a.eq(self.a.word_select(lane, 32)),
                unit.b.eq(self.b.word_select(lane, 32)),
            ]
            results.append(unit.result)
        rest = FloatUnit.latency - self.DECIDED
        come, answer = Signal(), Signal(answer_layout(self.sizes))
        m.d.comb += [
            come.eq(later(m, self.does, rest, "come", reset_less=False)),
            answer.rd.eq(later(m, self.rd, rest, "rd")),
            answer.warp.eq(later(m, self.token.warp, rest, "warp")),
            answer.mask.eq(later(m, self.token.group, rest, "mask")),
            answer.row.eq(Cat(results)),
            answer.last.eq(1),
            # Straight on where nothing waits: sixteen warps just cover what the units take.
            self.o.valid.eq(queue.o.valid | come),
            self.o.payload.eq(Mux(queue.o.valid, queue.o.payload.as_value(), answer)),
            queue.o.ready.eq(self.o.ready),
            queue.i.valid.eq(come & (queue.o.valid | ~self.o.ready)),
            queue.i.payload.eq(answer),
        ]
        return m


def slow_layout(sizes: Sizes) -> data.StructLayout:
    """A warp's request to the units that lanes share; ``table``: a `Special`, else a division."""
    return data.StructLayout(
        {
            "table": 1,
            "root": 1,
            "function": Special,
            "mode": Rounding,
            "rd": 5,
            "warp": range(max(2, sizes.warps)),
            "mask": sizes.lanes,
            "a": 32 * sizes.lanes,
            "b": 32 * sizes.lanes,
        }
    )


class SlowFloats(wiring.Component):
    """One warp after the other, its lanes one after the other.

    Members
    -------
    i, o
        Requests, of which there is room for one of each warp, and answers.
    """

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(slow_layout(sizes))),
                "o": Out(stream.Signature(answer_layout(sizes))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        lanes = self.sizes.lanes
        m.submodules.queue = queue = WordFifo(slow_layout(self.sizes), self.sizes.warps)
        m.submodules.divider = divider = DivSqrt()
        m.submodules.special = special = SpecialUnit()
        wiring.connect(m, wiring.flipped(self.i), queue.i)
        request = queue.o.payload

        # Lanes whose operands have gone, and whose results have come: in the same order.
        gone, come = Signal(lanes), Signal(lanes)
        to_go, to_come = Signal(lanes), Signal(lanes)
        lane, back = (Signal(range(max(2, lanes)), name=name) for name in ("lane", "back"))
        goes, comes = Signal(), Signal()
        row = Signal(32 * lanes)
        a, b = request.a.word_select(lane, 32), request.b.word_select(lane, 32)
        asks = queue.o.valid & to_go.any()
        m.d.comb += [
            to_go.eq(lowest(request.mask & ~gone)),
            to_come.eq(lowest(request.mask & ~come)),
            lane.eq(encode(to_go, lanes)),
            back.eq(encode(to_come, lanes)),
            divider.i.valid.eq(asks & ~request.table),
            divider.i.payload.a.eq(a),
            divider.i.payload.b.eq(b),
            divider.i.payload.root.eq(request.root),
            divider.i.payload.mode.eq(request.mode),
            divider.o.ready.eq(1),
            special.valid.eq(asks & request.table),
            special.function.eq(request.function),
            special.a.eq(a),
            goes.eq(asks & (request.table | divider.i.ready)),
            comes.eq(Mux(request.table, special.done, divider.o.valid)),
            self.o.valid.eq(queue.o.valid & ~to_come.any()),
            self.o.payload.rd.eq(request.rd),
            self.o.payload.warp.eq(request.warp),
            self.o.payload.mask.eq(request.mask),
            self.o.payload.row.eq(row),
            self.o.payload.last.eq(1),
            queue.o.ready.eq(self.o.valid & self.o.ready),
        ]
        with m.If(goes):
            m.d.sync += gone.eq(gone | to_go)
        with m.If(comes):
            m.d.sync += [
                come.eq(come | to_come),
                row.word_select(back, 32).eq(Mux(request.table, special.result, divider.o.payload)),
            ]
        with m.If(queue.o.ready):
            m.d.sync += [gone.eq(0), come.eq(0)]
        return m
