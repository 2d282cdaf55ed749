"""Integer division, a bit of the quotient in a cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

Operation = data.StructLayout({"a": 32, "b": 32, "unsigned": 1, "remainder": 1})
"""What to compute: the quotient, or the ``remainder``, of a and b."""


class Divider(wiring.Component):
    """A restoring divider; one operation at a time.

    One adder serves all: in the first cycle it makes the magnitude of the dividend, then, with the
    negative magnitude of the divisor, the differences.

    A divisor of zero needs no case of its own: every difference is positive, so that the quotient
    is all ones and the remainder the dividend.

    Members
    -------
    i
        Operations.
    o
        Results; each stands for one cycle, ready or not.
    """

    latency = 34
    """Cycles from an operation standing at ``i`` to its result."""

    i: stream.Interface
    o: stream.Interface

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(Operation)),
                "o": Out(stream.Signature(32)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        operation = self.i.payload
        a, b = operation.a, operation.b
        steps = 33  # of the adder: the magnitude, and a bit in each
        step, start, first = Signal(range(steps + 1)), Signal(), Signal()
        busy = step != 0
        m.d.comb += [
            start.eq(self.i.valid & ~busy & ~self.o.valid),
            self.i.ready.eq(first),  # the operands are looked at twice
        ]
        m.d.sync += [first.eq(start), self.o.valid.eq(step == 1)]
        with m.If(start):
            m.d.sync += step.eq(steps)
        with m.Elif(busy):
            m.d.sync += step.eq(step - 1)

        remainder, quotient, summand, shown = (
            Signal(32, name=name, reset_less=True)
            for name in ("remainder", "quotient", "summand", "shown")
        )
        wants_rest, turned, carry = (
            Signal(name=name, reset_less=True) for name in ("wants_rest", "turned", "carry")
        )
        a_negative, b_negative, inverted = (
            Signal(name=name) for name in ("a_negative", "b_negative", "inverted")
        )
        total = Signal(35)
        rest, fits = total[1:33], total[-1]
        m.d.comb += [
            a_negative.eq(a[31] & ~operation.unsigned),
            b_negative.eq(b[31] & ~operation.unsigned),
            # The magnitude of a, then that of b with a minus.
            inverted.eq(Mux(start, a_negative, ~b_negative)),
            total.eq(Cat(Const(1, 1), quotient[31], remainder) + Cat(carry, summand, 1)),
        ]
        with m.If(start | first):
            m.d.sync += [
                summand.eq(Mux(start, a, b) ^ inverted.replicate(32)),
                carry.eq(inverted),
            ]
        with m.If(start):
            m.d.sync += [
                quotient.eq(0),
                remainder.eq(0),
                wants_rest.eq(operation.remainder),
                turned.eq(
                    Mux(operation.remainder, a_negative, (a_negative ^ b_negative) & b.any())
                ),
            ]
        with m.Elif(busy):
            m.d.sync += [
                quotient.eq(Mux(first, rest, Cat(fits, quotient))),
                remainder.eq(Mux(fits, rest, Cat(quotient[31], remainder))),
            ]
            with m.If(first):
                m.d.sync += remainder.eq(0)
        m.d.comb += [
            shown.eq(Mux(wants_rest, remainder, quotient) ^ turned.replicate(32)),
            self.o.payload.eq(shown + turned),
        ]
        return m
