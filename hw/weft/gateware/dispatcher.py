"""Checks the commands of a program and hands each to the queue of its engine, in order.

Commands that a kernel pushes go the same way. While one runs that may do so, none of the program
do: they would wait for it in the queues, and what it pushes behind them.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import KERNELS_MUST_NOT, LAUNCH
from weft.arch.errors import Cause
from weft.config import Config

from .command_queue import command_beats, queued_engines, word_layout
from .fetcher import Fetcher, program_layout
from .interfaces import INDEX_BITS, Fault, MemoryRead
from .opcode import chip_commands, kind_layout, kind_of
from .skid import Skid


def _checked_layout(config: Config) -> data.StructLayout:
    """A word on its way to a queue: whose it is, as a bit for each engine, and what is wrong.

    ``part`` is what of the index travels with it, ``last`` that it is its command's last word.
    ``unused``: bits that must be zero.
    """
    return data.StructLayout(
        {
            "data": 8 * config.bus_bytes,
            "index": INDEX_BITS,
            "part": word_layout(config)["index"].shape,
            "last": 1,
            "engines": len(queued_engines(config)),
            "bad": 1,
            "unused": 8 * config.bus_bytes,
            "error": 1,
        }
    )


class Dispatcher(wiring.Component):
    """Runs programs one after the other: fetch, check, hand out.

    A word is checked in one cycle and goes to its queue in the next; the verdict stands in
    ``stopped`` one cycle later, when the queue can offer the command at the earliest. So a
    malformed command is in a queue but passes no gate that ``stopped`` holds. Timing,
    bus_bytes = 16, empty queue::

        cycle            0    1    2    3    4    5
        fetch.beat       w0   w1   w2   w3
        fetcher.o             w0   w1   w2   w3            checked
        <engine>_words             w0   w1   w2   w3
        queue offers                                   x   stopped is known, too

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
        Check nothing more; request nothing more from the next cycle on. What is checked goes to
        its queue yet.
    stopped
        A command was refused; nothing is checked until reset.
    fault
        The refusal, a strobe in the first cycle of ``stopped``.
    fetch_idle
        No burst is requested or open.
    moving
        A burst is open, or a word is checked or handed out in this cycle.
    committed
        Strobe: the last word of a good command was handed out in the last cycle.
    index
        Of the command that is checked next, or of the last one when all are.
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

    latency = Fetcher.latency + 1
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
        m.d.sync += fetcher.abort.eq(self.abort | self.stopped)

        # Whose word this is: the program's, or, behind a LAUNCH that says so, its kernel's. That
        # turns between commands, by what was known a cycle before.
        pushed = Signal()
        command_index = Signal(INDEX_BITS)
        push_valid, push_data, pushes = Signal(), Signal(bits), Signal()
        awaited = Signal()  # such a LAUNCH has been checked, and has not begun
        m.d.comb += command_index.eq(self.index)
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

        # The first word says which command it is, which is kept for the others.
        word = Signal(bits)
        m.d.comb += word.eq(Mux(pushed, push_data, fetcher.o.payload.data))
        named = Signal(kind_layout(self._config))
        kept, kind = Signal.like(named.number), Signal.like(named.number)
        known = Signal()
        pushed_kind = kind_of(m, push_data, self._config, "pushed_kind")
        m.d.comb += [
            named.eq(Mux(pushed, pushed_kind, fetcher.o.payload.kind)),
            kind.eq(Mux(first, named.number, kept)),
            known.eq(~first | named.known),
        ]

        # `end` belongs to the last command and to no other.
        signal = next(k for k, command in enumerate(commands) if command.name == "SIGNAL")
        end_beat, end_bit = divmod(commands[signal].by_name["end"].offset, bits)
        early_end, must_not = Signal(), Signal()
        never = [k for k, command in enumerate(commands) if command in KERNELS_MUST_NOT]

        def kind_in(beat: int) -> Value:
            """The kind of a command of which this word comes: no wait for what the first says."""
            return kept if beat else named.number

        m.d.comb += [
            early_end.eq(
                (kind_in(end_beat) == signal)
                & (beat == end_beat)
                & word[end_bit]
                & (self.index != last_index)
            ),
            must_not.eq(pushed & (~pushes | kind.matches(*never))),
        ]

        unused = Signal(bits)  # bits of the word that must be zero
        with m.Switch(beat):
            for b in range(beats):
                with m.Case(b), m.Switch(kind_in(b)):
                    for k, command in enumerate(commands):
                        used = command.used_mask >> (b * bits) & (1 << bits) - 1
                        with m.Case(k):
                            m.d.comb += unused.eq(~used)

        # --- a checked word stands in a register until its queue takes it ------------------------
        run, enters = Signal(), Signal()
        valid, pop = Signal(), Signal()
        error = fetcher.o.payload.error & ~pushed
        checked = Signal(_checked_layout(self._config))
        m.d.comb += [
            run.eq(~self.abort & ~self.stopped),
            enters.eq(run & Mux(pushed, push_valid, fetcher.o.valid) & (~valid | pop)),
            fetcher.o.ready.eq(enters & ~pushed),
        ]
        with m.If(enters):
            m.d.sync += [
                checked.data.eq(word),
                checked.index.eq(command_index),
                checked.part.eq(command_index.word_select(beat, len(checked.part))),
                checked.last.eq(last),
                checked.bad.eq(error | ~known | early_end | must_not),
                checked.unused.eq(unused),
                checked.error.eq(error),
                kept.eq(kind),
                beat.eq(Mux(last, 0, beat + 1)),
            ]
            with m.If(last & ~pushed & (self.index != last_index)):
                m.d.sync += self.index.eq(self.index + 1)
        with m.If(enters | pop):
            m.d.sync += [valid.eq(enters), checked.engines.eq(0)]  # where there is no word
        if self._config.lanes:
            m.d.comb += me.push.ready.eq(enters & pushed)
            launches = [k for k, command in enumerate(commands) if command is LAUNCH]
            flag_beat, flag_bit = divmod(LAUNCH.by_name["pushes"].offset, bits)
            asks = kind_in(flag_beat).matches(*launches) & (beat == flag_beat) & word[flag_bit]
            kernels = awaited | pushes | push_valid  # the next command is a kernel's
            kernels_then = kernels | asks if flag_beat == beats - 1 else kernels
            with m.If(enters & asks):
                m.d.sync += awaited.eq(1)
            with m.If(enters & last):
                m.d.sync += pushed.eq(kernels_then)
            with m.Elif(first & ~enters):
                m.d.sync += pushed.eq(kernels)

        # It may wait once more: which queue takes it is not to be known at once.
        engines = len(checked.engines)
        handed = data.StructLayout({"word": word_layout(self._config), "engines": engines})
        m.submodules.skid = skid = Skid(handed)
        given, taken = skid.i.payload, skid.o.payload
        goes = Signal()  # its queue takes it, or none is to have it
        m.d.comb += [
            pop.eq(valid & skid.i.ready),
            skid.i.valid.eq(valid),
            given.engines.eq(checked.engines),
            given.word.data.eq(checked.data),
            given.word.index.eq(checked.part),
            goes.eq(~taken.engines.any()),
            skid.o.ready.eq(goes),
        ]
        for number, engine in enumerate(queued_engines(self._config)):
            words: Any = getattr(self, f"{engine.name.lower()}_words")
            kinds = [k for k, command in enumerate(commands) if command.engine is engine]
            with m.If(enters):
                m.d.sync += checked.engines[number].eq(known & kind.matches(*kinds))
            m.d.comb += [
                words.valid.eq(taken.engines[number]),
                words.payload.eq(taken.word),
            ]
            with m.If(taken.engines[number] & words.ready):
                m.d.comb += goes.eq(1)

        bad, refuse = Signal(), Signal()
        cause = Signal.like(self.fault.cause)
        m.d.comb += [
            bad.eq(checked.bad | (checked.data & checked.unused).any()),
            refuse.eq(unaligned | (pop & run & bad)),
        ]
        m.d.sync += [
            self.committed.eq(pop & run & checked.last & ~bad),
            self.fault.valid.eq(refuse),
        ]
        with m.If(refuse):
            m.d.sync += self.stopped.eq(1)
        with m.If(~self.stopped):  # the last copy is of the refusal
            m.d.sync += [
                cause.eq(Mux(~unaligned & checked.error, Cause.READ_ERROR, Cause.BAD_COMMAND)),
                self.fault.index.eq(Mux(unaligned, 0, checked.index)),
            ]
        m.d.comb += [
            self.fault.cause.eq(cause),
            self.fetch_idle.eq(fetcher.idle),
            self.moving.eq(~fetcher.idle | enters | pop),
        ]
        return m
