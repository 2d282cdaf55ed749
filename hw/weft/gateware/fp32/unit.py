"""The pipelined FP32 unit of a lane: one operation in each cycle, all in `latency` cycles.

One path serves all operations, because shifters are what floating point is made of::

    stage     1          2         3         4       5        6        7
           compare    choose    shift      add    leading   shift    round,
                      summands  right              zeros    left      pack
                      multiply  add partial
                                products

A sum uses all of it. A product enters at the adder and is made subnormal, where it has to be, by
the second shifter; an integer becomes a float in the same way, and a float leaves the first shifter
as an integer, to be rounded. What is not arithmetic (`misc`) is a word that goes through like an
integer. So subnormals, all rounding modes and conversions cost little more than an adder.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import Op, Rounding

from .add import Adder, Aligner
from .misc import Selector, is_any
from .mul import SignificandMultiplier
from .operands import Comparator, significand
from .pipeline import later
from .rounding import Rounder


class FloatUnit(wiring.Component):
    """Arithmetic of `weft.golden.fp32`, all but division, root and the table's functions.

    Members
    -------
    valid
        Operands are there; they come from registers.
    op, mode
        What to do, and how to round: RNE to RMM. Operations that do not round ignore the mode.
    a, b
        Operands; ``b`` is ignored where there is only one.
    done
        ``valid`` of `latency` cycles ago. Nothing can stop an operation.
    result
        Belongs to ``done``.
    """

    latency = Comparator.latency + Aligner.latency + Adder.latency + Rounder.latency

    valid: Signal
    op: Signal
    mode: Signal
    a: Signal
    b: Signal
    done: Signal
    result: Signal

    def __init__(self):
        super().__init__(
            {
                "valid": In(1),
                "op": In(Op),
                "mode": In(Rounding),
                "a": In(32),
                "b": In(32),
                "done": Out(1),
                "result": Out(32),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        m.submodules.comparator = comparator = Comparator()
        m.submodules.multiplier = multiplier = SignificandMultiplier()
        m.submodules.selector = selector = Selector()
        m.submodules.aligner = aligner = Aligner()
        m.submodules.adder = adder = Adder()
        m.submodules.rounder = rounder = Rounder()

        # 1
        op, a, b = Signal(Op, reset_less=True), comparator.a, comparator.b
        m.d.sync += op.eq(self.op)
        m.d.comb += [
            comparator.x.eq(self.a),
            comparator.y.eq(self.b),
        ]

        # 2
        adding = is_any(op, Op.ADD, Op.SUB)
        converting = is_any(op, Op.CVT_W_S, Op.CVT_WU_S, Op.CVT_S_W)
        m.d.comb += [
            selector.op.eq(op),
            selector.a.eq(a),
            selector.b.eq(b),
            selector.less.eq(comparator.less),
            selector.same.eq(comparator.same),
            aligner.op.eq(op),
            aligner.arithmetic.eq(selector.arithmetic),
            aligner.a.eq(a),
            aligner.b.eq(b),
            aligner.less.eq(comparator.less),
            aligner.a_over_b.eq(comparator.a_over_b),
            aligner.b_over_a.eq(comparator.b_over_a),
            aligner.exponents.eq(comparator.exponents),
            multiplier.x.eq(significand(a)),
            multiplier.y.eq(significand(b)),
        ]
        sign, whole = Signal(), Signal()
        b_sign = b.sign ^ (op == Op.SUB)
        with m.If(op == Op.MUL):
            m.d.comb += sign.eq(a.sign ^ b.sign)
        with m.Elif(adding):
            m.d.comb += sign.eq(Mux(comparator.less, b_sign, a.sign))
        with m.Else():
            m.d.comb += sign.eq(a.sign & converting)
        m.d.comb += whole.eq(
            ~selector.arithmetic | ~is_any(op, Op.ADD, Op.SUB, Op.MUL, Op.CVT_S_W, Op.CVT_S_WU)
        )

        # 3, 4
        m.d.comb += [
            multiplier.clear.eq(~aligner.multiplies),
            adder.down.eq(aligner.down),
            adder.tiny.eq(aligner.tiny),
            adder.large.eq(aligner.large),
            adder.little.eq(aligner.little),
            adder.amount.eq(aligner.amount),
            adder.subtract.eq(aligner.subtract),
            adder.product.eq(multiplier.product),
            adder.word.eq(selector.word),
            adder.fill.eq(selector.fill),
        ]

        # 5, 6, 7
        to_round = aligner.latency + adder.latency
        m.d.comb += [
            rounder.total.eq(adder.total),
            rounder.low.eq(adder.low),
            rounder.sticky.eq(adder.sticky),
            rounder.counts.eq(adder.counts),
            rounder.base.eq(later(m, aligner.base, adder.latency, "base")),
            rounder.cancels.eq(later(m, aligner.subtract, adder.latency, "cancels")),
            rounder.sign.eq(later(m, sign & selector.arithmetic, to_round, "sign")),
            rounder.whole.eq(later(m, whole, to_round, "whole")),
            rounder.mode.eq(later(m, self.mode, comparator.latency + to_round, "mode")),
            self.result.eq(rounder.result),
            self.done.eq(later(m, self.valid, self.latency, "valid", reset_less=False)),
        ]
        return m
