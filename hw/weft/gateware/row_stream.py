"""The rows of MATMUL's commands in order, with what has to be known of each when it is issued."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import MATMUL, Engine
from weft.config import SEMAPHORES, SRAM_ADDRESS_BITS, Config

from .interfaces import INDEX_BITS, command_layout
from .row_address import LEVELS, RowAddress

ACC_BITS = 17
"""Bits of an accumulator row: running beyond the last one shows."""


def row_layout(config: Config) -> data.StructLayout:
    """A row of activations.

    ``acc`` is its accumulator row, which it is the ``first`` to be added to; ``bytes`` of it count.
    ``tile_first``: it begins a tile, which is the ``block_last`` of its block or the ``final`` one
    of the command; ``last``: it ends the command, whose ``mask`` is posted then. ``wrong``: it lies
    outside an SRAM, or the command is ``malformed``.
    """
    flags = (
        "first",
        "tile_first",
        "block_last",
        "final",
        "last",
        "row_sum",
        "malformed",
        "wrong",
    )
    return data.StructLayout(
        {
            "address": SRAM_ADDRESS_BITS,
            "acc": ACC_BITS,
            "bytes": range(config.rows + 1),
            **dict.fromkeys(flags, 1),
            "index": INDEX_BITS,
            "mask": SEMAPHORES,
        }
    )


class RowStream(wiring.Component):
    """Walks the rows of commands, one a cycle, without a gap between commands.

    Members
    -------
    cmd
        Commands; the first row follows a cycle later.
    known, stop
        The command on ``cmd`` may be taken; none may ever again.
    o
        Rows. Of a malformed command there is at least one; what follows it makes no sense.
    """

    cmd: stream.Interface
    known: Signal
    stop: Signal
    o: stream.Interface

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.MATMUL))),
                "known": In(1),
                "stop": In(1),
                "o": Out(stream.Signature(row_layout(config))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        m.submodules.rows = rows = RowAddress()
        cmd, out = self.cmd.payload, self.o.payload
        active = self.o.valid
        accumulate, row_sum, malformed = Signal(), Signal(), Signal()
        k_tail = Signal(range(config.rows + 1))
        index, mask = Signal.like(cmd.index), Signal(SEMAPHORES)
        acc, acc_start, acc_block = Signal(ACC_BITS), Signal(ACC_BITS), Signal(16)

        fresh = Signal()  # behind the row at hand there is nothing more of this command
        goes = Signal()  # what stands here is done with
        take = Signal()
        sizes = [getattr(cmd, field.name) for field in MATMUL.own_fields if field.least is not None]
        m.d.comb += [
            fresh.eq(~active | out.last),
            # Nothing of a command is looked at before `active`, so that it may be copied early, by
            # registers whose enable does not wait to know whether it is there.
            goes.eq(~active | self.o.ready),
            take.eq(self.cmd.valid & self.known & ~self.stop & fresh & goes),
            self.cmd.ready.eq(take),
            rows.step.eq(goes),
            rows.fresh.eq(fresh),
            rows.base.eq(cmd.act),
        ]
        for level in LEVELS:
            m.d.comb += getattr(rows, f"count_{level}").eq(getattr(cmd, level))
            if level != "blocks":
                m.d.comb += getattr(rows, f"stride_{level}").eq(getattr(cmd, f"{level}_stride"))
        with m.If(goes & fresh):
            m.d.sync += [
                active.eq(take),
                malformed.eq(
                    Cat(*(size == 0 for size in sizes)).any()
                    | (cmd.k_tail > config.rows)
                    | (cmd.row_sum & (not config.row_sum))
                ),
                accumulate.eq(cmd.accumulate),
                row_sum.eq(cmd.row_sum),
                k_tail.eq(cmd.k_tail),
                index.eq(cmd.index),
                mask.eq(cmd.post),
                acc_block.eq(cmd.acc_block),
                acc.eq(cmd.acc),
                acc_start.eq(cmd.acc),
            ]
        with m.Elif(goes & ~rows.tile_last):
            m.d.sync += acc.eq(acc + 1)
        with m.Elif(goes & rows.block_last):
            m.d.sync += [acc.eq(acc_start + acc_block), acc_start.eq(acc_start + acc_block)]
        with m.Elif(goes):
            m.d.sync += acc.eq(acc_start)

        offset_bits = config.act_region_span.bit_length() - 1
        offset, region = rows.address[:offset_bits], rows.address[offset_bits:]
        m.d.comb += [
            out.address.eq(rows.address),
            out.acc.eq(acc),
            out.bytes.eq(Mux(rows.tail, k_tail, config.rows)),
            out.first.eq(rows.block_first & ~accumulate),
            out.tile_first.eq(rows.tile_first),
            out.block_last.eq(rows.block_last),
            out.final.eq(rows.final),
            out.last.eq(rows.last),
            out.row_sum.eq(row_sum),
            out.malformed.eq(malformed),
            out.wrong.eq(
                malformed
                | (region >= config.act_regions)
                | (offset > config.act_region_bytes - config.rows)
                | (acc >= config.acc_total_rows)
            ),
            out.index.eq(index),
            out.mask.eq(mask),
        ]
        return m
