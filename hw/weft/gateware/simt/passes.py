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

from ..keep import KEEP
from ..one_hot import lowest, selected
from .parts_of_words import strobe
from .requests import asked_layout, pass_layout, region_bits
from .sizes import Sizes, columns

COUNTS = ("shared_accesses", "bank_conflicts", "memory_accesses", "memory_split", "memory_bursts")
"""Counters of `weft.golden.simt.Counters` of which this part gives the events."""


def in_region(m: Module, number, offset, sizes: Sizes, name: str) -> Signal:
    """An offset in shared memory as one in the region that it lies in."""
    rest = Signal(range(sizes.region_bytes), name=f"{name}_offset")
    m.d.comb += rest.eq(offset)
    for region in range(1, sizes.regions):
        with m.If(number == region):
            m.d.comb += rest.eq(offset - region * sizes.region_bytes)
    return rest


def in_region_of(leader, regions):
    """The region of a lane, one-hot, and which lanes are in it."""
    number = selected(zip(leader, regions, strict=True))
    return number, Cat(region == number for region in regions)


class Passes(wiring.Component):
    """One pass in a cycle, if what serves it takes it.

    Members
    -------
    i
        Requests, but for what they store.
    stored
        That, of the request that was taken last.
    o, to_shared, to_port, to_main
        The pass, in registers, and whom it concerns: one of them, or nobody when there is none.
    taken
        The pass has been served: the next one may come.
    shared_busy, port_busy
        Answers of shared memory or the command port are under way.
    busy
        A pass of main memory is there, or comes next.
    counts
        One bit for each of `COUNTS`, in their order, two cycles later.
    abort
        Drop requests that are not in passes yet.
    """

    latency = 2
    """Cycles from a request to its first pass, when none is before it."""

    o: Signal
    stored: Signal
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
                "i": In(stream.Signature(asked_layout(sizes))),
                "stored": In(32 * sizes.lanes),
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
        request = Signal(asked_layout(sizes))
        left, first = Signal(lanes), Signal()
        bank_bits = (sizes.banks - 1).bit_length()
        line_bits = (LINE_BYTES // 4 - 1).bit_length()

        # Which of the lanes that are left a pass can take; which memory's is known beforehand, and
        # so is whether the request concerns the others.
        there, to_shared, to_port = Signal(), Signal(), Signal()  # there: some lane is left
        has_shared, has_port, has_main = Signal(), Signal(), Signal()
        # Lanes of that memory; of shared memory, those in the region of the pass: it takes a cycle
        # to turn to another region.
        kind, region = Signal(lanes), Signal(region_bits(sizes))
        wanted, chosen, served = Signal(lanes), Signal(lanes), Signal(lanes)
        turns = Signal()
        m.d.comb += [wanted.eq(left & kind), turns.eq(to_shared & ~wanted.any())]
        regions = [request.regions.word_select(lane, len(region)) for lane in range(lanes)]
        number, near = in_region_of(lowest(left & request.shared), regions)
        with m.If(turns):
            m.d.sync += [region.eq(number), kind.eq(near & request.shared)]
        meets = self._meetings(m, bank_bits, line_bits)
        splits = []
        for lane in range(lanes):
            before, same = [], []
            for other in range(lane):
                pair = meets[other, lane]
                before.append(wanted[other] & pair.rivals)
                same.append(chosen[other] & pair.together)
                splits.append(wanted[other] & wanted[lane] & pair.rivals & ~pair.together)
            m.d.comb += [
                chosen[lane].eq(wanted[lane] & ~Cat(before).any()),
                served[lane].eq(chosen[lane] | (wanted[lane] & Cat(same).any())),
            ]

        # The bytes that a lane writes: not those that a higher one writes, too, in the same pass.
        written = Signal(4 * lanes)
        all_bytes = [
            strobe(request.a.word_select(lane, 32)[:2], request.byte, request.half)
            for lane in range(lanes)
        ]
        for lane in range(lanes):
            above = Const(0, 4)
            for other in range(lane + 1, lanes):
                above = above | (all_bytes[other] & meets[lane, other].both.replicate(4))
            m.d.comb += written.word_select(lane, 4).eq(all_bytes[lane] & ~above)
        # That something is left behind the pass is known without knowing what: two of its lanes do
        # not go together, or some lane in shared memory is in another region.
        rest, emit, last = Signal(lanes), Signal(), Signal()
        elsewhere = Mux(to_port, request.port, ~request.port & ~request.shared)
        concerned = request.mask & Mux(to_shared, request.shared, elsewhere)
        m.d.comb += [
            rest.eq(left & ~served),
            emit.eq(~Cat(splits).any() & ~(to_shared & (left & request.shared & ~kind).any())),
            last.eq(emit & ~(has_port & to_shared) & ~(has_main & (to_shared | to_port))),
        ]

        # Answers from several places come in no order: one after the other then. A cycle late, so
        # that a request to one place alone does not wait to know.
        shared_late, port_late = Signal(), Signal()
        m.d.sync += [
            shared_late.eq(self.shared_busy | self.to_shared),
            port_late.eq(self.port_busy | self.to_port),
        ]
        waits = (has_shared & (shared_late | self.to_shared)) | (
            has_port & (port_late | self.to_port)
        )
        to_main = there & ~to_shared & ~to_port
        free, goes, done, ends = Signal(), Signal(), Signal(), Signal()
        finishes = Signal(attrs=KEEP)  # `taken` comes last
        m.d.comb += [
            free.eq(~(self.to_shared | self.to_port | self.to_main) | self.taken),
            goes.eq(there & ~turns & (to_shared | ~waits)),
            done.eq(free & goes),
            self.busy.eq(self.to_main | to_main),
            ends.eq(~there | last),
            finishes.eq(goes & last),
            self.i.ready.eq(~there | (free & finishes)),
        ]
        with m.If(free):
            m.d.sync += [
                self.to_shared.eq(goes & to_shared),
                self.to_port.eq(goes & to_port),
                self.to_main.eq(goes & to_main),
            ]
        with m.If(free & there):  # many registers; the others wait for less
            m.d.sync += [
                self.o.request.eq(Cat(request, self.stored)),
                self.o.served.eq(served),
                self.o.mask.eq(concerned),
                self.o.emit.eq(emit),
                self.o.last.eq(last),
                self.o.region.eq(region),
                self.o.bytes.eq(written & Cat(bit.replicate(4) for bit in served)),
                self.o.at.eq(
                    Cat(self._columns(request, lane, served[lane]) for lane in range(lanes))
                ),
            ]
        # The next request.
        asked, comes = self.i.payload, self.i.valid & ~self.abort
        ours, at_our_port = asked.mask & asked.shared, asked.mask & asked.port
        numbers = [asked.regions.word_select(lane, len(region)) for lane in range(lanes)]
        number, near = in_region_of(lowest(ours), numbers)
        offsets = [
            in_region(m, numbers[lane], asked.a.word_select(lane, 32), sizes, f"lane_{lane}")
            for lane in range(lanes)
        ]
        with m.If(self.i.ready):
            m.d.sync += request.eq(asked)
            for lane in range(lanes):
                with m.If(asked.shared[lane]):
                    m.d.sync += request.a.word_select(lane, 32).eq(offsets[lane])
        # Whether something changes comes last, what it changes to does not wait for that.
        with m.If(~there | done):
            with m.If(ends):
                m.d.sync += [
                    left.eq(Mux(comes, asked.mask, 0)),
                    there.eq(comes & asked.mask.any()),
                    to_shared.eq(comes & ours.any()),
                    to_port.eq(comes & ~ours.any() & at_our_port.any()),
                    has_shared.eq(ours.any()),
                    has_port.eq(at_our_port.any()),
                    has_main.eq((asked.mask & ~asked.shared & ~asked.port).any()),
                    kind.eq(
                        Mux(ours.any(), near & asked.shared, Mux(at_our_port.any(), asked.port, ~0))
                    ),
                    region.eq(number),
                    first.eq(1),
                ]
            with m.Else():
                m.d.sync += [left.eq(rest), there.eq(~last), first.eq(emit)]
                with m.If(emit):
                    m.d.sync += [
                        to_shared.eq(0),
                        to_port.eq(to_shared & has_port),
                        kind.eq(Mux(to_shared & has_port, request.port, ~0)),
                    ]
        main = done & to_main
        counts = Signal.like(self.counts)
        m.d.sync += self.counts.eq(counts)
        m.d.sync += counts.eq(
            Cat(
                done & to_shared & first,
                done & to_shared & ~first,
                main & first,
                main & first & ~emit,
                main,
            )
        )
        return m

    def _columns(self, request, lane: int, served):
        """The column of a lane's word, one-hot; none where it is not served."""
        words = request.a.word_select(lane, 32)[2:]
        bank, word = (words[: (size - 1).bit_length()] for size in
                      (self.sizes.banks, self.sizes.bus_bytes // 4))  # fmt: skip
        column = Mux(request.shared[lane], bank, word)
        return Cat(served & (column == i) for i in range(columns(self.sizes)))

    def _meetings(self, m: Module, bank_bits: int, line_bits: int) -> dict[tuple[int, int], Any]:
        """What each pair of lanes has in common, known when the request is taken.

        Of two lanes that are ``rivals`` a pass takes both only if they go ``together``. In shared
        memory rivals are in one bank, and go together if in the same word of it; elsewhere all are
        rivals, and go together if in one line of main memory. ``both``: they are in the same word
        of the same memory, and the higher one takes part, so that bytes that both write are its.
        """
        taken = self.i.payload
        shape = data.StructLayout(dict.fromkeys(("rivals", "together", "both"), 1))
        words = [taken.a.word_select(lane, 32)[2:] for lane in range(self.sizes.lanes)]
        meets = {}
        for lane in range(self.sizes.lanes):
            for other in range(lane):
                x, y = words[other], words[lane]
                pair = meets[other, lane] = Signal(shape, name=f"meets_{other}_{lane}")
                same = Signal(30, name=f"same_{other}_{lane}")
                bank, line = Signal(), Signal()
                m.d.comb += [
                    same.eq(~(x ^ y)),
                    bank.eq(same[:bank_bits].all()),
                    line.eq(same[line_bits:].all()),
                ]
                in_shared, low = taken.shared[lane], same[:line_bits].all()
                with m.If(self.i.ready):
                    m.d.sync += [
                        pair.rivals.eq(bank | ~in_shared),
                        pair.together.eq(
                            line & ~taken.port[lane] & (~in_shared | (low & ~taken.atomic))
                        ),
                        pair.both.eq(
                            line
                            & low
                            & (in_shared == taken.shared[other])
                            & taken.mask[lane]
                            & ~taken.atomic
                        ),
                    ]
        return meets
