"""Runs kernels of the library on the simulator of the SIMT core, and compares what they leave."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from weft.arch.simt import LINE_BYTES, SHARED, STACK_ALIGN, Core, Launch
from weft.golden.simt import Counters, Retired, Simulator
from weft.golden.simt.memory import Memories
from weft_driver.kernels import KernelFile, kernel_address

from .work import Array, LibraryKernel, Work

Where = Literal["main", "shared"]

PRIVATE_BYTES = 256
"""Of each thread: more than the library's kernels put on their stacks."""

_GUARD_BYTES = 64
"""Between arrays, so that a write outside is found."""


class OutOfBounds(AssertionError):
    """A kernel has written where none of its arrays is."""


@dataclass(frozen=True)
class Placed:
    """A launch of a kernel with its code, arguments and arrays at their addresses.

    Parameters
    ----------
    launch
        What runs.
    main, shared
        Both memories before the launch, flat uint8; of main memory what begins at ``place``'s
        ``base``.
    owned
        Bytes of main and of shared memory that the kernel may change.
    places, where
        First byte of each array in its memory above, and in which memory they all lie.
    """

    launch: Launch
    main: NDArray[np.uint8]
    shared: NDArray[np.uint8]
    owned: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    places: tuple[int, ...]
    where: Where


@dataclass(frozen=True)
class Outcome:
    """What a run has left behind.

    Parameters
    ----------
    counters
        Of the run.
    results
        Each array of the work afterwards.
    mismatches
        Elements that are further from the reference than the tolerance.
    errors
        The largest error of each array, see `Array.errors`.
    """

    counters: Counters
    results: list[NDArray]
    mismatches: int
    errors: list[float]

    def instructions_per_item(self, work: Work) -> float:
        """Instructions of single threads for each item of the work."""
        return self.counters.active_lanes / work.items


def place(
    kernel: LibraryKernel,
    file: KernelFile,
    work: Work,
    core: Core,
    where: Where = "main",
    base: int = 0,
) -> Placed:
    """Choose addresses and fill the memories.

    Parameters
    ----------
    kernel, file
        The kernel, and its compiled file.
    work
        What it is asked to do.
    core
        Sizes.
    where
        The memory that its arrays lie in.
    base
        Memory address of everything in main memory, a multiple of `LINE_BYTES`; what is placed
        does not depend on it otherwise.

    Raises
    ------
    ValueError
        The arrays do not fit in shared memory.
    """
    free = {"main": _up(file.size, LINE_BYTES), "shared": 0}
    places = []
    for array in work.arrays:
        places.append(free[where] + _GUARD_BYTES)
        free[where] = _up(places[-1] + array.before.nbytes, LINE_BYTES)
    private_base = free["main"] + _GUARD_BYTES
    shared_base = free["shared"] + _GUARD_BYTES

    addresses = iter(places)
    to_kernel = kernel_address(base).__add__ if where == "main" else SHARED.base.__add__
    values = [
        to_kernel(next(addresses)) if isinstance(value, Array) else value
        for value in work.arguments
    ]
    grid, block = kernel.geometry(core, work)
    launch = Launch(
        entry=base + file[kernel.program].entry,
        arguments=file[kernel.program].words(values),
        grid=grid,
        block=block,
        shared=_up(kernel.shared, STACK_ALIGN),
        shared_base=_up(shared_base, STACK_ALIGN),
        private=PRIVATE_BYTES,
        private_base=base + _up(private_base, LINE_BYTES),
    )
    shared_end = launch.shared_base + launch.shared * launch.slots(core)
    if where == "shared" and shared_end > core.shared_bytes:
        raise ValueError(
            f"{kernel.name}: {shared_end:,} bytes of arrays and blocks do not fit in "
            f"{core.shared_bytes:,} bytes of shared memory; take a smaller size or main memory"
        )

    stacks = launch.private_base - base
    main = np.full(stacks + launch.private_bytes(core), 0x5A, np.uint8)
    shared = np.full(core.shared_bytes, 0x5A, np.uint8)
    owned = np.zeros(len(main), np.bool_), np.zeros(len(shared), np.bool_)
    owned[0][stacks:] = True
    own = launch.shared_base, launch.shared_base + launch.shared * launch.slots(core)
    owned[1][slice(*own)] = True

    memory, mine = (main, owned[0]) if where == "main" else (shared, owned[1])
    for array, at in zip(work.arrays, places, strict=True):
        memory[at : at + array.before.nbytes] = np.frombuffer(array.before.tobytes(), np.uint8)
        mine[at : at + array.before.nbytes] = array.wanted is not None
    image = file.image(base)
    main[: len(image)] = np.frombuffer(image, np.uint8)
    return Placed(launch, main, shared, owned, tuple(places), where)


def simulate(
    kernel: LibraryKernel,
    file: KernelFile,
    work: Work,
    core: Core,
    where: Where = "main",
    on_retired: Callable[[Retired], None] | None = None,
) -> Outcome:
    """Run a kernel and compare; parameters as for `place`, and `Simulator`.

    Raises
    ------
    OutOfBounds
        The kernel has written outside its arrays.
    """
    placed = place(kernel, file, work, core, where)
    memories = placed.main.copy(), placed.shared.copy()
    counters = Simulator(core, Memories(core, *memories), on_retired).run(placed.launch)
    return compare(kernel, work, placed, memories, counters)


def compare(
    kernel: LibraryKernel,
    work: Work,
    placed: Placed,
    memories: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    counters: Counters,
) -> Outcome:
    """What a run of a placed kernel has made of main and shared memory, against the reference."""
    before = placed.main, placed.shared
    for name, old, new, owned in zip(
        ("main", "shared"), before, memories, placed.owned, strict=True
    ):
        changed = np.flatnonzero((old != new) & ~owned)
        if len(changed):
            raise OutOfBounds(
                f"{kernel.name} has changed {len(changed)} bytes of {name} memory outside its "
                f"arrays, the first at {changed[0]:#x}"
            )
    memory = memories[0] if placed.where == "main" else memories[1]
    results, errors, mismatches = [], [], 0
    for array, at in zip(work.arrays, placed.places, strict=True):
        taken = memory[at : at + array.before.nbytes].tobytes()
        got = np.frombuffer(taken, array.before.dtype).reshape(array.before.shape)
        results.append(got)
        errors.append(float(array.errors(got).max()))
        mismatches += array.mismatches(got)
    return Outcome(counters, results, mismatches, errors)


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
