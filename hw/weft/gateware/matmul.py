"""MATMUL: streams rows of activations and tiles of weights through the array.

Two walkers share one command. The *feeder* shifts in the weights of the next tile, the *streamer*
issues the rows of the current one; a row is issued in the cycle in which the activation SRAM grants
its read, and from there on everything happens at fixed delays (cycles after the issue)::

    0            A                        A + L - 1       A + L     ... + C + 2
    issue   row enters the array    accumulator entry   sum, col 0     finished

with A = ActSram.read_latency and L = Array.latency. The command on the stream is not copied until
the streamer begins it; the feeder looks ahead at it, so that its first tile is in place by then.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.commands import MATMUL, Engine
from weft.arch.errors import Cause
from weft.arch.registers import BINS
from weft.config import SEMAPHORES, Config

from .accumulator import REUSE_DISTANCE, Accumulators, entry_layout
from .act_sram import ActSram
from .array import Array
from .drain import AccRead
from .interfaces import ActRead, Fault, Post, command_layout
from .load_writer import Fence, hidden
from .row_address import LEVELS, RowAddress
from .row_sum import RowSum
from .weight_feeder import PIPELINE, WeightFeeder
from .wgt_sram import WgtSram

ROW_BITS = 6
"""Bits of an accumulator row by which MATMUL sees that it was issued a moment ago."""


def bin_number(name: str) -> int:
    """Number of a cycle bin on `Matmul.bin`."""
    return BINS.index(name)


class Matmul(wiring.Component):
    """The MATMUL engine with array and accumulators.

    Members
    -------
    cmd, post, busy, fault, abort
        As every engine has them.
    weights_ready
        The next command's payload stands on ``cmd``, and its weights may be read already.
    waiting_weights, waiting_operands, waiting_accumulator
        The next command misses a semaphore that guards these.
    act
        Read port of the activation SRAM.
    wgt_read, wgt_row, wgt_data
        Read port of the weight SRAM.
    act_fence, wgt_fence
        What LOAD has still to write, and is not read before.
    drain
        DRAIN's read port of the accumulators.
    bin
        Index in `BINS` of the bin into which this cycle falls.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.MATMUL))),
                "post": Out(Post()),
                "busy": Out(1),
                "fault": Out(Fault()),
                "abort": In(1),
                "weights_ready": In(1),
                "waiting_weights": In(1),
                "waiting_operands": In(1),
                "waiting_accumulator": In(1),
                "act": Out(ActRead(config)),
                "wgt_read": Out(1),
                "wgt_row": Out(range(config.wgt_rows)),
                "wgt_data": In(8 * config.cols),
                "act_fence": In(Fence()),
                "wgt_fence": In(Fence()),
                "drain": In(AccRead(config)),
                "bin": Out(range(len(BINS))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        act_latency = ActSram.read_latency
        if act_latency - WgtSram.read_latency != PIPELINE:
            raise ValueError("a weight row must reach the array one cycle sooner than an act row")

        m.submodules.array = array = Array(config)
        m.submodules.accumulators = accumulators = Accumulators(config)
        m.submodules.feeder = feeder = WeightFeeder(config)
        m.submodules.rows = rows = RowAddress()
        connect(m, flipped(self.drain), accumulators.drain)
        connect(m, flipped(self.wgt_fence), feeder.fence)

        # --- the command ---------------------------------------------------------------------
        cmd = self.cmd.payload
        active = Signal()  # the streamer has a command
        stopped = Signal()
        accumulate, row_sum = Signal(), Signal()
        k_tail = Signal(range(config.rows + 1))
        index = Signal.like(cmd.index)
        mask = Signal(SEMAPHORES)
        acc_row, acc_start = Signal(17), Signal(17)
        acc_block = Signal(16)

        issue = Signal()
        fresh = Signal()  # behind the row at hand there is nothing more of this command
        goes = Signal()  # what stands here is done with
        done = Signal()  # the row issued is the last of the command
        take = Signal()
        malformed = Signal()
        refused = Signal()  # the command taken in the last cycle is malformed
        beyond = Signal()  # the row wanted in the last cycle lies outside; it may have been issued
        sizes = [getattr(cmd, field.name) for field in MATMUL.own_fields if field.least is not None]
        m.d.comb += [
            fresh.eq(~active | (rows.tile_last & rows.final)),
            # Nothing of a command is looked at before `active`, so that it may be copied early, by
            # registers whose enable does not wait to know whether it is there.
            goes.eq(issue | ~active),
            take.eq(self.cmd.valid & ~(stopped | refused | beyond) & fresh & goes),
            self.cmd.ready.eq(take),
            malformed.eq(
                Cat(*(size == 0 for size in sizes)).any()
                | (cmd.k_tail > config.rows)
                | (cmd.row_sum & (not config.row_sum))
            ),
        ]
        with m.If(goes & fresh):
            m.d.sync += [
                active.eq(take),
                accumulate.eq(cmd.accumulate),
                row_sum.eq(cmd.row_sum),
                k_tail.eq(cmd.k_tail),
                index.eq(cmd.index),
                mask.eq(cmd.post),
                acc_start.eq(cmd.acc),
                acc_block.eq(cmd.acc_block),
            ]
        with m.If(refused):
            m.d.sync += active.eq(0)
        m.d.sync += refused.eq(take & malformed)
        with m.If(refused | beyond | self.abort):
            m.d.sync += stopped.eq(1)

        m.d.comb += [
            rows.step.eq(goes),
            rows.fresh.eq(fresh),
            rows.base.eq(cmd.act),
            feeder.valid.eq(self.cmd.valid | self.weights_ready),
            feeder.wgt.eq(cmd.wgt),
            feeder.wgt_block.eq(cmd.wgt_block),
            feeder.accept.eq(take),
            feeder.taken.eq(issue & rows.tile_first),
            feeder.block_last.eq(rows.block_last),
            feeder.final.eq(rows.final),
            self.wgt_read.eq(feeder.read),
            self.wgt_row.eq(feeder.row),
        ]
        for level in LEVELS:
            m.d.comb += getattr(rows, f"count_{level}").eq(getattr(cmd, level))
            if level != "blocks":
                m.d.comb += getattr(rows, f"stride_{level}").eq(getattr(cmd, f"{level}_stride"))

        # --- issue a row ---------------------------------------------------------------------
        first = Signal()
        hazard = Signal()
        weights_there = Signal()
        wanted = Signal()
        outside = Signal()
        fenced = Signal()
        offset_bits = self.act.offset.shape().width
        region = rows.address[offset_bits:]
        # Rows issued one and two cycles ago, by their lowest bits: what looks alike only waits.
        was_issued, was_row = Signal(), Signal(ROW_BITS)
        same = Signal(REUSE_DISTANCE - 1)  # as the row at hand; `go_on` knows that these are two
        m.d.sync += [was_issued.eq(issue), was_row.eq(acc_row), same.eq(same << 1)]
        m.d.comb += [
            first.eq(rows.block_first & ~accumulate),
            hazard.eq(~first & same.any()),
            weights_there.eq(~rows.tile_first | feeder.ready),
            outside.eq(
                (region >= config.act_regions)
                | (rows.address[:offset_bits] > config.act_region_bytes - config.rows)
                | (acc_row >= config.acc_total_rows)
                | (rows.tile_first & feeder.bad)
            ),
            # The row behind one that lies outside, or the first one of a malformed command, may be
            # issued, too: what lies between array and accumulators forgets it.
            wanted.eq(active & ~stopped & weights_there & ~hazard),
            fenced.eq(hidden(self.act_fence, rows.address)),
            self.act.valid.eq(wanted & ~fenced),
            self.act.claim.eq(active),
            self.act.region.eq(region),
            self.act.offset.eq(rows.address),
            issue.eq(self.act.valid & self.act.ready),
            done.eq(issue & fresh),
        ]
        # Whether a row lies outside shows a cycle later, when the next command may be here already.
        was_index, was_mask, ended = Signal.like(index), Signal.like(mask), Signal()
        m.d.sync += [
            beyond.eq(wanted & outside & ~beyond & ~refused),
            was_index.eq(index),
            was_mask.eq(mask),
            ended.eq(done),
        ]
        m.d.comb += [
            self.fault.valid.eq(beyond | refused),
            self.fault.cause.eq(Mux(beyond, Cause.BAD_ADDRESS, Cause.BAD_COMMAND)),
            self.fault.index.eq(Mux(beyond, was_index, index)),
        ]

        def go_on(row: Value) -> list:
            """Statements that go on to an accumulator row."""
            low = Value.cast(row)[:ROW_BITS]
            return [
                acc_row.eq(row),
                same.eq(Cat(issue & (low == acc_row[:ROW_BITS]), was_issued & (low == was_row))),
            ]

        with m.If(goes):
            with m.If(fresh):
                m.d.sync += go_on(cmd.acc)
            with m.Elif(~rows.tile_last):
                m.d.sync += go_on(acc_row + 1)
            with m.Elif(rows.block_last):
                m.d.sync += [*go_on(acc_start + acc_block), acc_start.eq(acc_start + acc_block)]
            with m.Else():
                m.d.sync += go_on(acc_start)

        # --- fixed delays to array and accumulators --------------------------------------------
        layout = entry_layout(config)
        valid_bit = layout["valid"].offset
        entry = Signal(layout)
        half = Signal()
        m.d.comb += [
            half.eq(acc_row >= config.acc_rows),
            entry.valid.eq(issue),
            entry.first.eq(first),
            entry.last.eq(done),
            entry.half.eq(half),
            entry.row.eq(acc_row - Mux(half, config.acc_rows, 0)),
        ]
        # Lanes of whole half-words: the simulator shifts them without crossing words bit by bit.
        lane = -(-layout.size // 16) * 16
        depth = act_latency + array.latency - 1
        line = Signal(lane * depth)
        issued, counts_for = Signal(layout), Signal()  # in the last cycle; and for good
        m.d.comb += [
            counts_for.eq(~beyond & ~stopped),
            issued.eq(line[: layout.size]),
            issued.valid.eq(line[valid_bit] & counts_for),
        ]
        gap = Signal(lane - layout.size)
        m.d.sync += line.eq(Cat(entry, gap, issued, gap, line[lane:]))
        swaps = Signal(act_latency)
        m.d.sync += swaps.eq(Cat(issue & rows.tile_first, swaps))
        weights = Signal(8 * config.cols)
        m.d.sync += weights.eq(self.wgt_data)
        # Bytes beyond the tail of a slice count as zero.
        tails = [Signal.like(k_tail, name=f"tail_{i}") for i in range(act_latency - 1)]
        for i, tail in enumerate(tails):
            m.d.sync += tail.eq(tails[i - 1] if i else Mux(rows.tail, k_tail, config.rows))
        counts = Signal(config.rows)
        data = Signal(8 * config.rows)
        m.d.sync += counts.eq(Cat(tails[-1] > r for r in range(config.rows)))
        m.d.comb += [
            data.eq(self.act.data & Cat(bit.replicate(8) for bit in counts)),
            array.row.eq(data),
            array.swap.eq(swaps[-1]),
            array.weights.eq(weights),
            array.shift.eq(feeder.shift),
            accumulators.sums.eq(array.sums),
            accumulators.entry.eq(line[-lane:]),
        ]

        if config.row_sum:
            m.submodules.row_sum = sums = RowSum(config)
            counted = Signal(act_latency)
            entering = line[lane * (act_latency - 1) : lane * act_latency]
            m.d.sync += counted.eq(Cat(issue & row_sum, counted[0] & counts_for, counted[1:]))
            m.d.comb += [
                sums.row.eq(data),
                sums.entry.eq(Cat(counted[-1], entering[1 : layout.size])),
                sums.drain.eq(self.drain.valid & self.drain.ready),
                sums.drain_row.eq(self.drain.row),
                self.drain.row_sum.eq(sums.value),
                accumulators.blocked.eq(sums.reading),
            ]

        # --- posts, busy, bins ---------------------------------------------------------------
        flight = act_latency + array.latency - 1 + Accumulators.finish_latency(config)
        m.submodules.posts = posts = SyncFIFO(width=SEMAPHORES, depth=flight // config.rows + 2)
        inside = Signal(range(flight + 1))
        with m.If(issue):
            m.d.sync += inside.eq(flight)
        with m.Elif(inside != 0):
            m.d.sync += inside.eq(inside - 1)
        m.d.comb += [
            posts.w_data.eq(was_mask),
            posts.w_en.eq(ended & counts_for),
            posts.r_en.eq(accumulators.finished),
            self.post.mask.eq(posts.r_data),
            self.post.valid.eq(accumulators.finished),
            self.busy.eq(active | ended | posts.r_rdy),
        ]

        with m.If(issue):
            m.d.comb += self.bin.eq(bin_number("compute"))
        with m.Elif((active & ~weights_there) | (~active & self.cmd.valid) | self.waiting_weights):
            m.d.comb += self.bin.eq(bin_number("weights"))
        with m.Elif(self.waiting_operands | self.act.valid | (wanted & fenced)):
            m.d.comb += self.bin.eq(bin_number("operands"))
        with m.Elif(self.waiting_accumulator | (active & hazard)):
            m.d.comb += self.bin.eq(bin_number("accumulator"))
        with m.Elif(inside != 0):
            m.d.comb += self.bin.eq(bin_number("fill"))
        with m.Else():
            m.d.comb += self.bin.eq(bin_number("idle"))
        return m
