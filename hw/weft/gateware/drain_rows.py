"""The rows of a DRAIN command: addresses and checks, one row a cycle."""

from collections.abc import Callable

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import DRAIN, Engine
from weft.arch.errors import Cause
from weft.arch.layouts import act_writes
from weft.config import SRAM_ADDRESS_BITS, Config

from .interfaces import INDEX_BITS, Fault, command_layout
from .param_sram import param_rows

SLOTS = 4
"""Commands in progress at a time; each has a slot with the constants that its rows need."""

_ROW_BITS = 17
"""Accumulator rows and parameter blocks start below 2^16 and step by less than 2^16: a walk cannot
jump over the part of this range that is no address."""


def most_beats(config: Config) -> int:
    """Most act writes for one accumulator row."""
    return act_writes(config, config.cols, True)


def row_layout(config: Config) -> data.StructLayout:
    """One accumulator row to drain.

    ``acc`` is its number in its ``half`` of the accumulators, ``region`` and ``offset`` where it
    goes, ``columns`` how many of it, ``beats`` the act writes for that, ``param_row`` the
    parameters of column 0, ``slot`` the command's slot and ``last`` whether it is the command's
    last row; the rest are command fields.
    """
    return data.StructLayout(
        {
            "half": 1,
            "acc": range(max(2, config.acc_rows)),
            "region": range(max(2, config.act_regions)),
            "offset": range(config.act_region_span),
            "columns": range(config.cols + 1),
            "beats": range(most_beats(config) + 1),
            "param_row": range(max(2, param_rows(config))),
            "slot": range(SLOTS),
            "int32": 1,
            "params": 1,
            "row_sum": 1,
            "last": 1,
        }
    )


class DrainRows(wiring.Component):
    """Takes commands, gives rows; stops for good at the first command or row that is not valid.

    Members
    -------
    cmd
        Commands.
    free
        A slot is free: the next command may be taken.
    slot
        The slot that the command on ``cmd`` gets.
    o
        Rows, each checked.
    fault
        As every engine has it.
    abort
        Nothing more is taken.
    """

    cmd: stream.Interface
    free: Signal
    slot: Signal
    o: stream.Interface
    fault: Fault
    abort: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.DRAIN))),
                "free": In(1),
                "slot": Out(range(SLOTS)),
                "o": Out(stream.Signature(row_layout(config))),
                "fault": Out(Fault()),
                "abort": In(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        cmd = self.cmd.payload

        # --- the command ---------------------------------------------------------------------
        active = Signal()
        wrong = Signal()  # until reset
        malformed = Signal()
        kept = data.StructLayout(
            {
                "int32": 1,
                "params": 1,
                "row_sum": 1,
                "rows": 16,
                "acc_block": 16,
                "dst_stride": signed(SRAM_ADDRESS_BITS),
                "dst_block": signed(SRAM_ADDRESS_BITS),
                "cols_last": unsigned(config.cols.bit_length()),
                "index": INDEX_BITS,
            }
        )
        held = config.held_commands
        command = cmd if held else Signal(kept, reset_less=True)
        slot = Signal(range(SLOTS), reset_less=True)
        # The row at hand, and the first row of its block; whether it is the last one of its block,
        # and that the last one of the command, is found out with the row before.
        rows_left = Signal(16, reset_less=True)
        blocks_left = Signal(16, reset_less=True)
        row_last, block_last = Signal(reset_less=True), Signal(reset_less=True)
        # The last place in a region at which a row of the last block may begin; below 0 if none.
        span_bits = (config.act_region_span - 1).bit_length()
        latest = Signal(signed(span_bits + 1), reset_less=True)
        acc, acc_start = (Signal(_ROW_BITS, name=n, reset_less=True) for n in ("acc", "acc_start"))
        dst, dst_start = (
            Signal(SRAM_ADDRESS_BITS, name=n, reset_less=True) for n in ("dst", "dst_start")
        )
        param = Signal(_ROW_BITS, reset_less=True)
        param_row = Signal(range(max(2, param_rows(config))), reset_less=True)

        accept = Signal()
        advance = Signal()
        m.d.comb += [
            self.cmd.ready.eq(~active & self.free & ~self.abort),
            accept.eq(self.cmd.valid & self.cmd.ready),
        ]
        with m.If(accept):
            m.d.sync += [active.eq(1), self.slot.eq(self.slot + 1)]
        with m.If(wrong):  # nothing more is taken: a command that just was waits for ever
            m.d.sync += active.eq(1)
        # Copied before it is known whether it is taken: that comes from far.
        with m.If(accept if held else ~active):
            m.d.sync += [
                malformed.eq(_malformed(config, cmd)),
                *(command[name].eq(cmd[name]) for name in kept.members if not held),
                slot.eq(self.slot),
                rows_left.eq(cmd.rows),
                row_last.eq(cmd.rows == 1),
                blocks_left.eq(cmd.blocks),
                block_last.eq(cmd.blocks == 1),
                latest.eq(
                    config.act_region_bytes - Mux(cmd.int32, cmd.cols_last << 2, cmd.cols_last)
                ),
                *(start.eq(cmd.acc) for start in (acc, acc_start)),
                *(start.eq(cmd.dst) for start in (dst, dst_start)),
                param.eq(cmd.param),
                param_row.eq(cmd.param * config.drain_beats),
            ]

        # --- the next row --------------------------------------------------------------------
        next_acc, next_dst = Signal(_ROW_BITS), Signal(SRAM_ADDRESS_BITS)
        m.d.comb += [
            next_acc.eq(Mux(row_last, acc_start, acc) + Mux(row_last, command.acc_block, 1)),
            next_dst.eq(
                Mux(row_last, dst_start, dst) + Mux(row_last, command.dst_block, command.dst_stride)
            ),
        ]
        with m.If(advance):
            m.d.sync += [
                acc.eq(next_acc),
                dst.eq(next_dst),
                rows_left.eq(rows_left - 1),
                row_last.eq(rows_left == 2),
            ]
            with m.If(row_last):
                m.d.sync += [
                    acc_start.eq(next_acc),
                    dst_start.eq(next_dst),
                    rows_left.eq(command.rows),
                    row_last.eq(command.rows == 1),
                    blocks_left.eq(blocks_left - 1),
                    block_last.eq(blocks_left == 2),
                    param.eq(param + 1),
                    param_row.eq(param_row + config.drain_beats),
                    active.eq(~block_last),
                ]

        # --- its check -----------------------------------------------------------------------
        valid = Signal()
        reported = Signal()
        cause = Signal(Cause)
        row = Signal(row_layout(config), reset_less=True)
        region, offset = dst[span_bits:], dst[:span_bits]
        upper = Signal()
        columns = Signal(range(config.cols + 1))
        too_far = [offset > config.act_region_bytes - (config.cols << s) for s in (0, 2)]
        outside = Signal()
        m.d.comb += [
            upper.eq(acc >= config.acc_rows),
            columns.eq(Mux(block_last, command.cols_last, config.cols)),
            outside.eq(
                (region >= config.act_regions)
                | Mux(block_last, offset > latest, Mux(command.int32, too_far[1], too_far[0]))
                | (acc >= config.acc_total_rows)
                | (command.params & (param >= config.param_blocks))
            ),
            advance.eq(active & (~valid | self.o.ready) & ~wrong),
        ]
        with m.If(advance):
            m.d.sync += [
                valid.eq(~malformed & ~outside),
                wrong.eq(malformed | outside),
                cause.eq(Mux(malformed, Cause.BAD_COMMAND, Cause.BAD_ADDRESS)),
                row.half.eq(upper),
                row.acc.eq(acc - Mux(upper, config.acc_rows, 0)),
                row.region.eq(region),
                row.offset.eq(offset),
                row.columns.eq(columns),
                row.beats.eq(_beats(m, config, columns, command.int32)),
                row.param_row.eq(param_row),
                row.slot.eq(slot),
                row.int32.eq(command.int32),
                row.params.eq(command.params),
                row.row_sum.eq(command.row_sum),
                row.last.eq(row_last & block_last),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += valid.eq(0)

        m.d.comb += [self.o.valid.eq(valid), self.o.payload.eq(row)]
        m.d.sync += [
            reported.eq(wrong),
            self.fault.valid.eq(wrong & ~reported & ~self.abort),
            self.fault.cause.eq(cause),
            self.fault.index.eq(command.index),
        ]
        return m


def _malformed(config: Config, cmd):
    """Whether a command breaks a rule that needs no address."""
    counts = [cmd[field.name] for field in DRAIN.fields if field.least == 1]
    exponent = cmd.scale[23:31]
    abnormal = cmd.scale[31] | (exponent == 0) | exponent.all()  # see weft.arch.numerics
    return (
        Cat(*(count == 0 for count in counts)).any()
        | (cmd.cols_last > config.cols)
        | (cmd.row_sum & (not config.row_sum))
        | (~cmd.int32 & ~cmd.params & abnormal)
    )


def _beats(m: Module, config: Config, columns, int32):
    """`beats` of a signal, int32 or not."""
    results = []
    for name, wide in (("byte_beats", False), ("word_beats", True)):
        result = Signal(range(most_beats(config) + 1), name=name)
        _tabulate(m, result, columns, config.cols, lambda n, wide=wide: act_writes(config, n, wide))
        results.append(result)
    return Mux(int32, results[1], results[0])


def _tabulate(m: Module, result, value, top: int, function: Callable[[int], int]) -> None:
    """``result = function(value)`` for 1 <= value <= top: a shift where that does, else a table."""
    for shift in range(top.bit_length() + 1):
        if all(function(n) == -(-n >> shift) for n in range(1, top + 1)):
            m.d.comb += result.eq((value + ((1 << shift) - 1)) >> shift)
            return
    with m.Switch(value):
        for n in range(1, top + 1):
            with m.Case(n):
                m.d.comb += result.eq(function(n))
