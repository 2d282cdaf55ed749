"""Normalise, round and pack: the last three stages of every operation."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import FIELD_MAX, SIGNIFICANT_BITS, Rounding

from .add import BASE_BITS, LOW_BITS, SUM_BITS
from .leading_zeros import COUNTED_BITS, Counts, count_all
from .operands import EXPONENT_BITS
from .pipeline import register

SHIFT_BITS = (COUNTED_BITS - 1).bit_length()
"""Bits of the shift to the left."""

Directions = data.StructLayout({"even": 1, "tie": 1, "away": 1})
"""What a rounding mode means for a magnitude: to nearest with ties to even, to nearest with ties
away from zero, or away from zero; none of them is towards zero."""


def directions(mode, sign):
    """`Directions` of a rounding mode for a number of this sign."""
    away = mode == Mux(sign, Rounding.RDN, Rounding.RUP)
    return Cat(mode == Rounding.RNE, mode == Rounding.RMM, away)


def rounds_up(how, last, half, rest):
    """Whether a magnitude goes up: its last bit, the bit below, and whether anything is below."""
    return half & (how.tie | how.even & (rest | last)) | (half | rest) & how.away


class Rounder(wiring.Component):
    """Bring a sum to its final form.

    Members
    -------
    total, low, sticky, counts
        From the `Adder`.
    base
        Exponent of bit 33 of the sum, at least 1.
    sign
        Sign of the result.
    cancels
        A sum of 0 has the sign that the rounding mode asks for.
    whole
        The result is not a float32 but the bits from bit 2 on, as an integer.
    mode
        How to round.
    result
        The result, `latency` cycles later.
    """

    total: Signal
    low: Signal
    sticky: Signal
    counts: Signal
    base: Signal
    sign: Signal
    cancels: Signal
    whole: Signal
    mode: Signal
    result: Signal

    latency = 3

    def __init__(self):
        super().__init__(
            {
                "total": In(SUM_BITS),
                "low": In(LOW_BITS),
                "sticky": In(1),
                "counts": In(Counts),
                "base": In(BASE_BITS),
                "sign": In(1),
                "cancels": In(1),
                "whole": In(1),
                "mode": In(Rounding),
                "result": Out(32),
            }
        )

    def elaborate(self, platform):
        """Implement the component, one block of statements for each stage."""
        m = Module()

        # 1: how far to the left: to the leading one, but not below the exponent of subnormals.
        count, zero = count_all(m, self.counts)
        limit, shift = Signal(SHIFT_BITS), Signal(SHIFT_BITS)
        limited = Signal()
        high = self.base[SHIFT_BITS:].any()
        m.d.comb += [
            limit.eq(self.base[:SHIFT_BITS] | high.replicate(SHIFT_BITS)),
            limited.eq(count > limit),
            shift.eq(Mux(limited, limit, count) & (~self.whole).replicate(SHIFT_BITS)),
        ]
        shift_1, field_1 = register(SHIFT_BITS), register(BASE_BITS)
        total_1, low_1 = register(SUM_BITS), register(LOW_BITS)
        sticky_1, sign_1, whole_1, hidden_1 = (register() for _ in range(4))
        mode_1 = register(Rounding)
        m.d.sync += [
            shift_1.eq(shift),
            field_1.eq(self.base + 1),
            hidden_1.eq(~limited & ~zero),
            total_1.eq(self.total),
            low_1.eq(self.low),
            sticky_1.eq(self.sticky),
            sign_1.eq(Mux(self.cancels & zero, self.mode == Rounding.RDN, self.sign)),
            whole_1.eq(self.whole),
            mode_1.eq(self.mode),
        ]

        # 2: shift. The window loses, level by level, what the levels that follow cannot bring back.
        # A shift by 32 or more is of the integer 1: three bits are left, which go to the top.
        top, end = SUM_BITS - 3, shift_1[-1]
        window = Cat(low_1, total_1[:3] & (~end).replicate(3), total_1[3:top])
        window = Cat(window, Mux(end, total_1[:3], total_1[top:]))
        lost = [sticky_1]
        for level in reversed(range(SHIFT_BITS - 1)):
            step, take = 1 << level, shift_1[level]
            drop = len(window) - (SIGNIFICANT_BITS + step)
            lost.append(window[:drop].any() & ~take)
            shifted = Signal(SIGNIFICANT_BITS + step, name=f"shifted_{step}")
            m.d.comb += shifted.eq(Mux(take, window << step, window) >> drop)
            window = shifted
        # Beyond the largest number: that one, to be rounded up to infinity or not.
        field, overflow = Signal(BASE_BITS), Signal()
        m.d.comb += [
            field.eq(field_1 - shift_1),
            overflow.eq((field >= FIELD_MAX) & ~whole_1),
        ]
        window = window | overflow.replicate(len(window))

        window_2 = register(len(window))
        field_2 = register(EXPONENT_BITS)
        integer_low_2 = register(32 - SIGNIFICANT_BITS)
        last_2, half_2, rest_2, sign_2, whole_2 = (register() for _ in range(5))
        how_2 = register(Directions)
        m.d.sync += [
            window_2.eq(window),
            field_2.eq(Mux(overflow, FIELD_MAX - 1, field & hidden_1.replicate(BASE_BITS))),
            integer_low_2.eq(total_1[2:]),
            last_2.eq(Mux(whole_1, total_1[2], window[1])),
            half_2.eq(Mux(whole_1, total_1[1], window[0])),
            rest_2.eq(Mux(whole_1, total_1[0] | sticky_1, Cat(lost).any())),
            sign_2.eq(sign_1),
            whole_2.eq(whole_1),
            how_2.eq(directions(mode_1, sign_1)),
        ]

        # 3: round. A carry out of the fraction is one more for the exponent; -(q + up) = ~q + !up.
        up, invert = Signal(), Signal()
        number = Signal(32)
        m.d.comb += [
            up.eq(rounds_up(how_2, last_2, half_2, rest_2)),
            invert.eq(whole_2 & sign_2),
        ]
        with m.If(whole_2):
            integer = Cat(integer_low_2, window_2[:SIGNIFICANT_BITS])
            m.d.comb += number.eq(integer ^ invert.replicate(32))
        with m.Else():
            m.d.comb += number.eq(Cat(window_2[1:SIGNIFICANT_BITS], field_2, sign_2))
        m.d.sync += self.result.eq(number + (up ^ invert))
        return m
