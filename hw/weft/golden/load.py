"""LOAD: memory to act, wgt or parameter SRAM."""

from collections.abc import Iterator

import numpy as np

from weft.arch.commands import Decoded, Space
from weft.arch.errors import Cause
from weft.arch.layouts import PARAM_BYTES, ceil_div
from weft.config import SRAM_ADDRESS_BITS

from .act_sram import check_act
from .faults import Fault, ProgramError
from .rows import Addresses, Array, fold, gather, scatter
from .state import Place, State

_PIECE_BYTES = 1 << 22
"""Bytes handled at a time, so that no command needs more than a few times this."""


def execute(state: State, command: Decoded) -> None:
    """Run one LOAD.

    Raises
    ------
    Fault
        BAD_COMMAND, BAD_ADDRESS or READ_ERROR.
    """
    check(state, command)
    space = Space(command["space"])
    if space is Space.PARAM:
        _load_params(state, command)
        return
    done = command["dst"]  # all of a fence below this is written
    for dst, rows in _pieces(state, command, space):
        if command["fence"]:
            done = _check_fence(command, dst, rows.shape[1] if space is Space.ACT else 1, done)
        if space is Space.ACT:
            check_act(state.config, dst, rows.shape[1], "LOAD writes")
            state.watch.access(Place.ACT, True, *fold(dst, rows.shape[1]))
            scatter(state.act, dst, rows)
        else:
            state.check(Place.WGT, dst, 1, Cause.BAD_ADDRESS, "LOAD writes")
            state.watch.access(Place.WGT, True, *fold(dst, 1))
            state.wgt[dst] = rows.view(np.int8)


def check(state: State, command: Decoded) -> None:
    """Refuse a malformed LOAD.

    Raises
    ------
    Fault
        BAD_COMMAND.
    """
    config = state.config
    length, height = _row_bytes(command), _rows(command)
    padding = any(command[name] for name in ("pad_left", "pad_right", "pad_top", "pad_bottom"))
    reason = None
    if command["space"] == 3:
        reason = "LOAD.space = 3"
    elif length == 0:
        reason = "pad_left + len + pad_right = 0"
    elif command["fence"] and (command["space"] == Space.PARAM or command["transpose"]):
        reason = "fence with parameters or transpose"
    elif command["space"] == Space.PARAM:
        if command["transpose"] or command["flip"] or padding:
            reason = "transpose, flip or padding with parameters"
        elif command["count1"] != 1 or command["count2"] != 1:
            reason = "counts other than 1 with parameters"
        elif command["len"] % (PARAM_BYTES * config.cols):
            reason = f"len = {command['len']} with parameters, must be a multiple of 8 C"
    elif command["transpose"]:
        if not config.transpose:
            reason = "transpose on a chip without it"
        elif command["space"] != Space.WGT:
            reason = "transpose to another place than wgt"
        elif (height, length) != (config.cols, config.rows):
            reason = (
                f"transpose of {height} rows of {length} bytes, must be C = {config.cols} rows of "
                f"R = {config.rows}"
            )
    if reason:
        raise Fault(Cause.BAD_COMMAND, reason)


def _check_fence(command: Decoded, dst: Addresses, size: int, done: int) -> int:
    """Refuse writes that do not ascend, or leave the fence; returns the end of the last one.

    The chip does not check this: it would let MATMUL read what is not there.
    """
    end = command["dst"] + command["fence"]
    if dst[0] < done or (np.diff(dst) < size).any() or dst[-1] + size > end:
        raise ProgramError(f"writes of a fence must ascend and end at {end:#x} at the latest")
    return int(dst[-1]) + size


def _row_bytes(command: Decoded) -> int:
    return command["pad_left"] + command["len"] + command["pad_right"]


def _rows(command: Decoded) -> int:
    return command["pad_top"] + command["count1"] + command["pad_bottom"]


def _pieces(state: State, command: Decoded, space: Space) -> Iterator[tuple[Addresses, Array]]:
    """Destinations and their rows, in the order of the command."""
    config = state.config
    height, length = _rows(command), _row_bytes(command)
    total = command["count2"] * height
    step = max(1, _PIECE_BYTES // length)
    if command["transpose"]:
        step = height * max(1, step // height)
    mask = (1 << SRAM_ADDRESS_BITS) - 1
    for first in range(0, total, step):
        i2, i1 = np.divmod(np.arange(first, min(first + step, total), dtype=np.int64), height)
        rows = _read_rows(state, command, i2, i1)
        base = command["dst"] + i2 * command["dst_stride2"]
        if command["transpose"]:
            blocks = rows.reshape(-1, height, length).transpose(0, 2, 1)
            yield (
                (base[::height, None] + np.arange(length) & mask).reshape(-1),
                blocks.reshape(-1, height),
            )
            continue
        dst = base + i1 * command["dst_stride1"]
        if space is Space.ACT:
            yield dst & mask, rows
            continue
        chunks = ceil_div(length, config.cols)
        cut = np.full((len(rows), chunks * config.cols), command["fill"], np.uint8)
        cut[:, :length] = rows
        dst = dst[:, None] + np.arange(chunks) * command["dst_chunk"] & mask
        yield dst.reshape(-1), cut.reshape(-1, config.cols)


def _read_rows(state: State, command: Decoded, i2: Addresses, i1: Addresses) -> Array:
    """Rows with their padding; reads memory for those that have data."""
    length, left = command["len"], command["pad_left"]
    rows = np.full((len(i1), _row_bytes(command)), command["fill"], np.uint8)
    inner = i1 - command["pad_top"]
    data = (inner >= 0) & (inner < command["count1"]) & (length > 0)
    if data.any():
        src = command["src"] + i2 * command["stride2"] + inner * command["stride1"]
        src = src[data] & 0xFFFF_FFFF
        state.check(Place.MEMORY, src, length, Cause.READ_ERROR, "LOAD reads")
        state.watch.access(Place.MEMORY, False, *fold(src, length))
        flip = 0x80 if command["flip"] else 0
        rows[data, left : left + length] = gather(state.memory, src, length) ^ np.uint8(flip)
    return rows


def _load_params(state: State, command: Decoded) -> None:
    cols, dst = state.config.cols, command["dst"]
    blocks = command["len"] // (PARAM_BYTES * cols)
    at, src = np.array([dst]), np.array([command["src"]])
    state.check(Place.PARAM, at, blocks, Cause.BAD_ADDRESS, "LOAD writes")
    state.check(Place.MEMORY, src, command["len"], Cause.READ_ERROR, "LOAD reads")
    state.watch.access(Place.MEMORY, False, src, command["len"])
    state.watch.access(Place.PARAM, True, at, blocks)
    words = gather(state.memory, src, command["len"]).view("<i4").reshape(blocks, cols, 2)
    state.bias[dst : dst + blocks] = words[..., 0]
    state.scale[dst : dst + blocks] = words[..., 1].copy().view(np.float32)
