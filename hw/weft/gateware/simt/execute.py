"""The lanes side by side, and what is common to them: four stages from operands to commit."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.simt import MAIN, PORT, PRIVATE, SHARED, Window

from ..fp32.pipeline import later
from .collectives import Collectives
from .decode import controls_layout
from .faults import Faults
from .interfaces import Executed, token_layout
from .lane import Lane
from .parts_of_words import placed
from .port_access import knows
from .selection import PC_BITS
from .sizes import Sizes

HANDED = ("load", "store", "atomic", "divide", "float", "slow_float")
"""Kinds of instructions that leave the pipeline; what they write comes later."""


def within(address, window: Window):
    """Whether an address lies in a window, whose size is a power of two."""
    bits = window.size.bit_length() - 1
    return address[bits:] == window.base >> bits


class Execute(wiring.Component):
    """Integer arithmetic, targets, and where addresses lead.

    Members
    -------
    valid, token, controls
        The instruction whose registers have been read.
    first, second, stored
        Operands of all lanes (the second not inverted yet), and register rs2.
    private
        Bytes of private memory for each thread.
    o
        The instruction `latency` cycles later.
    a, b, early
        First and second operand in their registers, and the instruction that they belong to.
    next_writes
        What comes out at ``o`` in the next cycle will write its row if it is done.
    """

    early_latency = 1
    """Cycles to ``a``, ``b`` and ``early``."""

    latency = 1 + Lane.latency

    valid: Signal
    next_writes: Signal
    first: Signal
    second: Signal
    stored: Signal
    private: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "valid": In(1),
                "token": In(token_layout(sizes)),
                "controls": In(controls_layout()),
                **{name: In(32 * sizes.lanes) for name in ("first", "second", "stored")},
                "private": In(16),
                "o": Out(Executed(sizes)),
                "a": Out(32 * sizes.lanes),
                "b": Out(32 * sizes.lanes),
                "early": Out(controls_layout()),
                "next_writes": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes, o = self.sizes, self.sizes.lanes, self.o
        m.submodules.collectives = collectives = Collectives(sizes)

        # Operands stand in registers.
        a = later(m, self.first, 1, "a")
        b = later(m, self.second ^ self.controls.subtract.replicate(32 * lanes), 1, "b")
        token = data.View(token_layout(sizes), later(m, self.token.as_value(), 1, "token"))
        controls = data.View(controls_layout(), later(m, self.controls.as_value(), 1, "controls"))
        units = []
        for lane in range(lanes):
            m.submodules[f"lane_{lane}"] = unit = Lane()
            m.d.comb += [
                unit.controls.eq(controls),
                unit.a.eq(a.word_select(lane, 32)),
                unit.b.eq(b.word_select(lane, 32)),
            ]
            units.append(unit)
        m.d.comb += [
            collectives.meet.eq(controls.meet),
            collectives.lane_mask.eq(controls.imm[:5]),
            collectives.live.eq(token.state.live),
            collectives.a.eq(a),
        ]
        m.d.comb += [
            self.a.eq(a),
            self.b.eq(b),
            self.early.eq(controls),
        ]
        valid = later(m, self.valid, 1, "valid", reset_less=False)
        handed = Cat(controls[name] for name in HANDED).any()
        writes = valid & controls.rd.any() & ~handed
        link, target = Signal(PC_BITS), Signal(PC_BITS)
        m.d.comb += [
            link.eq(token.pc + 1),
            target.eq(token.pc + controls.imm[2:]),
        ]
        before = Lane.latency - 1  # cycles to the stage before the last one
        link_1, target_1 = (
            later(m, link, before, "link_row"),
            later(m, target, before, "target_row"),
        )
        stored = later(m, self.stored, 1, "stored")
        stores = [
            placed(stored.word_select(lane, 32), controls.byte, controls.half)
            for lane in range(lanes)
        ]
        not_positive = controls.imm[-1] | ~controls.imm.any()
        second = data.View(
            controls_layout(), later(m, controls.as_value(), before, "controls_lane")
        )
        second_token = data.View(token.shape(), later(m, token.as_value(), before, "token_lane"))
        whole = later(m, token.group == token.state.live, before, "whole")
        last = data.View(controls_layout(), later(m, second.as_value(), 1, "controls_last"))
        m.d.comb += [
            o.token.eq(later(m, second_token.as_value(), 1, "token_last")),
            o.controls.eq(last),
            o.stored.eq(later(m, Cat(stores), self.latency - 1, "stored")),
            o.target.eq(later(m, target_1, 1, "target")),
            o.whole.eq(later(m, whole, 1, "whole_last")),
            o.not_positive.eq(later(m, not_positive, before + 1, "not_positive")),
        ]

        # Sums are there two cycles before the rest: time to see where they lead, and who is wrong.
        accesses = data.View(controls_layout(), later(m, controls.as_value(), 1, "controls_sum"))
        atomic = accesses.atomic
        masks = {
            name: Signal(lanes, name=f"{name}_early")
            for name in ("crooked", "nowhere", "odd_jump", "shared", "private", "port")
        }
        sums = Cat(unit.sum for unit in units)
        for lane, unit in enumerate(units):
            address = unit.sum
            windows = (SHARED, PRIVATE, MAIN, PORT)
            shared, private, main, port = (within(address, w) for w in windows)
            known = accesses.word & knows(address[: PORT.size.bit_length() - 1], accesses.store)
            too_far = address[: SHARED.size.bit_length() - 1] >= sizes.shared_bytes
            not_own = address[: PRIVATE.size.bit_length() - 1] >= self.private
            odd = (accesses.word & address[:2].any()) | (accesses.half & address[0])
            own = private & ~not_own
            there = (shared & ~too_far) | (~atomic & (main | own | (port & known)))
            m.d.comb += [
                masks["crooked"][lane].eq(odd & ~(atomic & ~shared)),
                masks["nowhere"][lane].eq(~there),
                masks["odd_jump"][lane].eq(address[1]),
                masks["shared"][lane].eq(shared),
                masks["private"][lane].eq(private),
                masks["port"][lane].eq(port),
            ]
        to_last = Lane.latency - Lane.sum_latency
        sums_1 = later(m, sums, to_last - 1, "sums")
        m.submodules.faults = faults = Faults(sizes)
        taken = Signal(lanes)
        m.d.comb += [
            taken.eq(
                Cat(unit.taken for unit in units)
                & second_token.group
                & second.branch.replicate(lanes)
            ),
            faults.token.eq(second_token),
            faults.controls.eq(second),
            faults.whole.eq(whole),
            faults.taken.eq(taken),
            o.sums.eq(later(m, sums_1, 1, "sums_last")),
            o.cause.eq(faults.cause),
            o.guilty.eq(faults.guilty),
        ]
        # The same for the next program counters.
        direct, comes = (
            second.jump & ~second.indirect,
            later(m, valid, before, "valid_lane", reset_less=False),
        )
        m.d.sync += [
            o.valid.eq(comes),
            o.taken.eq((taken | direct.replicate(lanes)) & comes.replicate(lanes)),
            o.link.eq(link_1),
            o.leads.eq(0),
        ]
        with m.If(second.indirect & comes):
            words = Cat(sums_1.word_select(lane, 32)[2:] for lane in range(lanes))
            m.d.sync += [o.leads.eq(words), o.link.eq(0)]
        for name, mask in masks.items():
            there = later(m, mask, to_last - 1, name)
            if name in ("crooked", "nowhere", "odd_jump"):
                m.d.comb += getattr(faults, name).eq(there)
            else:
                m.d.comb += getattr(o, name).eq(later(m, there, 1, f"{name}_last"))

        # All but one of the registers that a row can come from are 0: no multiplexer.
        writes = later(m, writes, before, "writes", reset_less=False)
        m.d.comb += self.next_writes.eq(writes)
        kinds = (second.collective, second.jump, second.upper, second.upper_pc)
        with m.If(writes):
            with m.If(second.collective):
                m.d.sync += o.common.eq(collectives.answer)
            with m.Elif(second.jump):
                m.d.sync += o.common.eq(Cat(Const(0, 2), link_1))
            with m.Elif(second.upper):
                m.d.sync += o.common.eq(second.imm)
            with m.Elif(second.upper_pc):
                m.d.sync += o.common.eq(Cat(Const(0, 2), target_1))
            with m.Else():
                m.d.sync += o.common.eq(0)
        with m.Else():
            m.d.sync += o.common.eq(0)
        m.d.comb += [
            collectives.writes.eq(writes & second.collective),
            *(unit.gives.eq(writes & ~Cat(kinds).any()) for unit in units),
            o.row.eq(collectives.row | Cat(unit.result for unit in units)),
        ]
        return m
