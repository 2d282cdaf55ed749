"""What one lane computes in three cycles: sums, comparisons, logic, products, shifts.

::

    cycle 0                1                      2                          3
    a, b: adder, logic;    four products          partial products added;    result
    b: the factor          (sum: the address)     all that is not 0 or-ed

A shift is a product: by 2^n to the left, and by 2^(32 - n) to the right, whose result stands 32
bits higher. So the multiplier, which is there, replaces a shifter of 200 LUTs. What is not wanted
in cycle 2 is 0, so that the last choice is an or.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import later, register
from ..product import multiply
from .decode import Alu, controls_layout

HALF = 16
"""Bits of a factor of the four partial products, sign apart."""

FACTOR_BITS = 33
"""Bits of a factor: 2^32 is one, too."""


def factor_of(m: Module, controls, second):
    """What the multiplier multiplies by: the second operand, or the power of two of a shift."""
    low, high, places = Signal(4), Signal(8), Signal(5)
    m.d.comb += [
        places.eq(Mux(controls.right, -second[:5], second[:5])),
        low.eq(Cat(places[:2] == i for i in range(4))),
        high.eq(Cat(places[2:] == i for i in range(8))),
    ]
    power = Cat(low[i % 4] & high[i // 4] for i in range(32))
    # To the right by none is by 2^32, not by 1.
    one = power[0] & controls.shift & controls.right
    return Cat(Mux(controls.shift, power, second) & Cat(~one, Const(~0, 31)), one)


class Lane(wiring.Component):
    """Integer arithmetic of one lane; nothing can stop it.

    Members
    -------
    controls
        The instruction, in cycle 0; it is kept here for the others.
    a, b
        Operands, from registers; ``b`` inverted where the instruction subtracts.
    gives
        Two cycles after the operands: ``result`` is wanted, otherwise it becomes 0.
    sum
        a + b or a - b, `sum_latency` cycles later: addresses and targets of jumps.
    taken
        Whether a branch is taken, a cycle before the result.
    result
        What goes into rd, `latency` cycles later.
    """

    sum_latency = 1
    latency = 3

    a: Signal
    b: Signal
    gives: Signal
    sum: Signal
    result: Signal
    taken: Signal

    def __init__(self):
        super().__init__(
            {
                "controls": In(controls_layout()),
                "a": In(32),
                "b": In(32),
                "gives": In(1),
                "sum": Out(32),
                "result": Out(32),
                "taken": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        controls, a, b = self.controls, self.a, self.b

        # The carry in is a bit below: one chain. Of equal signs the difference's sign decides which
        # operand is less, of different ones one of the operands' (b is inverted).
        total, less = Signal(34), Signal()
        difference = total[1:33]
        m.d.comb += [
            total.eq(Cat(Const(1, 1), a) + Cat(controls.subtract, b)),
            less.eq(
                Mux(a[31] != b[31], difference[31], Mux(controls.unsigned, ~b[31], a[31])),
            ),
        ]

        value, result = Signal(32), register(32)
        with m.Switch(controls.alu):
            with m.Case(Alu.LESS):
                m.d.comb += value.eq(less)
            with m.Case(Alu.XOR):
                m.d.comb += value.eq(a ^ b)
            with m.Case(Alu.OR):
                m.d.comb += value.eq(a | b)
            with m.Case(Alu.AND):
                m.d.comb += value.eq(a & b)
            with m.Case(Alu.CLIP):
                beyond = a[7:] != a[31].replicate(25)
                low = Mux(beyond, ~a[31].replicate(7), a[:7])
                m.d.comb += value.eq(Cat(low, a[31].replicate(25)))
            with m.Default():
                m.d.comb += value.eq(difference)
        less_1 = register()
        m.d.sync += [self.sum.eq(difference), less_1.eq(less), result.eq(value)]
        with m.If(controls.multiply | controls.shift | controls.dot4):
            m.d.sync += result.eq(0)

        controls_1 = data.View(controls.shape(), later(m, controls.as_value(), 1, "controls"))
        controls_2 = data.View(controls.shape(), later(m, controls_1.as_value(), 1, "again"))

        # Products of halves; the upper ones carry the sign, in registers of its own: from them to
        # the multipliers there is nothing but wire.
        a_1, a_sign = register(32), register()
        factor, b_top = register(FACTOR_BITS - 1), register(2)
        by = factor_of(m, controls, b)
        b_sign = by[31] & ~controls.b_unsigned
        m.d.sync += [
            a_1.eq(a),
            a_sign.eq(a[31] & ~controls.a_unsigned),
            factor.eq(by),
            b_top.eq(Cat(by[32] | b_sign, b_sign)),
        ]
        a_low, a_high = Cat(a_1[:HALF], 0).as_signed(), Cat(a_1[HALF:], a_sign).as_signed()
        b_low, b_high = Cat(factor[:HALF], 0).as_signed(), Cat(factor[HALF:], b_top).as_signed()
        ll, lh, hl = register(32), register(signed(34)), register(signed(33))
        hh = register(signed(35))
        multiply(m, "ll", ll, a_1[:HALF], factor[:HALF])
        multiply(m, "lh", lh, a_low, b_high)
        multiply(m, "hl", hl, a_high, b_low)
        multiply(m, "hh", hh, a_high, b_high)
        bytes_ = []
        for i in range(4):
            product = Signal(signed(16), name=f"byte_product_{i}", reset_less=True)
            x, y = (word.word_select(i, 8).as_signed() for word in (a_1, factor))
            multiply(m, f"byte_{i}", product, x, y, zero=~controls_1.dot4)
            bytes_.append(product)

        # Kept, so that synthesis makes three carry chains of two operands, not one of four.
        two = {"keep": 1}
        cross = Signal(signed(35), attrs=two)
        halves = [Signal(signed(17), name=f"half_{i}", attrs=two) for i in range(2)]
        upper, dot, chosen = Signal(signed(50)), Signal(32), Signal(32)
        m.d.comb += [
            cross.eq(lh + hl),
            upper.eq(Cat(ll[HALF:], hh).as_signed() + cross),
            *(half.eq(x + y) for half, x, y in zip(halves, bytes_[::2], bytes_[1::2], strict=True)),
            dot.eq(halves[0] + halves[1]),
        ]
        product = Cat(ll[:HALF], upper)
        with m.If(controls_2.multiply | controls_2.shift):
            m.d.comb += chosen.eq(Mux(controls_2.high | controls_2.right, product[32:64], product))
        others = later(m, result, 1, "others")
        with m.If(self.gives):
            m.d.sync += self.result.eq(chosen | dot | others)
        with m.Else():
            m.d.sync += self.result.eq(0)
        equal = ~self.sum.any()
        taken = Mux(controls_1.by_order, less_1, equal) ^ controls_1.inverted
        m.d.comb += self.taken.eq(later(m, taken, 1, "taken"))
        return m
