"""Why a thread cannot go on, seen in the stage before the last one."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.arch.simt import Trap

from ..one_hot import lowest
from .decode import controls_layout
from .interfaces import token_layout
from .sizes import Sizes


class Faults(wiring.Component):
    """The trap that an instruction would take, if it is done at all.

    Members
    -------
    token, controls, whole
        The instruction; its group is all live threads.
    taken, crooked, nowhere, odd_jump
        Lanes that branch; whose sum is misaligned for the access, leads nowhere, is no place for
        code.
    cause, guilty
        One cycle later: why, and the lanes that are concerned.
    """

    whole: Signal
    taken: Signal
    crooked: Signal
    nowhere: Signal
    odd_jump: Signal
    cause: Signal
    guilty: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "token": In(token_layout(sizes)),
                "controls": In(controls_layout()),
                "whole": In(1),
                **{name: In(sizes.lanes) for name in ("taken", "crooked", "nowhere", "odd_jump")},
                "cause": Out(Trap),
                "guilty": Out(sizes.lanes),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        controls, token, group = self.controls, self.token, self.token.group
        access = controls.load | controls.store | controls.atomic
        cause, guilty = Signal(Trap), Signal(self.sizes.lanes)
        bad, odd = group & (self.crooked | self.nowhere), group & self.odd_jump
        direct = controls.jump & ~controls.indirect
        free = token.state.live & ~token.state.waiting
        broken = token.no_code | controls.illegal
        with m.If(token.no_code):
            m.d.comb += cause.eq(Trap.FETCH_UNMAPPED)
        with m.Elif(controls.illegal):
            m.d.comb += cause.eq(Trap.ILLEGAL)
        with m.Elif((self.taken.any() | direct) & controls.imm[1]):
            m.d.comb += cause.eq(Trap.JUMP_MISALIGNED)
        with m.Elif(controls.indirect & odd.any()):
            m.d.comb += cause.eq(Trap.JUMP_MISALIGNED)
        with m.Elif(access & bad.any()):
            crooked = Cat(bit & one for bit, one in zip(lowest(bad), self.crooked, strict=True))
            m.d.comb += cause.eq(Mux(crooked.any(), Trap.DATA_MISALIGNED, Trap.DATA_UNMAPPED))
        with m.Elif(controls.collective & ~self.whole & ~free.any()):
            m.d.comb += cause.eq(Trap.COLLECTIVE)
        # Who it is does not wait for whether it is anybody.
        with m.If(controls.branch & ~broken):
            m.d.comb += guilty.eq(self.taken)
        with m.Elif(controls.indirect & ~broken):
            m.d.comb += guilty.eq(odd)
        with m.Elif(access & ~broken):
            m.d.comb += guilty.eq(bad)
        with m.Else():
            m.d.comb += guilty.eq(group)
        m.d.sync += [self.cause.eq(cause), self.guilty.eq(guilty)]
        return m
