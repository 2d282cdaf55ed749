"""What a run leaves behind: retired instructions one by one, and counters that follow from them."""

from dataclasses import dataclass
from typing import NamedTuple


class Retired(NamedTuple):
    """One instruction that one group of threads of one warp has done.

    Parameters
    ----------
    block
        Linear index of the block, x fastest.
    warp
        Hardware warp.
    pc, word
        Address and instruction.
    active
        Bit l is set if lane l took part.
    rd
        The register that was written; 0 for none.
    values
        Register rd of every lane afterwards; empty when rd is 0. Only active lanes' are new.
    """

    block: int
    warp: int
    pc: int
    word: int
    active: int
    rd: int
    values: tuple[int, ...]


@dataclass
class Counters:
    """Counts that do not depend on time; the hardware's must be equal.

    Attributes
    ----------
    issued
        Retired warp-instructions.
    active_lanes
        Lanes that took part in them, summed.
    diverged
        Of them, those in which some live thread of the warp took no part.
    turns
        Times that the starvation timer let a waiting group run.
    shared_accesses, bank_conflicts
        Warp-instructions with a lane in shared memory; their passes beyond the first.
    memory_accesses, memory_split
        Warp-instructions with a lane in main or private memory; those that needed several bursts.
    memory_bursts, memory_beats
        Bursts and data beats of these accesses, both directions.
    """

    issued: int = 0
    active_lanes: int = 0
    diverged: int = 0
    turns: int = 0
    shared_accesses: int = 0
    bank_conflicts: int = 0
    memory_accesses: int = 0
    memory_split: int = 0
    memory_bursts: int = 0
    memory_beats: int = 0

    def lane_utilization(self, lanes: int) -> float:
        """Share of lanes that took part in retired instructions."""
        return self.active_lanes / (self.issued * lanes) if self.issued else 0.0
