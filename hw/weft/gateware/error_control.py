"""First error wins: abort, halt, and the two errors that only show as nothing happening."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import Engine
from weft.arch.errors import Cause
from weft.arch.registers import BY_NAME
from weft.config import Config

from .command_queue import queued_engines
from .interfaces import INDEX_BITS, Fault
from .one_hot import lowest, selected

STUCK_CYCLES = 64
"""Cycles without any movement before a program counts as stuck."""

QUIET_CYCLES = 8
"""Cycles without open bursts before the chip counts as halted; covers a request on its way."""


def error_layout() -> data.FlexibleLayout:
    """The ERROR register's fields."""
    fields = BY_NAME["ERROR"].bits
    return data.FlexibleLayout(32, {b.name: data.Field(b.bits, b.lsb) for b in fields})


def _fault_layout() -> data.StructLayout:
    """An engine's fault in its register."""
    return data.StructLayout({"valid": 1, "cause": Cause, "index": INDEX_BITS})


class ErrorControl(wiring.Component):
    """Latches the first error and brings the chip to a halt.

    Of several errors in one cycle the engine with the lowest number wins, then the dispatcher, then
    a semaphore overflow, then the host's wish to stop. Reset (CTRL.clear) makes it ready again.

    Parameters
    ----------
    config
        Sizes.

    Members
    -------
    <engine>_fault, <engine>_waiting, <engine>_index
        For each engine with a queue: its error; that its next command waits for a semaphore, and
        which one that is.
    dispatch_fault, overflow
        Errors of the dispatcher and of the semaphores.
    stop
        Strobe: the host wants the program stopped.
    active
        A program has started and not ended.
    moving
        Something happens or will: an engine is busy or may take its command, a fetch is open.
    last_index
        Command that an unterminated program is charged to.
    quiet
        No burst is open or offered on the memory port.
    abort
        From the second cycle after the first error on.
    halted
        The same, and the memory port has come to rest.
    halt
        Strobe: the cycle before ``halted`` rises.
    error
        The first error, a cycle behind ``abort``; zero when there is none.
    """

    overflow: Signal
    stop: Signal
    active: Signal
    moving: Signal
    last_index: Signal
    quiet: Signal
    abort: Signal
    halted: Signal
    halt: Signal

    def __init__(self, config: Config):
        self._engines = queued_engines(config)
        members: dict[str, Any] = {
            "dispatch_fault": In(Fault()),
            "overflow": In(1),
            "stop": In(1),
            "active": In(1),
            "moving": In(1),
            "last_index": In(INDEX_BITS),
            "quiet": In(1),
            "abort": Out(1),
            "halted": Out(1),
            "halt": Out(1),
            "error": Out(error_layout()),
        }
        for engine in self._engines:
            name = engine.name.lower()
            members[f"{name}_fault"] = In(Fault())
            members[f"{name}_waiting"] = In(1)
            members[f"{name}_index"] = In(INDEX_BITS)
        self._faults = [name for name in members if name.endswith("_fault")]
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Build the priority, the latch and the two watchdogs."""
        m = Module()
        me: Any = self

        still = Signal()
        stuck_for = Signal(range(STUCK_CYCLES))
        expired = Signal()  # a cycle later
        m.d.sync += still.eq(self.active & ~self.moving)
        m.d.sync += expired.eq(still & (stuck_for == STUCK_CYCLES - 1))
        with m.If(still):
            m.d.sync += stuck_for.eq(stuck_for + 1)
        with m.Else():
            m.d.sync += stuck_for.eq(0)

        # Errors come at the ends of long ways; they stand in registers before they are compared.
        overflow, stop = Signal(), Signal()
        faults = {name: Signal(_fault_layout(), name=name) for name in self._faults}
        m.d.sync += [overflow.eq(self.overflow), stop.eq(self.stop & self.active)]
        for name, held in faults.items():
            fault = getattr(self, name)
            with m.If(~held.valid):  # it stays for the cycle in which it is copied
                m.d.sync += [
                    held.valid.eq(fault.valid),
                    held.cause.eq(fault.cause),
                    held.index.eq(fault.index),
                ]

        # What can be wrong, highest priority first: whether it is, then cause, engine and index.
        # Nothing else can fault while stuck.
        found: list[tuple[Any, ...]] = []
        for engine in self._engines:
            fault = faults[f"{engine.name.lower()}_fault"]
            found.append((fault.valid, fault.cause, engine, fault.index))
        fault = faults["dispatch_fault"]
        found += [
            (fault.valid, fault.cause, Engine.CONTROL, fault.index),
            (overflow, Cause.SEMAPHORE_OVERFLOW, Engine.CONTROL, 0),
            (stop, Cause.STOPPED, Engine.CONTROL, self.last_index),
        ]
        for engine in self._engines:
            name = engine.name.lower()
            waiting = Signal(name=f"{name}_waits")
            m.d.sync += waiting.eq(getattr(self, f"{name}_waiting"))
            index = getattr(self, f"{name}_index")
            found.append((expired & waiting, Cause.DEADLOCK, engine, index))
        found.append((expired, Cause.UNTERMINATED, Engine.CONTROL, self.last_index))

        # Which of them is first is known a cycle before what it says is copied.
        seen, first = Signal(), Signal(len(found))
        m.d.comb += seen.eq(Cat(what[0] for what in found).any() & ~self.abort)
        m.d.sync += first.eq(lowest(Cat(what[0] for what in found)) & seen.replicate(len(found)))
        with m.If(seen):
            m.d.sync += self.abort.eq(1)
        with m.If(first.any()):
            for place, name in enumerate(("cause", "engine", "command"), start=1):
                says = [(bit, what[place]) for bit, what in zip(first, found, strict=True)]
                m.d.sync += me.error[name].eq(selected(says))

        quiet_for = Signal(range(QUIET_CYCLES))
        m.d.comb += self.halt.eq(
            self.abort & ~self.halted & self.quiet & (quiet_for == QUIET_CYCLES - 1)
        )
        with m.If(self.abort & self.quiet):
            m.d.sync += quiet_for.eq(quiet_for + 1)
        with m.Else():
            m.d.sync += quiet_for.eq(0)
        with m.If(self.halt):
            m.d.sync += self.halted.eq(1)
        return m
