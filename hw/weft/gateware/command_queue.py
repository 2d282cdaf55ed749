"""Commands that wait for an engine: bus-wide words in a memory, and one assembled command."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import COMMAND_BYTES, COMMANDS, Engine
from weft.arch.registers import QUEUED_ENGINES
from weft.config import Config

from .interfaces import INDEX_BITS, command_layout
from .word_fifo import WordFifo


def queued_engines(config: Config) -> tuple[Engine, ...]:
    """Engines of this chip that have a queue, in the order in which registers number them."""
    return tuple(e for e in QUEUED_ENGINES if e is not Engine.SIMT or config.lanes)


HOLDERS = (Engine.LOAD, Engine.DRAIN, Engine.STORE)
"""Engines that with `Config.held_commands` look at a command in its queue as long as they are busy.
MATMUL copies, to begin the next one without a bubble, and SIMT copies what its threads need."""


def command_beats(config: Config) -> int:
    """Bus-wide words of one command: 1, 2, 4, 8 or 16."""
    return COMMAND_BYTES // config.bus_bytes


def settles(config: Config) -> bool:
    """Whether a command's last word says for what semaphores it waits: on the widest bus alone."""
    bits, last = 8 * config.bus_bytes, command_beats(config) - 1
    waits = (command.by_name.get(name) for command in COMMANDS for name in ("wait", "wait_weights"))
    return any(field.offset // bits == last for field in waits if field)


def word_layout(config: Config) -> data.StructLayout:
    """A bus-wide word of a command with the part of the command's index that travels with it.

    The index is cut into as many pieces as the command has words, lowest bits first, so that it
    needs no storage of its own.
    """
    return data.StructLayout(
        {"data": 8 * config.bus_bytes, "index": INDEX_BITS // command_beats(config)}
    )


class CommandQueue(wiring.Component):
    """Queue of one engine: `Config.queue_depth` commands in a memory, one more in the shadow.

    The shadow is a register as wide as a command. It is filled word by word while the engine is
    busy with the command before. When both the memory and the shadow are empty, words go straight
    into the shadow as they arrive::

        i.valid     _/0 1 2 3\\______          bus_bytes = 16: four words
        o.valid     _________/‾‾‾            the cycle after the last word

    Parameters
    ----------
    config
        Sizes.
    engine
        Whose commands these are.

    Members
    -------
    i
        Words of commands, in order. ``ready`` is low at most before the first word of a command;
        the others are always taken. Depends on registers alone.
    hold
        Nothing enters the shadow: the engine still looks at the command that it took.
    o
        The next command; its payload may be anything, and change, while there is none and nobody
        holds one. The next one follows `reload_cycles` cycles after it was taken (when its
        words are here).
    """

    i: stream.Interface
    hold: Signal
    o: stream.Interface

    latency = 1
    """Cycles from the last word of a command to the command, when nothing waits."""

    def __init__(self, config: Config, engine: Engine):
        self._config = config
        self._engine = engine
        super().__init__(
            {
                "i": In(stream.Signature(word_layout(config))),
                "hold": In(1),
                "o": Out(stream.Signature(command_layout(engine))),
            }
        )

    @property
    def reload_cycles(self) -> int:
        """Cycles from one command that is taken to the next one offered, at full speed."""
        return command_beats(self._config) + 1

    def elaborate(self, platform: object) -> Module:
        """Build storage, shadow and the choice between them."""
        m = Module()
        layout = word_layout(self._config)
        beats = command_beats(self._config)
        depth = self._config.queue_depth
        m.submodules.fifo = fifo = WordFifo(layout, depth * beats)

        # range(1) would be a signal of no bits.
        arriving = Signal(range(max(2, beats)))  # which word of its command comes next
        loading = Signal(range(max(2, beats)))  # which word of the shadow is written next
        held = Signal(range(depth + 1))  # commands in storage, also those half written or half read
        full = Signal()
        direct = Signal()  # the command that is arriving goes into the shadow
        take_direct = Signal()
        first = Signal()
        push = Signal()
        ready = Signal(init=1)

        m.d.comb += [
            self.i.ready.eq(ready),
            first.eq(arriving == 0),
            take_direct.eq(Mux(first, (held == 0) & ~full & ~self.hold, direct)),
            push.eq(self.i.valid & self.i.ready),
        ]
        with m.If(push):
            m.d.sync += [
                arriving.eq(Mux(arriving == beats - 1, 0, arriving + 1)),
                direct.eq(take_direct),
            ]

        m.d.comb += [
            fifo.i.payload.eq(self.i.payload),
            fifo.i.valid.eq(push & ~take_direct),
            fifo.o.ready.eq(~full & ~self.hold),
        ]

        # A command goes direct only while storage is empty, so the two never meet in a cycle.
        load = Signal()
        word = Signal(layout)
        m.d.comb += [
            load.eq((fifo.o.valid & fifo.o.ready) | (push & take_direct)),
            word.eq(Mux(fifo.o.valid, fifo.o.payload, self.i.payload)),
        ]

        shadow = [Signal(layout, name=f"shadow_{k}", reset_less=True) for k in range(beats)]
        # Written before it is known whether there is a word: that is late, and this are many bits.
        for k, part in enumerate(shadow):
            with m.If(~full & ~self.hold & (loading == k)):
                m.d.sync += part.eq(word)

        last = Signal()
        m.d.comb += last.eq(load & (loading == beats - 1))
        with m.If(load):
            m.d.sync += loading.eq(Mux(last, 0, loading + 1))
        with m.If(last):
            m.d.sync += full.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += full.eq(0)

        enter = fifo.i.valid & first
        # Known without what arrives, which does not go direct then.
        leave = fifo.o.valid & fifo.o.ready & (loading == beats - 1)
        m.d.sync += held.eq(held + enter - leave)
        # In a register: all queues' together decide whether the next word comes.
        first_next, full_next = Signal(), Signal()
        m.d.comb += [
            first_next.eq(Mux(push, arriving == beats - 1, first)),
            full_next.eq(Mux(leave, (held == depth) & enter, held == depth - Mux(enter, 1, 0))),
        ]
        m.d.sync += ready.eq(~(first_next & full_next))

        m.d.comb += [
            self.o.valid.eq(full),
            self.o.payload.as_value().eq(
                Cat([part.data for part in shadow], [part.index for part in shadow])
            ),
        ]
        return m
