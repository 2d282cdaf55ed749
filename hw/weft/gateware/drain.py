"""DRAIN: accumulator rows to the activation SRAM, requantised or as int32.

`DrainRows` gives checked rows, `DrainBeats` reads them as there is room and cuts them into *beats*
of U columns (U = drain_units; of int32 results, as many as one act write holds), U units compute,
and `DrainWriter` writes. From the read to the writer nothing stalls. Delays in cycles after a beat,
with L = read_latency, S = `DrainUnit.sum_latency`, Q = `Requantiser.latency`::

    -L - 1        -1              0        S               S + Q
    row granted   row arrives,    beat     sums: the       bytes
                  bias addressed           int32 results

The constants of a command stand in a *slot*; its number travels with the beat, and what a stage
needs is looked up there one cycle before. With `Config.held_commands` there is one command at a
time, it stays where it is, and there are no slots.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.commands import Engine
from weft.arch.layouts import word_group, word_writes
from weft.config import Config

from .drain_beats import AccRead, DrainBeats
from .drain_rows import SLOTS, DrainRows, most_beats, row_layout
from .drain_unit import DrainUnit
from .drain_writer import DrainWriter
from .interfaces import ActWrite, Fault, Post, command_layout
from .param_sram import ParamRead, ParamSram
from .requantise import Requantiser
from .skid import Skid

LOW_BITS = 17
"""Bits of a row sum that a multiplier of 18 x 18 bits with signs takes."""

LUT_RAM_ROWS = 16
"""Rows of a RAM of LUTs, in all families that have some."""


class Drain(wiring.Component):
    """The DRAIN engine.

    Parameters
    ----------
    config
        Sizes.
    read_latency
        Cycles from a grant on ``acc`` to its data, at least 1.

    Members
    -------
    cmd, post, busy, fault, abort
        As every engine has them.
    acc
        Read port of the accumulators.
    params
        Read port of the parameter SRAM.
    act
        Write port of the activation SRAM.
    """

    cmd: stream.Interface
    post: Post
    busy: Signal
    fault: Fault
    abort: Signal
    acc: AccRead
    params: ParamRead
    act: ActWrite

    def __init__(self, config: Config, read_latency: int):
        if read_latency < 1:
            raise ValueError(f"read_latency = {read_latency} is not valid: at least 1")
        self.config = config
        self.read_latency = read_latency
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.DRAIN))),
                "post": Out(Post()),
                "busy": Out(1),
                "fault": Out(Fault()),
                "abort": In(1),
                "acc": Out(AccRead(config)),
                "params": Out(ParamRead(config)),
                "act": Out(ActWrite(config)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the grant of a row to its first bytes on ``act``."""
        compute = DrainUnit.sum_latency(self.config) + Requantiser.latency
        return self.read_latency + DrainBeats.beat_delay + compute + DrainWriter.latency

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        # Room for what is on its way at full rate; rows enter as a whole.
        room = self.latency + DrainBeats.free_delay + most_beats(config)
        if config.held_commands:
            # As much as a RAM of LUTs holds, where that is less: then they wait for one another.
            room = max(min(room, LUT_RAM_ROWS), most_beats(config))
        m.submodules.rows = rows = DrainRows(config)
        m.submodules.beats = beats = DrainBeats(config, self.read_latency, room)
        m.submodules.writer = writer = DrainWriter(config, room)
        connect(m, flipped(self.cmd), rows.cmd)
        connect(m, rows.fault, flipped(self.fault))
        # A row may wait here: whether one is read need not get back to the addresses at once.
        m.submodules.between = between = Skid(row_layout(config))
        connect(m, rows.o, between.i)
        connect(m, beats.acc, flipped(self.acc))
        connect(m, writer.act, flipped(self.act))
        # A cycle late, for it comes from far; where rows are read and results written, one more.
        abort, stopped = Signal(), Signal()
        m.d.sync += [abort.eq(self.abort), stopped.eq(abort)]
        m.d.comb += [
            rows.abort.eq(abort),
            beats.i.valid.eq(between.o.valid & ~stopped),
            beats.i.payload.eq(between.o.payload),
            between.o.ready.eq(beats.i.ready),
            writer.abort.eq(stopped),
            writer.words.eq(beats.words),
            writer.beat_valid.eq(beats.valid),
            writer.beat.eq(beats.beat),
            beats.popped.eq(writer.popped),
        ]

        # --- commands in progress --------------------------------------------------------------
        accept, accepted = Signal(), Signal()
        commands = Signal(range(SLOTS + 1))
        oldest, now_oldest = Signal(range(SLOTS)), Signal(range(SLOTS))
        m.d.comb += [
            accept.eq(self.cmd.valid & self.cmd.ready),
            rows.free.eq(
                ~self.busy
                if config.held_commands
                else (commands != SLOTS) & ~(accepted & (commands == SLOTS - 1))
            ),
            self.busy.eq(accepted | (commands != 0)),
            now_oldest.eq(oldest + self.post.valid),
        ]
        # Counted a cycle later: that a command is there comes from far.
        m.d.sync += [
            accepted.eq(accept),
            commands.eq(commands + accepted - self.post.valid),
            oldest.eq(now_oldest),
            self.post.valid.eq(writer.finished),
        ]
        self._slot = rows.slot
        mask = self._lookup(m, "post", self.cmd.payload.post, now_oldest, 1)
        m.d.comb += self.post.mask.eq(mask)

        self._compute(m, beats, writer)
        return m

    def _lookup(self, m: Module, name: str, value, slot, en):
        """Keep a constant of each command; returns that of ``slot``, one cycle later.

        Held commands keep themselves.
        """
        if self.config.held_commands:
            return value
        memory = Memory(shape=len(value), depth=SLOTS, init=[])
        m.submodules[f"slot_{name}"] = memory
        write = memory.write_port()
        read = memory.read_port(transparent_for=())
        m.d.comb += [
            # Written before it is known whether a command is there: nobody has this slot.
            write.en.eq(self.cmd.ready),
            write.addr.eq(self._slot),
            write.data.eq(value),
            read.en.eq(en),
            read.addr.eq(slot),
        ]
        return read.data

    def _compute(self, m: Module, beats: DrainBeats, writer: DrainWriter) -> None:
        """The drain units, and what they need when they need it."""
        config = self.config
        cmd = self.cmd.payload
        running = beats.running
        sums = DrainUnit.sum_latency(config)
        scales = sums + Requantiser.scale_delay
        zero_points = sums + Requantiser.zero_point_delay
        clamps = sums + Requantiser.clamp_delay

        def delayed(name: str, value, cycles: int) -> list:
            """The value, and the value 1 to ``cycles`` cycles later."""
            line = Signal(len(value) * cycles, name=name)
            with m.If(running):
                m.d.sync += line.eq(Cat(value, line))
            return [value, *(line.word_select(i, len(value)) for i in range(cycles))]

        # Nothing may be left in these lines when they stand still.
        sum_valid = delayed("sum_valid", beats.valid, sums)[-1]
        byte_valid = delayed("byte_valid", sum_valid & ~beats.words, Requantiser.latency)[-1]
        slot = delayed("beat_slot", beats.beat.slot, clamps - 1)
        part = delayed("beat_part", beats.beat.part, sums)
        address = scales - ParamSram.read_latency
        param_row = delayed("beat_param_row", beats.beat.param_row, address)

        # The clamp at qmax comes last: with qmin above it, all results are qmax.
        qmin = Mux(cmd.qmin < cmd.qmax, cmd.qmin, cmd.qmax)
        limits = Cat(qmin[: len(cmd.qmin)], cmd.qmax)
        scale = self._lookup(m, "scale", Cat(cmd.scale, cmd.params), slot[scales - 1], running)
        zero_point = self._lookup(m, "zero", cmd.zero_point, slot[zero_points - 1], running)
        limits = self._lookup(m, "limits", limits, slot[clamps - 1], running)
        correction = Signal(32)
        if config.row_sum:
            factor = self._lookup(m, "factor", cmd.b_zero_point, beats.coming_slot, beats.coming)
            # Two multipliers, each in a module of its own, as `multiply` has them: a name to place.
            parts = []
            halves = {"low": beats.row_sum[:LOW_BITS], "high": beats.row_sum[LOW_BITS:]}
            for name, half in halves.items():
                product = Signal(signed(len(half) + 1 + len(factor)), name=f"{name}_product")
                m.submodules[f"times_{name}"] = times = Module()
                times.d.comb += product.eq(half * factor.as_signed())
                parts.append(product)
            with m.If(running):
                m.d.sync += correction.eq(parts[0] + (parts[1] << LOW_BITS))

        m.d.comb += [
            self.params.en.eq(running),
            self.params.bias_row.eq(beats.bias_row),
            self.params.scale_row.eq(param_row[address]),
        ]
        totals, values = [], []
        for u in range(config.drain_units):
            m.submodules[f"unit_{u}"] = unit = DrainUnit(config)
            m.d.comb += [
                unit.en.eq(running),
                unit.acc.eq(beats.data.word_select(u, 32)),
                unit.bias.eq(self.params.bias.word_select(u, 32)),
                unit.add_bias.eq(beats.beat.params),
                unit.correction.eq(correction),
                unit.scale.eq(Mux(scale[32], self.params.scale.word_select(u, 32), scale[:32])),
                unit.zero_point.eq(zero_point),
                unit.qmin.eq(limits[:16]),
                unit.qmax.eq(limits[16:]),
            ]
            totals.append(unit.total)
            values.append(unit.value)

        group = 32 * word_group(config)
        words = Signal(group * word_writes(config))
        m.d.comb += [
            words.eq(Cat(*totals)),
            writer.valid.eq(running & Mux(beats.words, sum_valid, byte_valid)),
            writer.data.eq(Mux(beats.words, words.word_select(part[sums], group), Cat(*values))),
        ]
