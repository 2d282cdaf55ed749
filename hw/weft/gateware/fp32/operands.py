"""First stage of the FP32 unit: take operands apart and compare them."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import BIAS, FIELD_MAX, FRACTION_BITS

EXPONENT_BITS = FIELD_MAX.bit_length()

INTEGER_FIELD = BIAS + 31
"""Exponent field of numbers whose leading bit is worth 2^31."""


Number = data.StructLayout(
    {
        "fraction": FRACTION_BITS,
        "field": EXPONENT_BITS,
        "sign": 1,
        "hidden": 1,  # the hidden bit; without it the exponent is that of field 1
        "whole": 1,  # the fraction is 0
        "infinite": 1,
        "nan": 1,
    }
)
"""The fields of a float32, and what kind of number it is."""


def bits(number):
    """The 32 bits of a `Number`."""
    return Cat(number.fraction, number.field, number.sign)


def significand(number):
    """Fraction and hidden bit."""
    return Cat(number.fraction, number.hidden)


def exponent(number):
    """The field, 1 for subnormals."""
    return number.field | ~number.hidden


def is_zero(number):
    """Whether the number is +0 or -0."""
    return ~number.hidden & number.whole


def take_apart(m, value, name):
    """Classify 32 bits; a `Number`."""
    number = Signal(Number, name=name)
    ones = Signal(name=f"{name}_ones")
    m.d.comb += [
        Cat(number.fraction, number.field, number.sign).eq(value),
        ones.eq(number.field == FIELD_MAX),
        number.whole.eq(number.fraction == 0),
        number.hidden.eq(number.field != 0),
        number.infinite.eq(ones & number.whole),
        number.nan.eq(ones & ~number.whole),
    ]
    return number


class Comparator(wiring.Component):
    """Two operands, taken apart and compared; one cycle later.

    Members
    -------
    x, y
        Bits of the operands.
    a, b
        The same as numbers.
    less, same
        Whether the magnitude of ``a`` is less than that of ``b``; whether they are equal.
    a_over_b, b_over_a
        Difference of the exponents, modulo 2^8: to be used where it is not negative.
    exponents
        Sum of the exponents.
    """

    x: Signal
    y: Signal
    a: Signal
    b: Signal
    less: Signal
    same: Signal
    a_over_b: Signal
    b_over_a: Signal
    exponents: Signal

    latency = 1

    def __init__(self):
        super().__init__(
            {
                "x": In(32),
                "y": In(32),
                "a": Out(Number),
                "b": Out(Number),
                "less": Out(1),
                "same": Out(1),
                "a_over_b": Out(EXPONENT_BITS),
                "b_over_a": Out(EXPONENT_BITS),
                "exponents": Out(EXPONENT_BITS + 1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        a, b = take_apart(m, self.x, "x_number"), take_apart(m, self.y, "y_number")
        m.d.sync += [
            self.a.eq(a),
            self.b.eq(b),
            self.less.eq(self.x[:31] < self.y[:31]),
            self.same.eq(self.x[:31] == self.y[:31]),
            self.a_over_b.eq(exponent(a) - exponent(b)),
            self.b_over_a.eq(exponent(b) - exponent(a)),
            self.exponents.eq(exponent(a) + exponent(b)),
        ]
        return m
