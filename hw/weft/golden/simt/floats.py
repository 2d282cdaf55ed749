"""What floating-point instructions compute.

`weft.golden.fp32` is the arithmetic; it does with integers what takes a host one instruction. Here
the host's is used where it cannot differ: rounding to nearest even, when no operand and no result
is subnormal, infinite or a NaN (a host may flush the first, and has NaNs of its own), and no result
is zero, which may have been flushed, unless an operand is.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.arch.fp32 import Rounding
from weft.golden import fp32, fp32_special

Row = NDArray[np.uint32]

EXACT: dict[str, Callable[..., Row]] = {
    "fadd.s": fp32.add,
    "fsub.s": fp32.sub,
    "fmul.s": fp32.mul,
    "fdiv.s": fp32.div,
    "fsqrt.s": fp32.sqrt,
    "fmin.s": fp32.min_,
    "fmax.s": fp32.max_,
    "feq.s": fp32.eq,
    "flt.s": fp32.lt,
    "fle.s": fp32.le,
    "fsgnj.s": fp32.sgnj,
    "fsgnjn.s": fp32.sgnjn,
    "fsgnjx.s": fp32.sgnjx,
    "fclass.s": fp32.classify,
    "fcvt.w.s": fp32.cvt_w_s,
    "fcvt.wu.s": fp32.cvt_wu_s,
    "fcvt.s.w": fp32.cvt_s_w,
    "fcvt.s.wu": fp32.cvt_s_wu,
    "exp2": fp32_special.exp2,
    "rcp": fp32_special.rcp,
    "rsqrt": fp32_special.rsqrt,
}
"""The arithmetic, by instruction: one or two rows of bits, and rm where it applies."""

_HOST: dict[str, Callable[..., Any]] = {
    "fadd.s": np.add,
    "fsub.s": np.subtract,
    "fmul.s": np.multiply,
    "fdiv.s": np.divide,
    "fsqrt.s": np.sqrt,
}


def _is_normal(row: Row) -> NDArray[np.bool_]:
    # Exponent fields 1 to 254, moved up so that the sign falls out, and down by one.
    return (row << np.uint32(1)) - np.uint32(0x0100_0000) < 0xFE00_0000


def _is_zero(row: Row) -> NDArray[np.bool_]:
    return row << np.uint32(1) == 0


def compute(name: str, operands: tuple[Row, ...], mask: NDArray[np.bool_], rm: int | None) -> Row:
    """The result of a floating-point instruction.

    Parameters
    ----------
    name
        The instruction.
    operands
        One or two rows of bits.
    mask
        Lanes whose results matter.
    rm
        Rounding mode; None where the instruction has none.

    Returns
    -------
    array
        uint32, one element a lane; any value in lanes outside ``mask``.
    """
    host = _HOST.get(name)
    if host is not None and rm == Rounding.RNE:
        if not mask.all():
            one = np.uint32(0x3F80_0000)
            operands = tuple(np.where(mask, row, one) for row in operands)
        zeros = [_is_zero(row) for row in operands]
        if all((_is_normal(row) | zero).all() for row, zero in zip(operands, zeros, strict=True)):
            with np.errstate(all="ignore"):
                result = host(*(row.view(np.float32) for row in operands)).view(np.uint32)
            zero = np.logical_or.reduce(zeros)
            if (_is_normal(result) | zero & _is_zero(result)).all():
                return result
    return EXACT[name](*operands) if rm is None else EXACT[name](*operands, rm)
