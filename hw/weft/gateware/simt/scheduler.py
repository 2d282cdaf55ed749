"""Which warps live, which of them can issue, and where blocks wait for each other's warps."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import later
from ..keep import KEEP
from ..one_hot import encode
from .sizes import Sizes


class Scheduler(wiring.Component):
    """Picks a ready warp in each cycle, the one after the last one first.

    A warp issues one instruction and is not ready again before that one has ended. The warps of a
    block carry the same slot number; one at a barrier becomes ready when all that live do.

    Members
    -------
    valid, warp
        The pick, from registers; any warp where there is none.
    picks
        The same, one-hot, a cycle before.
    hold
        Pick nothing.
    start, start_warp, start_slot
        A warp begins, in a slot.
    filling
        Warps of a block are still to begin: no barrier opens.
    ready, wake
        Warps that become ready again (one may be in both).
    early
        Warps that will be woken soon: picked when no other is ready.
    ended, arrived, event_warp
        The warp's last thread has ended; the warp has reached a barrier.
    alive
        Warps with live threads.
    at_barrier
        Some warp waits at a barrier.
    """

    latency = 2
    """Cycles from ``ready``, ``wake`` or ``early`` to a warp's pick, when no other comes first."""

    valid: Signal
    warp: Signal
    picks: Signal
    hold: Signal
    start: Signal
    start_warp: Signal
    start_slot: Signal
    filling: Signal
    ready: Signal
    wake: Signal
    early: Signal
    ended: Signal
    arrived: Signal
    event_warp: Signal
    alive: Signal
    at_barrier: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        index = range(max(2, sizes.warps))
        super().__init__(
            {
                "valid": Out(1),
                "warp": Out(index),
                "picks": Out(sizes.warps),
                "hold": In(1),
                "start": In(1),
                "start_warp": In(index),
                "start_slot": In(index),
                "filling": In(1),
                "ready": In(sizes.warps),
                "wake": In(sizes.warps),
                "early": In(sizes.warps),
                "ended": In(1),
                "arrived": In(1),
                "event_warp": In(index),
                "alive": Out(sizes.warps),
                "at_barrier": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        warps = self.sizes.warps
        can, soon, next_one = Signal(warps), Signal(warps), Signal(warps, init=1)
        waiting, opened, mates = Signal(warps), Signal(warps), Signal(warps)
        # Less the place of the next warp, the lowest bit from there on is gone: one carry chain.
        firsts = []
        for name, candidates in (("can", can), ("soon", soon)):
            twice, found = Cat(candidates, candidates), Signal(2 * warps, name=f"first_{name}")
            m.d.comb += found.eq(twice & ~(twice - next_one))
            firsts.append(found[:warps] | found[warps:])
        # That all are held comes last, and where it does not matter not at all.
        free, goes = Signal(warps, attrs=KEEP), Signal()
        m.d.comb += [
            free.eq(firsts[0] | (firsts[1] & (~can.any()).replicate(warps))),
            self.picks.eq(free & ~self.hold.replicate(warps)),
            goes.eq((can.any() | soon.any()) & ~self.hold),
            self.at_barrier.eq(waiting.any()),
        ]
        m.d.sync += [self.valid.eq(goes), self.warp.eq(encode(free, warps))]
        with m.If(goes):
            m.d.sync += next_one.eq(free.rotate_left(1))

        # Barriers. The slot of a warp that arrived or ended is looked at in the next cycle; the
        # others in turn, so that no barrier stays closed when its event was not the last.
        slots = Array(Signal(range(max(2, warps)), name=f"slot_{i}") for i in range(warps))
        scan, looked = Signal(range(max(2, warps))), Signal.like(self.warp)
        ended, arrived, who = (
            later(m, self.ended, 1, "ended_before", reset_less=False),
            later(m, self.arrived, 1, "arrived_before", reset_less=False),
            later(m, self.event_warp, 1, "event_warp"),
        )
        m.d.comb += looked.eq(slots[Mux(ended | arrived, who, scan)])
        m.d.sync += [
            scan.eq(Mux((scan == warps - 1) | ~self.alive.any(), 0, scan + 1)),
            mates.eq(Cat(slot == looked for slot in slots)),
        ]
        with m.If(~self.filling & ~(mates & self.alive & ~waiting).any()):
            m.d.comb += opened.eq(mates & waiting)

        event_mask, start_mask = Signal(warps), Signal(warps)
        m.d.comb += [
            event_mask.eq(1 << who),
            start_mask.eq(Mux(self.start, 1 << self.start_warp, 0)),
        ]
        leaving = Mux(ended, event_mask, 0)
        coming = Mux(arrived, event_mask, 0)
        again = Signal(warps, attrs=KEEP)
        m.d.comb += again.eq(self.ready | self.wake | opened | start_mask)
        m.d.sync += [
            can.eq((can & (~firsts[0] | self.hold.replicate(warps))) | again),
            soon.eq(((soon & ~self.picks) | self.early) & ~self.wake),
            self.alive.eq((self.alive & ~leaving) | start_mask),
            waiting.eq((waiting & ~opened) | coming),
        ]
        with m.If(self.start):
            m.d.sync += slots[self.start_warp].eq(self.start_slot)
        return m
