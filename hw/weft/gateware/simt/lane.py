"""What one lane computes in two cycles: sums, shifts, comparisons, products.

::

    cycle 0                       cycle 1                          cycle 2
    a, b: adder, shifter,         value chosen; partial            result, taken,
    logic, four products          products added                   address (= the sum)
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import register
from .decode import Alu, controls_layout

HALF = 16
"""Bits of a factor of the four partial products, sign apart."""


class Lane(wiring.Component):
    """Integer arithmetic of one lane; nothing can stop it.

    Members
    -------
    controls
        The instruction, one cycle for all of it: it is kept here for the second.
    a, b
        Operands, from registers.
    sum
        a + b or a - b, `sum_latency` cycles later: addresses and targets of jumps.
    result, taken
        What goes into rd, and whether a branch is taken, `latency` cycles later.
    """

    sum_latency = 1
    latency = 2

    a: Signal
    b: Signal
    sum: Signal
    result: Signal
    taken: Signal

    def __init__(self):
        super().__init__(
            {
                "controls": In(controls_layout()),
                "a": In(32),
                "b": In(32),
                "sum": Out(32),
                "result": Out(32),
                "taken": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        controls, a, b = self.controls, self.a, self.b

        total, less = Signal(33), Signal()
        m.d.comb += [
            total.eq(a + (b ^ controls.subtract.replicate(32)) + controls.subtract),
            # Of equal signs the difference's sign decides, of different ones one of the operands'.
            less.eq(
                Mux(a[31] == b[31], total[31], Mux(controls.unsigned, b[31], a[31])),
            ),
        ]

        # One shifter to the right; to the left is to the right with the bits the other way round.
        leftward = controls.alu == Alu.LEFT
        shifted_in, shifted = Signal(signed(33)), Signal(32)
        m.d.comb += [
            shifted_in.eq(Cat(Mux(leftward, a[::-1], a), controls.arithmetic & a[31])),
            shifted.eq(shifted_in >> b[:5]),
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
            with m.Case(Alu.LEFT):
                m.d.comb += value.eq(shifted[::-1])
            with m.Case(Alu.RIGHT):
                m.d.comb += value.eq(shifted)
            with m.Default():
                m.d.comb += value.eq(total)
        beyond = (a[7:] != a[31].replicate(25)) & controls.clip8
        with m.If(beyond):
            m.d.comb += value.eq(Cat(~a[31].replicate(7), a[31].replicate(25)))
        with m.Elif(controls.clip8):
            m.d.comb += value.eq(a)
        equal, less_1 = register(), register()
        m.d.sync += [
            self.sum.eq(total),
            result.eq(value),
            equal.eq(a == b),
            less_1.eq(less),
        ]

        # Products of halves; the upper ones carry the sign.
        a_high = Cat(a[HALF:], a[31] & ~controls.a_unsigned).as_signed()
        b_high = Cat(b[HALF:], b[31] & ~controls.b_unsigned).as_signed()
        ll, lh, hl = register(32), register(signed(33)), register(signed(33))
        hh = register(signed(34))
        m.d.sync += [
            ll.eq(a[:HALF] * b[:HALF]),
            lh.eq(Cat(a[:HALF], 0).as_signed() * b_high),
            hl.eq(a_high * Cat(b[:HALF], 0).as_signed()),
            hh.eq(a_high * b_high),
        ]
        bytes_ = []
        for i in range(4):
            product = Signal(signed(16), name=f"byte_product_{i}", reset_less=True)
            x, y = (word.word_select(i, 8).as_signed() for word in (a, b))
            m.d.sync += product.eq(x * y)
            bytes_.append(product)

        controls_1 = Signal.like(controls, name="controls_1", reset_less=True)
        product, dot = Signal(signed(66)), Signal(32)
        m.d.sync += controls_1.eq(controls)
        m.d.comb += [
            product.eq(Cat(ll, hh).as_signed() + ((lh + hl) << HALF)),
            dot.eq(sum(bytes_)),
        ]
        with m.If(controls_1.multiply):
            m.d.sync += self.result.eq(Mux(controls_1.high, product[32:64], product[:32]))
        with m.Elif(controls_1.dot4):
            m.d.sync += self.result.eq(dot)
        with m.Else():
            m.d.sync += self.result.eq(result)
        m.d.sync += self.taken.eq(Mux(controls_1.by_order, less_1, equal) ^ controls_1.inverted)
        return m
