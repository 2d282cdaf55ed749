"""What a kernel's counters count, cycle by cycle: each cycle of a kernel is in one bin."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.arch.registers import KERNEL_STALLS

from ..interfaces import kernel_events_layout
from .passes import COUNTS
from .sizes import Sizes


class Events(wiring.Component):
    """Events for the counters of kernels, see `weft.arch.registers`.

    Members
    -------
    busy
        A kernel is in progress: this cycle is in a bin.
    came, does, starved
        An instruction is in the last stage; it is done; the starvation timer gives a turn to others
        instead.
    group, live, warp
        Its threads, all live threads of its warp, its warp.
    to_memory, to_shared, to_units
        With ``does``: the warp waits for main memory, for shared memory alone, for a unit or the
        command port; it is in none if it waits for shared memory and the command port.
    answered
        Warps that wait no more.
    code, barrier, alive
        Some warp waits for code; at a barrier; lives.
    missed, counts, beats
        The instruction cache begins to fill a line; events of `passes.COUNTS`; beats of a burst.
    o
        The events; those that are bins `latency` cycles later.
    """

    latency = 1
    """Cycles from one of a kernel to its bin on ``o``."""

    busy: Signal
    came: Signal
    does: Signal
    starved: Signal
    group: Signal
    live: Signal
    warp: Signal
    to_memory: Signal
    to_shared: Signal
    to_units: Signal
    answered: Signal
    code: Signal
    barrier: Signal
    alive: Signal
    missed: Signal
    counts: Signal
    beats: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        warp = range(max(2, sizes.warps))
        flags = ("busy", "came", "does", "starved", "to_memory", "to_shared", "to_units")
        flags = (*flags, "code", "barrier", "alive", "missed")
        super().__init__(
            {
                **dict.fromkeys(flags, In(1)),
                "group": In(sizes.lanes),
                "live": In(sizes.lanes),
                "answered": In(sizes.warps),
                "warp": In(warp),
                "counts": In(len(COUNTS)),
                "beats": In(5),
                "o": Out(kernel_events_layout(sizes.lanes)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        warps, o = self.sizes.warps, self.o
        # Who waits, a cycle late: that a warp begins to comes from far.
        waits = []
        answered, warp = Signal.like(self.answered), Signal.like(self.warp)
        m.d.sync += [answered.eq(self.answered), warp.eq(self.warp)]
        for name, begins in (
            ("memory", self.to_memory),
            ("shared", self.to_shared),
            ("units", self.to_units),
        ):
            mask, begun = Signal(warps, name=f"in_{name}"), Signal(name=f"to_{name}_begun")
            m.d.sync += [begun.eq(begins), mask.eq((mask & ~answered) | Mux(begun, 1 << warp, 0))]
            waits.append(mask.any())

        # In the order of the table: the first that holds.
        causes = [self.came, *waits, self.code, self.barrier, self.alive, Const(1)]
        earlier = self.does
        for (name, _), cause in zip(KERNEL_STALLS, causes, strict=True):
            m.d.sync += o[name].eq(self.busy & cause & ~earlier)
            earlier = earlier | cause
        # As late as the cycles in which nothing is issued.
        m.d.sync += o.issued.eq(self.does)
        m.d.comb += [
            o.active_lanes.eq(Mux(self.does, sum(self.group), 0)),
            o.diverged.eq(self.does & (self.group != self.live)),
            o.turns.eq(self.starved),
            o.memory_beats.eq(self.beats),
            o.code_misses.eq(self.missed),
            Cat(o[name] for name in COUNTS).eq(self.counts),
        ]
        return m
