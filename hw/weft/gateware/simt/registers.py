"""The register file: 32 registers of each warp in every lane, two reads and a write in a cycle."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .sizes import Sizes

REGISTERS = 32


class Registers(wiring.Component):
    """All lanes' registers side by side, lane 0 in the lowest word; 32 x warps rows.

    What a row holds before it is first written is not defined; x0 is nobody's business here.

    Members
    -------
    warp, rs1, rs2
        What to read.
    a, b
        Registers rs1 and rs2 of all lanes, one cycle later.
    write_mask, write_warp, write_rd, write_data
        Write the lanes of the mask. A read of the same row in this cycle gives either value.
    """

    read_latency = 1

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        width = 32 * sizes.lanes
        super().__init__(
            {
                "warp": In(range(max(2, sizes.warps))),
                "rs1": In(range(REGISTERS)),
                "rs2": In(range(REGISTERS)),
                "a": Out(width),
                "b": Out(width),
                "write_mask": In(sizes.lanes),
                "write_warp": In(range(max(2, sizes.warps))),
                "write_rd": In(range(REGISTERS)),
                "write_data": In(width),
            }
        )

    write_mask: Signal
    write_data: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=32 * self.sizes.lanes,
            depth=REGISTERS * self.sizes.warps,
            init=[],
            attrs={"no_rw_check": 1},  # either value will do, so synthesis adds no logic
        )
        write = memory.write_port(granularity=32)
        first = memory.read_port(domain="sync", transparent_for=())
        second = memory.read_port(domain="sync", transparent_for=())
        m.d.comb += [
            first.en.eq(1),
            first.addr.eq(Cat(self.rs1, self.warp)),
            second.en.eq(1),
            second.addr.eq(Cat(self.rs2, self.warp)),
            self.a.eq(first.data),
            self.b.eq(second.data),
            write.en.eq(self.write_mask),
            write.addr.eq(Cat(self.write_rd, self.write_warp)),
            write.data.eq(self.write_data),
        ]
        return m
