"""Kernels in device memory, and what a launch needs: sizes, arguments, stacks.

What a kernel does with an array is said by its C parameter: behind ``const float *x`` it only
reads, behind ``float *y`` it also writes.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weft.arch.commands import LAUNCH
from weft.arch.layouts import ceil_div
from weft.arch.simt import STACK_ALIGN, Core, Dim, Launch

from .kernels import Kernel, KernelFile, kernel_address
from .planner.problem import Call
from .planner.spans import Span, span
from .tensors import Tensor

if TYPE_CHECKING:
    from .device import Device

PRIVATE = 1024
"""Bytes of private memory (the stack) of each thread, when a launch does not say."""

Size = int | Sequence[int]
"""Blocks of a grid or threads of a block: x, or up to three of x, y, z."""


@dataclass(frozen=True)
class DeviceKernel:
    """A kernel that can be launched; made by `DeviceKernels`."""

    file: "DeviceKernels"
    kernel: Kernel

    @property
    def entry(self) -> int:
        """Memory address of its first instruction."""
        return self.file.image.address + self.kernel.entry

    def __str__(self) -> str:
        return str(self.kernel)


class DeviceKernels:
    """A compiled C file in device memory; freed by garbage collection.

    ``kernels["saxpy"]`` or ``kernels.saxpy`` is a kernel, iteration gives their names. Global
    variables of the file keep their values from one launch to the next.

    Parameters
    ----------
    device
        Whose memory.
    path
        The source, for messages.
    compiled
        What the compiler made of it.
    """

    def __init__(self, device: "Device", path: str | Path, compiled: KernelFile):
        self.device, self.path, self.compiled = device, Path(path), compiled
        self.image = Tensor(device, (compiled.size,), np.dtype(np.uint8))
        device.transport.write(self.image.address, compiled.image(self.image.address))

    def __getitem__(self, name: str) -> DeviceKernel:
        return DeviceKernel(self, self.compiled[name])

    def __getattr__(self, name: str) -> DeviceKernel:
        if "compiled" not in self.__dict__ or name not in self.compiled.kernels:
            raise AttributeError(f"{type(self).__name__} has no kernel {name!r}")
        return self[name]

    def __iter__(self):
        return iter(self.compiled.kernels)

    def __repr__(self) -> str:
        return f"DeviceKernels({self.path.name}: {', '.join(self)})"

    @cached_property
    def _offsets(self) -> list[int]:
        return sorted(self.compiled.lines)

    def locate(self, pc: int) -> str | None:
        """File, line and function of an instruction; None if it is not of this file."""
        offset = pc - kernel_address(self.image.address)
        if not 0 <= offset < self.compiled.size:
            return None
        function = self.compiled.function_at(offset)
        before = bisect_right(self._offsets, offset)
        if not before or function is None:
            return self.path.name
        name, line = self.compiled.lines[self._offsets[before - 1]]
        return f"{Path(name).name}:{line} in {function}"


@dataclass(frozen=True)
class Prepared:
    """A launch, ready to be recorded.

    Parameters
    ----------
    call
        The operation.
    keep
        Tensors that it points to.
    written
        Those of them that the kernel writes.
    """

    call: Call
    keep: tuple[Tensor, ...]
    written: tuple[Tensor, ...]


def core_of(device: "Device") -> Core:
    """The device's SIMT core; `ValueError` if it has none."""
    try:
        return Core.of(device.config)
    except ValueError:
        raise ValueError(
            f"{device.url} has no SIMT core: open a device with lanes, for example golden:base"
        ) from None


def prepare(
    device: "Device",
    kernel: DeviceKernel,
    grid: Size,
    block: Size,
    args: Sequence[Any],
    shared: int,
    private: int,
    pushes: bool = False,
) -> Prepared:
    """Check a launch, and put arrays among its arguments into device memory.

    Parameters
    ----------
    args
        One for each parameter: tensors (or None, a null pointer) for pointers, numbers for others;
        arrays for pointers to const, too.

    Raises
    ------
    TypeError, ValueError
        In one line: what the kernel takes, or what the core can run.
    """
    core = core_of(device)
    if not isinstance(kernel, DeviceKernel):
        raise TypeError(f"a kernel of Device.load_kernels is needed, not {kernel!r}")
    if kernel.file.device is not device:
        raise ValueError(f"kernel {kernel.kernel.name} was loaded on another device")
    parameters = kernel.kernel.parameters
    if len(args) != len(parameters):
        raise TypeError(f"{kernel} takes {len(parameters)} arguments, not {len(args)}")
    keep: list[Tensor] = [kernel.file.image]
    read, written, values = [], [], []
    for parameter, value in zip(parameters, args, strict=True):
        if isinstance(value, np.ndarray | Tensor):
            try:
                parameter.check_array(np.dtype(value.dtype))
            except TypeError as error:
                raise TypeError(f"{kernel.kernel.name}: {error}") from None
            if isinstance(value, np.ndarray):
                if not parameter.constant:
                    raise TypeError(
                        f"{kernel.kernel.name}: {parameter} is written: pass a tensor, which can "
                        "be read when the program has run"
                    )
                value = device.tensor(value)
            elif value.device is not device:
                raise ValueError(f"{value} is on another device")
            keep.append(value)
            (read if parameter.constant else written).append(value)
            values.append(kernel_address(value.address))
        elif parameter.is_pointer and value is None:
            values.append(0)
        elif parameter.is_pointer:
            raise TypeError(
                f"{kernel.kernel.name}: {parameter} needs an array or a tensor, not {value!r}"
            )
        else:
            values.append(value)
    private = _aligned("private", private)
    launch = Launch(
        entry=kernel.entry,
        arguments=kernel.kernel.words(values),
        grid=dim("grid", grid),
        block=dim("block", block),
        shared=_aligned("shared", shared),
        private=private,
    )
    # At the end of the window: what the array uses begins at its start.
    room = launch.shared * launch.slots(core) if launch.warps_per_block(core) <= core.warps else 0
    launch = replace(launch, shared_base=max(0, core.shared_bytes - room))
    if problem := launch.problem(core):
        raise ValueError(f"{kernel.kernel.name}: {problem}")
    stacks = device.stacks(launch.private_bytes(core))
    launch = replace(launch, private_base=stacks.address)
    touched = shared_spans(device.config.act_region_span, core, launch.shared_base, room)
    call = Call(
        name=kernel.kernel.name,
        fields=launch.fields() | {"pushes": int(pushes)},
        reads=(*touched, *(_span(tensor) for tensor in (*read, *written))),
        writes=(*touched, *(_span(tensor) for tensor in written)),
        grid=launch.grid,
        block=launch.block,
    )
    return Prepared(call, (*keep, stacks), tuple(written))


def dim(name: str, size: Size) -> Dim:
    """A size in x, y, z, from one to three whole numbers."""
    parts = tuple(size) if isinstance(size, Sequence) else (size,)
    high = LAUNCH.by_name["grid_x"].high  # of blocks the core allows fewer, and says so
    good = 1 <= len(parts) <= 3 and all(
        isinstance(part, int | np.integer) and 1 <= part <= high for part in parts
    )
    if not good:
        raise ValueError(
            f"{name} = {size!r} is not valid: one to three whole numbers, each 1 to {high:,}"
        )
    x, y, z = (*map(int, parts), 1, 1)[:3]
    return x, y, z


def _aligned(name: str, size: int) -> int:
    high = LAUNCH.by_name[name].high
    if not isinstance(size, int | np.integer) or not 0 <= size <= high:
        raise ValueError(f"{name} = {size!r} is not valid: 0 to {high:,} bytes")
    return ceil_div(int(size), STACK_ALIGN) * STACK_ALIGN


def _span(tensor: Tensor) -> Span:
    return span(f"mem:{tensor.space}", 0, max(1, tensor.nbytes))


def shared_spans(region_span: int, core: Core, start: int, size: int) -> tuple[Span, ...]:
    """The act bytes behind bytes ``start .. start + size - 1`` of the shared window."""
    spans = []
    while size > 0:
        region, offset = divmod(start, core.region_bytes)
        piece = min(size, core.region_bytes - offset)
        spans.append(span("act", region * region_span + offset, piece))
        start, size = start + piece, size - piece
    return tuple(spans)
