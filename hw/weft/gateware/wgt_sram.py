"""The weight SRAM: rows of C bytes, one write port for LOAD, one read port for MATMUL."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .load import WgtWrite


class WgtSram(wiring.Component):
    """Weight SRAM.

    Members
    -------
    write
        From LOAD; always taken.
    read, row
        Read SRAM row ``row``.
    data
        The row, `read_latency` cycles later; holds until the next read.
    """

    read_latency = 1

    write: WgtWrite
    read: Signal
    row: Signal
    data: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "write": In(WgtWrite(config)),
                "read": In(1),
                "row": In(range(config.wgt_rows)),
                "data": Out(8 * config.cols),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        # MATMUL reads a row behind its fence or post, never in the cycle of its write.
        m.submodules.memory = memory = Memory(
            shape=8 * self.config.cols,
            depth=self.config.wgt_rows,
            init=[],
            attrs={"no_rw_check": 1},
        )
        write = memory.write_port()
        read = memory.read_port(domain="sync", transparent_for=())
        m.d.comb += [
            write.addr.eq(self.write.row),
            write.data.eq(self.write.data),
            write.en.eq(self.write.valid),
            read.addr.eq(self.row),
            read.en.eq(self.read),
            self.data.eq(read.data),
        ]
        return m
