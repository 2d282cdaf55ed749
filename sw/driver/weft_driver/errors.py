"""What can go wrong, in one line each: the device's errors and the checks of arguments."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from weft.arch.errors import MESSAGES, Cause
from weft.arch.numerics import scale_error
from weft.arch.simt import TRAP_MESSAGES, Dim, Trap


@dataclass(frozen=True)
class KernelFault:
    """Which thread of a kernel could not go on.

    Members
    -------
    cause
        Why.
    pc
        Kernel's address of the instruction.
    block, thread
        Index of the block in the grid, of the thread in the block.
    warp, lane
        What it ran on.
    """

    cause: Trap
    pc: int
    block: Dim
    thread: Dim
    warp: int
    lane: int

    def __str__(self) -> str:
        return (
            f"kernel trapped in thread {self.thread} of block {self.block}: "
            f"{TRAP_MESSAGES[self.cause]}"
        )


class DeviceError(RuntimeError):
    """The chip halted, or it is not the chip that was asked for.

    Members
    -------
    cause
        A `weft.arch.errors.Cause`, or None when no command was at fault.
    engine, index, command
        Name of the engine, index of the command in its program, and the command's text.
    fault
        A `KernelFault` when a kernel trapped, else None.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: Cause | None = None,
        engine: str | None = None,
        index: int | None = None,
        command: str | None = None,
        fault: KernelFault | None = None,
    ):
        super().__init__(message)
        self.cause, self.engine, self.index, self.command = cause, engine, index, command
        self.fault = fault


class LinkError(RuntimeError):
    """The wire to a board failed; the message says how, and whether it works again.

    Members
    -------
    why
        How it failed.
    was_reset
        The board was reset since the last operation: its memory may have lost what it held.
    """

    def __init__(self, message: str, *, why: str, was_reset: bool = False):
        super().__init__(message)
        self.why, self.was_reset = why, was_reset


def halted(
    cause: int,
    engine: str,
    index: int,
    command: str | None,
    fault: KernelFault | None = None,
    where: str | None = None,
) -> DeviceError:
    """The exception for an ERROR register; of a kernel's fault and where in its source it was."""
    known = Cause(cause) if cause in set(Cause) else None
    why = MESSAGES[known] if known is not None else f"unknown cause {cause}"
    if fault is not None:
        pc = f"pc {fault.pc:#010x}, warp {fault.warp}, lane {fault.lane}"
        why = f"{fault}, at {where} ({pc})" if where else f"{fault}, at {pc}"
    text = f"command {index} ({engine}): {why}" + (f": {command}" if command else "")
    return DeviceError(text, cause=known, engine=engine, index=index, command=command, fault=fault)


def late(error: DeviceError) -> DeviceError:
    """The same error, found when the next program was to start."""
    return DeviceError(
        f"an earlier program left a fault behind, and this one was not started: {error}",
        cause=error.cause,
        engine=error.engine,
        index=error.index,
    )


def dtype_of(array: np.ndarray) -> np.dtype:
    """The array's type in the byte order of the device."""
    return array.dtype.newbyteorder("<") if array.dtype.itemsize > 1 else array.dtype


_BYTES = (np.dtype(np.int8), np.dtype(np.uint8))


def check_matrix(name: str, value: Any) -> None:
    """A 2-dimensional int8 or uint8 array or tensor, not empty; else TypeError or ValueError."""
    check_bytes(name, value)
    if value.ndim != 2:
        shape = tuple(value.shape)
        raise ValueError(
            f"{name} must be a matrix, not {value.ndim}-dimensional {shape}: reshape it"
        )


def check_bytes(name: str, value: Any) -> None:
    """An int8 or uint8 array or tensor without empty dimensions."""
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        raise TypeError(f"{name} must be an array or a Tensor, not {type(value).__name__}")
    if value.dtype not in _BYTES:
        raise TypeError(f"{name} is {value.dtype}; int8 or uint8 is needed: quantise it first")
    if 0 in value.shape:
        raise ValueError(f"{name} is empty: shape {tuple(value.shape)}")


def check_zero_point(name: str, value: Any, dtype: np.dtype) -> int:
    """A zero point that its element type can hold, as int."""
    info = np.iinfo(dtype)
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if not info.min <= value <= info.max:
        raise ValueError(f"{name} = {value} does not fit {dtype}: {info.min} to {info.max}")
    return int(value)


def check_scale(scale: Any, n: int) -> np.ndarray:
    """Scales as float32: one, or one per column; each positive and normal."""
    try:
        wide = np.atleast_1d(np.asarray(scale, dtype=np.float64))
    except (TypeError, ValueError):
        raise TypeError(f"scale must be a number or one per column, not {scale!r}") from None
    if wide.ndim != 1 or wide.size not in (1, n):
        raise ValueError(f"scale has shape {np.shape(scale)}; one, or one per column ({n},) needed")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        narrow = wide.astype("<f4")
    fine = np.isfinite(narrow) & (narrow >= np.finfo(np.float32).tiny)
    if not fine.all():
        at = int(np.argmin(fine))
        why = scale_error(struct.unpack("<I", narrow[at].tobytes())[0]) or "is not usable"
        which = f"scale[{at}]" if wide.size > 1 else "scale"
        raise ValueError(f"{which} = {wide[at]} {why}; a positive normal float32 is needed")
    return narrow


def check_bias(bias: Any, n: int) -> np.ndarray:
    """Bias as int64 per column, each an int32."""
    array = np.asarray(bias)
    if array.dtype.kind not in "iu":
        raise TypeError(f"bias is {array.dtype}; int32 is needed (scale sa * sb, numerics.md)")
    if array.shape != (n,):
        raise ValueError(f"bias has shape {array.shape}; one per column ({n},) is needed")
    wide = array.astype(np.int64)
    info = np.iinfo(np.int32)
    if wide.min(initial=0) < info.min or wide.max(initial=0) > info.max:
        raise ValueError(f"bias reaches {wide.min()} to {wide.max()}: does not fit int32")
    return wide


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """A string out of a list."""
    if value not in choices:
        raise ValueError(f"{name} = {value!r} is not one of {', '.join(choices)}")
    return value
