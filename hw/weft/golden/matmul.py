"""MATMUL: activations times weight tiles, into the accumulators."""

from math import prod

import numpy as np

from weft.arch.commands import Decoded
from weft.arch.errors import Cause

from .act_sram import check_act
from .array import product
from .faults import Fault
from .rows import Array, addresses, fold, gather
from .state import Place, State


def execute(state: State, command: Decoded) -> None:
    """Run one MATMUL.

    Raises
    ------
    Fault
        BAD_COMMAND or BAD_ADDRESS.
    """
    check(state, command)
    config = state.config
    tiles = prod(command[f"k{i}"] for i in range(3))
    rows = prod(command[f"m{i}"] for i in range(3))

    # Accumulator and wgt addresses ascend, so that these bound the work before it is enumerated.
    acc = _blocks(state, command, "acc", rows, Place.ACC)
    wgt = _blocks(state, command, "wgt", tiles * config.rows, Place.WGT)
    dims = [
        (command[f"{axis}{i}"], command[f"{axis}{i}_stride"]) for axis in "mk" for i in (2, 1, 0)
    ]
    starts = addresses(command["act"], dims)
    check_act(config, starts, config.rows, "MATMUL reads")

    state.watch.access(Place.ACT, False, *fold(starts, config.rows))
    if not command["early"]:
        read_weights(state, command)
    state.watch.access(Place.ACC, True, *fold(acc, rows))

    a = gather(state.act.view(np.int8), starts.reshape(rows, tiles), config.rows)
    a = a.reshape(rows, -1, command["k0"], config.rows).astype(np.float64)
    a[:, :, -1, command["k_tail"] :] = 0
    a = a.reshape(rows, tiles * config.rows)
    sums = a.sum(axis=1).astype(np.int64) if command["row_sum"] else None
    for first, weights in zip(acc.tolist(), wgt.tolist(), strict=True):
        at = slice(first, first + rows)
        result = product(a, state.wgt[weights : weights + tiles * config.rows])
        state.acc[at] = wrapped(result, state.acc[at] if command["accumulate"] else None)
        if sums is not None:
            old = state.row_sum[at] if command["accumulate"] else None
            state.row_sum[at] = wrapped(sums, old)


def read_weights(state: State, command: Decoded) -> None:
    """Tell the watch which weights are read.

    Raises
    ------
    Fault
        BAD_ADDRESS.
    """
    length = prod(command[f"k{i}"] for i in range(3)) * state.config.rows
    wgt = _blocks(state, command, "wgt", length, Place.WGT)
    state.watch.access(Place.WGT, False, *fold(wgt, length))


def check(state: State, command: Decoded) -> None:
    """Refuse a malformed MATMUL.

    Raises
    ------
    Fault
        BAD_COMMAND.
    """
    config = state.config
    if command["k_tail"] > config.rows:
        raise Fault(Cause.BAD_COMMAND, f"k_tail = {command['k_tail']} above R = {config.rows}")
    if command["row_sum"] and not config.row_sum:
        raise Fault(Cause.BAD_COMMAND, "row_sum on a chip without it")


def wrapped(value: Array, old: Array | None = None) -> Array:
    """``value`` plus ``old`` modulo 2^32, as int32."""
    total = value if old is None else value + old
    return (total & 0xFFFF_FFFF).astype(np.uint32).view(np.int32)


def _blocks(state: State, command: Decoded, name: str, size: int, place: Place) -> Array:
    starts = addresses(command[name], [(command["blocks"], command[f"{name}_block"])], 48)
    what = "MATMUL reads" if place is Place.WGT else "MATMUL writes"
    state.check(place, starts, size, Cause.BAD_ADDRESS, what)
    return starts
