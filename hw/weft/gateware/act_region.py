"""One region of the activation SRAM: its memories, each with one read and one write port."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.config import Config


class ActRegion(wiring.Component):
    """One region: memories side by side, the columns of even rows, then those of odd rows.

    Parameters
    ----------
    config
        With a SIMT core a memory is 4 bytes wide, else as wide as a row.

    Members
    -------
    reads, read_rows, out
        Read these rows of each memory; they stand in ``out`` one cycle later, but for bytes
        that are written in this cycle, which may be anything.
    write_rows, write_mask, write_data
        Write bytes of these rows.
    """

    reads: Signal
    read_rows: Signal
    out: Signal
    write_rows: Signal
    write_mask: Signal
    write_data: Signal

    def __init__(self, config: Config):
        self.width = 4 if config.lanes else config.act_row_bytes
        """Bytes of a memory's row."""
        self.columns = config.act_row_bytes // self.width
        """Memories of the even rows, and of the odd ones."""
        self.depth = config.act_region_bytes // config.act_row_bytes // 2
        self.row_bits = max(1, (self.depth - 1).bit_length())
        size = 2 * self.columns
        super().__init__(
            {
                "reads": In(1),
                "read_rows": In(size * self.row_bits),
                "out": Out(16 * config.act_row_bytes),
                "write_rows": In(size * self.row_bits),
                "write_mask": In(2 * config.act_row_bytes),
                "write_data": In(16 * config.act_row_bytes),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        width, columns = self.width, self.columns
        outs = []
        for place in range(2 * columns):
            # What is read and written in the same cycle is nobody's: see `ActSram`.
            attrs = {"no_rw_check": 1}
            memory = Memory(shape=8 * width, depth=self.depth, init=[], attrs=attrs)
            name = ("even", "odd")[place // columns]
            m.submodules[name if columns == 1 else f"{name}_{place % columns}"] = memory
            write = memory.write_port(granularity=8)
            read = memory.read_port(domain="sync", transparent_for=())
            m.d.comb += [
                read.en.eq(self.reads),
                read.addr.eq(self.read_rows.word_select(place, self.row_bits)),
                write.addr.eq(self.write_rows.word_select(place, self.row_bits)),
                write.en.eq(self.write_mask.word_select(place, width)),
                write.data.eq(self.write_data.word_select(place, 8 * width)),
            ]
            outs.append(read.data)
        m.d.comb += self.out.eq(Cat(outs))
        return m
