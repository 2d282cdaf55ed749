"""Reads a program from memory: bursts out, words of commands in order."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import COMMAND_BYTES
from weft.arch.memory import burst_commands, fetch_bursts
from weft.config import Config

from .command_queue import command_beats
from .interfaces import INDEX_BITS, MemoryRead, burst_layout
from .opcode import kind_layout, kind_of
from .skid import Skid
from .word_fifo import WordFifo

ADDRESS_BITS = 32
COMMAND_SHIFT = COMMAND_BYTES.bit_length() - 1


def program_layout() -> data.StructLayout:
    """A program: its address in units of a command, whether the rest was zero, its length."""
    return data.StructLayout(
        {"address": ADDRESS_BITS - COMMAND_SHIFT, "aligned": 1, "count": INDEX_BITS}
    )


def fetched_layout(config: Config) -> data.StructLayout:
    """A word of the program, and whether memory answered it with an error.

    ``kind``: of the command that begins with this word, if one does.
    """
    return data.StructLayout(
        {"data": 8 * config.bus_bytes, "error": 1, "kind": kind_layout(config)}
    )


class Fetcher(wiring.Component):
    """Streams a program from memory.

    Bursts are aligned to their own size, so that none crosses 4 KiB, and are requested only when
    there is room for the longest: a word that arrives is taken in that cycle.

    Parameters
    ----------
    config
        Sizes.

    Members
    -------
    program
        The program to fetch; taken when the one before has been requested completely.
    fetch
        Client of the memory port. A burst that is offered stays offered when ``abort`` rises.
    o
        The words, in order.
    abort
        Request nothing more.
    idle
        No burst is open, nor was one offered in the last cycle.
    """

    program: stream.Interface
    o: stream.Interface
    abort: Signal
    idle: Signal

    latency = WordFifo.latency
    """Cycles from a beat on ``fetch`` to its word on ``o``, when nothing waits."""

    request_latency = 1
    """Cycles from ``program`` to the first burst."""

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "program": In(stream.Signature(program_layout())),
                "fetch": Out(MemoryRead(config)),
                "o": Out(stream.Signature(fetched_layout(config))),
                "abort": In(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the burst generator, the credits and the FIFO."""
        m = Module()
        beats = command_beats(self._config)
        most = burst_commands(beats)
        room_commands = fetch_bursts(beats) * most
        m.submodules.fifo = fifo = WordFifo(fetched_layout(self._config), room_commands * beats)
        # A request may wait here: whose turn it is at the port comes from far.
        m.submodules.skid = skid = Skid(burst_layout())
        wiring.connect(m, skid.o, wiring.flipped(self.fetch.burst))
        burst, beat = skid.i, self.fetch.beat

        address = Signal(ADDRESS_BITS - COMMAND_SHIFT)
        left = Signal(INDEX_BITS)
        room = Signal(range(room_commands + 1), init=room_commands)  # commands
        pending = Signal(range(room_commands + 1))  # bursts requested, last beat not here
        commands = Signal(range(most + 1))  # in the next burst
        to_boundary = Signal(range(most + 1))
        low = most.bit_length() - 1
        any_left, many_left = Signal(), Signal()  # at least one; at least `most`
        room_next, fits = Signal.like(room), Signal(init=1)  # there is room for `most`

        m.d.comb += [
            to_boundary.eq(most - (address & (most - 1))),
            commands.eq(to_boundary),
            burst.valid.eq(any_left & fits & ~self.abort),
            burst.payload.addr.eq(Cat(Const(0, COMMAND_SHIFT), address)),
            burst.payload.more.eq(commands * beats - 1),
        ]

        with m.If(~many_left & (left[:low] < to_boundary)):
            m.d.comb += commands.eq(left[:low])

        request = Signal()
        m.d.comb += request.eq(burst.valid & burst.ready)

        m.d.comb += self.program.ready.eq(~any_left)

        def leave_to_do(count: Value) -> list:
            """Statements that leave so many commands; a burst waits for no more than two flags."""
            return [left.eq(count), any_left.eq(count.any()), many_left.eq(count[low:].any())]

        left_next = Signal.like(left)
        m.d.comb += left_next.eq(left - commands)
        with m.If(self.program.valid & self.program.ready):
            m.d.sync += [
                address.eq(self.program.payload.address),
                *leave_to_do(self.program.payload.count),
            ]
        with m.Elif(request):
            m.d.sync += [address.eq(address + commands), *leave_to_do(left_next)]

        # Room was reserved with the request: the FIFO is never full when a beat comes. Who takes
        # a word out has much to decide in that cycle, so its opcode is looked at here.
        m.d.comb += [
            fifo.i.payload.kind.eq(kind_of(m, beat.payload.data, self._config, "arriving")),
            beat.ready.eq(1),
            fifo.i.valid.eq(beat.valid),
            fifo.i.payload.data.eq(beat.payload.data),
            fifo.i.payload.error.eq(beat.payload.error),
        ]
        wiring.connect(m, fifo.o, wiring.flipped(self.o))

        left_words = Signal(range(max(2, beats)))  # of the command that leaves
        pop = Signal()
        offered = Signal()
        leave, left_before = Signal(), Signal()  # a command does; one did in the last cycle
        m.d.comb += [
            pop.eq(fifo.o.valid & fifo.o.ready),
            leave.eq(pop & (left_words == beats - 1)),
        ]
        with m.If(pop):
            m.d.sync += left_words.eq(Mux(leave, 0, left_words + 1))

        m.d.sync += [
            left_before.eq(leave),
            room.eq(room_next),
            fits.eq(room_next >= most),
            pending.eq(pending + request - (beat.valid & beat.payload.last)),
            offered.eq(burst.valid),
        ]
        m.d.comb += [
            room_next.eq(room - Mux(request, commands, 0) + left_before),
            self.idle.eq((pending == 0) & ~offered),
        ]
        return m
