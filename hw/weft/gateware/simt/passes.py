"""Cuts the accesses of a warp into passes, by the rule of `weft.golden.simt.coalesce`.

A pass of main memory takes the lowest lane that is left, and all in its line. One of shared memory
is in the region of the lowest lane that is left; it takes, in each bank, the lowest such lane, and
all that want the same word. One of the command port takes the lowest lane. Lanes in shared memory
come first, those at the command port second; the others wait until their answers have been taken.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.simt import LINE_BYTES

from .crossbar import selected
from .parts_of_words import strobe
from .requests import pass_layout, request_layout
from .scheduler import lowest
from .sizes import Sizes, columns

COUNTS = ("shared_accesses", "bank_conflicts", "memory_accesses", "memory_split", "memory_bursts")
"""Counters of `weft.golden.simt.Counters` of which this part gives the events."""


def in_regions(m: Module, offset, sizes: Sizes, name: str) -> tuple[Signal, Signal]:
    """The region that an offset in shared memory lies in, and the offset in it."""
    number = Signal(range(max(2, sizes.regions)), name=f"{name}_region")
    rest = Signal(range(sizes.region_bytes), name=f"{name}_offset")
    m.d.comb += rest.eq(offset)
    for region in range(1, sizes.regions):
        start = region * sizes.region_bytes
        with m.If(offset[: sizes.shared_bytes.bit_length()] >= start):
            m.d.comb += [number.eq(region), rest.eq(offset - start)]
    return number, rest


class Passes(wiring.Component):
    """One pass in a cycle, if what serves it takes it.

    Members
    -------
    i
        Requests.
    o, to_shared, to_port, to_main
        The pass, in registers, and whom it concerns: one of them, or nobody when there is none.
    taken
        The pass has been served: the next one may come.
    shared_busy, port_busy
        Answers of shared memory or the command port are under way.
    busy
        A pass of main memory is there, or comes next.
    counts
        One bit for each of `COUNTS`, in their order.
    abort
        Drop requests that are not in passes yet.
    """

    latency = 2
    """Cycles from a request to its first pass, when none is before it."""

    o: Signal
    to_shared: Signal
    to_port: Signal
    to_main: Signal
    taken: Signal
    busy: Signal
    shared_busy: Signal
    port_busy: Signal
    counts: Signal
    abort: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(request_layout(sizes))),
                "o": Out(pass_layout(sizes)),
                "to_shared": Out(1),
                "to_port": Out(1),
                "to_main": Out(1),
                "taken": In(1),
                "busy": Out(1),
                "shared_busy": In(1),
                "port_busy": In(1),
                "counts": Out(len(COUNTS)),
                "abort": In(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes = self.sizes, self.sizes.lanes
        request = Signal(request_layout(sizes))
        left, first = Signal(lanes), Signal()
        bank_bits = (sizes.banks - 1).bit_length()
        line_bits = (LINE_BYTES // 4 - 1).bit_length()

        # Which of the lanes that are left a pass can take; which memory's is known beforehand.
        in_shared, to_shared = left & request.shared, Signal()
        at_port, to_port = left & request.port, Signal()
        wanted, chosen, taken = Signal(lanes), Signal(lanes), Signal(lanes)
        # Lanes in the region of the pass; it takes a cycle to turn to another region.
        near, region = Signal(lanes), Signal(range(max(2, sizes.regions)))
        turns = Signal()
        m.d.comb += [
            turns.eq(to_shared & ~(in_shared & near).any()),
            wanted.eq(Mux(to_shared, in_shared & near, Mux(to_port, at_port, left))),
        ]
        regions = [Signal.like(region, name=f"region_{lane}") for lane in range(lanes)]
        with m.If(turns):
            self._turn(m, lowest(in_shared), regions, near, region)
        meets = self._meetings(m, bank_bits, line_bits)
        for lane in range(lanes):
            before, same = [], []
            for other in range(lane):
                pair = meets[other, lane]
                before.append(wanted[other] & pair.bank)
                same.append(chosen[other] & pair.bank & pair.row)
            m.d.comb += [
                chosen[lane].eq(wanted[lane] & ~Cat(before).any()),
                taken[lane].eq(chosen[lane] | (wanted[lane] & Cat(same).any() & ~request.atomic)),
            ]
        leader = Signal(lanes)
        m.d.comb += leader.eq(lowest(wanted))
        in_line = leader | Cat(
            wanted[lane] & Cat(leader[i] & meets[i, lane].line for i in range(lane)).any()
            for lane in range(lanes)
        )

        # The bytes that a lane writes: not those that a higher one writes, too, in the same pass.
        written = Signal(4 * lanes)
        all_bytes = [
            strobe(request.a.word_select(lane, 32)[:2], request.byte, request.half)
            for lane in range(lanes)
        ]
        for lane in range(lanes):
            above = Const(0, 4)
            for other in range(lane + 1, lanes):
                both = meets[lane, other].word & request.mask[other] & ~request.atomic
                above = above | (all_bytes[other] & both.replicate(4))
            m.d.comb += written.word_select(lane, 4).eq(all_bytes[lane] & ~above)
        served, rest = Signal(lanes), Signal(lanes)
        m.d.comb += [
            served.eq(Mux(to_shared, taken, Mux(to_port, leader, in_line))),
            rest.eq(left & ~served),
        ]

        elsewhere = Mux(to_port, request.port, ~request.port & ~request.shared)
        kind = request.mask & Mux(to_shared, request.shared, elsewhere)
        emit = (rest & kind) == 0
        # Answers from several places come in no order: one after the other then.
        mixed_shared, mixed_port = ((request.mask & which).any() for which in
                                    (request.shared, request.port))  # fmt: skip
        waits = (mixed_shared & (self.shared_busy | self.to_shared)) | (
            mixed_port & (self.port_busy | self.to_port)
        )
        to_main = left.any() & ~to_shared & ~to_port
        free, goes, done = Signal(), Signal(), Signal()
        m.d.comb += [
            free.eq(~(self.to_shared | self.to_port | self.to_main) | self.taken),
            goes.eq(left.any() & ~turns & (to_shared | ~waits)),
            done.eq(free & goes),
            self.busy.eq(self.to_main | to_main),
            self.i.ready.eq(~left.any() | (free & (goes & (rest == 0)))),
        ]
        with m.If(free):
            m.d.sync += [
                self.to_shared.eq(done & to_shared),
                self.to_port.eq(done & to_port),
                self.to_main.eq(done & to_main),
                self.o.request.eq(request),
                self.o.served.eq(served),
                self.o.mask.eq(kind),
                self.o.emit.eq(emit),
                self.o.last.eq(rest == 0),
                self.o.region.eq(region),
                self.o.bytes.eq(written & Cat(bit.replicate(4) for bit in served)),
                self.o.at.eq(
                    Cat(self._columns(request, lane, served[lane]) for lane in range(lanes))
                ),
            ]
        with m.If(self.i.ready):
            m.d.sync += request.eq(self.i.payload)
            numbers = []
            for lane, where in enumerate(regions):
                address = self.i.payload.a.word_select(lane, 32)
                number, offset = in_regions(m, address, sizes, f"lane_{lane}")
                numbers.append(number)
                m.d.sync += where.eq(number)
                with m.If(self.i.payload.shared[lane]):
                    m.d.sync += request.a.word_select(lane, 32).eq(offset)
            ours = self.i.payload.mask & self.i.payload.shared
            self._turn(m, lowest(ours), numbers, near, region)
            at_our_port = (self.i.payload.mask & self.i.payload.port).any()
            m.d.sync += [
                left.eq(Mux(self.i.valid & ~self.abort, self.i.payload.mask, 0)),
                to_shared.eq(self.i.valid & ~self.abort & ours.any()),
                to_port.eq(self.i.valid & ~self.abort & ~ours.any() & at_our_port),
                first.eq(1),
            ]
        with m.Elif(done):
            more_shared = (rest & request.shared).any()
            m.d.sync += [
                left.eq(rest),
                to_shared.eq(more_shared),
                to_port.eq(~more_shared & (rest & request.port).any()),
                first.eq(emit),
            ]
        main = done & to_main
        m.d.comb += self.counts.eq(
            Cat(
                done & to_shared & first,
                done & to_shared & ~first,
                main & first,
                main & first & ~emit,
                main,
            )
        )
        return m

    def _turn(self, m: Module, leader, regions, near: Signal, region: Signal) -> None:
        """Turn to the region of a lane, one-hot."""
        number = Signal.like(region, name="number")
        m.d.comb += number.eq(selected(zip(leader, regions, strict=True)))
        m.d.sync += [region.eq(number), near.eq(Cat(where == number for where in regions))]

    def _columns(self, request, lane: int, served):
        """The column of a lane's word, one-hot; none where it is not served."""
        words = request.a.word_select(lane, 32)[2:]
        bank, word = (words[: (size - 1).bit_length()] for size in
                      (self.sizes.banks, self.sizes.bus_bytes // 4))  # fmt: skip
        column = Mux(request.shared[lane], bank, word)
        return Cat(served & (column == i) for i in range(columns(self.sizes)))

    def _meetings(self, m: Module, bank_bits: int, line_bits: int) -> dict[tuple[int, int], Any]:
        """What each pair of lanes has in common, known when the request is taken.

        The same bank, row (where the bank is the same, and both are in shared memory), line of main
        memory, and word of the same memory.
        """
        taken = self.i.payload
        shape = data.StructLayout(dict.fromkeys(("bank", "row", "line", "word"), 1))
        shared_bits = (self.sizes.shared_bytes - 1).bit_length() - 2
        words = [taken.a.word_select(lane, 32)[2:] for lane in range(self.sizes.lanes)]
        meets = {}
        for lane in range(self.sizes.lanes):
            for other in range(lane):
                x, y = words[other], words[lane]
                pair = meets[other, lane] = Signal(shape, name=f"meets_{other}_{lane}")
                same = Signal(30, name=f"same_{other}_{lane}")
                m.d.comb += same.eq(~(x ^ y))
                with m.If(self.i.ready):
                    m.d.sync += [
                        pair.bank.eq(same[:bank_bits].all()),
                        pair.row.eq(same[bank_bits:shared_bits].all()),
                        pair.line.eq(same[line_bits:].all()),
                        pair.word.eq(same.all() & (taken.shared[lane] == taken.shared[other])),
                    ]
        return meets
