"""What leaves the pipeline: requests to the row unit, and the first trap."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.arch.simt import MAIN, PRIVATE, SHARED, Trap

from ..fp32.pipeline import later
from ..one_hot import encode, lowest
from .decode import controls_layout
from .execute import Execute
from .interfaces import TrapReport, launch_layout, token_layout
from .private_areas import PrivateAreas
from .requests import KINDS, answer_layout, region_bits, request_layout
from .selection import PC_BITS
from .serial import KINDS as SERIAL_KINDS
from .serial import serial_layout
from .sizes import Sizes


class Requests(wiring.Component):
    """Makes requests of instructions, and of kernel addresses offsets in their memories.

    Words of private memory lie side by side, lane by lane, a warp's behind the other's.

    Members
    -------
    launch, running
        The kernel that runs; it does.
    early_warp
        The warp of ``token``, `Execute.latency` cycles before it.
    does_access, does_serial
        There is such a request.
    token, controls, sums, stored, shared, private, port
        Of the instruction in the last stage.
    access, serial
        The requests; they are always taken.
    """

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        lanes = sizes.lanes
        super().__init__(
            {
                "launch": In(launch_layout()),
                "running": In(1),
                "early_warp": In(range(max(2, sizes.warps))),
                "does_access": In(1),
                "does_serial": In(1),
                "token": In(token_layout(sizes)),
                "controls": In(controls_layout()),
                "sums": In(32 * lanes),
                "stored": In(32 * lanes),
                "shared": In(lanes),
                "private": In(lanes),
                "port": In(lanes),
                "access": Out(stream.Signature(request_layout(sizes))),
                "serial": Out(stream.Signature(serial_layout(sizes))),
            }
        )

    running: Signal
    early_warp: Signal
    does_access: Signal
    does_serial: Signal
    sums: Signal
    stored: Signal
    shared: Signal
    private: Signal
    port: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        lanes = self.sizes.lanes
        lane_bits = (lanes - 1).bit_length()
        m.submodules.areas = areas = PrivateAreas(self.sizes)
        m.d.comb += [
            areas.launch.eq(self.launch),
            areas.running.eq(self.running),
            areas.warp.eq(later(m, self.early_warp, Execute.latency - 1, "early_warp")),
        ]
        offsets, regions = [], []
        for lane in range(lanes):
            address = self.sums.word_select(lane, 32)
            own, in_shared, in_main = (
                address[: window.size.bit_length() - 1] for window in (PRIVATE, SHARED, MAIN)
            )
            offset = Signal(32, name=f"offset_{lane}")
            with m.If(self.private[lane]):
                m.d.comb += offset.eq(areas.area + Cat(own[:2], Const(lane, lane_bits), own[2:]))
            with m.Elif(self.shared[lane]):
                m.d.comb += offset.eq(in_shared)
            with m.Else():
                m.d.comb += offset.eq(in_main)
            offsets.append(offset)
            number = Signal(region_bits(self.sizes), name=f"region_{lane}")
            for region in range(1, self.sizes.regions):
                bits = self.sizes.shared_bytes.bit_length()
                with m.If(in_shared[:bits] >= region * self.sizes.region_bytes):
                    m.d.comb += number.eq(region)
            regions.append(number)
        access, serial = self.access.payload, self.serial.payload
        m.d.comb += [
            *(access[kind].eq(self.controls[kind]) for kind in KINDS),
            access.amo.eq(self.controls.amo),
            access.rd.eq(self.controls.rd),
            access.warp.eq(self.token.warp),
            access.mask.eq(self.token.group),
            access.shared.eq(self.shared),
            access.port.eq(self.port),
            access.regions.eq(Cat(regions)),
            access.a.eq(Cat(offsets)),
            access.b.eq(self.stored),
            self.access.valid.eq(self.does_access),
            *(serial.wanted[kind].eq(self.controls[kind]) for kind in SERIAL_KINDS),
            serial.wanted.warp.eq(self.token.warp),
            serial.wanted.mask.eq(self.token.group),
            serial.a.eq(self.sums),
            serial.b.eq(self.stored),
            self.serial.valid.eq(self.does_serial),
        ]
        return m


class Traps(wiring.Component):
    """Keeps the first trap.

    Members
    -------
    trapped, cause, guilty, token
        A trap in the last stage; ``guilty`` are the lanes that are concerned.
    handed
        The instruction in the last stage goes to the row unit.
    answered, answer
        What comes back from there.
    o
        The trap.
    comes
        ``o.valid``, a cycle before.
    """

    comes: Signal
    trapped: Signal
    cause: Signal
    guilty: Signal
    handed: Signal
    answered: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "trapped": In(1),
                "cause": In(Trap),
                "guilty": In(sizes.lanes),
                "token": In(token_layout(sizes)),
                "handed": In(1),
                "answered": In(1),
                "answer": In(answer_layout(sizes)),
                "o": Out(TrapReport(sizes)),
                "comes": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, trap, answer = self.sizes, self.o, self.answer
        who = data.StructLayout({"pc": PC_BITS, "group": sizes.lanes})
        m.submodules.handed_over = warps = Memory(shape=who, depth=max(2, sizes.warps), init=[])
        write, read = warps.write_port(), warps.read_port(domain="sync", transparent_for=())
        m.d.comb += [
            write.en.eq(self.handed),
            write.addr.eq(self.token.warp),
            write.data.pc.eq(self.token.pc),
            write.data.group.eq(self.token.group),
            read.en.eq(1),
        ]
        # From the head of a queue through a memory would be a long way for one cycle.
        failed = later(m, self.answered & answer.error, 2, "failed", reset_less=False)
        answered_warp = later(m, answer.warp, 1, "answered_warp")
        failed_warp = later(m, answered_warp, 1, "failed_warp")
        m.d.comb += read.addr.eq(answered_warp)
        m.d.comb += self.comes.eq(trap.valid | self.trapped | failed)
        with m.If(trap.valid):
            pass
        with m.Elif(self.trapped):
            m.d.sync += [
                trap.valid.eq(1),
                trap.cause.eq(self.cause),
                trap.warp.eq(self.token.warp),
                trap.lane.eq(encode(lowest(self.guilty), sizes.lanes)),
                trap.pc.eq(self.token.pc),
            ]
        with m.Elif(failed):
            m.d.sync += [
                trap.valid.eq(1),
                trap.cause.eq(Trap.MEMORY_ERROR),
                trap.warp.eq(failed_warp),
                trap.lane.eq(encode(lowest(read.data.group), sizes.lanes)),
                trap.pc.eq(read.data.pc),
            ]
        return m
