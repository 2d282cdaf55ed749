"""What needs no arithmetic: min, max, comparisons, signs, classes, and special values.

All of these are a word that is known in the second stage. The word then goes the way of an integer
through shifter, adder and rounder, which leave it as it is, so that the unit has no other way out.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import FRACTION_BITS, Op

from .operands import INTEGER_FIELD, Number, bits, is_zero

Fill = data.StructLayout({"exponent": 1, "quiet": 1, "rest": 1})
"""Groups of bits of the word that are all ones: an infinity, a NaN or the largest integer."""


def is_any(op, *ops):
    """Whether ``op`` is one of these."""
    return Cat(op == other for other in ops).any()


class Selector(wiring.Component):
    """The word for a pair of operands, and whether there is arithmetic to do instead.

    Members
    -------
    op
        What to do.
    a, b, less, same
        From the `Comparator`, in the same cycle as ``op``.
    arithmetic
        The result is that of shifter, adder or multiplier; combinational.
    word, fill
        The word and what to set in it, one cycle later; 0 where there is arithmetic, except that
        the integer to convert is a word.
    """

    op: Signal
    a: Signal
    b: Signal
    less: Signal
    same: Signal
    arithmetic: Signal
    word: Signal
    fill: Signal

    latency = 1

    def __init__(self):
        super().__init__(
            {
                "op": In(Op),
                "a": In(Number),
                "b": In(Number),
                "less": In(1),
                "same": In(1),
                "arithmetic": Out(1),
                "word": Out(32),
                "fill": Out(Fill),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        op, a, b = self.op, self.a, self.b
        adding, multiplying = is_any(op, Op.ADD, Op.SUB), op == Op.MUL
        b_sign = b.sign ^ (op == Op.SUB)

        # Infinities and NaNs of arithmetic.
        wrong = Signal()
        endless = Signal()
        special = Signal()
        special_sign = Signal()
        m.d.comb += [
            wrong.eq(
                Mux(
                    multiplying,
                    a.infinite & is_zero(b) | is_zero(a) & b.infinite,
                    a.infinite & b.infinite & (a.sign ^ b_sign),
                )
                | (a.nan | b.nan)
            ),
            endless.eq(a.infinite | b.infinite),
            special.eq(wrong | endless),
            special_sign.eq(
                ~wrong & Mux(multiplying, a.sign ^ b.sign, Mux(a.infinite, a.sign, b_sign))
            ),
        ]

        # Conversions to integers that saturate.
        to_integer, unsigned = is_any(op, Op.CVT_W_S, Op.CVT_WU_S), op == Op.CVT_WU_S
        from_integer = is_any(op, Op.CVT_S_W, Op.CVT_S_WU)
        outside, negative = Signal(), Signal()
        m.d.comb += [
            negative.eq(a.sign & ~a.nan),
            # -2^31 may count as outside: it is what saturates to it.
            outside.eq(Mux(unsigned, a.sign | (a.field > INTEGER_FIELD), a.field >= INTEGER_FIELD)),
        ]
        m.d.comb += self.arithmetic.eq(
            Mux(adding | multiplying, ~special, from_integer | to_integer & ~outside)
        )

        # Comparisons; in the order of `ordered`, -0 is less than +0.
        ordered = Signal()
        equal = Signal()
        zeros = self.same & is_zero(a)
        unordered = a.nan | b.nan
        m.d.comb += [
            ordered.eq(
                Mux(
                    a.sign ^ b.sign,
                    a.sign,
                    Mux(a.sign, ~self.less & ~self.same, self.less),
                )
            ),
            equal.eq(self.same & ((a.sign == b.sign) | is_zero(a))),
        ]
        less = ordered & ~zeros
        holds = ~unordered & (is_any(op, Op.EQ, Op.LE) & equal | is_any(op, Op.LT, Op.LE) & less)
        choosing = is_any(op, Op.MIN, Op.MAX)
        first = b.nan | ~a.nan & (ordered ^ (op == Op.MAX))
        nothing = a.nan & b.nan

        # The word, from its parts.
        signing = is_any(op, Op.SGNJ, Op.SGNJN, Op.SGNJX)
        take_a, take_b = Signal(), Signal()
        low, sign = Signal(10), Signal()
        m.d.comb += [
            take_a.eq(choosing & first & ~nothing | from_integer | signing),
            take_b.eq(choosing & ~first & ~nothing),
            low.eq(Mux(op == Op.CLASS, _class_of(a), holds)),
        ]
        with m.If(signing):
            m.d.comb += sign.eq(
                (b.sign ^ (op == Op.SGNJN)) ^ (a.sign & (op == Op.SGNJX)),
            )
        with m.Elif(to_integer):
            m.d.comb += sign.eq(outside & (unsigned ^ negative))
        with m.Elif(adding | multiplying):
            m.d.comb += sign.eq(special & special_sign)
        with m.Else():
            m.d.comb += sign.eq(take_a & a.sign | take_b & b.sign)
        mixed = bits(a)[:31] & take_a.replicate(31) | bits(b)[:31] & take_b.replicate(31)
        with m.If(is_any(op, Op.CLASS, Op.EQ, Op.LT, Op.LE)):
            m.d.sync += self.word.eq(low)
        with m.Else():
            m.d.sync += self.word.eq(Cat(mixed, sign))

        saturated = to_integer & outside & ~negative
        number = (adding | multiplying) & special
        nan = number & wrong | choosing & nothing
        m.d.sync += [
            self.fill.exponent.eq(saturated | number | nan),
            self.fill.quiet.eq(saturated | nan),
            self.fill.rest.eq(saturated),
        ]
        return m


def _class_of(a):
    """The ten bits of fclass.s."""
    zero = is_zero(a)
    kinds = Cat(a.infinite, a.hidden & ~a.infinite, ~a.hidden & ~zero, zero)
    negative = kinds & a.sign.replicate(4)
    positive = kinds & (~a.sign).replicate(4)
    quiet = a.fraction[FRACTION_BITS - 1]
    number = Cat(negative, positive[3], positive[2], positive[1], positive[0])
    return Cat(number & (~a.nan).replicate(8), a.nan & ~quiet, a.nan & quiet)
