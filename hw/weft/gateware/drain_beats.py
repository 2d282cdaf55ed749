"""Accumulator rows cut into beats: what the drain units take in one cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.layouts import word_group, word_writes
from weft.config import Config

from .drain_rows import SLOTS, most_beats, row_layout
from .keep import KEEP


class AccRead(wiring.Signature):
    """The read port of the accumulators, from DRAIN's side.

    Members
    -------
    asks
        A row is there; it may be read in vain.
    valid, half, row, ready
        Row ``row`` of a half is read in the cycle in which ``valid`` and ``ready`` are high
        (``ready`` may depend on ``valid``).
    data, row_sum
        All columns of the row, 32 bits each, column 0 lowest, and its row sum, in exactly the
        cycle that is ``Accumulators.read_latency`` after the grant; they do not hold.
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "asks": Out(1),
                "valid": Out(1),
                "half": Out(1),
                "row": Out(range(max(2, config.acc_rows))),
                "ready": In(1),
                "data": In(32 * config.cols),
                "row_sum": In(32),
            }
        )


def beat_layout(config: Config) -> data.StructLayout:
    """What goes with the U accumulators of a beat.

    ``columns`` of them are written to ``offset`` of ``region``; of int32 results, those of write
    ``part`` of the U columns. ``param_row`` is their row of the parameter SRAM; the rest is as in
    `row_layout`, ``last`` with the last beat only.
    """
    row = row_layout(config).members
    names = ("region", "offset", "columns", "param_row", "slot", "params", "last")
    return data.StructLayout(
        {**{name: row[name] for name in names}, "part": range(max(2, word_writes(config)))}
    )


class DrainBeats(wiring.Component):
    """Reads rows and cuts them into beats.

    A row is read when there is room for all act writes that come of it, so that nothing behind the
    read ever stalls. int32 and byte rows take turns: one is read when nothing of the other is
    between here and act.

    Parameters
    ----------
    config
        Sizes.
    read_latency
        Cycles from a grant on ``acc`` to its data.
    room
        Writes that may be between the grant of their row and act.

    Members
    -------
    i
        Rows.
    acc
        Read port of the accumulators.
    popped
        An act write is done.
    running
        Something is between the grant and act. While it is low the pipeline may stand still: that
        makes it fast to simulate and saves power.
    words
        What is there are int32 results.
    coming, coming_slot
        A row's first beat is in the next cycle, and its slot.
    bias_row
        ``param_row`` of the beat in the next cycle.
    valid, beat, data, row_sum
        A beat: its accumulators, and the row sum of its row.
    """

    i: stream.Interface
    acc: AccRead
    popped: Signal
    running: Signal
    words: Signal
    coming: Signal
    coming_slot: Signal
    bias_row: Signal
    valid: Signal
    beat: data.View
    data: Signal
    row_sum: Signal

    beat_delay = 1
    """Cycles from a row's data to its first beat."""

    free_delay = 1
    """Cycles from a write to the room that it leaves."""

    def __init__(self, config: Config, read_latency: int, room: int):
        self.config = config
        self.read_latency = read_latency
        self.room = room
        layout = beat_layout(config)
        super().__init__(
            {
                "i": In(stream.Signature(row_layout(config))),
                "acc": Out(AccRead(config)),
                "popped": In(1),
                "running": Out(1),
                "words": Out(1),
                "coming": Out(1),
                "coming_slot": Out(range(SLOTS)),
                "bias_row": Out(layout["param_row"].shape),
                "valid": Out(1),
                "beat": Out(layout),
                "data": Out(32 * config.drain_units),
                "row_sum": Out(32),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        row = self.i.payload
        granted = Signal()

        # --- grants --------------------------------------------------------------------------
        left_room = Signal(range(self.room + 1), init=self.room)
        room_next = Signal.like(left_room)
        has_room = Signal(init=1)
        freed = Signal()  # counted a cycle later: that a write is granted comes from far
        spacing = Signal(range(most_beats(config) + 1))  # beats that the last row still needs
        m.d.comb += [
            self.acc.valid.eq(self.i.valid & (row.int32 == self.words) & (spacing == 0) & has_room),
            self.acc.asks.eq(self.i.valid),
            self.acc.half.eq(row.half),
            self.acc.row.eq(row.acc),
            granted.eq(self.acc.valid & self.acc.ready),
            self.i.ready.eq(granted),
            room_next.eq(left_room - Mux(granted, row.beats, 0) + freed),
        ]
        # As much room as any row may take, which both ways to go on say before it is known which.
        # Where there is no more than that, what this row takes.
        if config.held_commands:
            m.d.comb += has_room.eq(row.beats <= left_room)
        else:
            most, room_if = most_beats(config), []
            for name, beats in (("granted", row.beats), ("waiting", 0)):
                enough = Signal(name=f"room_if_{name}", attrs=KEEP)
                m.d.comb += enough.eq(left_room + freed >= most + beats)
                room_if.append(enough)
            m.d.sync += has_room.eq(Mux(granted, *room_if))
        # The same as ``room_next != self.room``, which would have to wait for a sum.
        rests = (left_room == self.room) | (freed & (left_room == self.room - 1))
        m.d.sync += [
            freed.eq(self.popped),
            left_room.eq(room_next),
            self.running.eq(granted | ~rests),
        ]
        with m.If(granted):
            m.d.sync += spacing.eq(row.beats - 1)
        with m.Elif(spacing != 0):
            m.d.sync += spacing.eq(spacing - 1)
        with m.If(self.i.valid & ~self.running):
            m.d.sync += self.words.eq(row.int32)

        # --- the row's fields wait for its data ------------------------------------------------
        waiting, valid = row, granted
        for stage in range(self.read_latency):
            before, before_valid = waiting, valid
            waiting = Signal(row_layout(config), name=f"waiting_{stage}", reset_less=True)
            valid = Signal(name=f"waiting_valid_{stage}")
            m.d.sync += valid.eq(before_valid)
            with m.If(before_valid):
                m.d.sync += waiting.eq(before)
        m.d.comb += [self.coming.eq(valid), self.coming_slot.eq(waiting.slot)]

        # --- beats ---------------------------------------------------------------------------
        units, group, writes = config.drain_units, word_group(config), word_writes(config)
        columns = Signal(32 * config.cols, reset_less=True)  # of the row, from this beat's first
        left = Signal(row_layout(config)["columns"].shape, reset_less=True)  # of them
        last_row = Signal(reset_less=True)
        at = Signal(beat_layout(config), reset_less=True)
        step = Signal(range(units + 1))  # columns that a beat can write
        through = Signal()  # this beat is the last one of its U columns
        end = Signal()
        m.d.comb += [
            step.eq(units),
            through.eq(1),
            end.eq(left <= step),
            self.beat.eq(at),
            self.beat.columns.eq(Mux(end, left, step)),
            self.beat.last.eq(end & last_row),
            self.data.eq(columns),
        ]
        if writes > 1:
            final = at.part == writes - 1
            with m.If(self.words):
                m.d.comb += [
                    step.eq(Mux(final, units - group * (writes - 1), group)),
                    through.eq(final),
                ]
        m.d.comb += self.bias_row.eq(Mux(self.coming, waiting.param_row, at.param_row + through))

        with m.If(self.coming):
            m.d.sync += [
                columns.eq(self.acc.data),
                # Nothing where there is nothing to correct: behind it is a product.
                self.row_sum.eq(Mux(waiting.row_sum, self.acc.row_sum, 0)),
                left.eq(waiting.columns),
                last_row.eq(waiting.last),
                self.valid.eq(1),
                at.part.eq(0),
                *(at[name].eq(waiting[name]) for name in ("region", "offset", "param_row")),
                *(at[name].eq(waiting[name]) for name in ("slot", "params")),
            ]
        with m.Elif(self.valid):
            m.d.sync += [
                left.eq(left - step),
                self.valid.eq(~end),
                at.part.eq(Mux(through, 0, at.part + 1)),
                at.offset.eq(at.offset + Mux(self.words, step << 2, step)),
                at.param_row.eq(self.bias_row),
            ]
            if config.drain_beats > 1:
                with m.If(through):
                    m.d.sync += columns.eq(columns >> 32 * units)
        return m
