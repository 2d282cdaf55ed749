"""Table of the SIMT core's `exp2`, `rcp` and `rsqrt`: parabolas for short pieces of each function.

Every function is reduced to a fraction F of `FRACTION_BITS` bits and a value y in [1/2, 1]::

    bank 0   exp2           y = 2^(F - 1)
    bank 1   rcp            y = 1 / (1 + F)
    bank 2   rsqrt, even    y = 1 / sqrt(1 + F)        exponent of the operand even
    bank 3   rsqrt, odd     y = 1 / sqrt(2 (1 + F))    exponent odd

The upper `PIECE_BITS` bits of F choose the piece; what is left, less one half, is d in [-1/2, 1/2),
and y = c0 + (c1 + c2 d) d. In integers, C0 to C2 and Y in units of 2^-`VALUE_BITS`, D in units of
2^-`OFFSET_BITS`::

    T = (C1 + (C2 D >> 18)) >> 4        18 bits: one factor of an FPGA's multiplier
    Y = (C0 + (T D >> 14)) >> 4         24 bits of significand, or 2^24

All roundings are in the table: half of what a shift cuts off is added to C1 and C0 beforehand.
"""

from decimal import Context, Decimal
from enum import IntEnum
from functools import cache

PIECE_BITS = 7
"""Bits of F that choose a piece."""

OFFSET_BITS = 18
"""Bits of the position in a piece."""

FRACTION_BITS = PIECE_BITS + OFFSET_BITS
"""Bits of F."""

VALUE_BITS = 28
"""C0, C1 and C2 are in units of 2^-VALUE_BITS."""

DROP_BITS = 4
"""Bits cut off the slope T, which leaves 18, and off the value Y, which leaves 24."""

EXP2_GUARD = 3
"""Bits below F that exp2 keeps of its operand, cut off, before it rounds to F (half up)."""

C0_BITS, C1_BITS, C2_BITS = 28, 22, 14
"""Bits of each coefficient; C1 is signed, the others are not."""


class Special(IntEnum):
    """The functions, numbered as the unit takes them; also the first bank of each."""

    EXP2 = 0
    RCP = 1
    RSQRT = 2


BANKS = 4
"""Banks of 2^PIECE_BITS pieces; that of an odd rsqrt follows that of an even one."""

# Arithmetic that is the same on every machine, unlike a C library's exp2.
_CONTEXT = Context(prec=40)


def _value(bank: int, fraction: Decimal) -> Decimal:
    """The function of a bank, exact to 40 digits."""
    if bank == Special.EXP2:
        return _CONTEXT.power(Decimal(2), fraction - 1)
    if bank == Special.RCP:
        return _CONTEXT.divide(Decimal(1), 1 + fraction)
    square = (1 + fraction) * (bank - Special.RSQRT + 1)
    return _CONTEXT.divide(Decimal(1), _CONTEXT.sqrt(square))


@cache
def coefficients() -> tuple[tuple[int, int, int], ...]:
    """(C0, C1, C2) of every piece of every bank, in order."""
    pieces = 1 << PIECE_BITS
    # The parabola through the function at the three Chebyshev nodes of a piece.
    node = _CONTEXT.sqrt(Decimal(3)) / 4
    unit = 1 << VALUE_BITS
    half = Decimal(1) / 2
    rounding = half * (1 << DROP_BITS)
    table = []
    for bank in range(BANKS):
        for piece in range(pieces):
            low, middle, high = (
                _value(bank, (piece + half + place) / pieces) for place in (-node, Decimal(0), node)
            )
            slope, bend = (high - low) / (2 * node), (high + low - 2 * middle) / (2 * node * node)
            c2 = round(bend * unit)
            table.append((round(middle * unit + rounding), round(slope * unit + rounding), c2))
    return tuple(table)
