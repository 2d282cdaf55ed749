"""Program counters of all threads, and which of a warp's threads run next.

The rule is the one of `weft.golden.simt.warp`. A tournament finds the lowest program counter, one
comparison deep in each cycle::

    cycle 0     1 ... levels       levels + 1      levels + 2
    warp        pairs compared     pc              group, others, next state

In a turn of the starvation timer only one lane takes part in the tournament, so that the threads
at its program counter are the group. That the timer has run out is known only at the end: then
nothing runs, the turn is written down, and the warp is selected again.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..fp32.pipeline import later
from .sizes import Sizes

PC_BITS = 30
"""Bits of a program counter: instructions are words."""


def state_layout(sizes: Sizes) -> data.StructLayout:
    """What a warp remembers beside its program counters.

    ``live`` and ``waiting`` (at a collective) are masks of lanes; ``timer`` counts; while
    ``turning``, lane ``turn`` has a turn; it had the last one otherwise.
    """
    return data.StructLayout(
        {
            "live": sizes.lanes,
            "waiting": sizes.lanes,
            "timer": range(sizes.starvation + 1),
            "turning": 1,
            "turn": range(max(2, sizes.lanes)),
        }
    )


def after(m: Module, lanes: Signal, last: Signal, name: str) -> Signal:
    """The next lane of a mask in cyclic order after ``last``."""
    found = Signal.like(last, name=name)
    size = len(lanes)
    with m.If(lanes.any()):
        for lane in reversed(range(size)):  # the last assignment that applies wins
            with m.If(lanes[lane]):
                m.d.comb += found.eq(lane)
        for lane in reversed(range(size)):
            with m.If(lanes[lane] & (lane > last)):
                m.d.comb += found.eq(lane)
    return found


def levels(lanes: int) -> int:
    """Stages in which the lowest program counter of so many lanes is found, two by two."""
    return (lanes - 1).bit_length()


def pc_latency(lanes: int) -> int:
    """Cycles from the pick of a warp to the program counter that runs."""
    return 1 + levels(lanes)


class Selection(wiring.Component):
    """Program counters and states of all warps, and the choice among a warp's threads.

    Members
    -------
    valid, warp
        Select in this warp.
    pc_valid, pc_warp, pc
        The program counter that was chosen, in words, `pc_latency` cycles later.
    group, live, starved, state
        `latency` cycles after ``warp``: the threads that run; all live ones; the timer has run out,
        nothing is to run; the state that the selection leaves, to be written back.
    pc_write, pc_data
        Lanes whose program counters are written, and their values.
    state_write, state_data
        Write the state.
    write_warp
        The warp whose program counters or state are written.
    """

    latency: int
    pc_latency: int

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        lanes = sizes.lanes
        self.levels = levels(lanes)
        self.pc_latency = pc_latency(lanes)
        self.latency = self.pc_latency + 1
        warp = range(max(2, sizes.warps))
        super().__init__(
            {
                "valid": In(1),
                "warp": In(warp),
                "pc_valid": Out(1),
                "pc_warp": Out(warp),
                "pc": Out(PC_BITS),
                "group": Out(lanes),
                "live": Out(lanes),
                "starved": Out(1),
                "state": Out(state_layout(sizes)),
                "write_warp": In(warp),
                "pc_write": In(lanes),
                "pc_data": In(PC_BITS * lanes),
                "state_write": In(1),
                "state_data": In(state_layout(sizes)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes = self.sizes, self.sizes.lanes
        depth = max(2, sizes.warps)
        m.submodules.pcs = pcs = Memory(shape=PC_BITS * lanes, depth=depth, init=[])
        m.submodules.states = states = Memory(shape=state_layout(sizes), depth=depth, init=[])
        pc_write = pcs.write_port(granularity=PC_BITS)
        pc_read = pcs.read_port(domain="sync", transparent_for=())
        state_write = states.write_port()
        state_read = states.read_port(domain="sync", transparent_for=())
        m.d.comb += [
            pc_read.en.eq(1),
            pc_read.addr.eq(self.warp),
            state_read.en.eq(1),
            state_read.addr.eq(self.warp),
            pc_write.en.eq(self.pc_write),
            pc_write.addr.eq(self.write_warp),
            pc_write.data.eq(self.pc_data),
            state_write.en.eq(self.state_write),
            state_write.addr.eq(self.write_warp),
            state_write.data.eq(self.state_data),
        ]

        # Who takes part.
        state = state_read.data
        ready, leaders, turning = Signal(lanes), Signal(lanes), Signal()
        free = state.live & ~state.waiting
        m.d.comb += [
            ready.eq(Mux(free.any(), free, state.live)),
            turning.eq(state.turning & ready.bit_select(state.turn, 1)),
            leaders.eq(Mux(turning, 1 << state.turn, ready)),
        ]

        # The tournament.
        entries = [
            (leaders[lane], pc_read.data.word_select(lane, PC_BITS)) for lane in range(lanes)
        ]
        for level in range(self.levels):
            winners = []
            for pair in range(len(entries) // 2):
                (here, low), (there, high) = entries[2 * pair : 2 * pair + 2]
                first, winner = (
                    Signal(name=f"in_{level}_{pair}"),
                    Signal(PC_BITS, name=f"winner_{level}_{pair}"),
                )
                m.d.sync += [
                    first.eq(here | there),
                    winner.eq(Mux(here & (~there | (low <= high)), low, high)),
                ]
                winners.append((first, winner))
            entries = winners
        levels = self.levels
        m.d.comb += [
            self.pc_valid.eq(later(m, self.valid, 1 + levels, "valid", reset_less=False)),
            self.pc_warp.eq(later(m, self.warp, 1 + levels, "warp")),
            self.pc.eq(entries[0][1]),
        ]

        # The group: every live thread at this program counter.
        all_pcs = later(m, pc_read.data, levels, "pcs")
        state_c = data.View(
            state_layout(sizes), later(m, state_read.data.as_value(), levels, "state")
        )
        ready_c = later(m, ready, levels, "ready")
        group_c = Signal(lanes)
        m.d.comb += group_c.eq(
            Cat(all_pcs.word_select(lane, PC_BITS) == self.pc for lane in range(lanes))
            & state_c.live
        )
        others, old = Signal(lanes), Signal(state_layout(sizes))
        m.d.sync += [
            self.group.eq(group_c),
            others.eq(ready_c & ~group_c),
            old.eq(state_c),
            old.turning.eq(later(m, turning, levels, "turning")),
        ]

        # What the selection itself changes.
        next_turn = after(m, others, old.turn, "next_turn")
        m.d.comb += [
            self.live.eq(old.live),
            self.starved.eq(others.any() & (old.timer == sizes.starvation)),
            self.state.eq(old),
            self.state.turning.eq(others.any() & (old.turning | self.starved)),
        ]
        with m.If(~others.any() | self.starved):
            m.d.comb += self.state.timer.eq(0)
        with m.If(self.starved):
            m.d.comb += self.state.turn.eq(next_turn)
        return m
