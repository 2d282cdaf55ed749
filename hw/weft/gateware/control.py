"""Everything between the host port, program memory and the engines' command streams."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Module,
    Mux,
    ResetSignal,
    Signal,
)
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import Engine
from weft.config import PROGRAM_QUEUE, SEMAPHORES, Config

from .command_queue import HOLDERS, CommandQueue, queued_engines, settles
from .counters import Counters
from .dispatcher import Dispatcher
from .error_control import ErrorControl
from .fetcher import program_layout
from .host_port import HostPort
from .interfaces import (
    INDEX_BITS,
    AxiLite,
    Fault,
    MemoryRead,
    Post,
    command_layout,
    events_layout,
    trap_layout,
)
from .keep import KEEP
from .semaphores import Gate, Semaphores
from .word_fifo import WordFifo


def waiting_layout() -> data.StructLayout:
    """Why the next MATMUL command waits at its gate: which kinds of semaphores it misses."""
    return data.StructLayout({"weights": 1, "operands": 1, "accumulator": 1})


class Control(wiring.Component):
    """Host port, dispatcher, queues, gates, semaphores, counters and error control.

    ::

        host -- HostPort -- programs -- Dispatcher -- CommandQueue -- Gate -- <engine>_cmd
                   |                        |              (one of each an engine)  |
                Counters     ErrorControl --+-------- Semaphores <----------- <engine>_post

    Parameters
    ----------
    config
        Sizes; one queue for each of `queued_engines`.

    Members
    -------
    host, irq
        AXI4-Lite registers, interrupt line.
    fetch
        Read client of the memory port.
    <engine>_cmd
        The engine's next command. ``valid`` when its semaphores are there; they are taken with it.
        ``valid`` falls without a transfer only when an error stops the chip.
    <engine>_post, <engine>_busy, <engine>_fault
        Semaphores that a finished command posts; a command is in progress; an error. ``busy`` must
        not depend combinationally on ``<engine>_cmd.valid``.
    memory_outstanding
        The memory port has a burst open, or a client offers one.
    end, message
        Strobes of SIGNAL.
    matmul_waiting
        Of the MATMUL command at its gate, if any.
    trap
        The thread that trapped, if there is a SIMT core; the following, too.
    push, push_index, pushes
        Words of commands that a kernel hands over, see `Dispatcher`; the index of its LAUNCH, and
        its bit ``pushes``.
    take, semaphore, taken
        A kernel takes a semaphore in this cycle, if it is above zero; not in two in a row.
    matmul_weights
        That command's weights may be read before it passes.
    events
        Counted events that are made elsewhere; those that control makes are ignored here.
    abort
        From the second cycle after the first error until ``clear``.
    clear
        One-cycle pulse: reset every engine. Control resets its own parts. It is high in reset, too,
        from its second cycle on, and for a cycle behind it.
    running
        A program is in flight: counters count.
    """

    irq: Signal
    matmul_weights: Signal
    memory_outstanding: Signal
    end: Signal
    message: Signal
    abort: Signal
    clear: Signal
    running: Signal

    doorbell_to_burst = 1 + Dispatcher.program_latency
    """Cycles from an accepted doorbell write to the first burst on ``fetch``, when idle."""

    post_to_command = Semaphores.latency
    """Cycles from a post to the command that waited for it."""

    @staticmethod
    def beat_to_command(config: Config) -> int:
        """Cycles from the last beat of a command to ``<engine>_cmd.valid``, if nothing waits."""
        return Dispatcher.latency + CommandQueue.latency + settles(config)

    def __init__(self, config: Config):
        self._config = config
        self._engines = queued_engines(config)
        members: dict[str, Any] = {
            "host": In(AxiLite()),
            "irq": Out(1),
            "fetch": Out(MemoryRead(config)),
            "memory_outstanding": In(1),
            "end": In(1),
            "message": In(1),
            "matmul_waiting": Out(waiting_layout()),
            "matmul_weights": Out(1),
            "events": In(events_layout(config)),
            "abort": Out(1),
            "clear": Out(1),
            "running": Out(1),
        }
        for engine in self._engines:
            name = engine.name.lower()
            members[f"{name}_cmd"] = Out(stream.Signature(command_layout(engine)))
            members[f"{name}_post"] = In(Post())
            members[f"{name}_busy"] = In(1)
            members[f"{name}_fault"] = In(Fault())
        if config.lanes:
            members |= {
                "trap": In(trap_layout()),
                "push": In(stream.Signature(8 * config.bus_bytes)),
                "push_index": In(INDEX_BITS),
                "pushes": In(1),
                "take": In(1),
                "semaphore": In(range(SEMAPHORES)),
                "taken": Out(1),
            }
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Connect the parts."""
        m = Module()
        me: Any = self
        # What is cleared has a reset of its own, from one register: reset itself sets that, too.
        m.domains += ClockDomain("own", local=True)
        m.d.comb += [ClockSignal("own").eq(ClockSignal()), ResetSignal("own").eq(self.clear)]
        cleared = DomainRenamer("own")
        host_port: Any = HostPort(self._config)
        counters: Any = Counters(self._config)
        programs: Any = WordFifo(program_layout(), PROGRAM_QUEUE)
        dispatcher: Any = Dispatcher(self._config)
        semaphores = Semaphores()
        errors: Any = ErrorControl(self._config)
        m.submodules.host_port = host_port
        m.submodules.counters = counters
        m.submodules.programs = cleared(programs)
        m.submodules.dispatcher = cleared(dispatcher)
        m.submodules.semaphores = cleared(semaphores)
        m.submodules.errors = cleared(errors)

        wiring.connect(m, wiring.flipped(me.host), host_port.host)
        wiring.connect(m, wiring.flipped(me.fetch), dispatcher.fetch)
        wiring.connect(m, programs.o, dispatcher.program)
        wiring.connect(m, dispatcher.fault, errors.dispatch_fault)

        busy = Signal(len(self._engines))
        offered = Signal(len(self._engines))
        # Any of them, a cycle ago: without a program none begins anything.
        were = Signal(len(busy) + len(offered))
        at_work = were.any()
        m.d.sync += were.eq(Cat(busy, offered))
        hold = Signal()
        idle = Signal()  # no error, no program, and none of its bursts or commands either
        m.d.comb += [
            self.abort.eq(errors.abort),
            hold.eq(errors.abort | dispatcher.stopped),
            self.running.eq((dispatcher.active | (programs.level != 0)) & ~errors.halted),
            idle.eq(~self.running & ~at_work & dispatcher.fetch_idle & ~self.memory_outstanding),
        ]

        # Only the host ends idleness, and it writes every other cycle at most.
        was_idle = Signal()
        # A cycle later: that the chip stops comes from far, and what begins meanwhile goes nowhere.
        held = Signal()
        m.d.sync += [was_idle.eq(idle), held.eq(hold)]
        m.d.comb += [
            self.irq.eq(host_port.irq),
            self.clear.eq(host_port.clear),
            programs.i.payload.eq(host_port.program),
            programs.i.valid.eq(host_port.ring),
            host_port.room.eq(programs.i.ready),
            host_port.refuse.eq(held),
            host_port.queued.eq(programs.level),
            host_port.busy.eq(self.running),
            host_port.halted.eq(errors.halted),
            host_port.error.eq(errors.error),
            host_port.clearable.eq(errors.halted | (was_idle & ~hold)),
            host_port.done.eq(self.end),
            host_port.halt.eq(errors.halt),
            host_port.message.eq(self.message),
        ]

        m.d.comb += [
            dispatcher.end.eq(self.end),
            dispatcher.abort.eq(errors.abort),
            errors.overflow.eq(semaphores.overflow),
            errors.stop.eq(host_port.stop),
            errors.active.eq(dispatcher.active),
            errors.moving.eq(dispatcher.moving | at_work),
            errors.last_index.eq(dispatcher.index),
            errors.quiet.eq(dispatcher.fetch_idle & ~self.memory_outstanding),
        ]

        m.d.comb += [
            counters.enable.eq(self.running),
            counters.events.eq(me.events),
            counters.events.cycles.eq(1),
            counters.events.commands.eq(dispatcher.committed),
            counters.select.eq(host_port.counter),
            host_port.counter_valid.eq(counters.valid),
            host_port.counter_total.eq(counters.total),
        ]

        # LOAD posts when it has written, which is known later than all others' posts are.
        posts, post, taken = {}, Signal(SEMAPHORES, attrs=KEEP), 0
        for number, engine in enumerate(self._engines):
            name = engine.name.lower()
            queue: Any = CommandQueue(self._config, engine)
            gate: Any = Gate(engine, settles=settles(self._config))
            m.submodules[f"{name}_queue"] = cleared(queue)
            m.submodules[f"{name}_gate"] = cleared(gate)
            wiring.connect(m, getattr(dispatcher, f"{name}_words"), queue.i)
            wiring.connect(m, queue.o, gate.i)
            if self._config.held_commands and engine in HOLDERS:
                m.d.comb += queue.hold.eq(busy[number])
            wiring.connect(m, gate.o, wiring.flipped(getattr(me, f"{name}_cmd")))

            fault = wiring.flipped(getattr(me, f"{name}_fault"))
            wiring.connect(m, fault, getattr(errors, f"{name}_fault"))

            engine_post = getattr(me, f"{name}_post")
            posts[engine] = Mux(engine_post.valid, engine_post.mask, 0)
            taken |= gate.taken
            m.d.comb += [
                gate.nonzero.eq(semaphores.nonzero),
                gate.post.eq(semaphores.post),
                gate.hold.eq(hold),
                busy[number].eq(getattr(me, f"{name}_busy")),
                offered[number].eq(gate.o.valid),
                getattr(errors, f"{name}_waiting").eq(gate.waiting),
                getattr(errors, f"{name}_index").eq(gate.i.payload.index),
                counters.events[f"{name}_busy"].eq(busy[number]),
                counters.events[f"{name}_stall"].eq(gate.waiting),
            ]
            if engine is Engine.MATMUL:
                command = gate.i.payload
                others = gate.missing & ~command.wait_weights & ~command.wait_acc
                weights_there = Signal()
                m.d.sync += weights_there.eq(~(gate.lacks & command.wait_weights).any())
                m.d.comb += [
                    me.matmul_weights.eq(
                        gate.i.valid & command.early & weights_there & gate.settled & ~held
                    ),
                    me.matmul_waiting.weights.eq((gate.missing & command.wait_weights).any()),
                    me.matmul_waiting.operands.eq(others.any()),
                    me.matmul_waiting.accumulator.eq((gate.missing & command.wait_acc).any()),
                ]
        if self._config.lanes:
            wiring.connect(m, wiring.flipped(me.push), dispatcher.push)
            m.d.comb += [
                host_port.trap.eq(me.trap),
                dispatcher.push_index.eq(me.push_index),
                dispatcher.pushes.eq(me.pushes),
                me.taken.eq(me.take & semaphores.nonzero.bit_select(me.semaphore, 1)),
            ]
            kernel_took = Signal(SEMAPHORES)
            m.d.sync += kernel_took.eq((1 << me.semaphore) & me.taken.replicate(SEMAPHORES))
            taken |= kernel_took
        # Nobody takes again in the cycle after: what was taken counts late.
        last = posts.pop(Engine.LOAD)
        m.d.comb += [
            semaphores.taken.eq(taken),
            post.eq(reduce(or_, posts.values())),
            semaphores.post.eq(post | last),
        ]
        return m
