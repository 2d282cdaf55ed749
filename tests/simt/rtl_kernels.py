"""Kernels of the library on the gateware standing alone."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from weft.gateware.simt.sizes import Sizes
from weft.golden.simt import Counters, Simulator
from weft.golden.simt.memory import Memories
from weft_bench.kernels import KERNELS, Outcome, Work, compare, place
from weft_bench.kernels.simulate import Where
from weft_driver.kernels import KernelFile, load_kernels

from . import rtl
from .rtl import Rtl, core_of, why

LONGEST = 50_000_000
"""Cycles after which a run is given up."""


@cache
def compiled(program: str) -> KernelFile:
    """The file of a kernel."""
    return load_kernels(KERNELS[program].source)


@dataclass(frozen=True)
class KernelRun:
    """A kernel that has run on the gateware.

    Parameters
    ----------
    work, result
        What it was asked to do, and what it has left.
    outcome
        Cycles and counts of the gateware.
    expected
        The simulator's counters of the same run, with the same blocks in the same slots.
    """

    work: Work
    result: Outcome
    outcome: rtl.Outcome
    expected: Counters | None

    @property
    def issue_rate(self) -> float:
        """Retired warp-instructions per cycle, from offering the launch to the end."""
        return self.outcome.issued / self.outcome.cycles


def run_kernel(
    name: str,
    size: int,
    sizes: Sizes,
    where: Where = "main",
    simulated: bool = True,
    **memory: int,
) -> KernelRun:
    """Run a kernel; ``memory`` as for `Rtl.start`. Raises `AssertionError` if it does not end."""
    kernel, core = KERNELS[name], core_of(sizes)
    file, work = compiled(kernel.program), kernel.work(size)
    placed = place(kernel, file, work, core, where)
    room = np.zeros(-len(placed.main) % sizes.bus_bytes, np.uint8)
    main, shared = np.concatenate([placed.main, room]), placed.shared.copy()
    with Rtl(sizes, main, shared) as gateware:
        gateware.start(placed.launch, **memory)
        outcome = gateware.run(LONGEST)
        slots = gateware.placement(placed.launch)
    assert outcome.finished, f"{name}, size {size}: {why(outcome)}"
    memories = main[: len(placed.main)], shared
    result = compare(kernel, work, placed, memories, Counters(**outcome.counters()))
    expected = None
    if simulated:
        simulator = Simulator(core, Memories(core, placed.main.copy(), placed.shared.copy()))
        expected = simulator.run(placed.launch, placement=slots)
    return KernelRun(work, result, outcome, expected)
