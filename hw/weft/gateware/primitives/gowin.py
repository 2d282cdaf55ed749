"""Multipliers of Gowin's GW1N and GW2A: one ``MULT9X9`` each."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value

from .multiplier import PRODUCT_BITS, CellMultipliers


class GowinMultipliers(CellMultipliers):
    """All three registers of ``MULT9X9`` (Gowin UG287).

    They share one enable: the weight in use stays in the fabric, and register B follows it.
    """

    def multiply(self, m: Module, ready: Signal) -> Value:
        """Instantiate the cells; the last register inside them is the one behind the product."""
        products = []
        for i in range(self.cols):
            a, b = (word.word_select(i, 8) for word in (self.x, self.used))
            product = Signal(18, name=f"product_{i}")
            m.submodules[f"multiplier_{i}"] = Instance(
                "MULT9X9",
                p_AREG=Const(1, 1),
                p_BREG=Const(1, 1),
                p_PIPE_REG=Const(1, 1),
                p_OUT_REG=Const(1, 1),
                p_ASIGN_REG=Const(0, 1),
                p_BSIGN_REG=Const(0, 1),
                p_SOA_REG=Const(0, 1),
                p_MULT_RESET_MODE="SYNC",
                i_A=Cat(a, a[-1]),
                i_B=Cat(b, b[-1]),
                i_SIA=Const(0, 9),
                i_SIB=Const(0, 9),
                i_ASIGN=Const(1),
                i_BSIGN=Const(1),
                i_ASEL=Const(0),
                i_BSEL=Const(0),
                i_CE=Const(1),
                i_CLK=ClockSignal(),
                i_RESET=Const(0),
                o_DOUT=product,
            )
            products.append(product[:PRODUCT_BITS])
        return Cat(*products)
