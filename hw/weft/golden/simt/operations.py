"""What integer instructions compute: functions of whole registers, all lanes at once.

Operands are uint32 arrays of one element a lane; the second may be a uint32 scalar (an immediate).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.uint32]
Operation = Callable[[Row, Row], Row]

_SHIFT_MASK = np.uint32(31)


def _signed(a: Row) -> NDArray[np.int32]:
    return a.view(np.int32)


def _wide(a: Row, signed: bool) -> NDArray[np.int64]:
    return (_signed(a) if signed else a).astype(np.int64)


def _high(a_signed: bool, b_signed: bool) -> Operation:
    def high(a: Row, b: Row) -> Row:
        if not a_signed:  # neither is: the product needs all 64 bits
            return (a.astype(np.uint64) * b.astype(np.uint64) >> np.uint64(32)).astype(np.uint32)
        return (_wide(a, True) * _wide(b, b_signed) >> 32).astype(np.uint32)

    return high


def _quotient(signed: bool) -> Operation:
    def quotient(a: Row, b: Row) -> Row:
        x, y = _wide(a, signed), _wide(b, signed)
        size = np.abs(x) // np.maximum(np.abs(y), 1)
        result = np.where((x < 0) == (y < 0), size, -size)
        return np.where(y == 0, -1, result).astype(np.uint32)

    return quotient


def _remainder(signed: bool) -> Operation:
    def remainder(a: Row, b: Row) -> Row:
        x, y = _wide(a, signed), _wide(b, signed)
        size = np.where(y == 0, np.abs(x), np.abs(x) % np.maximum(np.abs(y), 1))
        return np.where(x < 0, -size, size).astype(np.uint32)

    return remainder


def _dot4(a: Row, b: Row) -> Row:
    x, y = (row.view(np.int8).reshape(-1, 4).astype(np.int32) for row in (a, b))
    return (x * y).sum(axis=1, dtype=np.int32).view(np.uint32)


def _clip8(a: Row, b: Row) -> Row:
    return np.clip(_signed(a), -128, 127).view(np.uint32)


OPERATIONS: dict[str, Operation] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "xor": lambda a, b: a ^ b,
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
    "sll": lambda a, b: a << (b & _SHIFT_MASK),
    "srl": lambda a, b: a >> (b & _SHIFT_MASK),
    "sra": lambda a, b: (_signed(a) >> _signed(b & _SHIFT_MASK)).view(np.uint32),
    "slt": lambda a, b: (_signed(a) < _signed(b)).astype(np.uint32),
    "sltu": lambda a, b: (a < b).astype(np.uint32),
    "mul": lambda a, b: a * b,
    "mulh": _high(True, True),
    "mulhsu": _high(True, False),
    "mulhu": _high(False, False),
    "div": _quotient(True),
    "divu": _quotient(False),
    "rem": _remainder(True),
    "remu": _remainder(False),
    "dot4": _dot4,
    "clip8": _clip8,
}
"""What goes into rd, by instruction."""

IMMEDIATE = {
    **{f"{name}i": name for name in ("add", "xor", "or", "and", "sll", "srl", "sra", "slt")},
    "sltiu": "sltu",
}
"""Instructions that do with an immediate what another does with rs2."""

CONDITIONS: dict[str, Callable[[Row, Row], NDArray[np.bool_]]] = {
    "beq": lambda a, b: a == b,
    "bne": lambda a, b: a != b,
    "blt": lambda a, b: _signed(a) < _signed(b),
    "bge": lambda a, b: _signed(a) >= _signed(b),
    "bltu": lambda a, b: a < b,
    "bgeu": lambda a, b: a >= b,
}
"""Whether a branch is taken."""

ATOMICS: dict[str, Callable[[int, int], int]] = {
    "amoadd": lambda old, operand: old + operand & 0xFFFFFFFF,
    "amomin": lambda old, operand: min(old, operand, key=_order),
    "amomax": lambda old, operand: max(old, operand, key=_order),
}
"""What a shared word becomes."""


def _order(word: int) -> int:
    return word ^ 0x8000_0000
