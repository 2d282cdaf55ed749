"""What takes a warp more than its pass through the pipeline: accesses to memory, and division.

Requests wait in a queue that has room for every warp, so that the pipeline never waits. This
unit serves one after the other, and of an access one lane after the other.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.simt import MAIN, PRIVATE, SHARED, Window

from ..interfaces import MemoryRead, MemoryWrite
from ..word_fifo import WordFifo
from .decode import Amo
from .divide import Dividers
from .interfaces import launch_layout
from .scheduler import encode, lowest
from .selection import PC_BITS
from .sizes import Sizes

KINDS = ("load", "store", "atomic", "divide", "word", "half", "unsigned", "remainder")
"""Bits of a request that the decoder gives."""


def request_layout(sizes: Sizes) -> data.StructLayout:
    """A warp's request: addresses or dividends ``a``, data or divisors ``b`` of all lanes."""
    return data.StructLayout(
        {
            **dict.fromkeys(KINDS, 1),
            "amo": Amo,
            "rd": 5,
            "pc": PC_BITS,
            "warp": range(max(2, sizes.warps)),
            "mask": sizes.lanes,
            "a": 32 * sizes.lanes,
            "b": 32 * sizes.lanes,
        }
    )


def answer_layout(sizes: Sizes) -> data.StructLayout:
    """What comes back: a row to be written if ``rd`` is not 0; ``error`` from memory."""
    return data.StructLayout(
        {
            "rd": 5,
            "pc": PC_BITS,
            "warp": range(max(2, sizes.warps)),
            "mask": sizes.lanes,
            "row": 32 * sizes.lanes,
            "error": 1,
        }
    )


class SharedPort(wiring.Signature):
    """A word of shared memory; what is read stands on ``out`` in the next cycle.

    Members
    -------
    valid, address
        Access this word.
    strobe, data
        Bytes to write; none for a read.
    """

    def __init__(self, sizes: Sizes):
        words = sizes.shared_bytes // 4
        super().__init__(
            {
                "valid": Out(1),
                "address": Out(range(max(2, words))),
                "strobe": Out(4),
                "data": Out(32),
                "out": In(32),
            }
        )


def within(address, window: Window):
    """Whether an address lies in a window, whose size is a power of two."""
    bits = window.size.bit_length() - 1
    return address[bits:] == window.base >> bits


class RowUnit(wiring.Component):
    """Serves requests in their order.

    Members
    -------
    i
        Requests; there is always room for one of each warp.
    o
        Answers.
    launch
        The kernel that runs.
    read, write
        Clients of the memory port.
    shared
        Shared memory.
    busy
        A request is being served.
    """

    busy: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(request_layout(sizes))),
                "o": Out(stream.Signature(answer_layout(sizes))),
                "launch": In(launch_layout()),
                "read": Out(MemoryRead(sizes)),
                "write": Out(MemoryWrite(sizes)),
                "shared": Out(SharedPort(sizes)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes = self.sizes, self.sizes.lanes
        m.submodules.queue = queue = WordFifo(request_layout(sizes), sizes.warps)
        m.submodules.dividers = dividers = Dividers(sizes)
        wiring.connect(m, wiring.flipped(self.i), queue.i)
        request = queue.o.payload

        # The lane whose turn it is, and where its address leads.
        pending, lane = Signal(lanes), Signal(range(max(2, lanes)))
        address, operand = Signal(32), Signal(32)
        is_shared, is_private = Signal(), Signal()
        main = Signal(32)
        m.d.comb += lane.eq(encode(lowest(pending), lanes))
        m.d.sync += [
            address.eq(request.a.word_select(lane, 32)),
            operand.eq(request.b.word_select(lane, 32)),
        ]
        lane_1, area = Signal.like(lane), Signal(32)
        lane_bits = (lanes - 1).bit_length()
        own = address[: PRIVATE.size.bit_length() - 1]
        m.d.sync += [
            lane_1.eq(lane),
            area.eq(self.launch.private_base + (request.warp * self.launch.private << lane_bits)),
        ]
        m.d.comb += [
            is_shared.eq(within(address, SHARED)),
            is_private.eq(within(address, PRIVATE)),
            main.eq(
                Mux(
                    is_private,
                    area + Cat(own[:2], lane_1[:lane_bits], own[2:]),
                    address & ~MAIN.base,
                )
            ),
        ]

        # Bytes in their place, and back.
        at = address[:2]
        value, loaded = Signal(32), Signal(32)
        strobe = Signal(4)
        m.d.comb += [
            value.eq(operand << (at << 3)),
            strobe.eq(Mux(request.word, 0b1111, Mux(request.half, 0b11, 0b1)) << at),
        ]
        beat_bits = (sizes.bus_bytes // 4 - 1).bit_length()
        word_in_beat = main[2 : 2 + beat_bits]
        from_main = self.read.beat.payload.data.word_select(word_in_beat, 32)
        raw, cut = Signal(32), Signal(32)
        m.d.comb += [
            raw.eq(Mux(is_shared, self.shared.out, from_main)),
            cut.eq(raw >> (at << 3)),
            loaded.eq(cut),
        ]
        with m.If(~request.word):
            sign = ~request.unsigned & Mux(request.half, cut[15], cut[7])
            m.d.comb += loaded.eq(
                Mux(
                    request.half,
                    Cat(cut[:16], sign.replicate(16)),
                    Cat(cut[:8], sign.replicate(24)),
                )
            )
        less = Signal()
        m.d.comb += less.eq(raw.as_signed() < operand.as_signed())
        updated = Mux(
            request.amo == Amo.ADD,
            raw + operand,
            Mux(less == (request.amo == Amo.MIN), raw, operand),
        )

        row, error = Signal(32 * lanes), Signal()
        m.d.comb += [
            self.o.payload.rd.eq(Mux(request.store, 0, request.rd)),
            self.o.payload.pc.eq(request.pc),
            self.o.payload.warp.eq(request.warp),
            self.o.payload.mask.eq(request.mask),
            self.o.payload.row.eq(row),
            self.o.payload.error.eq(error),
            dividers.a.eq(request.a),
            dividers.b.eq(request.b),
            dividers.unsigned.eq(request.unsigned),
            dividers.remainder.eq(request.remainder),
            self.shared.address.eq(address[2:]),
            self.shared.data.eq(Mux(request.atomic, updated, value)),
            self.read.burst.payload.beats.eq(1),
            self.read.burst.payload.addr.eq(main & ~(sizes.bus_bytes - 1)),
            self.write.burst.payload.beats.eq(1),
            self.write.burst.payload.addr.eq(main & ~(sizes.bus_bytes - 1)),
            self.write.beat.payload.data.eq(value.replicate(sizes.bus_bytes // 4)),
            self.write.beat.payload.strobe.eq(strobe << (word_in_beat << 2)),
        ]

        def served(next_state="LANE"):
            m.d.sync += pending.eq(pending & (pending - 1))
            m.next = next_state

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.sync += [pending.eq(request.mask), error.eq(0)]
                with m.If(queue.o.valid & request.divide):
                    m.d.comb += dividers.start.eq(1)
                    m.next = "DIVIDE"
                with m.Elif(queue.o.valid):
                    m.next = "LANE"
            with m.State("DIVIDE"):
                m.d.sync += row.eq(dividers.row)
                with m.If(~dividers.busy):
                    m.next = "ANSWER"
            with m.State("LANE"):  # its address and operand go into their registers
                m.next = "ACCESS"
                with m.If(~pending.any()):
                    m.next = "ANSWER"
            with m.State("ACCESS"):
                with m.If(is_shared):
                    m.d.comb += self.shared.valid.eq(1)
                    with m.If(request.store):
                        m.d.comb += self.shared.strobe.eq(strobe)
                        served()
                    with m.Else():
                        m.next = "SHARED"
                with m.Elif(request.store):
                    m.d.comb += self.write.burst.valid.eq(1)
                    with m.If(self.write.burst.ready):
                        m.next = "WRITE"
                with m.Else():
                    m.d.comb += self.read.burst.valid.eq(1)
                    with m.If(self.read.burst.ready):
                        m.next = "READ"
            with m.State("SHARED"):
                m.d.sync += row.word_select(lane_1, 32).eq(loaded)
                with m.If(request.atomic):
                    m.d.comb += [self.shared.valid.eq(1), self.shared.strobe.eq(0b1111)]
                served()
            with m.State("READ"):
                m.d.comb += self.read.beat.ready.eq(1)
                with m.If(self.read.beat.valid):
                    m.d.sync += [
                        row.word_select(lane_1, 32).eq(loaded),
                        error.eq(error | self.read.beat.payload.error),
                    ]
                    served()
            with m.State("WRITE"):
                m.d.comb += self.write.beat.valid.eq(1)
                with m.If(self.write.beat.ready):
                    m.next = "WRITTEN"
            with m.State("WRITTEN"), m.If(self.write.done.valid):
                m.d.sync += error.eq(error | self.write.done.payload.error)
                served()
            with m.State("ANSWER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.comb += queue.o.ready.eq(1)
                    m.next = "POP"
            with m.State("POP"):  # the next request stands on the queue in this cycle
                m.next = "IDLE"
        return m
