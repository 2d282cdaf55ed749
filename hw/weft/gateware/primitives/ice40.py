"""Multipliers of Lattice's iCE40 UltraPlus: two in each ``SB_MAC16``."""

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, Value

from .multiplier import PRODUCT_BITS, CellMultipliers

SETTINGS = {
    "MODE_8x8": 1,
    "A_SIGNED": 1,
    "B_SIGNED": 1,
    "A_REG": 1,
    "B_REG": 1,
    "TOP_8x8_MULT_REG": 1,
    "BOT_8x8_MULT_REG": 1,
    "TOPOUTPUT_SELECT": 2,  # the product itself, not the adder behind it
    "BOTOUTPUT_SELECT": 2,
}
"""Two signed multipliers with registers before and behind them (Lattice FPGA-TN-02007)."""

UNUSED = (
    *("AHOLD", "BHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT"),
    *("OLOADTOP", "OLOADBOT", "ADDSUBTOP", "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT"),
    *("CI", "ACCUMCI", "SIGNEXTIN"),
)
"""Inputs that stand at zero."""


class Ice40Multipliers(CellMultipliers):
    """``SB_MAC16`` as two 8 x 8; the last of a row of odd length is half empty.

    Both share one enable of their registers, and two elements never swap together: the weights in
    use stay in the fabric, and the cell's operand registers follow them.
    """

    def multiply(self, m: Module, ready: Signal) -> Value:
        """Instantiate the cells, and the register in the fabric behind them."""
        products = Signal(2 * PRODUCT_BITS * -(-self.cols // 2))
        for i in range(0, self.cols, 2):
            product = products.word_select(i // 2, 2 * PRODUCT_BITS)
            m.submodules[f"multiplier_{i // 2}"] = Instance(
                "SB_MAC16",
                **{f"p_{name}": value for name, value in SETTINGS.items()},
                i_CLK=ClockSignal(),
                i_CE=Const(1),
                i_A=self.x[8 * i : 8 * i + 16],
                i_B=self.used[8 * i : 8 * i + 16],
                i_C=Const(0, 16),
                i_D=Const(0, 16),
                o_O=product,
                **{f"i_{name}": Const(0) for name in UNUSED},
            )
        fabric = self.register("fabric", PRODUCT_BITS)
        m.d.sync += fabric.eq(products)
        return fabric
