"""The SRAM side of LOAD: pieces of rows in, writes, posts and faults out."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.errors import Cause
from weft.config import SRAM_ADDRESS_BITS, Config

from .chunks import FENCE_BITS, target_layout
from .gearbox import Gearbox
from .interfaces import ActWrite, Fault, Post
from .load_reader import load_piece_layout
from .param_sram import ParamWrite
from .skid import Skid
from .transposer import Transposer


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


class Fence(wiring.Signature):
    """Which reads of an SRAM a LOAD in progress has not written for yet, from LOAD's side.

    A read is of ``Config.rows`` bytes (act) or rows (wgt). One that does not begin behind the fence
    finds what LOAD wrote.

    Members
    -------
    up
        There is something: from a command's first write to its last.
    start, end
        Reads from ``start`` to below ``end`` are too early.
    """

    def __init__(self):
        super().__init__({"up": Out(1), "start": Out(FENCE_BITS), "end": Out(FENCE_BITS)})


def hidden(fence: wiring.PureInterface, address: Value) -> Value:
    """Whether a read that begins at an address would be behind a fence."""
    return fence.up & (address >= fence.start) & (address < fence.end)


def _first_hidden(place: Value, size: int) -> Value:
    """Least address from which a read of ``size`` reaches a place that is not written."""
    return Mux(place < size, 0, place - (size - 1))


def _act_piece_layout(config: Config) -> data.StructLayout:
    """What is written to act, and what must be known of its command."""
    piece, target = load_piece_layout(config), target_layout()
    return data.StructLayout(
        {
            "at": SRAM_ADDRESS_BITS,
            "data": 8 * config.act_row_bytes,
            **{name: piece[name].shape for name in ("mask", "size")},
            "last": 1,
            **{name: target[name].shape for name in ("fenced", "fence", "post")},
        }
    )


class LoadWriter(wiring.Component):
    """Writes pieces to the SRAM that they are for, in order; a piece a cycle where it can.

    Members
    -------
    i
        Pieces.
    stop
        Write no further piece.
    act, wgt, params
        The SRAMs.
    act_fence, wgt_fence
        What of a fenced command is still to come; MATMUL reads none of it.
    post
        For act the cycle after the last write, else the cycle of the last write; with a fence the
        same for the first.
    fault
        While a piece carries a cause, or a chunk would go outside wgt.
    busy
        Something is in progress; ``i`` not counted.
    """

    i: stream.Interface
    stop: Signal
    act: wiring.PureInterface
    wgt: wiring.PureInterface
    params: wiring.PureInterface
    act_fence: wiring.PureInterface
    wgt_fence: wiring.PureInterface
    post: wiring.PureInterface
    fault: wiring.PureInterface
    busy: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(load_piece_layout(config))),
                "stop": In(1),
                "act": Out(ActWrite(config)),
                "wgt": Out(WgtWrite(config)),
                "params": Out(ParamWrite(config)),
                "act_fence": Out(Fence()),
                "wgt_fence": Out(Fence()),
                "post": Out(Post()),
                "fault": Out(Fault()),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        m.submodules.gearbox = gearbox = Gearbox(config)
        piece = self.i.payload.piece

        # --- pieces: to act, to the gearbox, or a fault ------------------------------------------
        transposing = gearbox.transposing  # writes of an earlier command are still to come
        fails = Signal()
        act_writes, act_posts = Signal(), Signal()
        act_post = Signal.like(self.post.mask)
        # A write to act may wait aside: that it is granted comes from far, and what stands behind
        # it is many registers. Nothing passes it.
        m.submodules.aside = aside = Skid(_act_piece_layout(config))
        write, out = aside.i.payload, aside.o.payload
        offset_bits, region_bits = len(self.act.offset), len(self.act.region)
        m.d.comb += [
            fails.eq(
                self.i.valid
                & ~(self.i.payload.act | self.i.payload.chunked)
                & ~transposing
                & aside.i.ready
            ),
            aside.i.valid.eq(self.i.valid & self.i.payload.act & ~self.stop & ~transposing),
            *(write[name].eq(piece[name]) for name in ("at", "last")),
            *(write[name].eq(self.i.payload[name]) for name in ("mask", "size")),
            *(write[name].eq(piece.target[name]) for name in ("fenced", "fence", "post")),
            write.data.eq(Cat(piece.data, self.i.payload.high)),
            self.act.valid.eq(aside.o.valid & ~self.stop),
            self.act.region.eq(out.at[offset_bits : offset_bits + region_bits]),
            self.act.offset.eq(out.at[:offset_bits]),
            self.act.data.eq(out.data),
            self.act.mask.eq(out.mask),
            act_writes.eq(self.act.valid & self.act.ready),
            aside.o.ready.eq(act_writes),
            gearbox.i.valid.eq(self.i.valid & self.i.payload.chunked & ~self.stop & aside.i.ready),
            gearbox.i.payload.eq(piece),
            self.i.ready.eq((aside.i.valid & aside.i.ready) | (gearbox.i.valid & gearbox.i.ready)),
        ]
        act_begun = Signal()  # a piece of this command is written
        m.d.sync += [
            act_posts.eq(act_writes & Mux(out.fenced, ~act_begun, out.last)),
            act_post.eq(out.post),
        ]
        # A write is in its memory a cycle after its grant, so that the fence moves a cycle later.
        moves, ends = Signal(), Signal()
        start, end = Signal(FENCE_BITS), Signal(FENCE_BITS)
        m.d.sync += moves.eq(act_writes & out.fenced)
        with m.If(act_writes):
            m.d.sync += [
                act_begun.eq(~out.last),
                ends.eq(out.last),
                start.eq(out.at + out.size),
                end.eq(out.fence),
            ]
        with m.If(moves):
            m.d.sync += [
                self.act_fence.up.eq(~ends),
                self.act_fence.start.eq(_first_hidden(start, config.rows)),
                self.act_fence.end.eq(end),
            ]

        # --- chunks: to wgt, to the parameters, or transposed ------------------------------------
        chunk, is_chunk = gearbox.o, Signal()
        # A held command is that of its chunks, too: nobody keeps a copy.
        target = piece.target if config.held_commands else chunk.target
        row = Signal(SRAM_ADDRESS_BITS)
        writes_row, misses, posts, column_posts = Signal(), Signal(), Signal(), Signal()
        post, index = Signal.like(self.post.mask), Signal.like(self.fault.index)
        m.d.comb += [
            is_chunk.eq(gearbox.valid),
            row.eq(chunk.at),
            self.wgt.data.eq(chunk.data),
            writes_row.eq(is_chunk & ~target.param),
            misses.eq(is_chunk & chunk.beyond),
            posts.eq((chunk.posts & ~chunk.beyond) | column_posts),
            post.eq(target.post),
            index.eq(target.index),
        ]
        with m.If(is_chunk & target.fenced):
            m.d.sync += [
                self.wgt_fence.up.eq(~chunk.last),
                self.wgt_fence.start.eq(_first_hidden(chunk.at + 1, config.rows)),
                self.wgt_fence.end.eq(target.fence),
            ]
        if config.transpose:
            m.submodules.transposer = transposer = Transposer(config)
            block = Signal(chunk.shape())  # the latest row's chunk: where the next column goes
            m.d.comb += [
                transposer.push.eq(gearbox.push),
                transposer.row.eq(chunk.data),
            ]
            with m.If(transposer.push):
                m.d.sync += [
                    block.at.eq(chunk.at),
                    block.beyond.eq(chunk.beyond),
                    block.last.eq(chunk.last),
                    block.target.eq(target),
                ]
            with m.If(transposer.full):
                m.d.sync += [
                    block.at.eq(block.at + 1),
                    block.beyond.eq(block.at >= config.wgt_rows - 1),
                ]
                m.d.comb += [
                    row.eq(block.at),
                    self.wgt.data.eq(transposer.column),
                    writes_row.eq(1),
                ]
            # `full` moves a whole block; what others wait for is known without it.
            with m.If(transposing):
                m.d.comb += [
                    misses.eq(~gearbox.push & block.beyond),
                    column_posts.eq(transposer.final & block.last & ~block.beyond),
                    post.eq(block.target.post),
                    index.eq(block.target.index),
                ]
        m.d.comb += [
            self.wgt.valid.eq(writes_row & ~misses),
            self.wgt.row.eq(row),
            self.params.valid.eq(is_chunk & target.param),
            self.params.column.eq(chunk.at),
            self.params.data.eq(chunk.data),
        ]

        # A chunk is older than the piece behind it. act_posts and posts never meet: a piece for
        # act is written while no chunk for which it would have to wait is in the gearbox.
        m.d.sync += [
            # What began behind a fault must not post.
            self.post.valid.eq((act_posts | posts) & ~self.stop),
            self.post.mask.eq(Mux(act_posts, act_post, post)),
        ]
        m.d.comb += [
            self.fault.valid.eq((misses | fails) & ~self.stop),
            self.fault.cause.eq(Mux(misses, Cause.BAD_ADDRESS, self.i.payload.cause)),
            self.fault.index.eq(Mux(misses, index, piece.target.index)),
            self.busy.eq(aside.o.valid | gearbox.valid | transposing | act_posts | self.post.valid),
        ]
        return m
