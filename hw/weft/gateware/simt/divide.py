"""Division, a bit of the quotient in a cycle, in all lanes at once."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import register
from .sizes import Sizes


class Dividers(wiring.Component):
    """One restoring divider in each lane.

    A divisor of zero needs no case of its own: every difference is positive, so that the quotient
    is all ones and the remainder the dividend.

    Members
    -------
    start, a, b
        Begin with these operands, all lanes'.
    unsigned, remainder
        What is wanted; from ``start`` until ``done``.
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
        m.d.comb += self.busy.eq(step != 0)
        with m.If(self.start):
            m.d.sync += step.eq(self.latency)
        with m.Elif(self.busy):
            m.d.sync += step.eq(step - 1)

        rows = []
        for lane in range(self.sizes.lanes):
            name = f"lane_{lane}"
            a, b = self.a.word_select(lane, 32), self.b.word_select(lane, 32)
            a_negative = Signal(name=f"{name}_a_negative")
            b_negative = Signal(name=f"{name}_b_negative")
            remainder, quotient, divisor = register(32), register(32), register(32)
            turn_quotient, turn_remainder = register(), register()
            shifted = Signal(33, name=f"{name}_shifted")
            rest = Signal(34, name=f"{name}_rest")
            wanted = Signal(32, name=f"{name}_wanted")
            for signal, what in (
                (remainder, "remainder"),
                (quotient, "quotient"),
                (divisor, "divisor"),
                (turn_quotient, "turn_quotient"),
                (turn_remainder, "turn_remainder"),
            ):
                signal.name = f"{name}_{what}"
            m.d.comb += [
                a_negative.eq(a[31] & ~self.unsigned),
                b_negative.eq(b[31] & ~self.unsigned),
                shifted.eq(Cat(quotient[31], remainder)),
                rest.eq(shifted - divisor),
            ]
            with m.If(self.start):
                m.d.sync += [
                    quotient.eq(Mux(a_negative, -a, a)),
                    divisor.eq(Mux(b_negative, -b, b)),
                    remainder.eq(0),
                    turn_quotient.eq((a_negative ^ b_negative) & b.any()),
                    turn_remainder.eq(a_negative),
                ]
            with m.Elif(step > 1):
                m.d.sync += [
                    quotient.eq(Cat(~rest[33], quotient)),
                    remainder.eq(Mux(rest[33], shifted, rest)),
                ]
            turned = Mux(self.remainder, turn_remainder, turn_quotient)
            m.d.comb += wanted.eq(Mux(self.remainder, remainder, quotient))
            rows.append(Mux(turned, -wanted, wanted)[:32])
        m.d.comb += self.row.eq(Cat(rows))
        return m
