"""Pieces of rows, of any size, to chunks of a fixed size: what the weight SRAM takes.

::

    pieces   |-- 13 --|--- 16 ---|- 3 -|         a row of 32 bytes, unaligned on a 16-byte bus
    chunks   |---- 16 ----|---- 16 ----|         the last one is completed with fill
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.config import SRAM_ADDRESS_BITS, Config

from .chunks import by_kind, chunk_sizes, count_layout, enough, most_bytes, target_layout


def byte_mask(mask: Value, size: int) -> Value:
    """Bits of ``size`` bytes: all ones in byte i where bit i of ``mask`` is set."""
    return Cat(mask[i].replicate(8) for i in range(size))


def first_bytes(count: Value, size: int) -> Value:
    """A mask of ``size`` bits, the first ``count`` set."""
    return ~(Const((1 << size) - 1, size) << count)[:size]


def piece_layout(config: Config) -> data.StructLayout:
    """Bytes of a row; ``data`` is zero behind ``size`` bytes, ``at`` holds on the row's first.

    ``chunks`` is what `ChunkCount` says of them.
    """
    return data.StructLayout(
        {
            "data": 8 * config.bus_bytes,
            "size": range(config.bus_bytes + 1),
            "at": SRAM_ADDRESS_BITS,
            "first": 1,
            "row_last": 1,
            "last": 1,
            "chunks": count_layout(config),
            "target": target_layout(),
        }
    )


def chunk_layout(config: Config) -> data.StructLayout:
    """A chunk and where it goes; ``last``: the last one of its command.

    ``posts``: it is the one that posts, and not on its way to be transposed. ``beyond``: it is for
    the weight SRAM, and no row is there.
    """
    return data.StructLayout(
        {
            "data": 8 * max(chunk_sizes(config)),
            "at": SRAM_ADDRESS_BITS,
            "beyond": 1,
            "last": 1,
            "posts": 1,
            "target": target_layout(),
        }
    )


class Gearbox(wiring.Component):
    """Cuts rows into chunks, one a cycle; the last chunk of a row is completed with fill.

    Members
    -------
    i
        Pieces, at least one byte each; taken when all chunks that they complete are out.
    valid, push, o
        Chunks, one cycle later; nobody can refuse one. Those of a block that is transposed come
        with ``push``, and behind them none until the block's columns have left, one in each cycle;
        all others with ``valid``.
    transposing
        ``push``, or a column leaves.
    """

    i: stream.Interface
    valid: Signal
    push: Signal
    transposing: Signal
    o: data.View

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(piece_layout(config))),
                "valid": Out(1),
                "push": Out(1),
                "transposing": Out(1),
                "o": Out(chunk_layout(config)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        piece, target, chunk = self.i.payload, self.i.payload.target, self.o
        plain, transposed, params = chunk_sizes(config)
        largest, space = max(chunk_sizes(config)), most_bytes(config)

        held = Signal(8 * space)  # bytes of the row that no chunk has taken yet, zero behind them
        count = Signal(range(space + 1))
        taken = Signal()  # this piece is in `held` already and only waits for its chunks
        at = Signal(SRAM_ADDRESS_BITS)

        merged = Signal(8 * space)
        have = Signal(range(space + 1))
        full, again, cuts, emits = Signal(), Signal(), Signal(), Signal()
        leaving = Signal()  # a transposed block's last row has gone out, not all of its columns
        shift = Cat(Const(0, 3), count[: max(1, (largest - 1).bit_length())])
        # What `enough` says of a piece that is taken, found out with the chunk before.
        left_full = Signal()
        left_again = Signal()
        m.d.comb += [
            merged.eq(held | Mux(taken, 0, piece.data << shift)),
            have.eq(Mux(taken, count, piece.chunks.have)),
            full.eq(Mux(taken, left_full, piece.chunks.full)),
            again.eq(Mux(taken, left_again, piece.chunks.again)),
            cuts.eq(full | piece.row_last),
            emits.eq(self.i.valid & ~leaving & cuts),
        ]

        rest = Signal.like(have)
        row_done = Signal()
        chunk_at = Signal.like(at)
        mine = Signal(largest)
        m.d.comb += [
            row_done.eq(piece.row_last & ~again),
            rest.eq(Mux(full, by_kind(config, target, lambda size: have - size), 0)),
            chunk_at.eq(Mux(piece.first & ~taken, piece.at, at)),
            # No chunk ends in this piece, or the last one that does leaves now.
            self.i.ready.eq(~leaving & ~again),
            mine.eq(first_bytes(have, largest)),
        ]

        m.d.sync += [
            self.valid.eq(emits & ~target.transpose),
            self.push.eq(emits & target.transpose),
            self.transposing.eq((emits & target.transpose) | leaving),
        ]
        begun = Signal()  # a chunk of this command has left
        with m.If(emits & ~target.transpose):
            m.d.sync += begun.eq(~(piece.last & row_done))
        fill = byte_mask(~mine, largest) & target.fill.replicate(largest)
        m.d.sync += [  # whether it is one or not
            chunk.data.eq(merged[: 8 * largest] | fill),
            chunk.at.eq(chunk_at),
            chunk.beyond.eq((chunk_at >= config.wgt_rows) & ~target.param),
            chunk.last.eq(piece.last & row_done),
            chunk.posts.eq(
                emits & ~target.transpose & Mux(target.fenced, ~begun, piece.last & row_done)
            ),
            chunk.target.eq(target),
        ]

        with m.If(self.i.valid & ~leaving):
            for sign, after, begun in zip(
                (left_full, left_again),
                enough(config, count, target, piece.row_last, before=1),
                enough(config, piece.chunks.have, target, piece.row_last, before=1),
                strict=True,
            ):
                m.d.sync += sign.eq(Mux(taken, after, begun))
            # What is left, for each of the ways to go on, of which one is: little behind the shift.
            sizes = {plain: ~target.transpose & ~target.param}
            for kind, bytes_ in ((target.transpose, transposed), (target.param, params)):
                sizes[bytes_] = sizes.get(bytes_, 0) | kind
            ways = [(~cuts & ~row_done, merged)]
            ways += [(cuts & ~row_done & kind, merged >> 8 * n) for n, kind in sizes.items()]
            m.d.sync += [
                held.eq(reduce(or_, (Mux(way, value, 0) for way, value in ways))),
                count.eq(Mux(cuts, rest, have)),
                taken.eq(again),
                at.eq(Mux(cuts, chunk_at + target.step, chunk_at)),
            ]

        if config.transpose:
            # How long columns take is known: no chunk is on its way while one leaves.
            rows_in = Signal(range(max(2, config.cols)))
            ends = Signal(init=config.cols == 1)  # the block, with its next row
            columns_left = Signal(range(config.rows + 1))
            with m.If(emits & target.transpose):
                m.d.sync += [
                    rows_in.eq(Mux(ends, 0, rows_in + 1)),
                    ends.eq(rows_in == max(config.cols - 2, 0)),
                ]
            m.d.sync += columns_left.eq(config.rows)
            with m.If(leaving):
                m.d.sync += [leaving.eq(columns_left != 1), columns_left.eq(columns_left - 1)]
            with m.Else():
                m.d.sync += leaving.eq(emits & target.transpose & ends)
        return m
