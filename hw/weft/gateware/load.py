"""LOAD: strided copies from memory to the activation, weight and parameter SRAMs.

::

    cmd ──┬─> Bursts ──> memory.burst                                    runs ahead into the
          └─> pending ─> RowWalker ─> Pieces ─┬─> piece ─┬─> act         next commands
                             memory.beat ─────┘          └─> Gearbox ─┬─> wgt, params
                                                                      └─> Transposer ─> wgt
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import Engine, Space
from weft.arch.errors import Cause
from weft.arch.layouts import PARAM_BYTES
from weft.config import SRAM_ADDRESS_BITS, Config

from .bursts import LENGTH_BITS, Bursts
from .gearbox import Gearbox, byte_mask, first_bytes, piece_layout, target_layout
from .interfaces import ActWrite, Fault, MemoryRead, Post, command_layout
from .param_sram import ParamWrite, write_columns
from .rows import Pieces, RowWalker, low_bits, walk_layout
from .transposer import Transposer
from .word_fifo import WordFifo

FLIP = 0x80
"""What turns uint8 into int8 with the zero point moved by 128."""

PADDING = ("pad_left", "pad_right", "pad_top", "pad_bottom")


class WgtWrite(wiring.Signature):
    """The write port of the weight SRAM, from the engine's side; cannot stall.

    Members
    -------
    valid, row, data
        While ``valid``: write the C bytes of ``data`` to SRAM row ``row``. A read requested in a
        later cycle sees it.
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "valid": Out(1),
                "row": Out(range(max(2, config.wgt_rows))),
                "data": Out(8 * config.cols),
            }
        )


def _mode_layout() -> data.StructLayout:
    """What the data side must know of a command besides its rows."""
    return data.StructLayout(
        {"act": 1, "flip": 1, "bad": 1, "target": target_layout(), "blocks_at": SRAM_ADDRESS_BITS}
    )


class _Blocks(wiring.Component):
    """Whether ``len`` bytes are whole blocks of parameters, and how many; two cycles later.

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
        length = Signal(LENGTH_BITS)
        m.d.sync += [
            length.eq(self.len),
            self.blocks.eq(length[self._shift :] * inverse),
        ]
        aligned = Signal()
        m.d.sync += aligned.eq(length[: self._shift] == 0)
        m.d.comb += self.whole.eq(aligned & (self.blocks <= ((1 << bits) - 1) // self._odd))
        return m


class Load(wiring.Component):
    """The LOAD engine.

    Bursts are requested up to three commands ahead of the data. A row that lies ready costs as
    many cycles as it has beats and pieces of padding; there are no cycles between rows, and none
    between commands that have been requested.

    Members
    -------
    cmd
        Commands, taken when their bursts can be requested; the first one a cycle later.
    post
        When the command's last byte is in its SRAM (for wgt and parameters: is written now).
    busy
        A command is in progress.
    fault
        Once; then the engine stops.
    abort
        Stop: request nothing more, drop the data of what is requested.
    memory, act, wgt, params
        Where data come from and go to.
    """

    cmd: stream.Interface
    post: wiring.PureInterface
    busy: Signal
    fault: wiring.PureInterface
    abort: Signal
    memory: wiring.PureInterface
    act: wiring.PureInterface
    wgt: wiring.PureInterface
    params: wiring.PureInterface

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.LOAD))),
                "post": Out(Post()),
                "busy": Out(1),
                "fault": Out(Fault()),
                "abort": In(1),
                "memory": Out(MemoryRead(config)),
                "act": Out(ActWrite(config)),
                "wgt": Out(WgtWrite(config)),
                "params": Out(ParamWrite(config)),
            }
        )

    PENDING = 2
    """Commands between the requests and the data."""

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        bus, wide = config.bus_bytes, config.act_row_bytes
        command = self.cmd.payload
        stopped, faulted = Signal(), Signal()
        m.d.comb += stopped.eq(faulted | self.abort)

        # --- a command enters: its requests start, the rest waits for the data -------------------
        pending_layout = data.StructLayout({"rows": walk_layout(config), "mode": _mode_layout()})
        m.submodules.bursts = bursts = Bursts(config)
        m.submodules.pending = pending = WordFifo(pending_layout, self.PENDING)
        rows, mode = pending.i.payload.rows, pending.i.payload.mode
        low = low_bits(config)
        has_rows = (command.count1 != 0) & (command.count2 != 0)
        m.d.comb += [
            self.cmd.ready.eq(~bursts.busy & pending.i.ready & ~stopped),
            bursts.start.eq(
                self.cmd.valid & self.cmd.ready & has_rows & (command.len != 0) & ~mode.bad
            ),
            bursts.stop.eq(stopped),
            bursts.rows.addr.eq(command.src),
            *(
                bursts.rows[name].eq(command[name])
                for name in ("stride1", "stride2", "len", "count1", "count2")
            ),
            self.memory.burst.valid.eq(bursts.burst.valid),
            self.memory.burst.payload.eq(bursts.burst.payload),
            bursts.burst.ready.eq(self.memory.burst.ready),
        ]

        is_param = command.space == Space.PARAM
        padded = Cat(command[name] for name in PADDING).any()
        height = command.pad_top + command.count1 + command.pad_bottom
        length = command.pad_left + command.len + command.pad_right
        bad_params = padded | command.flip | (command.count1 != 1) | (command.count2 != 1)
        bad_block = (command.space != Space.WGT) | (height != config.cols) | (length != config.rows)
        m.d.comb += [
            pending.i.valid.eq(self.cmd.valid & ~bursts.busy & ~stopped),
            rows.at.eq(command.dst),
            rows.at1.eq(command.dst_stride1),
            rows.at2.eq(command.dst_stride2),
            rows.skew.eq(command.src[:low]),
            rows.skew1.eq(command.stride1.as_unsigned()[:low]),
            rows.skew2.eq(command.stride2.as_unsigned()[:low]),
            *(rows[name].eq(command[name]) for name in ("len", "count1", "count2", *PADDING)),
            rows.in_place.eq(command.transpose),
            mode.act.eq(command.space == Space.ACT),
            mode.flip.eq(command.flip),
            mode.bad.eq(
                ~has_rows
                | (~padded & (command.len == 0))
                | (command.space == 3)
                | (is_param & bad_params)
                | (command.transpose & (bad_block if config.transpose else 1))
            ),
            mode.target.transpose.eq(command.transpose),
            mode.target.param.eq(is_param),
            mode.target.fill.eq(command.fill),
            mode.target.step.eq(Mux(is_param, write_columns(config), command.dst_chunk)),
            mode.target.post.eq(command.post),
            mode.target.index.eq(command.index),
            mode.blocks_at.eq(command.dst),
        ]

        # --- its rows, segment by segment, when the data of the one before are done --------------
        m.submodules.walker = walker = RowWalker(config)
        m.submodules.blocks = blocks = _Blocks(config)
        walking = Signal(_mode_layout())
        # Parameter columns are numbered from block * C.
        column_bits = len(self.params.column)
        first_column = Signal(column_bits)
        unsettled = Signal(range(blocks.latency + 1))
        with m.If(pending.o.valid & pending.o.ready):
            m.d.sync += [
                walking.eq(pending.o.payload.mode),
                unsettled.eq(Mux(pending.o.payload.mode.target.param, blocks.latency, 0)),
            ]
        with m.Elif(unsettled != 0):
            m.d.sync += unsettled.eq(unsettled - 1)
        m.d.comb += [
            walker.i.valid.eq(pending.o.valid),
            walker.i.payload.eq(pending.o.payload.rows),
            pending.o.ready.eq(walker.i.ready),
            blocks.len.eq(walker.o.payload.size),
        ]
        m.d.sync += first_column.eq(walking.blocks_at * config.cols)

        m.submodules.pieces = pieces = Pieces(config, wide)
        current = Signal(_mode_layout())
        cause = Signal(Cause)
        new_cause = Signal(Cause)
        beyond = walking.blocks_at + blocks.blocks > config.param_blocks
        outside = Mux(walking.target.param, beyond, walking.act & walker.o.payload.outside)
        with m.If(walking.bad | (walking.target.param & ~blocks.whole)):
            m.d.comb += new_cause.eq(Cause.BAD_COMMAND)
        with m.Elif(outside):
            m.d.comb += new_cause.eq(Cause.BAD_ADDRESS)
        m.d.comb += [
            pieces.i.valid.eq(walker.o.valid & (unsettled == 0)),
            pieces.i.payload.eq(walker.o.payload),
            walker.o.ready.eq(pieces.i.ready & (unsettled == 0)),
        ]
        with m.If(walking.target.param):
            m.d.comb += pieces.i.payload.at.eq(first_column)
        with m.If(pieces.i.valid & pieces.i.ready):
            m.d.sync += [current.eq(walking), cause.eq(new_cause)]

        # --- a piece: a beat of memory moved down to its first valid byte, or fill ---------------
        held = Signal(piece_layout(config))
        held_valid, held_act, held_done = Signal(), Signal(), Signal()
        held_high = Signal(8 * (wide - bus))  # of a fill piece wider than the bus
        held_size = Signal(range(wide + 1))
        held_cause = Signal(Cause)
        free, takes, uses_beat = Signal(), Signal(), Signal()
        beat = self.memory.beat
        piece = pieces.piece
        moved = Signal(8 * bus)
        flip = current.flip.replicate(8 * bus) & Const(FLIP, 8).replicate(bus)
        fill = current.target.fill
        m.d.comb += [
            free.eq((~held_valid | held_done) & ~stopped),
            uses_beat.eq(pieces.valid & ~piece.fill & (cause == Cause.NONE)),
            takes.eq(pieces.valid & free & (beat.valid | ~uses_beat)),
            beat.ready.eq(stopped | (uses_beat & free)),
            pieces.step.eq(takes),
            pieces.narrow.eq(~current.act),
            moved.eq((beat.payload.data ^ flip) >> Cat(Const(0, 3), piece.skew)),
        ]
        with m.If(free):
            m.d.sync += held_valid.eq(takes)
        with m.If(takes):
            mask = byte_mask(first_bytes(pieces.size, bus), bus)
            m.d.sync += [
                held.data.eq(Mux(piece.fill, fill.replicate(bus), moved) & mask),
                held_high.eq(fill.replicate(wide - bus)),
                held.size.eq(pieces.size),
                held_size.eq(pieces.size),
                held.at.eq(piece.at),
                held.first.eq(piece.first),
                held.row_last.eq(piece.row_last),
                held.last.eq(piece.last),
                held.target.eq(current.target),
                held_act.eq(current.act),
                held_cause.eq(
                    Mux(uses_beat & beat.payload.error, Cause.READ_ERROR, cause),
                ),
            ]

        # --- to act ------------------------------------------------------------------------------
        m.submodules.gearbox = gearbox = Gearbox(config)
        chunk = gearbox.o.payload
        transposing = Signal()  # writes of an earlier command may still be to come
        fails = Signal()
        act_posts, act_post = Signal(), Signal(16)
        offset_bits = len(self.act.offset)
        region_bits = len(self.act.region)
        m.d.comb += [
            fails.eq(held_valid & (held_cause != Cause.NONE) & ~transposing),
            self.act.valid.eq(
                held_valid & held_act & (held_cause == Cause.NONE) & ~transposing & ~stopped
            ),
            self.act.region.eq(held.at[offset_bits : offset_bits + region_bits]),
            self.act.offset.eq(held.at[:offset_bits]),
            self.act.data.eq(Cat(held.data, held_high)),
            self.act.mask.eq(first_bytes(held_size, wide)),
            gearbox.i.valid.eq(held_valid & ~held_act & (held_cause == Cause.NONE) & ~stopped),
            gearbox.i.payload.eq(held),
            held_done.eq((self.act.valid & self.act.ready) | (gearbox.i.valid & gearbox.i.ready)),
        ]
        m.d.sync += [
            act_posts.eq(self.act.valid & self.act.ready & held.last),
            act_post.eq(held.target.post),
        ]

        # --- to wgt and the parameters -----------------------------------------------------------
        row = Signal(SRAM_ADDRESS_BITS)
        writes_row, misses, posts = Signal(), Signal(), Signal()
        is_chunk = gearbox.o.valid & ~chunk.target.transpose
        m.d.comb += [
            row.eq(chunk.at),
            self.wgt.data.eq(chunk.data),
            writes_row.eq(is_chunk & ~chunk.target.param),
            gearbox.o.ready.eq(1),
            posts.eq(is_chunk & chunk.last),
        ]
        post_mask, index = Signal(16), Signal.like(chunk.target.index)
        m.d.comb += [post_mask.eq(chunk.target.post), index.eq(chunk.target.index)]
        if config.transpose:
            m.submodules.transposer = transposer = Transposer(config)
            block = Signal(chunk.shape())  # the latest row's chunk: where the block goes
            m.d.comb += [
                transposing.eq((gearbox.o.valid & chunk.target.transpose) | transposer.full),
                transposer.push.eq(gearbox.o.valid & chunk.target.transpose),
                transposer.row.eq(chunk.data),
            ]
            with m.If(transposer.push & ~transposer.full):
                m.d.sync += [block.at.eq(chunk.at), block.last.eq(chunk.last)]
                m.d.sync += block.target.eq(chunk.target)
            with m.If(transposer.full):
                m.d.comb += [
                    gearbox.o.ready.eq(0),
                    row.eq(block.at + transposer.index),
                    self.wgt.data.eq(transposer.column),
                    writes_row.eq(1),
                    posts.eq(transposer.final & block.last),
                    post_mask.eq(block.target.post),
                    index.eq(block.target.index),
                ]
        m.d.comb += [
            misses.eq(writes_row & (row >= config.wgt_rows)),
            self.wgt.valid.eq(writes_row & ~misses),
            self.wgt.row.eq(row),
            self.params.valid.eq(is_chunk & chunk.target.param),
            self.params.column.eq(chunk.at),
            self.params.data.eq(chunk.data),
        ]

        # --- posts, faults -----------------------------------------------------------------------
        m.d.comb += [
            self.post.valid.eq(act_posts | (posts & ~misses)),
            self.post.mask.eq(Mux(act_posts, act_post, post_mask)),
            self.fault.valid.eq((misses | fails) & ~stopped),
            self.fault.cause.eq(Mux(misses, Cause.BAD_ADDRESS, held_cause)),
            self.fault.index.eq(Mux(misses, index, held.target.index)),
            self.busy.eq(
                bursts.busy
                | pending.o.valid
                | walker.o.valid
                | pieces.valid
                | held_valid
                | gearbox.o.valid
                | transposing
                | act_posts
            ),
        ]
        with m.If(self.fault.valid):
            m.d.sync += faulted.eq(1)
        return m
