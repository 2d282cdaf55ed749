"""Where the private memory of each warp begins: a table, for a product would take multipliers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .interfaces import launch_layout
from .sizes import Sizes


class PrivateAreas(wiring.Component):
    """Filled when a kernel begins, an entry in each cycle; a warp begins later than its entry.

    Members
    -------
    launch
        The kernel that runs.
    running
        It does.
    warp, area
        A warp, and a cycle later the memory address of its private memory.
    """

    running: Signal
    warp: Signal
    area: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "launch": In(launch_layout()),
                "running": In(1),
                "warp": In(range(max(2, sizes.warps))),
                "area": Out(32),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        warps, lane_bits = self.sizes.warps, (self.sizes.lanes - 1).bit_length()
        m.submodules.table = table = Memory(shape=32, depth=max(2, warps), init=[])
        write, read = table.write_port(), table.read_port(domain="comb")
        number, area, begun = Signal(range(warps + 1)), Signal(32), Signal()
        m.d.comb += [
            write.en.eq(begun & (number != warps)),
            write.addr.eq(number),
            write.data.eq(area),
            read.addr.eq(self.warp),
        ]
        step = self.launch.private << lane_bits
        m.d.sync += [
            begun.eq(self.running),
            number.eq(Mux(write.en, number + 1, Mux(begun, number, 0))),
            area.eq(Mux(begun, area + step, self.launch.private_base)),
            self.area.eq(read.data),
        ]
        return m
