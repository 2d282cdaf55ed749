"""LAUNCH: the SIMT core as an engine of the chip."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.commands import Engine
from weft.arch.errors import Cause
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
from .launch_check import LaunchCheck
from .shared_access import SharedPort
from .sizes import Sizes


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
            core.running.eq(self.busy),
            me.events.eq(core.events),
            me.take.eq(core.take),
            me.semaphore.eq(core.semaphore),
            core.taken.eq(me.taken),
        ]

        # A cycle late, which no kernel can tell: a trap of its own stops the core without it.
        m.d.sync += core.abort.eq(self.abort)

        # The command stays at its gate while it is checked.
        index, post = Signal(INDEX_BITS), Signal.like(me.post.mask)
        accept, there = Signal(), Signal()
        m.d.comb += me.cmd.ready.eq(accept)
        m.d.sync += there.eq(me.cmd.valid)  # it stays there until it is looked at
        with m.If(accept):
            m.d.sync += [
                index.eq(command.index),
                post.eq(command.post),
                me.pushes.eq(command.pushes),
            ]
        m.d.comb += [me.fault.index.eq(index), me.index.eq(index)]

        # In a register: semaphores are far away. In that cycle the last events leave, too.
        m.d.sync += me.post.valid.eq(0)
        m.d.comb += me.post.mask.eq(post)
        with m.FSM() as fsm:
            m.d.comb += [
                self.busy.eq(~fsm.ongoing("IDLE")),
                self.active.eq(self.busy | me.post.valid | me.cmd.valid | ~check.done),
            ]
            with m.State("IDLE"), m.If(there & check.done & ~self.abort):
                m.d.comb += check.start.eq(1)
                m.next = "CHECK"
            with m.State("CHECK"):
                with m.If(~there):  # an error has stopped the chip
                    m.next = "IDLE"
                with m.Elif(check.done & check.refused):
                    m.next = "ACCEPT"
                # Its cache may have to be cleared first.
                with m.Elif(check.done & core.launch.ready):
                    m.next = "LAUNCH"
            with m.State("LAUNCH"):
                # By registers alone: should an error stop the chip now, the core is stopped, too.
                m.d.comb += [accept.eq(1), core.launch.valid.eq(1)]
                m.next = "RUN"
            with m.State("ACCEPT"):
                m.d.comb += accept.eq(1)
                m.next = "REFUSE"
            with m.State("REFUSE"):
                m.d.comb += [me.fault.valid.eq(1), me.fault.cause.eq(Cause.BAD_COMMAND)]
                m.next = "STOPPED"
            with m.State("RUN"):
                with m.If(core.trap.valid):
                    m.d.comb += [me.fault.valid.eq(1), me.fault.cause.eq(Cause.TRAP)]
                    m.next = "STOPPED"
                with m.Elif(~core.busy):
                    m.d.sync += [me.post.valid.eq(~self.abort), me.pushes.eq(0)]
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
