"""A component by itself on an FPGA that has fewer pins than the component has ports.

Inputs come from registers that a shift register fills, outputs go to registers whose values are
mixed into another one. So every path begins and ends at a register, as it does on the chip; what
the frame itself takes is left out of the counts.
"""

from amaranth.hdl import Cat, Module, Signal, Value
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

    Members
    -------
    i
        Fills the inputs, bit by bit.
    o
        Depends on all outputs.
    """

    def __init__(self, component: wiring.Component):
        self.component = component
        super().__init__({"i": In(1), "o": Out(1)})

    i: Signal
    o: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        m.submodules[INSIDE] = self.component
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
