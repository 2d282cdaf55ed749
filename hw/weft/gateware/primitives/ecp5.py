"""Multipliers of Lattice's ECP5: one ``MULT18X18D`` each."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value

from .multiplier import PRODUCT_BITS, CellMultipliers

OPERAND_BITS = 18
"""Bits of the cell's operands. Ours stand in the highest ones: constants below cost no wire, copies
of the sign above would."""


class Ecp5Multipliers(CellMultipliers):
    """All four registers of ``MULT18X18D``; its register B is the weight in use.

    The four multipliers of a DSP block share four clock enables (Lattice FPGA-TN-02205). CE0 is
    always on, and the others swap: in a block of 2 x 2 elements those of one diagonal swap at the
    same time, so three are enough, and elements of the same diagonal use the same one.
    """

    def multiply(self, m: Module, ready: Signal) -> Value:
        """Instantiate the cells, and the register in the fabric behind them."""
        products = []
        low = Const(0, OPERAND_BITS - 8)
        for i in range(self.cols):
            product = Signal(2 * OPERAND_BITS, name=f"product_{i}")
            enable = f"CE{1 + self.row % 2 + i % 2}"
            a = Cat(low, self.a.word_select(i, 8))
            b = Cat(low, ready.word_select(i, 8))
            ports = {f"i_A{bit}": a[bit] for bit in range(OPERAND_BITS)}
            ports |= {f"i_B{bit}": b[bit] for bit in range(OPERAND_BITS)}
            ports |= {f"o_P{bit}": product[bit] for bit in range(2 * OPERAND_BITS)}
            ports |= {f"i_{enable}": self.swap[i]}
            m.submodules[f"multiplier_{i}"] = Instance(
                "MULT18X18D",
                p_REG_INPUTA_CLK="CLK0",
                p_REG_INPUTA_CE="CE0",
                p_REG_INPUTB_CLK="CLK0",
                p_REG_INPUTB_CE=enable,
                p_REG_PIPELINE_CLK="CLK0",
                p_REG_PIPELINE_CE="CE0",
                p_REG_OUTPUT_CLK="CLK0",
                p_REG_OUTPUT_CE="CE0",
                p_GSR="DISABLED",
                i_CLK0=ClockSignal(),
                i_CE0=Const(1),
                i_RST0=Const(0),
                i_SIGNEDA=Const(1),
                i_SIGNEDB=Const(1),
                i_SOURCEA=Const(0),
                i_SOURCEB=Const(0),
                **ports,
            )
            products.append(product[-PRODUCT_BITS:])
        fabric = self.register("fabric", PRODUCT_BITS)
        m.d.sync += fabric.eq(Cat(*products))
        return fabric
