"""The parameter SRAM: bias and scale of each column, read by DRAIN, written by LOAD."""

from amaranth.hdl import Cat, Module, Signal
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
    en
        Read; while it is low, ``bias`` and ``scale`` hold.
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
                "en": Out(1),
                "bias_row": Out(row),
                "bias": In(width),
                "scale_row": Out(row),
                "scale": In(width),
            }
        )


class ParamSram(wiring.Component):
    """The parameter SRAM.

    Members
    -------
    write
        From LOAD.
    read
        From DRAIN.
    """

    read_latency = 1
    """Cycles from a row's address to its data."""

    write: ParamWrite
    read: ParamRead

    def __init__(self, config: Config):
        self.config = config
        super().__init__({"write": In(ParamWrite(config)), "read": In(ParamRead(config))})

    @staticmethod
    def write_latency(config: Config) -> int:
        """Cycles by which the write of a column is late, where C / drain_units needs a division."""
        return 0 if _is_power_of_two(config.drain_units) else 2

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        units, together = config.drain_units, write_columns(config)

        valid, column, data = self.write.valid, self.write.column, self.write.data
        for stage in range(self.write_latency(config)):
            earlier = valid, column, data
            valid = Signal(name=f"valid_{stage}")
            column = Signal(self.write.column.shape(), name=f"column_{stage}", reset_less=True)
            data = Signal(self.write.data.shape(), name=f"data_{stage}", reset_less=True)
            m.d.sync += [valid.eq(earlier[0]), column.eq(earlier[1]), data.eq(earlier[2])]
            if stage == 1:
                row = Signal(range(max(2, param_rows(config))), name="row", reset_less=True)
                m.d.sync += row.eq(_divide(earlier[1], units))
        if _is_power_of_two(units):
            row = column >> (units.bit_length() - 1)
        first = Signal(range(max(2, units)))  # column inside the row
        m.d.comb += first.eq(column - row * units)
        enables = [valid & (first == start) for start in range(0, units, together)]

        for i, name in enumerate(("bias", "scale")):
            # LOAD writes whole blocks, and DRAIN reads them behind its post: no row is read in the
            # cycle of its write by somebody who wants it.
            memory = Memory(
                shape=32 * units,
                depth=max(2, param_rows(config)),
                init=[],
                attrs={"no_rw_check": 1},
            )
            m.submodules[name] = memory
            write = memory.write_port(granularity=32)
            read = memory.read_port(transparent_for=())
            words = [data.word_select(2 * k + i, 32) for k in range(together)]
            m.d.comb += [
                write.addr.eq(row),
                write.data.eq(Cat(*words * (units // together))),
                write.en.eq(Cat(*(enable.replicate(together) for enable in enables))),
                read.en.eq(self.read.en),
                read.addr.eq(getattr(self.read, f"{name}_row")),
                getattr(self.read, name).eq(read.data),
            ]
        return m


def _is_power_of_two(value: int) -> bool:
    return value & (value - 1) == 0


def _divide(value, divisor: int):
    """``value // divisor`` by a multiplication with a constant, exact for every value."""
    shift = len(value) + divisor.bit_length()
    return (value * (-(-(1 << shift) // divisor))) >> shift
