"""LAUNCH: the SIMT core as an engine of the chip."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.commands import Engine
from weft.arch.errors import Cause
from weft.arch.simt import PRIVATE, STACK_ALIGN
from weft.config import SEMAPHORES, Config

from ..interfaces import (
    INDEX_BITS,
    Fault,
    MemoryRead,
    MemoryWrite,
    Post,
    command_layout,
    kernel_events_layout,
    trap_layout,
)
from .core import Core
from .interfaces import launch_layout
from .shared_access import SharedPort
from .sizes import Sizes


class LaunchCheck(wiring.Component):
    """Whether a core can run a launch: the rule of `weft.arch.simt.Launch.problem`.

    Members
    -------
    i
        The launch.
    refused
        It cannot; `latency` cycles after ``i``.
    """

    latency = 4

    refused: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__({"i": In(launch_layout()), "refused": Out(1)})

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        i, sizes = self.i, self.sizes
        warps = sizes.warps
        grid, block = ([i[f"{what}_{axis}"] for axis in "xyz"] for what in ("grid", "block"))
        bits = sizes.threads.bit_length()
        low = (STACK_ALIGN - 1).bit_length()
        aligned = ("shared", "shared_base", "private", "private_base")

        # 1: what each number says alone. Sizes beyond what the core holds are taken for its most.
        wrong_1 = Signal()
        m.d.sync += wrong_1.eq(
            Cat(size == 0 for size in (*grid, *block)).any()
            | Cat(size > sizes.threads for size in block).any()
            | i.entry[:2].any()
            | Cat(i[name][:low] for name in aligned).any()
            | (i.private > PRIVATE.size)
        )
        blocks_1 = [Signal(range(warps + 1), name=f"blocks_{axis}") for axis in "xyz"]
        for few, size in zip(blocks_1, grid, strict=True):
            m.d.sync += few.eq(Mux(size > warps, warps, size))
        threads_xy, threads_z = Signal(2 * bits), Signal(bits)
        m.d.sync += [
            threads_xy.eq(block[0][:bits] * block[1][:bits]),
            threads_z.eq(block[2]),
        ]

        # 2: products.
        threads, wrong_2 = Signal(3 * bits), Signal()
        blocks = Signal(3 * warps.bit_length())
        m.d.sync += [
            threads.eq(threads_xy * threads_z),
            blocks.eq(blocks_1[0] * blocks_1[1] * blocks_1[2]),
            wrong_2.eq(wrong_1),
        ]

        # 3: blocks at a time, the least of two bounds.
        slots, wrong_3, fit = Signal(range(warps + 1)), Signal(), Signal(range(warps + 1))
        needed = (threads + sizes.lanes - 1) >> (sizes.lanes - 1).bit_length()
        with m.Switch(needed):
            for number in range(1, warps + 1):
                with m.Case(number):
                    m.d.comb += fit.eq(warps // number)
        m.d.sync += [
            slots.eq(Mux(blocks < fit, blocks, fit)),
            wrong_3.eq(wrong_2 | (threads > sizes.threads)),
        ]

        # 4: their shared memory.
        end = i.shared_base + i.shared * slots
        too_far = end > sizes.shared_bytes
        m.d.sync += self.refused.eq(wrong_3 | too_far)
        return m


class Simt(wiring.Component):
    """The SIMT engine.

    Members
    -------
    cmd, post, fault, busy, abort
        As of every engine.
    active
        The next edge of the clock changes something in here. While it is low, registers stay as
        they are (those of a pipeline that nobody looks at may not): the clock may stand still.
    trap
        The thread that trapped; valid with the fault, until reset.
    read, code, write
        Clients of the memory port: kernels' reads, their code, their writes.
    shared
        The activation SRAM.
    push, take, semaphore, taken
        The command port, see `PortAccess`; ``index`` is the index of the LAUNCH that runs,
        ``pushes`` its bit of this name, until it ends.
    events
        What the counters of kernels count.
    """

    busy: Signal
    active: Signal
    abort: Signal

    def __init__(self, config: Config, shared_latency: int):
        self.sizes = Sizes.of(config, shared_latency)
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.SIMT))),
                "post": Out(Post()),
                "fault": Out(Fault()),
                "busy": Out(1),
                "active": Out(1),
                "abort": In(1),
                "trap": Out(trap_layout()),
                "read": Out(MemoryRead(config)),
                "code": Out(MemoryRead(config)),
                "write": Out(MemoryWrite(config)),
                "shared": Out(SharedPort(self.sizes)),
                "push": Out(stream.Signature(8 * config.bus_bytes)),
                "index": Out(INDEX_BITS),
                "pushes": Out(1),
                "take": Out(1),
                "semaphore": Out(range(SEMAPHORES)),
                "taken": In(1),
                "events": Out(kernel_events_layout(config.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the check, the core and what goes on between the two."""
        m = Module()
        me: Any = self
        command: Any = me.cmd.payload
        m.submodules.core = core = Core(self.sizes)
        m.submodules.check = check = LaunchCheck(self.sizes)
        connect(m, core.read, flipped(me.read))
        connect(m, core.fetch, flipped(me.code))
        connect(m, core.write, flipped(me.write))
        connect(m, core.shared, flipped(me.shared))
        connect(m, core.push, flipped(me.push))
        launch = Signal(launch_layout())
        m.d.comb += [
            *(launch[name].eq(command[name]) for name in launch_layout().members),
            check.i.eq(launch),
            core.launch.payload.eq(launch),
            core.abort.eq(self.abort),
            core.running.eq(self.busy),
            me.events.eq(core.events),
            me.take.eq(core.take),
            me.semaphore.eq(core.semaphore),
            core.taken.eq(me.taken),
        ]

        # The command stays at its gate while it is checked.
        index, post = Signal(INDEX_BITS), Signal.like(me.post.mask)
        checked = Signal(range(check.latency + 1))
        accept = Signal()
        m.d.comb += me.cmd.ready.eq(accept)
        with m.If(accept):
            m.d.sync += [
                index.eq(command.index),
                post.eq(command.post),
                me.pushes.eq(command.pushes),
            ]
        m.d.comb += [me.fault.index.eq(index), me.index.eq(index)]

        with m.FSM() as fsm:
            m.d.comb += [
                self.busy.eq(~fsm.ongoing("IDLE")),
                self.active.eq(self.busy | me.cmd.valid),
            ]
            with m.State("IDLE"):
                m.d.sync += checked.eq(0)
                with m.If(me.cmd.valid & ~self.abort):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += checked.eq(checked + 1)
                with m.If(~me.cmd.valid):  # an error has stopped the chip
                    m.next = "IDLE"
                with m.Elif(checked == check.latency):
                    m.d.comb += [accept.eq(1), core.launch.valid.eq(~check.refused)]
                    m.next = "RUN"
                    with m.If(check.refused):
                        m.next = "REFUSE"
            with m.State("REFUSE"):
                m.d.comb += [me.fault.valid.eq(1), me.fault.cause.eq(Cause.BAD_COMMAND)]
                m.next = "STOPPED"
            with m.State("RUN"):
                with m.If(core.trap.valid):
                    m.d.comb += [me.fault.valid.eq(1), me.fault.cause.eq(Cause.TRAP)]
                    m.next = "STOPPED"
                with m.Elif(~core.busy):
                    m.d.comb += [me.post.valid.eq(~self.abort), me.post.mask.eq(post)]
                    m.d.sync += me.pushes.eq(0)
                    m.next = "IDLE"
            with m.State("STOPPED"):  # until reset
                pass

        trap: Any = me.trap
        m.d.comb += [
            trap.cause.eq(core.trap.cause),
            trap.lane.eq(core.trap.lane),
            trap.warp.eq(core.trap.warp),
            trap.pc.eq(Cat(Const(0, 2), core.trap.pc)),
            *(trap[axis].eq(core.trap_block[axis]) for axis in "xyz"),
        ]
        return m
