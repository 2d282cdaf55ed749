"""Instruction words made ready to run: each becomes a function of the warp and the group's mask."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.arch.isa import Decoded, Unit, decode, rounding, why_illegal
from weft.arch.simt import CSR_NUMBERS, Core, Trap

from . import floats
from .operations import CONDITIONS, IMMEDIATE, OPERATIONS, Row
from .traps import ThreadTrap
from .warp import Warp

Mask = NDArray[np.bool_]
Compute = Callable[[Warp, Mask, int], Row]
"""(warp, lanes of the group, pc) -> what goes into rd; other lanes may hold anything."""


@dataclass(frozen=True)
class Step:
    """A decoded instruction and, where lanes do not meet, what it computes.

    Parameters
    ----------
    decoded
        The instruction.
    compute
        What goes into rd; None for jumps, branches, accesses and collectives, which the simulator
        does.
    """

    decoded: Decoded
    compute: Compute | None
    unit: Unit
    rd: int
    rs1: int
    rs2: int
    imm: int


def prepare(word: int, core: Core, lane: int) -> Step:
    """Make a word ready to run.

    Parameters
    ----------
    word
        The instruction.
    core
        What there is to run it.
    lane
        The lane that a trap names.

    Raises
    ------
    ThreadTrap
        ILLEGAL, saying why.
    """
    why = why_illegal(word, CSR_NUMBERS, core.has_float)
    decoded = decode(word)
    if why is not None or decoded is None:
        raise ThreadTrap(Trap.ILLEGAL, lane, why or "")
    values = decoded.values
    return Step(
        decoded,
        _compute(decoded),
        decoded.instruction.unit,
        decoded.rd,
        values.get("rs1", 0),
        values.get("rs2", 0),
        decoded.imm,
    )


def _compute(decoded: Decoded) -> Compute | None:
    name, values = decoded.name, decoded.values
    unit = decoded.instruction.unit
    a, b = values.get("rs1", 0), values.get("rs2", 0)
    if name in ("lui", "auipc"):
        upper = values["imm_u"] << 12
        relative = name == "auipc"
        return lambda w, m, pc: np.full(
            w.lanes, upper + (pc if relative else 0) & 0xFFFFFFFF, np.uint32
        )
    if unit is Unit.CSR:
        csr = values["csr"]
        return lambda w, m, pc: w.control[csr]
    if name in IMMEDIATE:
        operation = OPERATIONS[IMMEDIATE[name]]
        immediate = np.array(decoded.imm & 0xFFFFFFFF, np.uint32)
        return lambda w, m, pc: operation(w.rows[a], immediate)
    if name in OPERATIONS:
        operation = OPERATIONS[name]
        return lambda w, m, pc: operation(w.rows[a], w.rows[b])
    if name in floats.EXACT:
        rm = rounding(values["rm"]) if "rm" in values else None
        if "rs2" in values:
            return lambda w, m, pc: floats.compute(name, (w.rows[a], w.rows[b]), m, rm)
        return lambda w, m, pc: floats.compute(name, (w.rows[a],), m, rm)
    return None


def taken(step: Step, warp: Warp) -> Mask:
    """Lanes in which a branch's condition holds."""
    return CONDITIONS[step.decoded.name](warp.rows[step.rs1], warp.rows[step.rs2])
