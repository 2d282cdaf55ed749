"""The SIMT core with plain ports, for the native harness."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.gateware.interfaces import MemoryRead
from weft.gateware.simt.core import Core
from weft.gateware.simt.interfaces import Retire, TrapReport, launch_layout
from weft.gateware.simt.passes import COUNTS
from weft.gateware.simt.shared_access import SharedPort
from weft.gateware.simt.sizes import Sizes

FIELDS = tuple(launch_layout().members)
"""Fields of a launch, each a port of its own."""


class BenchCore(wiring.Component):
    """`Core`, the payloads of its launches and writes taken apart."""

    def __init__(self, sizes: Sizes):
        self.core = Core(sizes)
        bus = sizes.bus_bytes
        warp = self.core.start_warp.shape()
        super().__init__(
            {
                **{f"launch_{name}": In(shape) for name, shape in launch_layout().members.items()},
                "launch_valid": In(1),
                "launch_ready": Out(1),
                "busy": Out(1),
                "open": Out(1),
                "trap": Out(TrapReport(sizes)),
                "fetch": Out(MemoryRead(sizes)),
                "read": Out(MemoryRead(sizes)),
                "write_addr": Out(32),
                "write_beats": Out(5),
                "write_burst_valid": Out(1),
                "write_burst_ready": In(1),
                "write_data": Out(8 * bus),
                "write_strobe": Out(bus),
                "write_beat_valid": Out(1),
                "write_beat_ready": In(1),
                "write_done": In(1),
                "write_error": In(1),
                "shared": Out(SharedPort(sizes)),
                "counts": Out(len(COUNTS)),
                "beats": Out(5),
                "retire": Out(Retire(sizes)),
                "started": Out(1),
                "start_warp": Out(warp),
                "start_block_x": Out(16),
                "start_block_y": Out(16),
                "start_block_z": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        for name in FIELDS:
            m.d.comb += core.launch.payload[name].eq(getattr(self, f"launch_{name}"))
        write = core.write
        m.d.comb += [
            core.launch.valid.eq(self.launch_valid),
            self.launch_ready.eq(core.launch.ready),
            self.busy.eq(core.busy),
            self.open.eq(core.open),
            self.write_addr.eq(write.burst.payload.addr),
            self.write_beats.eq(write.burst.payload.more + 1),
            self.write_burst_valid.eq(write.burst.valid),
            write.burst.ready.eq(self.write_burst_ready),
            self.write_data.eq(write.beat.payload.data),
            self.write_strobe.eq(write.beat.payload.strobe),
            self.write_beat_valid.eq(write.beat.valid),
            write.beat.ready.eq(self.write_beat_ready),
            write.done.valid.eq(self.write_done),
            write.done.payload.error.eq(self.write_error),
            core.running.eq(core.busy),
            core.push.ready.eq(1),  # a chip that takes any command and posts nothing
            self.counts.eq(Cat(core.events[name] for name in COUNTS)),
            self.beats.eq(core.events.memory_beats),
            self.started.eq(core.started),
            self.start_warp.eq(core.start_warp),
            self.start_block_x.eq(core.start_block_x),
            self.start_block_y.eq(core.start_block_y),
            self.start_block_z.eq(core.start_block_z),
        ]
        for name in ("trap", "fetch", "read", "shared", "retire"):
            connect(m, getattr(core, name), flipped(getattr(self, name)))
        return m
