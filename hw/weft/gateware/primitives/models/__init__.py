"""Simulation models of the cells that `weft.gateware.primitives` instantiates, one file each."""

from importlib.resources import files


def cell_model(multiplier: str) -> str:
    """Verilog of the cell behind a `Config.multiplier`; empty for ``portable``, which has none."""
    if multiplier == "portable":
        return ""
    return files(__name__).joinpath(f"{multiplier}.v").read_text()


def pll_model(family: str) -> str:
    """Verilog of the cell behind a family's PLL."""
    return files(__name__).joinpath(f"{family}_pll.v").read_text()
