"""What takes a warp more than its pass through the pipeline: accesses to memory, and division."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from weft.config import SEMAPHORES

from ..interfaces import MemoryRead, MemoryWrite
from ..word_fifo import WordFifo
from .main_access import MainAccess
from .passes import COUNTS, Passes
from .port_access import PortAccess
from .requests import answer_layout, request_layout
from .scheduler import lowest
from .serial import SerialUnit, serial_layout
from .shared_access import SharedAccess, SharedPort
from .sizes import Sizes


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
    stored, coming, port_warp
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
    coming: Signal
    port_warp: Signal
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
                "coming": Out(1),
                "port_warp": Out(range(max(2, sizes.warps))),
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
        m.submodules.queue = queue = WordFifo(request_layout(sizes), sizes.warps)
        m.submodules.passes = passes = Passes(sizes)
        m.submodules.in_shared = in_shared = SharedAccess(sizes)
        m.submodules.in_main = in_main = MainAccess(sizes)
        m.submodules.at_port = at_port = PortAccess(sizes)
        m.submodules.serial_unit = serial = SerialUnit(sizes)
        wiring.connect(m, wiring.flipped(self.access), queue.i)
        wiring.connect(m, queue.o, passes.i)
        wiring.connect(m, passes.shared, in_shared.i)
        wiring.connect(m, passes.main, in_main.i)
        wiring.connect(m, passes.port, at_port.i)
        wiring.connect(m, at_port.push, wiring.flipped(self.push))
        wiring.connect(m, wiring.flipped(self.serial), serial.i)
        wiring.connect(m, in_shared.port, wiring.flipped(self.shared))
        wiring.connect(m, in_main.read, wiring.flipped(self.read))
        wiring.connect(m, in_main.write, wiring.flipped(self.write))
        m.d.comb += [
            passes.shared_busy.eq(in_shared.busy),
            passes.abort.eq(self.abort),
            passes.port_busy.eq(at_port.busy),
            self.take.eq(at_port.take),
            self.semaphore.eq(at_port.semaphore),
            at_port.taken.eq(self.taken),
            in_main.abort.eq(self.abort),
            self.stored.eq(in_shared.stored),
            self.coming.eq(in_shared.coming),
            self.port_warp.eq(in_shared.port_warp),
            self.counts.eq(passes.counts),
            self.beats.eq(in_main.beats),
            self.busy.eq(in_main.busy | passes.main.valid),
        ]

        # Each answer was given up by an instruction that had the write port to itself, so that
        # nobody waits for ever, whoever comes first.
        sources = [in_shared.o, in_main.loaded, in_main.stored, at_port.o, serial.o]
        if sizes.fp == "full":
            sources = [self.floats, *sources]
        chosen = lowest(Cat(source.valid for source in sources))
        taken, payload = Signal(len(sources)), Const(0, len(self.o.payload.as_value()))
        m.d.comb += taken.eq(chosen)
        for grant, source in zip(taken, sources, strict=True):
            bits = source.payload.as_value()
            payload = payload | (bits & grant.replicate(len(bits)))
            m.d.comb += source.ready.eq(self.o.ready & grant)
        m.d.comb += [self.o.valid.eq(taken.any()), self.o.payload.eq(payload)]
        return m
