"""Checks the commands of a program and hands each to the queue of its engine, in order.

Commands that a kernel pushes go the same way. While one runs that may do so, none of the program
do: they would wait for it in the queues, and what it pushes behind them.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import BY_NAME, COMMANDS, KERNELS_MUST_NOT, LAUNCH, Command
from weft.arch.errors import Cause
from weft.config import Config

from .command_queue import command_beats, queued_engines, word_layout
from .fetcher import Fetcher, program_layout
from .interfaces import INDEX_BITS, Fault, MemoryRead


def chip_commands(config: Config) -> tuple[Command, ...]:
    """Commands for which this chip has an engine; any other opcode is malformed."""
    engines = queued_engines(config)
    return tuple(command for command in COMMANDS if command.engine in engines)


class Dispatcher(wiring.Component):
    """Runs programs one after the other: fetch, check, hand out.

    A word is checked in the cycle in which it goes to its queue; the verdict stands in ``stopped``
    one cycle later, when the queue can offer the command at the earliest. So a malformed command is
    in a queue but passes no gate that ``stopped`` holds. Timing, bus_bytes = 16, empty queue::

        cycle            0    1    2    3    4
        fetch.beat       w0   w1   w2   w3
        fetcher.o             w0   w1   w2   w3       checked, pushed
        queue offers                              x   stopped is known, too

    Parameters
    ----------
    config
        Sizes.

    Members
    -------
    program
        The next program; taken when none is active.
    end
        Strobe: the active program has retired.
    active
        From the cycle after a program was taken up to that of ``end``.
    fetch
        Client of the memory port.
    push, push_index, pushes
        Words of commands that a kernel hands over; the index that they get; such a kernel runs.
        Only with a SIMT core.
    <engine>_words
        Words of commands to the engine's queue, one member for each engine that has one.
    abort
        Hand out nothing more, request nothing more.
    stopped
        A command was refused; nothing is handed out until reset.
    fault
        The refusal, a strobe in the first cycle of ``stopped``.
    fetch_idle
        No burst is requested or open.
    moving
        A burst is open, or a word is handed out in this cycle.
    committed
        Strobe: the last word of a good command is handed out.
    index
        Of the command that is handed out next, or of the last one when all are.
    """

    program: stream.Interface
    end: Signal
    active: Signal
    abort: Signal
    stopped: Signal
    fetch_idle: Signal
    moving: Signal
    committed: Signal
    index: Signal

    program_latency = Fetcher.request_latency
    """Cycles from ``program`` to the first burst on ``fetch``."""

    latency = Fetcher.latency
    """Cycles from a beat on ``fetch`` to its queue, when nothing waits."""

    def __init__(self, config: Config):
        self._config = config
        members: dict[str, Any] = {
            "program": In(stream.Signature(program_layout())),
            "end": In(1),
            "active": Out(1),
            "fetch": Out(MemoryRead(config)),
            "abort": In(1),
            "stopped": Out(1),
            "fault": Out(Fault()),
            "fetch_idle": Out(1),
            "moving": Out(1),
            "committed": Out(1),
            "index": Out(INDEX_BITS),
        }
        if config.lanes:
            members["push"] = In(stream.Signature(8 * config.bus_bytes))
            members["push_index"] = In(INDEX_BITS)
            members["pushes"] = In(1)
        for engine in queued_engines(config):
            words = stream.Signature(word_layout(config))
            members[f"{engine.name.lower()}_words"] = Out(words)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Build the program's state, the check and the distribution."""
        m = Module()
        beats = command_beats(self._config)
        bits = 8 * self._config.bus_bytes
        commands = chip_commands(self._config)
        m.submodules.fetcher = fetcher = Fetcher(self._config)
        wiring.connect(m, fetcher.fetch, wiring.flipped(self.fetch))

        last_index = Signal(INDEX_BITS)
        beat = Signal(range(max(2, beats)))  # which word of its command comes next
        first = Signal()
        last = Signal()
        start = Signal()
        unaligned = Signal()
        m.d.comb += [
            self.program.ready.eq(~self.active & ~self.abort & ~self.stopped),
            start.eq(self.program.valid & self.program.ready),
            unaligned.eq(start & ~self.program.payload.aligned),
            fetcher.program.valid.eq(start & ~unaligned),
            fetcher.program.payload.eq(self.program.payload),
            fetcher.abort.eq(self.abort | self.stopped),
            first.eq(beat == 0),
            last.eq(beat == beats - 1),
        ]
        with m.If(start):
            m.d.sync += [
                self.active.eq(1),
                self.index.eq(0),
                last_index.eq(self.program.payload.count - 1),
            ]
        with m.Elif(self.end):
            m.d.sync += self.active.eq(0)

        # Whose word this is: the program's, or, behind a LAUNCH that says so, its kernel's.
        pushed, begun = Signal(), Signal()
        command_index = Signal(INDEX_BITS)
        push_valid, push_data, pushes = Signal(), Signal(bits), Signal()
        awaited = Signal()  # such a LAUNCH has been handed out and has not started
        m.d.comb += [
            pushed.eq(Mux(first, awaited | pushes | push_valid, begun)),
            command_index.eq(self.index),
        ]
        if self._config.lanes:
            me: Any = self
            m.d.comb += [
                push_valid.eq(me.push.valid),
                push_data.eq(me.push.payload),
                pushes.eq(me.pushes),
            ]
            with m.If(pushed):
                m.d.comb += command_index.eq(me.push_index)
            with m.If(pushes):
                m.d.sync += awaited.eq(0)

        # The opcode decides in the first word's own cycle and is kept, as a kind, for the others.
        word = Signal(bits)
        m.d.comb += word.eq(Mux(pushed, push_data, fetcher.o.payload.data))
        opcode_field = BY_NAME["SIGNAL"].by_name["opcode"]
        opcode = word[opcode_field.offset : opcode_field.offset + opcode_field.bits]
        named = Signal(range(len(commands)))
        kept = Signal.like(named)
        kind = Signal.like(named)
        known = Signal()
        with m.Switch(opcode):
            for k, command in enumerate(commands):
                with m.Case(command.opcode):
                    m.d.comb += [named.eq(k), known.eq(1)]
        with m.If(~first):
            m.d.comb += known.eq(1)
        m.d.comb += kind.eq(Mux(first, named, kept))

        unused = Signal(bits)  # bits of this word that must be zero
        with m.Switch(kind):
            for k, command in enumerate(commands):
                with m.Case(k), m.Switch(beat):
                    for b in range(beats):
                        used = command.used_mask >> (b * bits) & (1 << bits) - 1
                        with m.Case(b):
                            m.d.comb += unused.eq(~used)

        # `end` belongs to the last command and to no other.
        signal = next(k for k, command in enumerate(commands) if command.name == "SIGNAL")
        end_beat, end_bit = divmod(commands[signal].by_name["end"].offset, bits)
        early_end, must_not = Signal(), Signal()
        never = [k for k, command in enumerate(commands) if command in KERNELS_MUST_NOT]
        m.d.comb += [
            early_end.eq(
                (kind == signal) & (beat == end_beat) & word[end_bit] & (self.index != last_index)
            ),
            must_not.eq(pushed & (~pushes | kind.matches(*never))),
        ]

        bad = Signal()
        error = fetcher.o.payload.error & ~pushed
        m.d.comb += bad.eq(error | ~known | (word & unused).any() | early_end | must_not)

        run = Signal()
        pop = Signal()
        accepted = Signal()  # by the queue whose command this is
        m.d.comb += run.eq(Mux(pushed, push_valid, fetcher.o.valid) & ~self.abort & ~self.stopped)
        for engine in queued_engines(self._config):
            words: Any = getattr(self, f"{engine.name.lower()}_words")
            mine = Signal(name=f"for_{engine.name.lower()}")
            kinds = [k for k, command in enumerate(commands) if command.engine is engine]
            m.d.comb += [
                mine.eq(known & kind.matches(*kinds)),
                words.valid.eq(run & mine),
                words.payload.data.eq(word),
                words.payload.index.eq(command_index.word_select(beat, len(words.payload.index))),
            ]
            with m.If(mine & words.ready):
                m.d.comb += accepted.eq(1)
        m.d.comb += [
            pop.eq(run & (accepted | ~known)),
            fetcher.o.ready.eq(pop & ~pushed),
            self.committed.eq(pop & last & ~bad),
        ]

        if self._config.lanes:
            m.d.comb += me.push.ready.eq(pop & pushed)
            launches = [k for k, command in enumerate(commands) if command is LAUNCH]
            flag_beat, flag_bit = divmod(LAUNCH.by_name["pushes"].offset, bits)
            with m.If(pop & kind.matches(*launches) & (beat == flag_beat) & word[flag_bit]):
                m.d.sync += awaited.eq(1)
        with m.If(pop):
            m.d.sync += [kept.eq(kind), begun.eq(pushed), beat.eq(Mux(last, 0, beat + 1))]
            with m.If(last & ~pushed & (self.index != last_index)):
                m.d.sync += self.index.eq(self.index + 1)

        refuse = Signal()
        cause = Signal.like(self.fault.cause)
        m.d.comb += refuse.eq(unaligned | (pop & bad))
        m.d.sync += self.fault.valid.eq(refuse)
        with m.If(refuse):
            m.d.sync += [
                self.stopped.eq(1),
                cause.eq(Mux(pop & error, Cause.READ_ERROR, Cause.BAD_COMMAND)),
                self.fault.index.eq(Mux(unaligned, 0, command_index)),
            ]
        m.d.comb += [
            self.fault.cause.eq(cause),
            self.fetch_idle.eq(fetcher.idle),
            self.moving.eq(~fetcher.idle | pop),
        ]
        return m
