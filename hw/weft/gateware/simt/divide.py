"""Division, a bit of the quotient in a cycle, in all lanes at once."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .sizes import Sizes


class Dividers(wiring.Component):
    """One restoring divider in each lane.

    One adder serves all: in the first cycle it makes the magnitude of the dividend, then, with the
    negative magnitude of the divisor, the differences.

    A divisor of zero needs no case of its own: every difference is positive, so that the quotient
    is all ones and the remainder the dividend.

    Members
    -------
    start, a, b
        Begin with these operands, all lanes'; they stay until ``row`` has been taken.
    unsigned, remainder
        What is wanted; from ``start`` until ``row`` has been taken.
    busy
        Under way: `latency` cycles from ``start`` on.
    row
        The results, while not ``busy``.
    """

    latency = 33

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "start": In(1),
                "a": In(32 * sizes.lanes),
                "b": In(32 * sizes.lanes),
                "unsigned": In(1),
                "remainder": In(1),
                "busy": Out(1),
                "row": Out(32 * sizes.lanes),
            }
        )

    start: Signal
    a: Signal
    b: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        step = Signal(range(self.latency + 1))
        first = Signal()
        m.d.comb += self.busy.eq(step != 0)
        m.d.sync += first.eq(self.start)
        with m.If(self.start):
            m.d.sync += step.eq(self.latency)
        with m.Elif(self.busy):
            m.d.sync += step.eq(step - 1)

        rows = []
        for lane in range(self.sizes.lanes):
            name = f"lane_{lane}"
            a, b = self.a.word_select(lane, 32), self.b.word_select(lane, 32)
            flags = ("a_negative", "b_negative", "inverted", "turned")
            a_negative, b_negative, inverted, turned = (
                Signal(name=f"{name}_{flag}") for flag in flags
            )
            words = ("remainder", "quotient", "summand", "shown")
            remainder, quotient, summand, shown = (
                Signal(32, name=f"{name}_{word}", reset_less=True) for word in words
            )
            turn_quotient, carry = (
                Signal(name=f"{name}_{bit}", reset_less=True) for bit in ("turn_quotient", "carry")
            )
            total = Signal(35, name=f"{name}_total")
            rest, fits = total[1:33], total[-1]
            m.d.comb += [
                a_negative.eq(a[31] & ~self.unsigned),
                b_negative.eq(b[31] & ~self.unsigned),
                # The magnitude of a, then that of b with a minus.
                inverted.eq(Mux(self.start, a_negative, ~b_negative)),
                total.eq(Cat(Const(1, 1), quotient[31], remainder) + Cat(carry, summand, 1)),
            ]
            with m.If(self.start | first):
                m.d.sync += [
                    summand.eq(Mux(self.start, a, b) ^ inverted.replicate(32)),
                    carry.eq(inverted),
                ]
            with m.If(self.start):
                m.d.sync += [
                    quotient.eq(0),
                    remainder.eq(0),
                    turn_quotient.eq((a_negative ^ b_negative) & b.any()),
                ]
            with m.Elif(self.busy):
                m.d.sync += [
                    quotient.eq(Mux(first, rest, Cat(fits, quotient))),
                    remainder.eq(Mux(fits, rest, Cat(quotient[31], remainder))),
                ]
                with m.If(first):
                    m.d.sync += remainder.eq(0)
            m.d.comb += [
                turned.eq(Mux(self.remainder, a_negative, turn_quotient)),
                shown.eq(Mux(self.remainder, remainder, quotient) ^ turned.replicate(32)),
            ]
            rows.append((shown + turned)[:32])
        m.d.comb += self.row.eq(Cat(rows))
        return m
