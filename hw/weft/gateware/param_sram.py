"""The parameter SRAM: bias and scale of each column, read by DRAIN, written by LOAD."""

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.arch.layouts import PARAM_BYTES
from weft.config import Config

PARAM_BITS = 8 * PARAM_BYTES
"""Bits of one column's parameters: bias below, scale above."""


def write_columns(config: Config) -> int:
    """Columns that LOAD writes in one cycle: what a bus beat carries where that divides a row."""
    fits = min(config.bus_bytes // PARAM_BYTES, config.drain_units)
    return fits if fits and config.drain_units % fits == 0 else 1


def param_rows(config: Config) -> int:
    """Rows of the SRAM; row ``block * drain_beats + p`` holds columns p U .. p U + U - 1."""
    return config.param_blocks * config.drain_beats


class ParamWrite(wiring.Signature):
    """The write port of the parameter SRAM, from LOAD's side; cannot stall.

    Members
    -------
    valid, column, data
        While ``valid``, `write_columns` columns are written from linear column ``column`` (block *
        C + c, a multiple of `write_columns`). ``data`` holds them as they lie in memory, the first
        one in the lowest bits.
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "valid": Out(1),
                "column": Out(range(config.param_blocks * config.cols)),
                "data": Out(PARAM_BITS * write_columns(config)),
            }
        )


class ParamRead(wiring.Signature):
    """The read ports of the parameter SRAM, from DRAIN's side.

    Bias and scale have a port each, since they are needed at different times: delaying an address
    costs less than delaying the data of all columns.

    Members
    -------
    bias_row, scale_row
        Rows to read, see `param_rows`.
    bias, scale
        The rows one cycle later, 32 bits a column.
    """

    def __init__(self, config: Config):
        row = range(max(2, param_rows(config)))
        width = 32 * config.drain_units
        super().__init__(
            {
                "bias_row": Out(row),
                "bias": In(width),
                "scale_row": Out(row),
                "scale": In(width),
            }
        )
