"""The memory side of LOAD: commands in, pieces of rows out."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from weft.arch.commands import Engine, Space
from weft.arch.errors import Cause
from weft.arch.layouts import PARAM_BYTES
from weft.config import SRAM_ADDRESS_BITS, Config

from .bursts import LENGTH_BITS, Bursts
from .chunks import ChunkCount, target_layout
from .gearbox import byte_mask, piece_layout
from .interfaces import MemoryRead, command_layout
from .keep import KEEP
from .param_sram import write_columns
from .rows import PADDING, Pieces, RowWalker, low_bits, parts_found, segment_layout, walk_layout
from .skid import Slice, Stage
from .sums import adds_up

FLIP = 0x80
"""What turns uint8 into int8 with the zero point moved by 128."""


def load_piece_layout(config: Config) -> data.StructLayout:
    """A piece on its way to an SRAM.

    To act (``act``), a piece of fill may be as wide as an act row: ``size`` bytes, as many bits of
    ``mask``, those above the bus in ``high``. To the others (``chunked``) ``piece`` says it all.
    Neither: the piece is a fault instead, with its ``cause``.
    """
    wide = config.act_row_bytes
    return data.StructLayout(
        {
            "piece": piece_layout(config),
            "act": 1,
            "chunked": 1,
            "size": range(wide + 1),
            "mask": wide,
            "high": 8 * (wide - config.bus_bytes),
            "cause": Cause,
        }
    )


def _mode_layout() -> data.StructLayout:
    """What the data side must know of a command besides its rows; ``bad`` if any of two bits is."""
    return data.StructLayout(
        {"act": 1, "flip": 1, "bad": 2, "target": target_layout(), "block": SRAM_ADDRESS_BITS}
    )


WRONG = data.StructLayout({"command": 1, "address": 1})
"""What is wrong with a row: BAD_COMMAND, or BAD_ADDRESS."""


class BlockCount(wiring.Component):
    """Whether ``len`` bytes are whole blocks of parameters, and how many; `latency` cycles later.

    8 C = 2^k d with d odd, and n is a multiple of d exactly when n times the inverse of d modulo
    2^w is at most (2^w - 1) / d; then that product is the quotient.

    Members
    -------
    len
        Bytes.
    whole, blocks
        They are a multiple of 8 C: that many times.
    """

    latency = 2

    len: Signal
    whole: Signal
    blocks: Signal

    def __init__(self, config: Config):
        block = PARAM_BYTES * config.cols
        self._shift = (block & -block).bit_length() - 1
        self._odd = block >> self._shift
        super().__init__(
            {
                "len": In(LENGTH_BITS),
                "whole": Out(1),
                "blocks": Out(LENGTH_BITS - self._shift),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        bits = LENGTH_BITS - self._shift
        inverse = pow(self._odd, -1, 1 << bits)
        length, aligned = Signal(LENGTH_BITS), Signal()
        m.d.sync += [
            length.eq(self.len),
            aligned.eq(length[: self._shift] == 0),
            self.blocks.eq(length[self._shift :] * inverse),
        ]
        m.d.comb += self.whole.eq(aligned & (self.blocks <= ((1 << bits) - 1) // self._odd))
        return m


class LoadReader(wiring.Component):
    """Requests the rows of LOAD commands and hands them on, piece by piece, padding included.

    Bursts are requested up to three commands ahead of the data. There are no cycles between rows,
    and none between commands that have been requested.

    Members
    -------
    cmd
        Commands, taken when their bursts can be requested; the first one a cycle later. With
        `Config.held_commands` only while ``free``, and the payload must hold until it is again.
    free
        Nothing of an earlier command is in progress; only held commands wait for that.
    memory
        Where data come from.
    o
        Pieces, in the cycle of their beat: moved down to the first valid byte, flipped, zero
        behind the last. A malformed command, a row outside act and a read error are pieces with a
        cause, in their turn; after a malformed one nothing sensible follows.
    target
        Of the held command; pieces carry none then.
    stop
        Request nothing more, drop the data of what is requested.
    busy
        Something is in progress; ``o`` not counted.
    """

    cmd: stream.Interface
    free: Signal
    memory: wiring.PureInterface
    o: stream.Interface
    target: data.View
    stop: Signal
    busy: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.LOAD))),
                "free": In(1),
                "memory": Out(MemoryRead(config)),
                "o": Out(stream.Signature(load_piece_layout(config))),
                "target": Out(target_layout()),
                "stop": In(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        m.submodules.bursts = bursts = Bursts(config)
        layout = data.StructLayout({"rows": walk_layout(config), "mode": _mode_layout()})
        entered: stream.Interface = stream.Signature(layout).create()
        if config.held_commands:
            pending = entered
        else:
            m.submodules.pending = waiting = Slice(layout)
            connect(m, entered, waiting.i)
            pending = waiting.o
        m.submodules.walker = walker = RowWalker(config)
        m.submodules.pieces = pieces = Pieces(config, config.act_row_bytes)
        self._enter(m, bursts, entered)
        current, wrong, beats = self._walk(m, pending, walker, pieces)
        self._take(m, pieces, current, wrong, beats)
        waits = Const(0) if config.held_commands else pending.valid
        m.d.comb += self.busy.eq(
            bursts.busy | waits | walker.o.valid | pieces.i.valid | pieces.valid
        )
        return m

    def _enter(self, m: Module, bursts: Bursts, entered: stream.Interface) -> None:
        """A command enters: its requests start, the rest waits for the data."""
        config, command = self.config, self.cmd.payload
        rows, mode = entered.payload.rows, entered.payload.mode
        free = (self.free if config.held_commands else 1) & ~bursts.busy & ~self.stop
        low = low_bits(config)
        has_rows, starts = (command.count1 != 0) & (command.count2 != 0), Signal(attrs=KEEP)
        m.d.comb += [
            self.cmd.ready.eq(free & entered.ready),
            entered.valid.eq(self.cmd.valid & free),
            # That the command is there comes last.
            starts.eq(self.cmd.ready & has_rows & (command.len != 0)),
            bursts.start.eq(self.cmd.valid & starts),
            bursts.stop.eq(self.stop),
            bursts.rows.addr.eq(command.src),
            *(
                bursts.rows[name].eq(command[name])
                for name in ("stride1", "stride2", "len", "count1", "count2")
            ),
            self.memory.burst.valid.eq(bursts.burst.valid),
            self.memory.burst.payload.eq(bursts.burst.payload),
            bursts.burst.ready.eq(self.memory.burst.ready),
        ]
        bad = Signal.like(mode.bad)
        m.d.sync += bad.eq(mode.bad & bursts.start.replicate(len(bad)))
        m.d.comb += bursts.void.eq(bad.any())
        m.d.comb += [
            rows.at.eq(command.dst),
            rows.at1.eq(command.dst_stride1),
            rows.at2.eq(command.dst_stride2),
            rows.skew.eq(command.src[:low]),
            rows.skew1.eq(command.stride1.as_unsigned()[:low]),
            rows.skew2.eq(command.stride2.as_unsigned()[:low]),
            *(rows[name].eq(command[name]) for name in ("len", "count1", "count2", *PADDING)),
            rows.in_place.eq(command.transpose),
            *parts_found(rows),
        ]

        is_param = command.space == Space.PARAM
        padded = Cat(command[name] for name in PADDING).any()
        height = (command.pad_top, command.count1, command.pad_bottom)
        length = (command.pad_left, command.len, command.pad_right)
        bad_params = padded | command.flip | (command.count1 != 1) | (command.count2 != 1)
        bad_fence = (command.fence != 0) & (is_param | command.transpose)
        bad_block = (
            (command.space != Space.WGT)
            | ~adds_up(height, config.cols)
            | ~adds_up(length, config.rows)
        )
        m.d.comb += [
            mode.act.eq(command.space == Space.ACT),
            mode.flip.eq(command.flip),
            mode.bad.eq(
                Cat(
                    ~has_rows
                    | ~Cat(length).any()
                    | ~Cat(command.space == space for space in Space).any()
                    | (is_param & bad_params)
                    | bad_fence,
                    command.transpose & (bad_block if config.transpose else 1),
                )
            ),
            mode.target.transpose.eq(command.transpose),
            mode.target.param.eq(is_param),
            mode.target.fill.eq(command.fill),
            mode.target.step.eq(Mux(is_param, write_columns(config), command.dst_chunk)),
            mode.target.fenced.eq(command.fence != 0),
            mode.target.fence.eq(command.dst + command.fence),
            mode.target.post.eq(command.post),
            mode.target.index.eq(command.index),
            mode.block.eq(command.dst),
        ]

    def _walk(self, m: Module, pending: stream.Interface, walker: RowWalker, pieces: Pieces):
        """Walk the rows of the next command, when the data of the one before are done.

        Returns
        -------
        current, wrong, beats
            Of the command whose piece stands in ``pieces``, what is wrong with its row, and whether
            such pieces are beats.
        """
        config = self.config
        m.submodules.blocks = blocks = BlockCount(config)
        mode, held = pending.payload.mode, config.held_commands
        walking = mode if held else Signal(_mode_layout())
        current = mode if held else Signal(_mode_layout())
        wrong, walking_wrong, beats = Signal(WRONG), Signal(WRONG), Signal()
        unsettled = Signal(range(blocks.latency + 2))  # cycles until `blocks` and we know
        with m.If(pending.valid & pending.ready):
            m.d.sync += unsettled.eq(Mux(mode.target.param, blocks.latency + 1, 0))
            if not held:
                m.d.sync += walking.eq(mode)
        with m.Elif(unsettled != 0):
            m.d.sync += unsettled.eq(unsettled - 1)
        # A segment stands in registers between walker and pieces, with what goes with it: memory
        # takes longer to give its first beat.
        layout = data.StructLayout(
            {"segment": segment_layout(config), "mode": _mode_layout(), "wrong": WRONG}
        )
        m.submodules.between = between = Stage(layout)
        given, taken = between.i.payload, between.o.payload
        with m.If(pieces.i.valid & pieces.i.ready):
            m.d.sync += [
                wrong.eq(taken.wrong),
                beats.eq(~taken.segment.fill & ~taken.wrong.as_value().any()),
            ]
            if not held:
                m.d.sync += current.eq(taken.mode)

        beyond, broken = Signal(), Signal()
        m.d.sync += [
            beyond.eq(walking.block + blocks.blocks > config.param_blocks),
            broken.eq(~blocks.whole),
        ]
        m.d.comb += [
            walking_wrong.command.eq(walking.bad.any() | (walking.target.param & broken)),
            walking_wrong.address.eq(
                Mux(walking.target.param, beyond, walking.act & walker.o.payload.outside)
            ),
        ]

        # Parameters are written by column; LOAD counts blocks of C.
        first_column = Signal(range(config.param_blocks * config.cols))
        m.d.sync += first_column.eq(walking.block * config.cols)
        m.d.comb += [
            walker.i.valid.eq(pending.valid),
            walker.i.payload.eq(pending.payload.rows),
            pending.ready.eq(walker.i.ready),
            walker.narrow.eq(~walking.act),
            blocks.len.eq(walker.o.payload.size),
            between.i.valid.eq(walker.o.valid & (unsettled == 0)),
            given.segment.eq(walker.o.payload),
            given.mode.eq(walking),
            given.wrong.eq(walking_wrong),
            walker.o.ready.eq(between.i.ready & (unsettled == 0)),
            pieces.i.valid.eq(between.o.valid),
            pieces.i.payload.eq(taken.segment),
            between.o.ready.eq(pieces.i.ready),
        ]
        with m.If(walking.target.param):
            m.d.comb += given.segment.at.eq(first_column)
        return current, wrong, beats

    def _take(
        self, m: Module, pieces: Pieces, current: data.View, wrong: data.View, beats: Signal
    ) -> None:
        """Take a beat, or fill, for each piece."""
        bus, wide = self.config.bus_bytes, self.config.act_row_bytes
        beat, piece, out = self.memory.beat, pieces.piece, self.o.payload
        free, takes, uses_beat, good = Signal(), Signal(), Signal(), Signal()
        with_beat, without = Signal(attrs=KEEP), Signal(attrs=KEEP)
        moved = Signal(8 * bus)
        flip = current.flip.replicate(8 * bus) & Const(FLIP, 8).replicate(bus)
        fill = current.target.fill
        m.d.comb += [
            self.target.eq(current.target),
            free.eq(self.o.ready & ~self.stop),
            uses_beat.eq(pieces.valid & beats),
            good.eq(~wrong.command & ~wrong.address & ~(uses_beat & beat.payload.error)),
            self.o.valid.eq(pieces.valid & ~self.stop & (beat.valid | ~uses_beat)),
            # Whether there is a beat comes last.
            with_beat.eq(pieces.valid & free & beats),
            without.eq(pieces.valid & free & ~beats),
            takes.eq((beat.valid & with_beat) | without),
            beat.ready.eq(self.stop | (uses_beat & free)),
            pieces.step.eq(takes),
            moved.eq((beat.payload.data ^ flip) >> Cat(Const(0, 3), piece.skew)),
        ]
        m.submodules.chunks = chunks = ChunkCount(self.config)
        m.d.comb += [
            chunks.takes.eq(takes & ~current.act),
            chunks.size.eq(pieces.size),
            chunks.row_last.eq(piece.row_last),
            chunks.target.eq(current.target),
            out.piece.chunks.eq(chunks.o),
        ]
        mine = byte_mask(pieces.mask, bus)
        m.d.comb += [
            out.piece.data.eq(Mux(piece.fill, fill.replicate(bus), moved) & mine),
            out.piece.size.eq(pieces.size),
            out.piece.at.eq(piece.at),
            out.piece.first.eq(piece.first),
            out.piece.row_last.eq(piece.row_last),
            out.piece.last.eq(piece.last),
            out.act.eq(good & current.act),
            out.chunked.eq(good & ~current.act),
            out.size.eq(pieces.size),
            out.mask.eq(pieces.mask),
            out.high.eq(fill.replicate(wide - bus)),
            out.cause.eq(Mux(wrong.command, Cause.BAD_COMMAND, Cause.BAD_ADDRESS)),
        ]
        with m.If(uses_beat & beat.payload.error):
            m.d.comb += out.cause.eq(Cause.READ_ERROR)
        if not self.config.held_commands:
            m.d.comb += out.piece.target.eq(current.target)
