"""Clocks that a board's oscillator does not have, from the FPGA's own PLL."""

from dataclasses import dataclass

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


def _impossible(input_hz: int, output_hz: int) -> ValueError:
    return ValueError(
        f"a clock of {output_hz / 1e6:g} MHz cannot be made of {input_hz / 1e6:g} MHz"
    )


@dataclass(frozen=True)
class Dividers:
    """Dividers of the input, of the feedback and of the output of a PLL."""

    input: int
    feedback: int
    output: int


class Pll(wiring.Component):
    """A PLL, what all families have in common.

    Parameters
    ----------
    input_hz, output_hz
        Both clocks; `ValueError` where the PLL cannot make the second of the first, exactly.

    Members
    -------
    i, o
        Both clocks.
    locked
        ``o`` is what it is to be; changes at any time.
    """

    i: Signal
    o: Signal
    locked: Signal

    def __init__(self, input_hz: int, output_hz: int):
        self.input_hz = input_hz
        self.dividers = self.dividers_for(input_hz, output_hz)
        super().__init__({"i": In(1), "o": Out(1), "locked": Out(1)})

    @staticmethod
    def dividers_for(input_hz: int, output_hz: int) -> Dividers:
        """The dividers; those that compare the fastest clock, which shakes the least."""
        raise NotImplementedError

    def cell(self) -> Instance:
        """The cell."""
        raise NotImplementedError

    def elaborate(self, platform):
        """Instantiate the cell."""
        m = Module()
        m.submodules.pll = self.cell()
        return m


class Ecp5Pll(Pll):
    """``EHXPLLL`` with its output as its feedback (Lattice FPGA-TN-02200, FPGA-DS-02012)."""

    VCO_HZ = (400_000_000, 800_000_000)
    LEAST_COMPARED_HZ = 3_125_000
    MOST_DIVIDER = 128

    @staticmethod
    def dividers_for(input_hz: int, output_hz: int) -> Dividers:
        """With its oscillator nearest to the middle of what it can."""
        low, high = Ecp5Pll.VCO_HZ
        outputs = [
            output
            for output in range(1, Ecp5Pll.MOST_DIVIDER + 1)
            if low <= output_hz * output <= high
        ]
        for divider in range(1, input_hz // Ecp5Pll.LEAST_COMPARED_HZ + 1):
            feedback, left = divmod(output_hz * divider, input_hz)
            if outputs and not left and feedback <= Ecp5Pll.MOST_DIVIDER:
                output = min(outputs, key=lambda n: abs(2 * output_hz * n - low - high))
                return Dividers(divider, feedback, output)
        raise _impossible(input_hz, output_hz)

    def cell(self) -> Instance:
        """Its phase inputs and its other outputs are not used."""
        dividers = self.dividers
        unused = ("RST", "STDBY", "PLLWAKESYNC", "ENCLKOP")
        unused += ("PHASESEL0", "PHASESEL1", "PHASEDIR", "PHASESTEP", "PHASELOADREG")
        return Instance(
            "EHXPLLL",
            p_CLKI_DIV=dividers.input,
            p_CLKFB_DIV=dividers.feedback,
            p_CLKOP_DIV=dividers.output,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_CPHASE=dividers.output - 1,
            p_CLKOP_FPHASE=0,
            p_OUTDIVIDER_MUXA="DIVA",
            p_FEEDBK_PATH="CLKOP",
            # Of the loop's filter; they are the same for all of these clocks.
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            **{f"i_{name}": Const(0) for name in unused},
            i_CLKI=self.i,
            i_CLKFB=self.o,
            o_CLKOP=self.o,
            o_LOCK=self.locked,
        )


class Ice40Pll(Pll):
    """``SB_PLL40_PAD``, whose input is a pin (Lattice FPGA-TN-02052)."""

    VCO_HZ = (533_000_000, 1_066_000_000)
    COMPARED_HZ = (10_000_000, 133_000_000)
    FILTERS_MHZ = (17, 26, 44, 66, 101, 133)
    """Fastest compared clock of filters 1, 2, ..."""

    @staticmethod
    def dividers_for(input_hz: int, output_hz: int) -> Dividers:
        """Dividers as they are, less one or as powers of two only in the cell."""
        slow, fast = Ice40Pll.COMPARED_HZ
        low, high = Ice40Pll.VCO_HZ
        for divider in range(1, 17):
            for shift in range(1, 7):
                vco = output_hz << shift
                feedback, left = divmod(vco * divider, input_hz)
                if left or feedback > 128 or not slow <= input_hz / divider <= fast:
                    continue
                if low <= vco <= high:
                    return Dividers(divider, feedback, 1 << shift)
        raise _impossible(input_hz, output_hz)

    def cell(self) -> Instance:
        """Its output goes to the clock network."""
        dividers = self.dividers
        compared = self.input_hz / dividers.input / 1e6
        number = next(n for n, most in enumerate(self.FILTERS_MHZ, 1) if compared <= most)
        return Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(dividers.input - 1, 4),
            p_DIVF=Const(dividers.feedback - 1, 7),
            p_DIVQ=Const(dividers.output.bit_length() - 1, 3),
            p_FILTER_RANGE=Const(number, 3),
            i_PACKAGEPIN=self.i,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=self.o,
            o_LOCK=self.locked,
        )


PLLS: dict[str, type[Pll]] = {"ecp5": Ecp5Pll, "ice40": Ice40Pll}
"""By family."""
