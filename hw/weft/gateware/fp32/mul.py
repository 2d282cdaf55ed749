"""Multiplier of two significands; the variants that `Config.multiplier` names live here.

All variants have the same `LATENCY`, so that the unit's timing does not depend on the choice.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import SIGNIFICANT_BITS

LATENCY = 2
"""Registers from the factors to the product: after the four multipliers, and after their sum."""

PRODUCT_BITS = 2 * SIGNIFICANT_BITS


class SignificandMultiplier(wiring.Component):
    """Multiply halves by halves and add, in plain Verilog.

    Members
    -------
    x, y
        Significands, from registers.
    clear
        Makes the product 0; taken one cycle after the factors.
    product
        `LATENCY` cycles after the factors.
    """

    x: Signal
    y: Signal
    clear: Signal
    product: Signal

    def __init__(self):
        super().__init__(
            {
                "x": In(SIGNIFICANT_BITS),
                "y": In(SIGNIFICANT_BITS),
                "clear": In(1),
                "product": Out(PRODUCT_BITS),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        half = SIGNIFICANT_BITS // 2
        parts = {}
        for i in range(2):
            for j in range(2):
                part = parts[i, j] = Signal(SIGNIFICANT_BITS, name=f"part_{i}{j}", reset_less=True)
                m.d.sync += part.eq(self.x.word_select(i, half) * self.y.word_select(j, half))
        # Kept, so that synthesis makes two carry chains of two operands, not one of three.
        cross = Signal(SIGNIFICANT_BITS + 1, attrs={"keep": 1})
        m.d.comb += cross.eq(parts[0, 1] + parts[1, 0])
        m.d.sync += self.product.eq(Cat(parts[0, 0], parts[1, 1]) + (cross << half))
        with m.If(self.clear):
            m.d.sync += self.product.eq(0)
        return m
