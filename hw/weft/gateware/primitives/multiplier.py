"""One row of int8 multipliers; the variants that `Config.multiplier` names live here.

All variants have the same `LATENCY`, so that the array's timing does not depend on the choice.
"""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

LATENCY = 2
"""Registers from the operands to the product: the multiplier's own, and one in the fabric that
breaks the wire from the multiplier column to its adder."""

PRODUCT_BITS = 16
"""Bits of one product in the packed output."""


class PortableMultipliers(wiring.Component):
    """Multiply two packed rows of int8, element by element, in plain Verilog.

    Parameters
    ----------
    cols
        Elements in a row.

    Members
    -------
    a, b
        ``cols`` int8 each, element 0 in the lowest byte.
    product
        ``cols`` int16, `LATENCY` cycles later.
    """

    a: Signal
    b: Signal
    product: Signal

    def __init__(self, cols: int):
        self.cols = cols
        super().__init__(
            {"a": In(8 * cols), "b": In(8 * cols), "product": Out(PRODUCT_BITS * cols)}
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        first = Signal(PRODUCT_BITS * self.cols)
        products = []
        for i in range(self.cols):
            product = Signal(signed(PRODUCT_BITS), name=f"product_{i}")
            a = self.a.word_select(i, 8).as_signed()
            b = self.b.word_select(i, 8).as_signed()
            m.d.comb += product.eq(a * b)
            products.append(product)
        m.d.sync += [first.eq(Cat(*products)), self.product.eq(first)]
        return m


VARIANTS = {"portable": PortableMultipliers}
"""Multiplier rows by the name that `Config.multiplier` uses."""
