"""A component by itself on an FPGA that has fewer pins than the component has ports.

Inputs come from registers that a shift register fills, outputs go to registers whose values are
mixed into another one. So every path begins and ends at a register, as it does on the chip; what
the frame itself takes is left out of the counts.
"""

from collections.abc import Callable

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    Instance,
    Module,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

INSIDE = "inside"
"""Name of the component within `Between`."""


class Between(wiring.Component):
    """A component between registers.

    Parameters
    ----------
    component
        What is looked at.
    oscillator
        Makes a cell that drives the signal it is given, for devices whose clock cannot come from
        any pin; None for a port ``clk``.

    Members
    -------
    i
        Fills the inputs, bit by bit.
    o
        Depends on all outputs.
    rst
        Reset, a member with an ``oscillator`` only.
    """

    def __init__(
        self,
        component: wiring.Component,
        oscillator: Callable[[ClockSignal], Instance] | None = None,
    ):
        self.component = component
        self.oscillator = oscillator
        reset = {"rst": In(1)} if oscillator else {}
        super().__init__({"i": In(1), "o": Out(1), **reset})

    i: Signal
    o: Signal
    rst: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        m.submodules[INSIDE] = self.component
        if self.oscillator is not None:
            m.domains += ClockDomain("sync")
            m.submodules.oscillator = self.oscillator(ClockSignal())
            m.d.comb += ResetSignal().eq(self.rst)
        inputs, outputs = [], []
        for _, member, value in self.component.signature.flatten(self.component):
            (outputs if member.flow is Out else inputs).append(Value.cast(value))

        # Two registers for each bit: none of the component's can be merged with a shift register.
        def register(size: int, name: str) -> Signal:
            return Signal(size, name=name, reset_less=True)

        bits = sum(len(value) for value in inputs)
        shifted, fed = (register(bits, name) for name in ("shifted", "fed"))
        all_outputs, place = Cat(outputs), 0
        seen, mixed = (register(len(all_outputs), name) for name in ("seen", "mixed"))
        for value in inputs:
            m.d.comb += value.eq(fed[place : place + len(value)])
            place += len(value)
        m.d.sync += [
            shifted.eq(Cat(self.i, shifted)),
            fed.eq(shifted),
            seen.eq(all_outputs),
            mixed.eq(Cat(self.i, mixed) ^ seen),
            self.o.eq(mixed[-1]),
        ]
        return m
