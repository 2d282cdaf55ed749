"""What takes a warp more than its pass through the pipeline: accesses to memory, and division."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from weft.config import SEMAPHORES

from ..interfaces import MemoryRead, MemoryWrite
from ..keep import KEEP
from ..one_hot import lowest, selected
from .crossbar import ToColumns, ToLanes, chosen
from .main_access import MainAccess
from .passes import COUNTS, Passes
from .port_access import PortAccess
from .request_queue import RequestQueue
from .requests import answer_layout, request_layout
from .serial import SerialUnit, serial_layout
from .shared_access import SharedAccess, SharedPort
from .sizes import Sizes, columns


class RowUnit(wiring.Component):
    """Takes requests, and answers in any order.

    A warp has one request at a time, and there is room for all: nobody who asks has to wait.

    Members
    -------
    access, serial
        Requests.
    floats
        Answers of the lanes' float units.
    o
        Answers.
    stored, port_warp, coming, next_warp
        See `SharedAccess`.
    read, write
        Clients of the memory port.
    shared
        Shared memory.
    counts, beats
        Events of `passes.COUNTS`, and beats of the burst that begins.
    busy
        Bursts are under way.
    abort
        Begin no further access, write nothing.
    push, take, semaphore, taken
        See `PortAccess`.
    """

    stored: Signal
    port_warp: Signal
    coming: Signal
    next_warp: Signal
    counts: Signal
    beats: Signal
    busy: Signal
    abort: Signal
    take: Signal
    semaphore: Signal
    taken: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "access": In(stream.Signature(request_layout(sizes))),
                "serial": In(stream.Signature(serial_layout(sizes))),
                "floats": In(stream.Signature(answer_layout(sizes))),
                "o": Out(stream.Signature(answer_layout(sizes))),
                "stored": Out(1),
                "port_warp": Out(range(max(2, sizes.warps))),
                "coming": Out(1),
                "next_warp": Out(range(max(2, sizes.warps))),
                "read": Out(MemoryRead(sizes)),
                "write": Out(MemoryWrite(sizes)),
                "shared": Out(SharedPort(sizes)),
                "counts": Out(len(COUNTS)),
                "beats": Out(5),
                "busy": Out(1),
                "abort": In(1),
                "push": Out(stream.Signature(8 * sizes.bus_bytes)),
                "take": Out(1),
                "semaphore": Out(range(SEMAPHORES)),
                "taken": In(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes = self.sizes
        m.submodules.queue = queue = RequestQueue(sizes)
        m.submodules.passes = passes = Passes(sizes)
        m.submodules.in_shared = in_shared = SharedAccess(sizes)
        m.submodules.in_main = in_main = MainAccess(sizes)
        m.submodules.at_port = at_port = PortAccess(sizes)
        m.submodules.to_columns = to_columns = ToColumns(sizes)
        m.submodules.to_lanes = to_lanes = ToLanes(sizes)
        m.submodules.serial_unit = serial = SerialUnit(sizes)
        wiring.connect(m, wiring.flipped(self.access), queue.i)
        wiring.connect(m, queue.o, passes.i)
        m.d.comb += passes.stored.eq(queue.stored)
        wiring.connect(m, at_port.push, wiring.flipped(self.push))
        # A request that takes so long may come a cycle later.
        m.d.comb += self.serial.ready.eq(1)
        m.d.sync += [
            serial.i.valid.eq(self.serial.valid),
            serial.i.payload.eq(self.serial.payload),
        ]
        wiring.connect(m, in_main.read, wiring.flipped(self.read))
        wiring.connect(m, in_main.write, wiring.flipped(self.write))

        # One pass at a time goes out, to whom it concerns; one row at a time comes back.
        places = {in_shared: passes.to_shared, at_port: passes.to_port, in_main: passes.to_main}
        free = ~(in_shared.holds | in_main.holds)
        for place, valid in places.items():
            m.d.comb += [place.valid.eq(valid), place.what.eq(passes.o), place.free.eq(free)]
        if_free = Signal(attrs=KEEP)  # the pass is served if the way out is
        m.d.comb += if_free.eq(Cat(place.if_free & valid for place, valid in places.items()).any())
        # What moves many registers is not what others wait for.
        loads = free & Cat(places.values()).any()
        m.d.comb += in_shared.loads.eq(loads)
        # Which memory's words come is chosen before the lane chooses among them.
        here = Signal.like(to_lanes.here, attrs=KEEP)
        words = Signal.like(to_lanes.words, attrs=KEEP)
        bus, all_banks = sizes.bus_bytes, 4 * sizes.banks
        m.d.comb += [
            # What comes last from far comes last here, too: whether the way out is free.
            passes.taken.eq(
                (passes.to_main & in_main.surely)
                | (passes.to_port & at_port.surely)
                | (free & if_free)
            ),
            to_columns.what.eq(passes.o),
            to_columns.takes.eq(Mux(passes.to_main, in_main.takes, ~0)),
            to_columns.writes.eq(in_shared.writes),
            to_columns.values.eq(in_shared.values),
            to_columns.go.eq(loads),
            in_main.strobe.eq(to_columns.strobe[:bus]),
            in_main.data.eq(to_columns.data[: 8 * bus]),
            at_port.strobe.eq(to_columns.strobe[:bus]),
            at_port.data.eq(to_columns.data[: 8 * bus]),
            in_shared.way_rows.eq(to_columns.bank_rows),
            self.shared.read.eq(in_shared.read),
            self.shared.region.eq(in_shared.region),
            self.shared.write.eq(in_shared.write),
            self.shared.rows.eq(in_shared.port_rows),
            self.shared.strobe.eq(to_columns.strobe[:all_banks]),
            self.shared.data.eq(to_columns.data[: 8 * all_banks]),
            in_shared.port_ready.eq(self.shared.ready),
            in_shared.pause.eq(self.shared.pause),
            in_main.waits.eq(in_shared.comes),
            here.eq(in_shared.here | in_main.here),
            to_lanes.here.eq(here),
            to_lanes.words.eq(words),
            in_shared.row.eq(to_lanes.row),
            in_main.row.eq(to_lanes.row),
            passes.shared_busy.eq(in_shared.busy),
            passes.abort.eq(self.abort),
            passes.port_busy.eq(at_port.busy),
            self.take.eq(at_port.take),
            self.semaphore.eq(at_port.semaphore),
            at_port.taken_one.eq(self.taken),
            in_main.abort.eq(self.abort),
            self.stored.eq(in_shared.stored),
            self.port_warp.eq(in_shared.port_warp),
            self.coming.eq(in_shared.coming),
            self.next_warp.eq(in_shared.next_warp),
            self.counts.eq(passes.counts),
            self.beats.eq(in_main.beats),
            self.busy.eq(in_main.busy | passes.busy),
        ]

        for column in range(columns(sizes)):
            # Nobody looks at a column that is not there.
            bank, word = (
                row[32 * column : 32 * column + 32] for row in (self.shared.out, in_main.words)
            )
            both = len(bank) and len(word)
            m.d.comb += words.word_select(column, 32).eq(
                Mux(in_shared.comes, bank, word) if both else Cat(bank, word)
            )

        # Each answer was given up by an instruction that had the write port to itself, so that
        # nobody waits for ever, whoever comes first.
        sources = [in_shared.o, in_main.loaded, in_main.stored, at_port.o, serial.o]
        few = (in_shared.o, in_main.stored, at_port.o)
        if sizes.fp == "full":
            sources = [self.floats, *sources]
        taken, answer = Signal(len(sources)), Signal(answer_layout(sizes))
        payloads = [source.payload.as_value() for source in sources]
        m.d.comb += [
            taken.eq(lowest(Cat(source.valid for source in sources))),
            *(source.ready.eq(self.o.ready & taken[i]) for i, source in enumerate(sources)),
            self.o.valid.eq(taken.any()),
            answer.eq(selected(zip(taken, payloads, strict=True))),
            self.o.payload.eq(answer),
        ]

        # Rows, which are many wires, apart; a store has none, and the command port one bit a lane.
        of = dict(zip(sources, taken, strict=True))
        rows = [
            (of[in_shared.o] & ~in_shared.row_waits, in_shared.straight),
            (of[in_shared.o] & in_shared.row_waits, in_shared.queued),
            *((of[o], o.payload.row) for o in sources if o not in few),
        ]
        row, bits = chosen(m, rows, "row"), at_port.o.payload.row
        m.d.comb += self.o.payload.row.eq(row | (bits & of[at_port.o].replicate(len(bits))))
        return m
