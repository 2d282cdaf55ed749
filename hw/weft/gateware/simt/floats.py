"""Floating point: a pipelined unit in each lane."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import Op, Rounding

from ..fp32.pipeline import later
from ..fp32.unit import FloatUnit
from ..word_fifo import WordFifo
from .execute import Execute
from .interfaces import token_layout
from .requests import answer_layout
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

    DECIDED = Execute.latency - Execute.early_latency
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
