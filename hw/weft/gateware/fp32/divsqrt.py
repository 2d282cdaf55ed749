"""Division and square root, one bit of the result in a cycle, correctly rounded.

Both are a comparison with what would be subtracted next, and a shift::

    divide   R - D >= 0 ?        R := 2 (R or R - D)                        D: divisor
    root     R - (4 Q + 1) >= 0 ?  R := 4 (R or R - 4 Q - 1) + next two bits  D: rest of operand
             Q := 2 Q + (1 if so)

until Q has 25 bits, one more than a significand. Leading zeros of Q, which subnormal operands
bring, count as steps of the exponent; only a divisor has to be normalised beforehand.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import (
    BIAS,
    CANONICAL_NAN,
    FIELD_MAX,
    FRACTION_BITS,
    INFINITY,
    MAX_FINITE,
    SIGNIFICANT_BITS,
    Rounding,
)

from .operands import EXPONENT_BITS, exponent, is_zero, significand, take_apart
from .rounding import Directions, directions, rounds_up

QUOTIENT_BITS = SIGNIFICANT_BITS + 1
"""A significand and the bit below it."""

REMAINDER_BITS = QUOTIENT_BITS + 3
"""A remainder of a root is at most 2 Q, and two more bits come in."""

LONGEST = 3 * SIGNIFICANT_BITS + 8
"""Cycles that no operation exceeds, from its transfer to its result; most take 30."""

Operation = data.StructLayout({"a": 32, "b": 32, "root": 1, "mode": Rounding})
"""What to compute: ``a / b``, or the square root of ``a``."""


class DivSqrt(wiring.Component):
    """Division and square root of `weft.golden.fp32`; one operation at a time.

    Members
    -------
    i
        Operations.
    o
        Results, in the same order.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self):
        super().__init__({"i": In(stream.Signature(Operation)), "o": Out(stream.Signature(32))})

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        operation = self.i.payload
        a, b = take_apart(m, operation.a, "a"), take_apart(m, operation.b, "b")

        sign, root, odd, rest = Signal(), Signal(), Signal(), Signal()
        mode = Signal(Rounding)
        field = Signal(signed(EXPONENT_BITS + 2))  # of the result, if its leading bit came first
        remainder = Signal(REMAINDER_BITS)
        quotient = Signal(QUOTIENT_BITS)
        divisor = Signal(SIGNIFICANT_BITS)

        # Results that need no steps.
        wrong, endless, nothing, sign_now = Signal(), Signal(), Signal(), Signal()
        m.d.comb += sign_now.eq(a.sign ^ (b.sign & ~operation.root))
        with m.If(operation.root):
            m.d.comb += [
                wrong.eq(a.nan | a.sign & ~is_zero(a)),
                endless.eq(a.infinite),
                nothing.eq(is_zero(a)),
            ]
        with m.Else():
            m.d.comb += [
                wrong.eq(a.nan | b.nan | a.infinite & b.infinite | is_zero(a) & is_zero(b)),
                endless.eq(a.infinite | is_zero(b)),
                nothing.eq(is_zero(a) | b.infinite),
            ]

        # A step.
        trial = Mux(root, Cat(Const(1, 2), quotient), divisor)
        difference = Signal(REMAINDER_BITS + 1)
        fits = Signal()
        kept = Signal(REMAINDER_BITS)
        m.d.comb += [
            difference.eq(remainder - trial),
            fits.eq(~difference[-1]),
            kept.eq(Mux(fits, difference, remainder)),
        ]

        # The end.
        how = Signal(Directions)
        up, overflow = Signal(), Signal()
        number = Signal(31)
        m.d.comb += how.eq(directions(mode, sign))
        with m.If(overflow):
            # The largest number, to be rounded up to infinity or not.
            m.d.comb += [
                number.eq(MAX_FINITE),
                up.eq(how.as_value().any()),
            ]
        with m.Else():
            shown = field[:EXPONENT_BITS] & quotient[-1].replicate(EXPONENT_BITS)
            m.d.comb += [
                number.eq(Cat(quotient[1 : 1 + FRACTION_BITS], shown)),
                up.eq(rounds_up(how, quotient[1], quotient[0], rest)),
            ]

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    sign.eq(sign_now),
                    root.eq(operation.root),
                    mode.eq(operation.mode),
                    rest.eq(0),
                    quotient.eq(0),
                ]
                with m.If(operation.root):
                    m.d.sync += [
                        odd.eq(~exponent(a)[0]),  # the exponent without bias; that is odd
                        field.eq((exponent(a) + BIAS) >> 1),
                        divisor.eq(significand(a)),
                        remainder.eq(0),
                    ]
                with m.Else():
                    m.d.sync += [
                        field.eq(exponent(a) - exponent(b) + BIAS),
                        divisor.eq(significand(b)),
                        remainder.eq(significand(a)),
                    ]
                magnitude = Mux(wrong, CANONICAL_NAN, Mux(endless, INFINITY, 0))
                m.d.sync += self.o.payload.eq(magnitude | (sign_now & ~wrong) << 31)
                with m.If(self.i.valid):
                    m.next = "PREPARE"
                    with m.If(wrong | endless | nothing):
                        m.next = "DONE"
            with m.State("PREPARE"):
                with m.If(root):
                    # The leading bit of the root comes from the first two bits, or from one.
                    m.d.sync += [
                        remainder.eq(Mux(odd, divisor[-2:], divisor[-1])),
                        divisor.eq(Mux(odd, divisor << 2, divisor << 1)),
                    ]
                    m.next = "STEP"
                with m.Elif(divisor[-1]):
                    m.next = "STEP"
                with m.Else():
                    m.d.sync += [
                        divisor.eq(divisor << 1),
                        field.eq(field + 1),
                    ]
            with m.State("STEP"):
                m.d.sync += quotient.eq(Cat(fits, quotient))
                with m.If(root):
                    m.d.sync += [
                        remainder.eq(Cat(divisor[-2:], kept)),
                        divisor.eq(divisor << 2),
                    ]
                with m.Else():
                    m.d.sync += remainder.eq(kept << 1)
                with m.If((quotient == 0) & ~fits):
                    m.d.sync += field.eq(field - 1)
                with m.If(quotient[-2]):
                    m.next = "SUBNORMAL"
            with m.State("SUBNORMAL"):
                with m.If((field < 1) & (quotient != 0)):
                    m.d.sync += [
                        quotient.eq(quotient >> 1),
                        rest.eq(rest | quotient[0]),
                        field.eq(field + 1),
                    ]
                with m.Else():
                    m.d.sync += [
                        overflow.eq(field >= FIELD_MAX),
                        rest.eq(rest | remainder.any()),
                    ]
                    m.next = "ROUND"
            with m.State("ROUND"):
                m.d.sync += self.o.payload.eq(Cat((number + up)[:31], sign))
                m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
