"""The bits that travel through the array along its diagonals: who shifts, who swaps.

Element (r, c) works r + c cycles behind element (0, 0), so one line of R + C - 1 bits is enough for
all. As byte masks that line is what a simulator does best. On a device, the elements of a diagonal
are far from one another, and a register that enables all of them is the slowest thing there is; so
there each pair of rows has its own line, which follows the activations.
"""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Enables(wiring.Component):
    """The line of two rows. Synthesis must not merge it with the others, which are equal.

    Parameters
    ----------
    cols
        Elements in a row.

    Members
    -------
    i
        For the first element of the even row.
    o
        For the even row's elements from bit 0 on, for the odd row's from bit 1 on.
    below
        ``i`` of the next two rows.
    """

    i: Signal
    o: Signal
    below: Signal

    def __init__(self, cols: int):
        self.cols = cols
        super().__init__({"i": In(1), "o": Out(cols + 1), "below": Out(1)})

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        later = Signal(self.cols)
        m.d.sync += [later.eq(self.o), self.below.eq(later[0])]
        m.d.comb += self.o.eq(Cat(self.i, later))
        return m


def bits_by_row(m: Module, name: str, source: Value, rows: int, cols: int) -> list[Value]:
    """One bit for each element, by rows."""
    every: list[Value] = []
    for pair in range(-(-rows // 2)):
        line = Enables(cols)
        m.submodules[f"{name}_enables_{pair}"] = line
        m.d.comb += line.i.eq(source)
        every.extend((line.o[:cols], line.o[1:]))
        source = line.below
    return every[:rows]


def masks_by_row(m: Module, name: str, source: Value, rows: int, cols: int) -> list[Value]:
    """A byte for each element, by rows: byte d of one line is for all elements with r + c = d."""
    line = Signal(8 * (rows + cols - 1), name=f"{name}_diagonal")
    later = Signal(8 * (rows + cols - 2), name=f"{name}_later")
    m.d.sync += later.eq(line)
    m.d.comb += line.eq(Cat(source.replicate(8), later))
    return [line[8 * r : 8 * (r + cols)] for r in range(rows)]
