"""Simulation models of the cells that variants of `Multipliers` instantiate, one file for each."""

from importlib.resources import files


def cell_model(multiplier: str) -> str:
    """Verilog of the cell behind a `Config.multiplier`; empty for ``portable``, which has none."""
    if multiplier == "portable":
        return ""
    return files(__name__).joinpath(f"{multiplier}.v").read_text()
