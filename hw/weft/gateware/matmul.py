"""MATMUL: streams rows of activations and tiles of weights through the array.

Two walkers share one command. The *feeder* shifts in the weights of the next tile, the *stream of
rows* gives those of the current one. One row stands in a register until it is issued, which is when
the activation SRAM grants its read; from there on everything has a fixed delay (cycles after)::

    0            A                        A + L - 2       A + L     ... + C + 2
    issue   row enters the array    accumulator entry   sum, col 0     finished

with A = ActSram.read_latency and L = Array.latency. The feeder looks ahead at the command on the
stream, which is taken when its first tile is known to the feeder and the rows before are given.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.commands import Engine
from weft.arch.errors import Cause
from weft.arch.registers import BINS
from weft.config import SEMAPHORES, Config

from .accumulator import REUSE_DISTANCE, Accumulators, entry_layout
from .act_sram import ActSram
from .array import Array
from .drain import AccRead
from .interfaces import ActRead, Fault, Post, command_layout
from .keep import KEEP
from .load_writer import Fence, hidden
from .row_stream import RowStream, row_layout
from .row_sum import RowSum
from .skid import Skid
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
        Index in `BINS` of the bin into which the last cycle fell.
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
                "bin": Out(range(len(BINS)), init=bin_number("idle")),
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
        m.submodules.rows = rows = RowStream(config)
        connect(m, flipped(self.drain), accumulators.drain)
        connect(m, flipped(self.wgt_fence), feeder.fence)

        # --- the command -----------------------------------------------------------------------
        cmd = self.cmd.payload
        connect(m, flipped(self.cmd), rows.cmd)
        stopped = Signal()
        row = Signal(row_layout(config))
        standing = Signal()
        issue = Signal()
        may_take = Signal(attrs=KEEP)  # the tile, if the row's read is granted, which comes last
        m.d.comb += [
            rows.known.eq(feeder.loaded),
            rows.stop.eq(stopped),
            feeder.valid.eq(self.cmd.valid | self.weights_ready),
            feeder.wgt.eq(cmd.wgt),
            feeder.wgt_block.eq(cmd.wgt_block),
            feeder.accept.eq(self.cmd.valid & self.cmd.ready),
            feeder.taken.eq(may_take & self.act.ready),
            feeder.block_last.eq(row.block_last),
            feeder.final.eq(row.final),
            self.wgt_read.eq(feeder.read),
            self.wgt_row.eq(feeder.row),
        ]

        # --- a row stands here until it is issued ----------------------------------------------
        # Behind a place to wait: whether it leaves need not get back to the addresses at once.
        m.submodules.between = between = Skid(row_layout(config))
        connect(m, rows.o, between.i)
        coming = between.o.payload
        goes = Signal()  # there is room for the next one
        offset_bits = len(self.act.offset)
        fenced = Signal()
        behind = Signal.like(self.act.behind)
        claim = Signal.like(self.act.claim)
        m.d.comb += [goes.eq(issue | ~standing), between.o.ready.eq(goes)]
        # By the fence of a cycle ago: what is behind it only shrinks while a command that waited
        # for its LOAD is here.
        m.d.sync += fenced.eq(hidden(self.act_fence, row.address))
        with m.If(goes):
            m.d.sync += [
                standing.eq(between.o.valid),
                row.eq(coming),
                behind.eq(coming.address[offset_bits - len(behind) : offset_bits] + 1),
                claim.eq(
                    Cat(
                        between.o.valid & (coming.address[offset_bits:] == region)
                        for region in range(config.act_regions)
                    )
                ),
                fenced.eq(hidden(self.act_fence, coming.address)),
            ]

        # Accumulator rows issued one cycle ago, two, and so on, by their lowest bits: what looks
        # alike only waits.
        low, coming_low = row.acc[:ROW_BITS], coming.acc[:ROW_BITS]
        recent = REUSE_DISTANCE - 1
        same = Signal(recent)  # which of them the row adds to
        again = Signal(recent)  # and the next row, would this one be issued now
        alike, issued, its_low = [coming_low == low], issue, low
        for i in range(recent - 1):
            was_issued, was_low = Signal(name=f"issued_{i}"), Signal(ROW_BITS, name=f"low_{i}")
            m.d.sync += [was_issued.eq(issued), was_low.eq(its_low)]
            alike.append(was_issued & (coming_low == was_low))
            issued, its_low = was_issued, was_low
        m.d.comb += again.eq(Cat(alike) & (~coming.first).replicate(recent))
        m.d.sync += same.eq(same << 1)
        with m.If(goes):
            m.d.sync += same.eq(again & Cat(issue, Const(-1, recent - 1)))

        # Whether a row may be issued, but for its weights and for others who read: known the cycle
        # before, one way or the other, so that whether this row is issued only chooses.
        asks, if_issued, if_not = Signal(), Signal(attrs=KEEP), Signal(attrs=KEEP)
        open_ = between.o.valid & ~coming.wrong & ~hidden(self.act_fence, coming.address)
        waits = standing & ~row.wrong & ~hidden(self.act_fence, row.address) & ~same[:-1].any()
        m.d.comb += [
            if_issued.eq(open_ & ~again.any()),
            if_not.eq(Mux(standing, waits, open_ & ~again[1:].any())),
        ]
        m.d.sync += asks.eq(Mux(issue, if_issued, if_not))

        # --- issue it, or say what is wrong ------------------------------------------------------
        hazard = Signal()
        weights_there = Signal()
        wanted = Signal()
        wrong = Signal()
        m.d.comb += [
            hazard.eq(same.any()),
            weights_there.eq(~row.tile_first | feeder.ready),
            wanted.eq(standing & ~stopped & weights_there & ~hazard),
            self.act.valid.eq(asks & ~stopped & weights_there),
            may_take.eq(asks & ~stopped & row.tile_first & feeder.ready),
            self.act.claim.eq(claim),
            self.act.region.eq(row.address[offset_bits:]),
            self.act.offset.eq(row.address),
            self.act.behind.eq(behind),
            issue.eq(self.act.valid & self.act.ready),
            self.fault.valid.eq(wrong),
            self.fault.cause.eq(Mux(row.malformed, Cause.BAD_COMMAND, Cause.BAD_ADDRESS)),
            self.fault.index.eq(row.index),
        ]
        misses = row.tile_first & feeder.bad  # its tile of weights
        m.d.sync += wrong.eq(standing & ~(stopped | wrong) & (misses | (weights_there & row.wrong)))
        with m.If(wrong | self.abort):
            m.d.sync += stopped.eq(1)
        # A command's last row was issued in the last cycle; what it posts.
        ended = Signal()
        mask = Signal(SEMAPHORES)
        m.d.sync += [ended.eq(issue & row.last), mask.eq(row.mask)]

        # --- fixed delays to array and accumulators --------------------------------------------
        layout = entry_layout(config)
        entry = Signal(layout)
        half = Signal()
        m.d.comb += [
            half.eq(row.acc >= config.acc_rows),
            entry.valid.eq(issue),
            entry.first.eq(row.first),
            entry.last.eq(row.last),
            entry.half.eq(half),
            entry.row.eq(row.acc - Mux(half, config.acc_rows, 0)),
        ]
        # Lanes of whole half-words: the simulator shifts them without crossing words bit by bit.
        lane = -(-layout.size // 16) * 16
        to_entry = act_latency + array.latency - 2
        line = Signal(lane * to_entry)
        m.d.sync += line.eq(Cat(entry, Signal(lane - layout.size, name="gap"), line))
        swaps = Signal(act_latency)
        m.d.sync += swaps.eq(Cat(issue & row.tile_first, swaps))
        weights = Signal(8 * config.cols)
        m.d.sync += weights.eq(self.wgt_data)
        # Bytes beyond the tail of a slice count as zero.
        tails = [row.bytes]
        for i in range(act_latency - 1):
            tail = Signal(range(config.rows + 1), name=f"tail_{i}")
            m.d.sync += tail.eq(tails[-1])
            tails.append(tail)
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
            accumulators.coming.eq(line[-2 * lane : -lane]),
        ]

        if config.row_sum:
            m.submodules.row_sum = sums = RowSum(config)
            counted = Signal(act_latency)
            entering = line[lane * (act_latency - 1) : lane * act_latency]
            m.d.sync += counted.eq(Cat(issue & row.row_sum, counted))
            m.d.comb += [
                sums.row.eq(data),
                sums.entry.eq(Cat(counted[-1], entering[1 : layout.size])),
                sums.drain.eq(self.drain.asks),
                sums.drain_half.eq(self.drain.half),
                sums.drain_row.eq(self.drain.row),
                self.drain.row_sum.eq(sums.value),
                accumulators.blocked.eq(sums.reading),
            ]

        # --- posts, busy, bins ---------------------------------------------------------------
        flight = to_entry + Accumulators.finish_latency(config)
        m.submodules.posts = posts = SyncFIFO(width=SEMAPHORES, depth=flight // config.rows + 2)
        inside = Signal(range(flight + 1))
        with m.If(issue):
            m.d.sync += inside.eq(flight)
        with m.Elif(inside != 0):
            m.d.sync += inside.eq(inside - 1)
        m.d.comb += [
            posts.w_data.eq(mask),
            posts.w_en.eq(ended),
            posts.r_en.eq(accumulators.finished),
            self.post.mask.eq(posts.r_data),
            self.post.valid.eq(accumulators.finished),
            self.busy.eq(between.o.valid | standing | ended | posts.r_rdy),
        ]

        begins = ~standing & (between.o.valid | self.cmd.valid)
        # The first of these that held in the last cycle.
        reasons = {
            "compute": issue,
            "weights": (standing & ~weights_there) | begins | self.waiting_weights,
            "operands": self.waiting_operands | self.act.valid | (wanted & fenced),
            "accumulator": self.waiting_accumulator | (standing & hazard),
            "fill": inside != 0,
        }
        m.d.comb += self.bin.eq(bin_number("idle"))
        for name, holds in reversed(reasons.items()):
            held = Signal(name=f"held_{name}")
            m.d.sync += held.eq(holds)
            with m.If(held):
                m.d.comb += self.bin.eq(bin_number(name))
        return m
