"""How many warp-instructions a cycle can have from main memory, by three bounds.

A core issues one a cycle. Its bus moves one beat a cycle in each direction. And a warp has one
instruction under way: with w warps, w instructions in the time that one takes on average.
"""

from collections import Counter
from dataclasses import dataclass

from weft.arch.isa import Unit, decode
from weft.arch.simt import Core
from weft.config import Config
from weft.gateware.act_sram import ActSram
from weft.gateware.simt.latency import Latencies
from weft.gateware.simt.sizes import Sizes
from weft.golden.simt import Retired, Simulator
from weft.golden.simt.memory import Memories
from weft_driver.kernels import KernelFile

from ..kernels import LibraryKernel, place

PLAIN = {Unit.ALU, Unit.MULTIPLY, Unit.BYTES, Unit.BRANCH, Unit.JUMP, Unit.CSR, Unit.EXIT}
"""Units of which `Latencies.plain` is the latency."""

KINDS = {unit: "plain" for unit in PLAIN} | {
    Unit.FLOAT: "pipelined_float",
    Unit.LOAD: "load",
    Unit.STORE: "store",
}
"""Field of `Latencies` by unit; the bound knows no others."""


@dataclass(frozen=True)
class Mix:
    """What the warps of a launch do.

    Parameters
    ----------
    counts
        Warp-instructions by field of `Latencies`.
    beats
        Data beats of their accesses, both directions.
    """

    counts: dict[str, int]
    beats: int

    @property
    def instructions(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def latency(self, of: Latencies, memory: int) -> int:
        """Sum of their latencies in cycles, where memory has this one."""
        own = sum(count * getattr(of, kind) for kind, count in self.counts.items())
        return own + self.beats + memory * (self.counts["load"] + self.counts["store"])


def mix(kernel: LibraryKernel, file: KernelFile, size: int, core: Core) -> Mix:
    """Count what a kernel does in main memory, on the simulator.

    Raises
    ------
    ValueError
        It uses shared memory, barriers, division or others of which the bound knows no latency, or
        accesses of several bursts.
    """
    placed = place(kernel, file, kernel.work(size), core)
    units: Counter[Unit] = Counter()

    def count(retired: Retired) -> None:
        found = decode(retired.word)
        assert found is not None
        units[found.instruction.unit] += 1

    memories = Memories(core, placed.main, placed.shared)
    counted = Simulator(core, memories, count).run(placed.launch)
    strange = sorted(unit.value for unit in units if unit not in KINDS)
    if strange or counted.shared_accesses or counted.memory_split:
        what = ", ".join(strange) or "shared memory, or accesses of several bursts"
        raise ValueError(
            f"{kernel.name}: the bound is for loads and stores of one burst, floats and plain "
            f"instructions alone, not for {what}: choose vector_add or saxpy"
        )
    counts = dict.fromkeys(KINDS.values(), 0)
    for unit, number in units.items():
        counts[KINDS[unit]] += number
    return Mix(counts, counted.memory_beats)


@dataclass(frozen=True)
class Bound:
    """The terms, each in warp-instructions a cycle.

    Parameters
    ----------
    issue
        What the pipeline can do.
    bus
        Instructions for each beat of the busier direction of the memory port.
    warps
        Warps x instructions / sum of their latencies.
    """

    issue: float
    bus: float
    warps: float

    @property
    def value(self) -> float:
        """The least."""
        return min(self.issue, self.bus, self.warps)

    @property
    def by(self) -> str:
        """Which is the least."""
        return min(("issue", "bus", "warps"), key=lambda name: getattr(self, name))


def bound(config: Config, counted: Mix, warps: int, latency: int, beats: int) -> Bound:
    """The bound of a launch.

    Parameters
    ----------
    config
        The chip.
    counted
        What is done, by all warps.
    warps
        Warps that do it, equal parts each.
    latency
        Of memory.
    beats
        Beats of the busier direction of the port, the kernel's code among them.
    """
    latencies = Latencies.of(Sizes.of(config, ActSram.bank_latency))
    total = counted.latency(latencies, latency)
    done = counted.instructions
    return Bound(1.0, done / beats if beats else 1.0, warps * done / total)
