"""STORE: act SRAM to memory; and SIGNAL, which runs in the same engine."""

import numpy as np

from weft.arch.commands import SIGNAL, Decoded
from weft.arch.errors import Cause
from weft.config import SRAM_ADDRESS_BITS

from .act_sram import check_act
from .faults import Fault
from .rows import fold, gather, scatter
from .state import Place, State

_PIECE_BYTES = 1 << 22
"""Bytes handled at a time."""

SIGNAL_BYTES = 4
"""Bytes of the word that SIGNAL writes; its address is a multiple of this."""


def execute(state: State, command: Decoded) -> None:
    """Run one STORE or the memory write of a SIGNAL.

    Raises
    ------
    Fault
        BAD_COMMAND, BAD_ADDRESS or WRITE_ERROR.
    """
    check(state, command)
    if command.command is SIGNAL:
        _signal(state, command)
        return
    length, count1 = command["len"], command["count1"]
    total = command["count2"] * count1
    step = max(1, _PIECE_BYTES // length)
    for first in range(0, total, step):
        i2, i1 = np.divmod(np.arange(first, min(first + step, total), dtype=np.int64), count1)
        src = command["src"] + i2 * command["src_stride2"] + i1 * command["src_stride1"]
        dst = command["dst"] + i2 * command["stride2"] + i1 * command["stride1"]
        src, dst = src & (1 << SRAM_ADDRESS_BITS) - 1, dst & 0xFFFF_FFFF
        check_act(state.config, src, length, "STORE reads")
        state.check(Place.MEMORY, dst, length, Cause.WRITE_ERROR, "STORE writes")
        state.watch.access(Place.ACT, False, *fold(src, length))
        state.watch.access(Place.MEMORY, True, *fold(dst, length))
        scatter(state.memory, dst, gather(state.act, src, length))


def check(state: State, command: Decoded) -> None:
    """Refuse a malformed SIGNAL; a STORE has no rules beyond its counts.

    Raises
    ------
    Fault
        BAD_COMMAND.
    """
    del state
    if command.command is SIGNAL and command["write"] and command["address"] % SIGNAL_BYTES:
        raise Fault(Cause.BAD_COMMAND, f"address {command['address']:#x} is no multiple of 4")


def _signal(state: State, command: Decoded) -> None:
    if command["write"]:
        at = np.array([command["address"]])
        state.check(Place.MEMORY, at, SIGNAL_BYTES, Cause.WRITE_ERROR, "SIGNAL writes")
        state.watch.access(Place.MEMORY, True, at, SIGNAL_BYTES)
        word = np.array([command["value"]], "<u4").view(np.uint8)
        scatter(state.memory, at, word[None])
