"""Multipliers of Lattice's Nexus: one ``MULT9X9`` each."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value

from .multiplier import PRODUCT_BITS, CellMultipliers


class NexusMultipliers(CellMultipliers):
    """``MULT9X9`` with its registers before and behind the product (Lattice FPGA-TN-02095).

    Operands come from registers of the fabric, and the cell's follow them.
    """

    def multiply(self, m: Module, ready: Signal) -> Value:
        """Instantiate the cells, and the register in the fabric behind them."""
        products = []
        for i in range(self.cols):
            a, b = (word.word_select(i, 8) for word in (self.x, self.used))
            product = Signal(18, name=f"product_{i}")
            m.submodules[f"multiplier_{i}"] = Instance(
                "MULT9X9",
                p_REGINPUTA="REGISTER",
                p_REGINPUTB="REGISTER",
                p_REGOUTPUT="REGISTER",
                p_GSR="DISABLED",
                p_RESETMODE="SYNC",
                i_A=Cat(a, a[-1]),
                i_B=Cat(b, b[-1]),
                i_SIGNEDA=Const(1),
                i_SIGNEDB=Const(1),
                i_CLK=ClockSignal(),
                i_CEA=Const(1),
                i_CEB=Const(1),
                i_CEOUT=Const(1),
                i_RSTA=Const(0),
                i_RSTB=Const(0),
                i_RSTOUT=Const(0),
                o_Z=product,
            )
            products.append(product[:PRODUCT_BITS])
        fabric = self.register("fabric", PRODUCT_BITS)
        m.d.sync += fabric.eq(Cat(*products))
        return fabric
