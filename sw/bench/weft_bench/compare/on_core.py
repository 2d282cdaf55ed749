"""Kernels of the library on a chip's SIMT core, for jobs that are one launch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.arch.simt import Core
from weft_driver import Device

from ..kernels.work import FOLDER
from .job import Arrays, Chip, ChipRun, Task

Launch = tuple[int, int, int]
"""Blocks, threads of a block, bytes of shared memory for each block."""

WARP_BLOCKS = 4
"""Blocks that share the core's warps, where threads of different blocks need not meet."""


def spread(core: Core) -> Launch:
    """A few blocks that fill the core, or take turns on a core of fewer warps."""
    return WARP_BLOCKS, core.lanes * max(1, core.warps // WARP_BLOCKS), 0


def together(shared: int) -> Callable[[Core], Launch]:
    """One block of all threads, which can meet, with bytes of shared memory."""
    return lambda core: (1, core.threads, shared)


def kernel(
    name: str,
    arguments: Callable[[Task], Sequence[Any]],
    geometry: Callable[[Core], Launch] = spread,
) -> Chip:
    """How a chip does a job by one launch of a kernel of the library.

    Parameters
    ----------
    name
        Of ``sw/kernels/NAME.c`` and the function in it.
    arguments
        Of the kernel, from the task. Arrays that the kernel may write are copied first and are the
        results, in order.
    geometry
        Of the launch, on a core.
    """

    def run(device: Device, task: Task) -> ChipRun:
        loaded = device.load_kernels(FOLDER / f"{name}.c")[name]
        values = list(arguments(task))
        results: list[NDArray[Any]] = []
        for i, parameter in enumerate(loaded.kernel.parameters):
            if parameter.is_pointer and not parameter.constant:
                values[i] = np.array(values[i])
                results.append(values[i])
        blocks, threads, shared = geometry(Core.of(device.config))
        done = device.launch(loaded, blocks, threads, values, shared=shared)
        found: Arrays = tuple(results)
        return ChipRun(found, done)

    return run


def empty(wanted: Any) -> NDArray[Any]:
    """What stands in a result before a kernel fills it: what the task's reference says."""
    return wanted.before
