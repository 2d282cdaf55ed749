"""The N-dimensional address generator of MATMUL: nested loops over rows, tiles and blocks."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.config import SRAM_ADDRESS_BITS

LEVELS = ("m0", "m1", "m2", "k0", "k1", "k2", "blocks")
"""Loops from the innermost to the outermost; stepping ``blocks`` starts again at the base."""

ROW_LEVELS = 3
"""How many of `LEVELS` walk the rows of a tile."""

COUNT_BITS = 16


class RowAddress(wiring.Component):
    """Address of each activation row of one MATMUL, one a cycle.

    One adder serves all loops: the step of the outermost loop that advances is added to that
    loop's own address, and the loops inside start from the sum.

    Members
    -------
    step
        Go on; what follows stands at ``address`` in the next cycle.
    fresh
        What follows is a new walk's first row, else this walk's next one.
    base, count_*, stride_*
        Of a new walk: where it begins and, for each level, the bound (at least 1) and the stride.
    address
        Byte address of the current row.
    tile_first, tile_last
        The row is the first or last of its tile.
    block_first, block_last
        The tile is the first or last of its block.
    tail
        The tile is the last of its slice.
    final
        The tile is the last of the walk.
    last
        The row is.
    """

    def __init__(self):
        members = {
            "step": In(1),
            "fresh": In(1),
            "base": In(SRAM_ADDRESS_BITS),
            "address": Out(SRAM_ADDRESS_BITS),
            "tile_first": Out(1),
            "tile_last": Out(1),
            "block_first": Out(1),
            "block_last": Out(1),
            "tail": Out(1),
            "final": Out(1),
            "last": Out(1),
        }
        for level in LEVELS:
            members[f"count_{level}"] = In(COUNT_BITS)
            if level != "blocks":
                members[f"stride_{level}"] = In(signed(SRAM_ADDRESS_BITS))
        super().__init__(members)

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        bases, strides, ends = [], [], []
        base = Signal(SRAM_ADDRESS_BITS)
        # Which level steps: the innermost that is not at its end.
        inner_ends = []
        starts_tile = Signal()
        starts_block = Signal()
        step_base = Signal(SRAM_ADDRESS_BITS)
        step_stride = Signal(signed(SRAM_ADDRESS_BITS))
        following = Signal(SRAM_ADDRESS_BITS)
        selects = []
        ends_new, ends_on = [], []  # in a new walk's first row, and in this walk's next one
        for level in LEVELS:
            bound = Signal(COUNT_BITS, name=f"bound_{level}")
            left = Signal(COUNT_BITS, name=f"left_{level}")
            end = Signal(name=f"end_{level}")
            select = Signal(name=f"select_{level}")
            end_new, end_on = Signal(name=f"end_new_{level}"), Signal(name=f"end_on_{level}")
            count = getattr(self, f"count_{level}")
            inner = Cat(*inner_ends).all() if inner_ends else 1
            m.d.comb += [
                end_new.eq(count == 1),
                end_on.eq(Mux(select, left == 1, Mux(inner, bound == 0, end))),
            ]
            with m.If(self.step):
                m.d.sync += [
                    end.eq(Mux(self.fresh, end_new, end_on)),
                    # A sum waits for it, so that it is found out with the row before.
                    select.eq(
                        Mux(
                            self.fresh,
                            ~end_new & Cat(*ends_new).all(),
                            ~end_on & Cat(*ends_on).all(),
                        )
                    ),
                ]
                with m.If(self.fresh):
                    m.d.sync += [bound.eq(count - 1), left.eq(count - 1)]
                with m.Elif(inner):
                    m.d.sync += left.eq(Mux(end, bound, left - 1))
            ends_new.append(end_new)
            ends_on.append(end_on)
            selects.append(select)
            inner_ends.append(end)
            ends.append(end)
            if level == "blocks":
                with m.If(self.step & self.fresh):
                    m.d.sync += base.eq(self.base)
                bases.append(base)
                strides.append(Const(0, SRAM_ADDRESS_BITS))
                continue
            address = Signal(SRAM_ADDRESS_BITS, name=f"address_{level}")
            stride = Signal(signed(SRAM_ADDRESS_BITS), name=f"step_{level}")
            bases.append(address)
            strides.append(stride)
            with m.If(self.step & self.fresh):
                m.d.sync += stride.eq(getattr(self, f"stride_{level}"))

        # At most one of them steps, so that what it does not choose is 0.
        def chosen(values) -> Value:
            rows = [Mux(select, value, 0) for select, value in zip(selects, values, strict=True)]
            return reduce(or_, rows)

        m.d.comb += [
            step_base.eq(chosen(bases)),
            step_stride.eq(chosen(strides)),
            following.eq(step_base + step_stride),
        ]
        for i, level in enumerate(LEVELS):
            if level == "blocks":
                continue
            outside = Cat(*ends[:i]).all() if i else 1
            with m.If(self.step & (self.fresh | outside)):
                m.d.sync += bases[i].eq(Mux(self.fresh, self.base, following))

        rows_end = Cat(*ends[:ROW_LEVELS]).all()
        tiles_end = Cat(*ends[ROW_LEVELS:-1]).all()
        with m.If(self.step):
            # Kept, because whether the next command is taken begins here.
            m.d.sync += self.last.eq(
                Mux(self.fresh, Cat(*ends_new).all(), Cat(*ends_on).all()),
            )
            m.d.sync += starts_tile.eq(self.fresh | rows_end)
            with m.If(self.fresh | rows_end):
                m.d.sync += starts_block.eq(self.fresh | tiles_end)
        m.d.comb += [
            self.address.eq(bases[0]),
            self.tile_first.eq(starts_tile),
            self.tile_last.eq(rows_end),
            self.block_first.eq(starts_block),
            self.block_last.eq(tiles_end),
            self.tail.eq(ends[LEVELS.index("k0")]),
            self.final.eq(tiles_end & ends[-1]),
        ]
        return m
