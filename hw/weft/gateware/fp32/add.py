"""Addition: choose who is shifted how far, shift, add. All operations pass through here.

Shifter and adder work on a frame of `FRAME_BITS` bits that takes everything::

    bit      33 32                    10 9         2 1 0
    add       [ significand (24)        ] 0 0 0 0 0 0 0 0
    to int    [ significand (24)        ] 0 0 0 0 0 0 0 0     then shifted until its unit is bit 2
    from int  [ integer, also any word (32)         ] 0 0
    product   [ upper bits of the product (34)          ]     and 14 bits below

A sum has one bit more, 34. The exponent of a frame, its *base*, is the exponent field of a number
whose leading bit is bit 33. It is at least 1: a product that is smaller comes in `DOWN` bits lower,
so that shifting it to the left by its base makes it the subnormal number that it is.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import BIAS, FRACTION_BITS, SIGNIFICANT_BITS, Op

from .leading_zeros import Counts, count_groups
from .misc import Fill, is_any
from .mul import PRODUCT_BITS
from .operands import EXPONENT_BITS, INTEGER_FIELD, Number, exponent, is_zero, significand

FRAME_BITS = 34
"""An integer and two bits below it."""

SUM_BITS = FRAME_BITS + 1

LOW_BITS = PRODUCT_BITS - FRAME_BITS
"""Bits of a product below the frame."""

AMOUNT_BITS = 6
"""Bits of a shift; shifted by so much, only whether a number is 0 is left of it."""

BASE_BITS = EXPONENT_BITS + 1

PRODUCT_BIAS = BIAS - 1
"""The base of a product is the sum of the exponents less this."""

DOWN = SIGNIFICANT_BITS
"""How much lower small products come in. Smaller ones still are less than half of the smallest
subnormal number; and the frame with the bits below it is just as long as it has to be."""


class Aligner(wiring.Component):
    """Choose the summands, the shift and the base; one cycle.

    Members
    -------
    op, arithmetic
        What to do, and whether the `Selector` leaves it to arithmetic.
    a, b, less, a_over_b, b_over_a, exponents
        From the `Comparator`.
    large, little
        Significands; 0 when they have no part in the result.
    amount
        Shift of the frame to the right.
    multiplies
        There is a product to take.
    down, tiny
        The product comes in lower; it is not 0, but too small to come in at all.
    subtract
        Subtract the frame from ``large``.
    base
        Exponent of the frame.
    """

    op: Signal
    arithmetic: Signal
    a: Signal
    b: Signal
    less: Signal
    a_over_b: Signal
    b_over_a: Signal
    exponents: Signal
    large: Signal
    little: Signal
    amount: Signal
    subtract: Signal
    multiplies: Signal
    down: Signal
    tiny: Signal
    base: Signal

    latency = 1

    def __init__(self):
        super().__init__(
            {
                "op": In(Op),
                "arithmetic": In(1),
                "a": In(Number),
                "b": In(Number),
                "less": In(1),
                "a_over_b": In(EXPONENT_BITS),
                "b_over_a": In(EXPONENT_BITS),
                "exponents": In(EXPONENT_BITS + 1),
                "large": Out(SIGNIFICANT_BITS),
                "little": Out(SIGNIFICANT_BITS),
                "amount": Out(AMOUNT_BITS),
                "subtract": Out(1),
                "multiplies": Out(1),
                "down": Out(1),
                "tiny": Out(1),
                "base": Out(BASE_BITS),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        op, a, b = self.op, self.a, self.b
        adding = is_any(op, Op.ADD, Op.SUB)
        to_integer = is_any(op, Op.CVT_W_S, Op.CVT_WU_S)

        add = Signal()
        large_a, large_b, little_a, little_b = (
            Signal(name=name) for name in ("large_a", "large_b", "little_a", "little_b")
        )
        m.d.comb += [
            add.eq(adding & self.arithmetic),
            large_a.eq(add & ~self.less),
            large_b.eq(add & self.less),
            little_a.eq(add & self.less | to_integer & self.arithmetic),
            little_b.eq(add & ~self.less),
        ]
        m.d.sync += [
            self.large.eq(_either(significand(a), large_a, significand(b), large_b)),
            self.little.eq(_either(significand(a), little_a, significand(b), little_b)),
            self.subtract.eq(
                Mux(adding, add & (a.sign ^ b.sign ^ (op == Op.SUB)), (op == Op.CVT_S_W) & a.sign)
            ),
        ]

        down, tiny = Signal(), Signal()
        multiplies = self.arithmetic & (op == Op.MUL)
        amount = Signal(EXPONENT_BITS)
        m.d.comb += [
            down.eq(self.exponents <= PRODUCT_BIAS),
            tiny.eq(self.exponents <= PRODUCT_BIAS - DOWN),
        ]
        m.d.sync += [
            self.multiplies.eq(multiplies & ~tiny),
            self.down.eq(down),
            self.tiny.eq(multiplies & tiny & ~is_zero(a) & ~is_zero(b)),
        ]
        with m.If(adding):
            m.d.comb += amount.eq(Mux(self.less, self.b_over_a, self.a_over_b))
            m.d.sync += self.base.eq(Mux(self.less, exponent(b), exponent(a)))
        with m.Else():
            m.d.comb += amount.eq(INTEGER_FIELD - a.field)
            m.d.sync += self.base.eq(INTEGER_FIELD)
        with m.If(op == Op.MUL):
            m.d.sync += self.base.eq(self.exponents - Mux(down, PRODUCT_BIAS - DOWN, PRODUCT_BIAS))
            with m.If(tiny):
                m.d.sync += self.base.eq(0)
        far = amount[AMOUNT_BITS:].any()
        used = self.arithmetic & (adding | to_integer)
        m.d.sync += self.amount.eq(
            (amount[:AMOUNT_BITS] | far.replicate(AMOUNT_BITS)) & used.replicate(AMOUNT_BITS)
        )
        return m


class Adder(wiring.Component):
    """Put the frame together, shift it to the right, add; two cycles.

    Members
    -------
    large, little, amount, subtract, down, tiny
        From the `Aligner`.
    product
        From the multiplier, one cycle after the others.
    word, fill
        From the `Selector`.
    total
        The sum, or the frame as it is.
    low
        Bits of a product below the frame.
    sticky
        Something was shifted out.
    counts
        First half of the number of leading zeros of ``total``, but for its lowest two bits.
    """

    large: Signal
    little: Signal
    amount: Signal
    subtract: Signal
    down: Signal
    tiny: Signal
    product: Signal
    word: Signal
    fill: Signal
    total: Signal
    low: Signal
    sticky: Signal
    counts: Signal

    latency = 2

    def __init__(self):
        super().__init__(
            {
                "large": In(SIGNIFICANT_BITS),
                "little": In(SIGNIFICANT_BITS),
                "amount": In(AMOUNT_BITS),
                "subtract": In(1),
                "down": In(1),
                "tiny": In(1),
                "product": In(PRODUCT_BITS),
                "word": In(32),
                "fill": In(Fill),
                "total": Out(SUM_BITS),
                "low": Out(LOW_BITS),
                "sticky": Out(1),
                "counts": Out(Counts),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        fill = Cat(
            self.fill.rest.replicate(FRACTION_BITS - 1),
            self.fill.quiet,
            self.fill.exponent.replicate(EXPONENT_BITS),
        )
        frame = Signal(FRAME_BITS)
        m.d.comb += frame.eq(
            Cat(Const(0, FRAME_BITS - SIGNIFICANT_BITS), self.little)
            | Cat(Const(0, FRAME_BITS - 32), self.word)
            | Cat(Const(0, FRAME_BITS - 32), fill)
        )

        # Level by level, the largest first; what falls out is only asked whether it is 0.
        lost = []
        for level in reversed(range(AMOUNT_BITS)):
            step, take = 1 << level, self.amount[level]
            shifted = Signal(FRAME_BITS, name=f"shifted_{step}")
            m.d.comb += shifted.eq(Mux(take, frame >> step, frame))
            lost.append(take & frame[:step].any())
            frame = shifted
        subtrahend, large = Signal(FRAME_BITS), Signal(SIGNIFICANT_BITS)
        lost_before, subtract, down = Signal(), Signal(), Signal()
        m.d.sync += [
            subtrahend.eq(frame ^ self.subtract.replicate(FRAME_BITS)),
            lost_before.eq(Cat(lost, self.tiny).any()),
            subtract.eq(self.subtract),
            down.eq(self.down),
            large.eq(self.large),
        ]

        # What was shifted out of a subtrahend makes the difference smaller by part of a unit.
        product = Mux(down, self.product >> DOWN, self.product)
        summand = Cat(Const(0, FRAME_BITS - SIGNIFICANT_BITS), large) | product[LOW_BITS:]
        plain, total = Signal(SUM_BITS), Signal(SUM_BITS)
        m.d.comb += [
            plain.eq(summand + subtrahend + (subtract & ~lost_before)),
            total.eq(Cat(plain[:FRAME_BITS], plain[FRAME_BITS] & ~subtract)),
        ]
        m.d.sync += [
            self.total.eq(total),
            self.low.eq(product[:LOW_BITS]),
            self.sticky.eq(lost_before | down & self.product[:DOWN].any()),
            self.counts.eq(count_groups(m, total[2:])),
        ]
        return m


def _either(x, take_x, y, take_y):
    """One of two values, or 0: one LUT of four inputs for each bit."""
    return x & take_x.replicate(len(x)) | y & take_y.replicate(len(y))
