"""STORE: strided copies from the activation SRAM to memory; and SIGNAL, which waits for them.

::

    cmd ──┬─> Bursts ──> memory.burst ─────────────────────────────> open ─> memory.done ─> posts
          └─> pending ─> RowWalker ─> Skid ─> Pieces ─> Slice ─> act ~~> data ─> memory.beat

A chip with `Config.held_commands` has neither ``pending`` nor the Skid.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import SIGNAL, Engine
from weft.arch.errors import Cause
from weft.config import SEMAPHORES, Config

from .bursts import Bursts
from .interfaces import INDEX_BITS, ActRead, Fault, MemoryWrite, Post, command_layout
from .keep import KEEP
from .rows import Pieces, RowWalker, low_bits, parts_found, segment_layout, walk_layout
from .skid import Skid, Slice
from .store_answers import StoreAnswers
from .word_fifo import WordFifo

WORD_BYTES = 4
"""Bytes that SIGNAL writes, at a multiple of this."""


class _Signal(enum.Enum, shape=2):
    """Where a SIGNAL stands: none here; waits for every STORE; writes its word; done."""

    NONE = 0
    WAIT = 1
    WRITE = 2
    DONE = 3


def _read_layout(config: Config) -> data.StructLayout:
    """A read of the SRAM, and which bytes of it memory gets."""
    port = ActRead(config).members
    wanted = {name: port[name].shape for name in ("region", "offset", "behind")}
    return data.StructLayout({**wanted, "strobe": config.bus_bytes})


class Store(wiring.Component):
    """The STORE engine.

    Bursts are requested without waiting for their data, and reads of the next commands begin
    without waiting for the responses of the last ones.

    Parameters
    ----------
    config
        Sizes.
    read_latency
        Cycles from a read's grant to its data, which stand for one cycle.

    Members
    -------
    cmd
        Commands, taken when their bursts can be requested; the first one a cycle later. With
        `Config.held_commands` the payload must hold while ``busy``.
    post
        The cycle after the command's last write response; for SIGNAL the cycle after ``end``.
    message, end
        A SIGNAL with this bit is done: strobed the cycle after the last response before it.
    busy
        A command is in progress.
    fault
        Once, after everything before the faulting command is done; then the engine stops.
    abort
        Stop: request nothing more, complete what is requested with strobes zero.
    memory, act
        Where data go to and come from.
    """

    cmd: stream.Interface
    post: wiring.PureInterface
    message: Signal
    end: Signal
    busy: Signal
    fault: wiring.PureInterface
    abort: Signal
    memory: wiring.PureInterface
    act: wiring.PureInterface

    IN_FLIGHT = 8
    """Commands whose bursts are all requested and not all answered."""

    def __init__(self, config: Config, *, read_latency: int):
        self.config = config
        self.read_latency = read_latency
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.STORE))),
                "post": Out(Post()),
                "message": Out(1),
                "end": Out(1),
                "busy": Out(1),
                "fault": Out(Fault()),
                "abort": In(1),
                "memory": Out(MemoryWrite(config)),
                "act": Out(ActRead(config)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config, held = self.config, self.config.held_commands
        bus, low = config.bus_bytes, low_bits(config)
        command = self.cmd.payload
        stopped = Signal()

        # --- a command enters: its requests start, the rest waits for the reads ------------------
        mode_layout = data.StructLayout({"bad": 1, "index": INDEX_BITS})
        pending_layout = data.StructLayout(
            {"rows": walk_layout(config, padded=False), "mode": mode_layout}
        )
        m.submodules.bursts = bursts = Bursts(config)
        m.submodules.answers = answers = StoreAnswers(config, self.IN_FLIGHT)
        entry = Signal(pending_layout)
        rows, mode = entry.rows, entry.mode

        phase = Signal(_Signal)
        # The SIGNAL that waits; post and index of the command being requested.
        signal = command if held else Signal(command_layout(Engine.STORE))
        post = command.post if held else Signal(SEMAPHORES)
        index = command.index if held else Signal(INDEX_BITS)
        # A command that faults once all before it are done. One behind it may enter in its first
        # cycle, as it may have before.
        stuck, was_stuck = Signal(), Signal()
        m.d.sync += was_stuck.eq(stuck)
        refused = Signal()  # a command without rows entered; none may pass it
        is_signal, enters, writes_word = Signal(), Signal(), Signal()
        rows_free, bursts_free = Signal(attrs=KEEP), Signal(attrs=KEEP)  # `cmd.valid` comes last
        room_for_rows, idle = Signal(), Signal(attrs=KEEP)
        has_rows = (command.len != 0) & (command.count1 != 0) & (command.count2 != 0)
        m.d.comb += [
            is_signal.eq(command.opcode == SIGNAL.opcode),
            self.cmd.ready.eq(
                ~bursts.busy
                & room_for_rows
                & answers.ready
                & (phase == _Signal.NONE)
                & ~was_stuck
                & ~refused
                & ~stopped
            ),
            enters.eq(self.cmd.valid & self.cmd.ready),
            rows_free.eq(self.cmd.ready & ~is_signal),
            bursts_free.eq(rows_free & has_rows),
            bursts.start.eq((self.cmd.valid & bursts_free) | writes_word),
            bursts.stop.eq(stopped | stuck),
            bursts.rows.addr.eq(command.dst),
            *(
                bursts.rows[name].eq(command[name])
                for name in ("stride1", "stride2", "len", "count1", "count2")
            ),
            # SIGNAL's word lies in one beat.
            bursts.single.eq(phase != _Signal.NONE),
            bursts.word.eq(signal.address),
        ]
        m.d.comb += [
            rows.at.eq(command.src),
            rows.at1.eq(command.src_stride1),
            rows.at2.eq(command.src_stride2),
            rows.skew.eq(command.dst[:low]),
            rows.skew1.eq(command.stride1.as_unsigned()[:low]),
            rows.skew2.eq(command.stride2.as_unsigned()[:low]),
            *(rows[name].eq(command[name]) for name in ("len", "count1", "count2")),
            *parts_found(rows),
            mode.bad.eq(~has_rows),
            mode.index.eq(command.index),
        ]
        with m.If(enters):
            m.d.sync += refused.eq(~is_signal & ~has_rows)
        # Copied before it is known whether it enters, which it does only in such a cycle.
        with m.If(~bursts.busy & (phase == _Signal.NONE)):
            if not held:
                m.d.sync += [post.eq(command.post), index.eq(command.index), signal.eq(command)]

        # --- requests and responses; a command is done when as many came back --------------------
        fires, done = bursts.fires, self.memory.done
        closes = answers.closes
        m.d.comb += [
            self.memory.burst.valid.eq(bursts.burst.valid),
            self.memory.burst.payload.eq(bursts.burst.payload),
            bursts.burst.ready.eq(self.memory.burst.ready),
            answers.enters.eq(enters & ~is_signal),
            answers.fires.eq(fires),
            answers.last.eq(fires & bursts.last & (phase == _Signal.NONE)),
            answers.post.eq(post),
            answers.index.eq(index),
            answers.done.eq(done.valid),
        ]

        # --- reads -------------------------------------------------------------------------------
        # A read takes one of `room` places, from its grant until its beat has left.
        depth = self.read_latency + 5
        beat_layout = self.memory.beat.payload.shape()
        m.submodules.walker = walker = RowWalker(config, padded=False)
        m.submodules.pieces = pieces = Pieces(config, bus)
        row_layout = data.StructLayout({"segment": segment_layout(config), "mode": mode_layout})
        m.submodules.beats = beats = WordFifo(beat_layout, depth)
        current = mode if held else Signal(mode_layout)
        # What is wrong with the row of the piece.
        bad_command, bad_address = Signal(), Signal()
        room = Signal(range(depth + 1), init=depth)
        has_room = Signal()  # even if one more is granted in this cycle
        m.d.sync += has_room.eq(room > 1)
        piece = pieces.piece
        granted = Signal()
        # Reads stand in registers until they are granted: where they go is far away.
        m.submodules.asks = asks = Slice(_read_layout(config))
        row = Signal(row_layout)
        with m.If(pieces.i.valid & pieces.i.ready):
            m.d.sync += [bad_command.eq(row.mode.bad), bad_address.eq(row.segment.outside)]
            if not held:
                m.d.sync += current.eq(row.mode)
        if held:
            m.d.comb += [
                room_for_rows.eq(~self.busy),
                walker.i.valid.eq(self.cmd.valid & rows_free),
                walker.i.payload.eq(rows),
                row.segment.eq(walker.o.payload),
                row.mode.eq(mode),
                pieces.i.valid.eq(walker.o.valid),
                walker.o.ready.eq(pieces.i.ready),
                idle.eq(
                    answers.idle & ~bursts.busy & ~walker.o.valid & ~pieces.valid & ~asks.o.valid
                ),
            ]
        else:
            m.submodules.pending = pending = Slice(pending_layout)
            m.submodules.rows_wait = rows_wait = Skid(row_layout)
            walking = Signal(mode_layout)
            with m.If(pending.o.valid & pending.o.ready):
                m.d.sync += walking.eq(pending.o.payload.mode)
            m.d.comb += [
                room_for_rows.eq(pending.i.ready),
                pending.i.valid.eq(self.cmd.valid & rows_free),
                pending.i.payload.eq(entry),
                walker.i.valid.eq(pending.o.valid),
                walker.i.payload.eq(pending.o.payload.rows),
                pending.o.ready.eq(walker.i.ready),
                rows_wait.i.valid.eq(walker.o.valid),
                rows_wait.i.payload.segment.eq(walker.o.payload),
                rows_wait.i.payload.mode.eq(walking),
                walker.o.ready.eq(rows_wait.i.ready),
                row.eq(rows_wait.o.payload),
                pieces.i.valid.eq(rows_wait.o.valid),
                rows_wait.o.ready.eq(pieces.i.ready),
                idle.eq(answers.idle),
            ]
        # The SRAM is read so that the bytes lie as in the memory's beat.
        place, waits = Signal.like(self.act.offset), asks.i.payload
        m.d.comb += [
            pieces.i.payload.eq(row.segment),
            stuck.eq(pieces.valid & (bad_command | bad_address)),
            place.eq(piece.at[: len(place)] - piece.skew),
            waits.region.eq(piece.at[len(place) :]),
            waits.offset.eq(place),
            waits.behind.eq(place[len(place) - len(self.act.behind) :] + 1),
            waits.strobe.eq(pieces.mask << piece.skew),
            asks.i.valid.eq(pieces.valid & ~bad_command & ~bad_address),
            pieces.step.eq(asks.i.valid & asks.i.ready),
            self.act.valid.eq(asks.o.valid & has_room & ~stopped),
            self.act.claim.eq(
                Cat(
                    asks.o.valid & (asks.o.payload.region == region)
                    for region in range(config.act_regions)
                )
            ),
            self.act.region.eq(asks.o.payload.region),
            self.act.offset.eq(asks.o.payload.offset),
            self.act.behind.eq(asks.o.payload.behind),
            granted.eq(self.act.valid & self.act.ready),
            asks.o.ready.eq(granted),
        ]

        strobe_bits = bus + 1
        line = Signal(strobe_bits * self.read_latency)  # valid and strobes on their way
        arriving = Signal(strobe_bits)
        m.d.comb += [
            arriving.eq(line[-strobe_bits:]),
            beats.i.valid.eq(arriving[0] & ~stopped),
            beats.i.payload.strobe.eq(arriving[1:]),
            beats.i.payload.data.eq(self.act.data),
        ]
        m.d.sync += [
            line.eq(Cat(granted, asks.o.payload.strobe, line)),
            room.eq(room - granted + (beats.o.valid & beats.o.ready)),
        ]

        # --- beats to memory ---------------------------------------------------------------------
        beat, word_waits, word_beat = self.memory.beat, Signal(), Signal(beat_layout)
        seen, empties, emptied = Signal(), Signal(), Signal()
        m.d.comb += [
            word_beat.data.eq(signal.value.replicate(bus // WORD_BYTES)),
            word_beat.strobe.eq(
                (1 << WORD_BYTES) - 1 << signal.address[:low],
            ),
            beat.payload.eq(Mux(word_waits, word_beat, beats.o.payload)),
            beat.valid.eq(beats.o.valid | word_waits | stopped),
            beats.o.ready.eq(beat.ready & ~word_waits & ~empties),
            empties.eq(emptied | (stopped & ~seen)),
        ]
        # A beat that memory has seen must not change; all others write nothing from now on.
        m.d.sync += [seen.eq(beat.valid & ~beat.ready), emptied.eq(empties)]
        with m.If(empties):
            m.d.comb += beat.payload.strobe.eq(0)

        # --- SIGNAL ------------------------------------------------------------------------------
        unaligned, completes, if_idle = Signal(), Signal(), Signal(attrs=KEEP)
        m.d.comb += [
            unaligned.eq(signal.write & (signal.address % WORD_BYTES != 0)),
            writes_word.eq((phase == _Signal.WAIT) & idle & signal.write & ~unaligned & ~stopped),
            if_idle.eq((phase == _Signal.WAIT) & ~signal.write & ~stopped),
            completes.eq(((phase == _Signal.DONE) & ~stopped) | (if_idle & idle)),
            self.message.eq(completes & signal.message),
            self.end.eq(completes & signal.end),
        ]
        with m.If(enters & is_signal):
            m.d.sync += phase.eq(_Signal.WAIT)
        with m.If(writes_word):
            m.d.sync += [phase.eq(_Signal.WRITE), word_waits.eq(1)]
        with m.If(word_waits & beat.ready):
            m.d.sync += word_waits.eq(0)
        with m.If((phase == _Signal.WRITE) & done.valid):
            m.d.sync += phase.eq(_Signal.DONE)
        with m.If(completes):
            m.d.sync += phase.eq(_Signal.NONE)

        # --- posts, faults -----------------------------------------------------------------------
        m.d.sync += [
            self.post.valid.eq((closes & ~done.payload.error & ~stopped) | completes),
            self.post.mask.eq(Mux(completes, signal.post, answers.closing_post)),
        ]
        # In registers: such a command waits for ever, and its turn does not pass.
        turn_comes, misplaced = Signal(), Signal()
        own_turn = ~answers.waits | (answers.closing_index == current.index)
        m.d.sync += [
            turn_comes.eq(stuck & own_turn),
            misplaced.eq((phase == _Signal.WAIT) & idle & unaligned),
        ]
        with m.If(~stopped):
            with m.If(done.valid & done.payload.error):
                m.d.comb += [
                    self.fault.valid.eq(1),
                    self.fault.cause.eq(Cause.WRITE_ERROR),
                    self.fault.index.eq(Mux(answers.waits, answers.closing_index, index)),
                ]
            with m.Elif(turn_comes):
                m.d.comb += [
                    self.fault.valid.eq(1),
                    self.fault.cause.eq(Mux(bad_command, Cause.BAD_COMMAND, Cause.BAD_ADDRESS)),
                    self.fault.index.eq(current.index),
                ]
            with m.Elif(misplaced):
                m.d.comb += [
                    self.fault.valid.eq(1),
                    self.fault.cause.eq(Cause.BAD_COMMAND),
                    self.fault.index.eq(signal.index),
                ]
        with m.If(self.fault.valid | self.abort):
            m.d.sync += stopped.eq(1)
        m.d.comb += self.busy.eq(~idle | (phase != _Signal.NONE) | answers.open | self.post.valid)
        return m
