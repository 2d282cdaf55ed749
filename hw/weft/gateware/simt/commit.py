"""The last stage: is an instruction done, what does it change, why can a thread not go on."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.arch.simt import Trap

from .decode import Meet
from .interfaces import Executed
from .selection import PC_BITS, state_layout
from .sizes import Sizes


class Commit(wiring.Component):
    """Decides; there is no state.

    Members
    -------
    i
        The instruction.
    stopped
        Nothing is done any more.
    start, start_pc
        A warp begins here; no instruction is in the last stage.
    does, trapped
        It is done; a thread cannot go on. Neither: its group begins to wait for others, or its
        warp is to be selected again.
    moves
        With ``does``, or with ``trapped``: the group's program counters change.
    access
        With ``does``: it goes on in memory.
    floats, serial
        With ``moves``: it goes on in the lanes' float units, or in what lanes share.
    handed
        Any of these, or an access, done or not.
    arrives, ends
        With ``moves``: the warp has reached a barrier; the warp's last thread has ended.
    writes
        With ``moves``: it writes its row now.
    again
        The warp can issue again.
    state, pcs
        What the warp's state and the group's program counters become.
    """

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        flags = (
            "does",
            "moves",
            "trapped",
            "access",
            "floats",
            "serial",
            "arrives",
            "ends",
            "writes",
            "again",
        )
        super().__init__(
            {
                "i": In(Executed(sizes)),
                "stopped": In(1),
                "start": In(1),
                "start_pc": In(PC_BITS),
                **dict.fromkeys(flags, Out(1)),
                "handed": Out(1),
                "state": Out(state_layout(sizes)),
                "pcs": Out(PC_BITS * sizes.lanes),
            }
        )

    stopped: Signal
    start: Signal
    start_pc: Signal

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        i, lanes = self.i, self.sizes.lanes
        controls, token, cause = i.controls, i.token, i.cause
        group, before = token.group, token.state
        whole = i.whole
        access = controls.load | controls.store | controls.atomic

        # Behind a trap nothing issues, so that what only the core itself sees need not know of it.
        runs, goes = Signal(), Signal()
        is_bar = controls.collective & (controls.meet == Meet.BAR)
        m.d.comb += [
            runs.eq(i.valid & ~self.stopped & ~token.starved),
            self.trapped.eq(runs & (cause != Trap.NONE)),
            goes.eq(runs & ~token.no_code & ~controls.illegal & (~controls.collective | whole)),
            self.does.eq(goes & (cause == Trap.NONE)),
            self.moves.eq(goes),
            self.access.eq(self.does & access),
            self.arrives.eq(goes & is_bar),
            self.ends.eq(goes & controls.exit & whole),
            self.floats.eq(goes & controls.float),
            self.serial.eq(goes & (controls.divide | controls.slow_float)),
            self.handed.eq(
                goes & (access | controls.divide | controls.float | controls.slow_float)
            ),
            self.writes.eq(goes & controls.rd.any() & ~self.handed),
            self.again.eq(i.valid & ~self.stopped & ~(self.handed | self.arrives | self.ends)),
        ]

        backward = (i.taken.any() & i.not_positive) | controls.indirect
        m.d.comb += self.state.eq(before)
        with m.If(goes):
            m.d.comb += [
                self.state.waiting.eq(before.waiting & ~group),
                self.state.live.eq(before.live & ~Mux(controls.exit, group, 0)),
            ]
            with m.If(backward):
                m.d.comb += self.state.turning.eq(0)
                with m.If(~before.turning):
                    m.d.comb += self.state.timer.eq(before.timer + 1)
        with m.Elif(~token.starved):
            m.d.comb += self.state.waiting.eq(before.waiting | group)

        # Where a warp begins goes the way of the next instruction, which is the same for all lanes;
        # no instruction leads anywhere else then.
        onward = Signal(PC_BITS)
        m.d.comb += onward.eq(Mux(self.start, self.start_pc, i.link))
        for lane in range(lanes):
            to_target = i.taken[lane].replicate(PC_BITS)
            m.d.comb += self.pcs.word_select(lane, PC_BITS).eq(
                i.leads.word_select(lane, PC_BITS) | (i.target & to_target) | (onward & ~to_target)
            )
        return m
