"""FP32 of the SIMT core: what golden model, instruction table and hardware have to agree on.

The arithmetic is that of RISC-V Zfinx (IEEE 754 binary32): every NaN result is `CANONICAL_NAN`,
subnormals are numbers like others, all five rounding modes hold for every operation that rounds.
There are no exception flags and no register fcsr: it traps like any control register that does not
exist, and the dynamic rounding mode of an instruction is RNE.
"""

from enum import IntEnum

FRACTION_BITS = 23
"""Stored bits of the significand."""

SIGNIFICANT_BITS = FRACTION_BITS + 1
"""Bits of a normal significand, the hidden one included."""

BIAS = 127
"""The value of a normal number is significand * 2^(field - `BIAS`)."""

FIELD_MAX = 255
"""Exponent field of infinities and NaNs."""

CANONICAL_NAN = 0x7FC00000
"""The NaN that every operation returns, whatever the payload of its operands."""

INFINITY = 0x7F800000
"""Positive infinity."""

MAX_FINITE = INFINITY - 1
"""The largest finite number."""


class Rounding(IntEnum):
    """Rounding modes, encoded as in the ``rm`` field of an instruction."""

    RNE = 0
    """To nearest, ties to even."""
    RTZ = 1
    """Towards zero; what compilers use to convert to an integer."""
    RDN = 2
    """Down, towards minus infinity."""
    RUP = 3
    """Up, towards plus infinity."""
    RMM = 4
    """To nearest, ties away from zero."""


class Op(IntEnum):
    """What a lane's pipelined unit does; all take the same time."""

    ADD = 0
    SUB = 1
    MUL = 2
    CLASS = 3
    MIN = 4
    MAX = 5
    SGNJ = 6
    SGNJN = 7
    SGNJX = 8
    EQ = 9
    LT = 10
    LE = 11
    CVT_W_S = 12
    CVT_WU_S = 13
    CVT_S_W = 14
    CVT_S_WU = 15
