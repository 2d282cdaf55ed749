"""The end of DRAIN: results meet their addresses and go to the activation SRAM."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.layouts import word_group
from weft.config import Config

from .drain_beats import beat_layout
from .interfaces import ActWrite
from .word_fifo import ReadyFifo, WordFifo


def result_bytes(config: Config) -> int:
    """Bytes of the widest write: a group of int32 results is never less than U bytes."""
    return 4 * word_group(config)


class DrainWriter(wiring.Component):
    """Two queues: addresses enter with the beat, results when they are computed.

    Parameters
    ----------
    config
        Sizes.
    room
        Writes that may be in a queue; never exceeded by whoever feeds it.

    Members
    -------
    words
        Results are int32.
    beat_valid, beat
        A beat.
    valid, data
        A result, in the order of the beats, after its beat.
    abort
        Nothing more is written.
    act
        Write port of the activation SRAM.
    popped, finished
        Strobes: a write is done; it was the last one of a command.
    """

    latency = WordFifo.latency
    """Cycles from a result to its write."""

    words: Signal
    beat_valid: Signal
    beat: data.View
    valid: Signal
    data: Signal
    abort: Signal
    act: ActWrite
    popped: Signal
    finished: Signal

    def __init__(self, config: Config, room: int):
        self.config = config
        self.room = room
        super().__init__(
            {
                "words": In(1),
                "beat_valid": In(1),
                "beat": In(beat_layout(config)),
                "valid": In(1),
                "data": In(8 * result_bytes(config)),
                "abort": In(1),
                "act": Out(ActWrite(config)),
                "popped": Out(1),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        width = result_bytes(self.config)
        place = data.StructLayout(
            {
                "region": self.act.region.shape(),
                "offset": self.act.offset.shape(),
                "mask": width,
                "last": 1,
            }
        )
        m.submodules.places = places = ReadyFifo(place, self.room)
        m.submodules.results = results = WordFifo(unsigned(8 * width), self.room)

        entered = Signal()
        beat = Signal(beat_layout(self.config), reset_less=True)
        m.d.sync += entered.eq(self.beat_valid)
        with m.If(self.beat_valid):
            m.d.sync += beat.eq(self.beat)
        m.d.comb += [
            places.i.valid.eq(entered),
            places.i.payload.region.eq(beat.region),
            places.i.payload.offset.eq(beat.offset),
            places.i.payload.mask.eq(
                Cat((Mux(self.words, i // 4, i) < beat.columns) for i in range(width))
            ),
            places.i.payload.last.eq(beat.last),
            results.i.valid.eq(self.valid),
            results.i.payload.eq(self.data),
        ]

        # An address is in its queue no later than its result: one look at the latter will do.
        m.d.comb += [
            self.act.valid.eq(results.o.valid & ~self.abort),
            self.act.region.eq(places.o.payload.region),
            self.act.offset.eq(places.o.payload.offset),
            self.act.data.eq(results.o.payload),
            self.act.mask.eq(places.o.payload.mask),
            self.popped.eq(self.act.valid & self.act.ready),
            self.finished.eq(self.popped & places.o.payload.last),
            places.o.ready.eq(self.popped),
            results.o.ready.eq(self.popped),
        ]
        return m
