"""Whether the core can run a launch, found out with additions: multipliers are for the lanes."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.arch.simt import PRIVATE, STACK_ALIGN

from .interfaces import launch_layout
from .sizes import Sizes


class LaunchCheck(wiring.Component):
    """The rule of `weft.arch.simt.Launch.problem`.

    Five products, one after the other, a bit of the second factor in each cycle for as long as it
    has any: threads of a block, blocks of the grid (two each), and shared memory of all blocks that
    run at once. Sizes beyond what the core holds are taken for its most.

    Members
    -------
    i
        The launch; holds from ``start`` until ``done``.
    start
        Begins; only while ``done``.
    done
        Nothing is going on; ``refused`` is the last launch's.
    refused
        The core cannot run it.
    """

    start: Signal
    done: Signal
    refused: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {"i": In(launch_layout()), "start": In(1), "done": Out(1, init=1), "refused": Out(1)}
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        i, sizes = self.i, self.sizes
        warps, most = sizes.warps, sizes.threads
        grid, block = ([i[f"{what}_{axis}"] for axis in "xyz"] for what in ("grid", "block"))
        low = (STACK_ALIGN - 1).bit_length()
        aligned = ("shared", "shared_base", "private", "private_base")

        # What each number says alone.
        wrong = Signal()
        m.d.sync += wrong.eq(
            Cat(size == 0 for size in (*grid, *block)).any()
            | Cat(size > most for size in block).any()
            | i.entry[:2].any()
            | Cat(i[name][:low] for name in aligned).any()
            | (i.private > PRIVATE.size)
        )

        few = [Signal(range(warps + 1), name=f"blocks_{axis}") for axis in "xyz"]
        for number, size in zip(few, grid, strict=True):
            m.d.sync += number.eq(Mux(size > warps, warps, size))

        bits = most.bit_length()
        product, factor = Signal(i.shared.shape().width + bits), Signal(bits)
        addend = Signal.like(product)
        multiplies = factor.any()
        with m.If(multiplies):
            m.d.sync += [addend.eq(addend << 1), factor.eq(factor >> 1)]
            with m.If(factor[0]):
                m.d.sync += product.eq(product + addend)

        def multiply(a, b):
            """Begin a product; when nothing ``multiplies`` any more it stands in ``product``."""
            m.d.sync += [product.eq(0), addend.eq(a), factor.eq(b)]

        fit, end = Signal(range(warps + 1)), Signal(len(product) + 1)
        first = product[: 3 * bits]  # of sizes that are not too large
        needed = (first + sizes.lanes - 1) >> (sizes.lanes - 1).bit_length()
        at_a_time = Array([0, *(warps // number for number in range(1, warps + 1))])
        with m.FSM():
            with m.State("BLOCK"):
                # Begun with whatever stands there: that a launch does is known late.
                multiply(block[0][:bits], block[1][:bits])
                with m.If(self.start):
                    m.d.sync += self.done.eq(0)
                    m.next = "THREADS"
            with m.State("THREADS"), m.If(~multiplies):
                multiply(first, block[2][:bits])
                m.next = "FIT"
            with m.State("FIT"), m.If(~multiplies):
                m.d.sync += fit.eq(Mux(needed > warps, 0, at_a_time[needed[: len(fit)]]))
                multiply(few[0], few[1])
                m.next = "GRID"
            with m.State("GRID"), m.If(~multiplies):
                multiply(first, few[2])
                m.next = "BLOCKS"
            with m.State("BLOCKS"), m.If(~multiplies):
                multiply(i.shared, Mux(first < fit, first, fit))
                m.next = "SHARED"
            with m.State("SHARED"), m.If(~multiplies):
                m.d.sync += end.eq(i.shared_base + product)
                m.next = "COMPARE"
            with m.State("COMPARE"):
                m.d.sync += [
                    self.done.eq(1),
                    # A block that does not fit has no room at all.
                    self.refused.eq(wrong | (fit == 0) | (end > sizes.shared_bytes)),
                ]
                m.next = "BLOCK"
        return m
