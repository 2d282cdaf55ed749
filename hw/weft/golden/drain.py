"""DRAIN: accumulators through corrections and requantisation to act SRAM."""

import numpy as np

from weft.arch.commands import Decoded
from weft.arch.errors import Cause
from weft.arch.numerics import scale_error

from .act_sram import check_act
from .faults import Fault
from .matmul import wrapped
from .requantise import requantise
from .rows import addresses, fold, scatter
from .state import Place, State


def execute(state: State, command: Decoded) -> None:
    """Run one DRAIN.

    Raises
    ------
    Fault
        BAD_COMMAND or BAD_ADDRESS.
    """
    check(state, command)
    rows, blocks, cols = command["rows"], command["blocks"], state.config.cols
    size = 4 if command["int32"] else 1
    ends = [cols] * (blocks - 1) + [command["cols_last"]]

    acc = addresses(command["acc"], [(blocks, command["acc_block"])], 48)
    state.check(Place.ACC, acc, rows, Cause.BAD_ADDRESS, "DRAIN reads")
    state.watch.access(Place.ACC, False, *fold(acc, rows))
    if command["params"]:
        params = np.array([command["param"]])
        state.check(Place.PARAM, params, blocks, Cause.BAD_ADDRESS, "DRAIN reads")
        state.watch.access(Place.PARAM, False, params, blocks)

    for b, used in enumerate(ends):
        first = command["dst"] + b * command["dst_block"]
        dst = addresses(first, [(rows, command["dst_stride"])])
        check_act(state.config, dst, used * size, "DRAIN writes")
        state.watch.access(Place.ACT, True, *fold(dst, used * size))
        scatter(state.act, dst, _block(state, command, b, int(acc[b]))[:, : used * size])


def check(state: State, command: Decoded) -> None:
    """Refuse a malformed DRAIN.

    Raises
    ------
    Fault
        BAD_COMMAND.
    """
    config = state.config
    reason = None
    if command["cols_last"] > config.cols:
        reason = f"cols_last = {command['cols_last']} above C = {config.cols}"
    elif command["row_sum"] and not config.row_sum:
        reason = "row_sum on a chip without it"
    elif not command["int32"] and not command["params"]:
        wrong = scale_error(command["scale"])
        reason = f"scale {command['scale']:#010x} {wrong}" if wrong else None
    if reason:
        raise Fault(Cause.BAD_COMMAND, reason)


def _block(state: State, command: Decoded, b: int, acc: int) -> np.ndarray:
    """The bytes of one block, all columns: rows x C, or rows x 4 C."""
    at = slice(acc, acc + command["rows"])
    param = command["param"] + b
    total = state.acc[at].astype(np.int64)
    if command["row_sum"]:
        total -= command["b_zero_point"] * state.row_sum[at, None].astype(np.int64)
    if command["params"]:
        total += state.bias[param]
    total = wrapped(total)
    if command["int32"]:
        return total.astype("<i4").view(np.uint8)
    if command["params"]:
        scale = state.scale[param]
    else:
        scale = np.array(command["scale"], np.uint32).view(np.float32)
    result = requantise(total, scale, command["zero_point"], command["qmin"], command["qmax"])
    return (result & 0xFF).astype(np.uint8)
