"""The small chip's requantiser: `f32_rne` of one accumulator, bit by bit.

The arithmetic is that of `weft.golden.requantise`: a product of 24 x 24 bits, rounded to 24
significant bits, then shifted to the right and rounded again, both half to even. One adder of 25
bits does it all; what is shifted out on the right goes through two bits, and a third that keeps
whether anything beyond them was set::

    MULTIPLY    a bit of the magnitude, least significant first, until no bit is left
    NORMALISE   24 significant bits
    ROUND       to them
    SHIFT       a bit to the right, until the point is there
    FINISH      round to a whole number
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..requantise import EXPONENT_BIAS, MANTISSA

EXPONENT_BITS = 9
"""Of the scale: those of a float32, and one for larger ones."""


class Requantiser(wiring.Component):
    """Magnitude times scale as a whole number.

    Members
    -------
    set_scale, scale
        Strobe: float32 bits of a positive normal number; its exponent may run over into the sign.
    start, magnitude
        Strobe: begin with this one, at most 2^24.
    busy
        It is not done. It takes six cycles, and one for each bit of the magnitude or for each bit
        that the scale has behind the point, whichever are more.
    value
        The result; beyond 2^23 only that it is.
    """

    set_scale: Signal
    scale: Signal
    start: Signal
    magnitude: Signal
    busy: Signal
    value: Signal

    def __init__(self):
        wide = MANTISSA + 1
        super().__init__(
            {
                "set_scale": In(1),
                "scale": In(32),
                "start": In(1),
                "magnitude": In(wide),
                "busy": Out(1),
                "value": Out(wide),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the registers and the states that move them."""
        m = Module()
        low = MANTISSA - 1
        mantissa, exponent = Signal(low), Signal(EXPONENT_BITS)
        left = Signal.like(self.magnitude)
        value = Signal.like(self.value)
        right = Signal(range(-512, 512))  # bits that are still to be shifted out
        lost = Signal(2)  # bits shifted out, the last one highest
        sticky = Signal()  # some before them was set
        up = Signal()
        m.d.comb += [
            self.value.eq(value),
            up.eq(lost[1] & (lost[0] | sticky | value[0])),
        ]
        with m.If(self.set_scale):
            m.d.sync += [mantissa.eq(self.scale), exponent.eq(self.scale[low:])]

        added, total = Signal.like(value), Signal(len(value) + 1)
        m.d.comb += total.eq(value + added)
        shifts = Signal()
        with m.If(shifts):
            m.d.sync += [
                lost.eq(Cat(lost[1], total[0])),
                sticky.eq(sticky | lost[0]),
                right.eq(right - 1),
            ]
        with m.FSM(name="requantiser") as states:
            m.d.comb += self.busy.eq(~states.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [
                    left.eq(self.magnitude),
                    right.eq(EXPONENT_BIAS - exponent),
                    value.eq(0),
                    lost.eq(0),
                    sticky.eq(0),
                ]
                m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                with m.If(left == 0):
                    m.next = "NORMALISE"
                with m.Else():
                    m.d.comb += [
                        added.eq(Mux(left[0], Cat(mantissa, 1), 0)),
                        shifts.eq(1),
                    ]
                    m.d.sync += [value.eq(total[1:]), left.eq(left[1:])]
            with m.State("NORMALISE"):
                with m.If(~value[low]):
                    m.d.sync += [
                        value.eq(Cat(lost[1], value)),
                        lost.eq(lost << 1),
                        right.eq(right + 1),
                    ]
                m.next = "ROUND"
            with m.State("ROUND"):
                m.d.comb += added.eq(up)
                m.d.sync += [value.eq(total), lost.eq(0), sticky.eq(0)]
                m.next = "SHIFT"
            with m.State("SHIFT"):
                with m.If(right <= 0):
                    m.next = "FINISH"
                with m.Else():
                    m.d.comb += shifts.eq(1)
                    m.d.sync += value.eq(total[1:])
            with m.State("FINISH"):
                m.d.comb += added.eq(up)
                m.d.sync += value.eq(total)
                m.next = "IDLE"
        return m
