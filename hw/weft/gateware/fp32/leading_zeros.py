"""Count leading zeros in two halves, with a register between: groups of bits, then the groups."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data

GROUP_BITS = 8

GROUPS = 4
"""Groups of `GROUP_BITS`; below them one more bit is counted."""

COUNTED_BITS = GROUPS * GROUP_BITS + 1

Counts = data.StructLayout(
    {
        "none": GROUPS,  # for each group, the uppermost first: all zeros
        "zeros": data.ArrayLayout(3, GROUPS),  # above the first one of each group
        "last": 1,  # the bit below the groups
    }
)
"""First half: what each group of `COUNTED_BITS` bits says."""


def count_groups(m: Module, value):
    """`Counts` of a value of `COUNTED_BITS`."""
    counts = Signal(Counts)
    for i in range(GROUPS):
        top = COUNTED_BITS - i * GROUP_BITS
        # From the uppermost bit down, as letters from the left.
        a, b, c, d, e, f, g, _ = reversed(value[top - GROUP_BITS : top])
        upper = Signal(name=f"upper_{i}")
        m.d.comb += [
            upper.eq(a | b | c | d),
            counts.none[i].eq(~value[top - GROUP_BITS : top].any()),
            counts.zeros[i].eq(
                Cat(
                    Mux(upper, ~a & (b | ~c), ~e & (f | ~g)),
                    Mux(upper, ~a & ~b, ~e & ~f),
                    ~upper,
                )
            ),
        ]
    m.d.comb += counts.last.eq(value[0])
    return counts


def count_all(m: Module, counts):
    """Number of leading zeros, and whether there is nothing else (the number is one less, then)."""
    none = counts.none
    empty, zero = Signal(), Signal()
    group = Signal(range(GROUPS))
    zeros = Signal(range(COUNTED_BITS))
    m.d.comb += [
        empty.eq(none.all()),
        zero.eq(empty & ~counts.last),
        group.eq(Cat(none[0] & (~none[1] | none[2]), none[0] & none[1])),
    ]
    with m.If(empty):
        m.d.comb += zeros.eq(COUNTED_BITS - 1)
    with m.Else():
        m.d.comb += zeros.eq(Cat(counts.zeros[group], group))
    return zeros, zero
