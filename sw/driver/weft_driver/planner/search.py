"""The search for a GEMM's layout: candidates, judged by the estimator."""

import random
from dataclasses import dataclass, replace

from weft.arch.memory import MemoryTiming
from weft.config import Config

from .candidates import canonical, neighbours, rough, starts, tile_shapes
from .choice import Choice
from .estimate import Estimator
from .gemm import GemmPlanner
from .hazards import synchronise
from .problem import Gemm
from .steps import Step, end_step
from .timing import Estimate

EFFORT = 60_000
"""Commands that are laid out and estimated in search of one choice, about: two seconds of time."""

FIRST, SECOND = 0.7, 0.4
"""Shares of the effort that are left after all tiles, and after other ends for the best of them."""

TRIAL = 10
"""What a trial costs beside its commands."""

STALE = 1000
"""Changes in a row that bring nothing, after which the search ends."""

STARTS = 8
"""Tiles whose ends are improved."""


@dataclass(frozen=True)
class Verdict:
    """A choice with what the estimator says about it."""

    choice: Choice
    estimate: Estimate


def gemm_steps(config: Config, op: Gemm, choice: Choice) -> list[Step]:
    """The steps of a GEMM for a choice; ValueError when it does not fit."""
    return GemmPlanner(config, op, choice).steps()


def judge(config: Config, op: Gemm, choice: Choice, memory: MemoryTiming) -> Estimate | None:
    """Estimate of a choice, or None when it does not fit the chip."""
    try:
        steps = gemm_steps(config, op, choice)
        program = synchronise(config, [*steps, end_step()])
    except ValueError:
        return None
    return Estimator(config, memory).run(program)


class Search:
    """Tries choices until the effort is spent: likely tiles, other ends, then small changes."""

    def __init__(self, config: Config, op: Gemm, memory: MemoryTiming, effort: int):
        self.config, self.op, self.memory = config, op, memory
        self.left = self.effort = effort
        self.seen: set[Choice] = set()
        self.found: dict[Choice, Verdict] = {}  # the best for each tile
        self.changes: dict[Choice, list[list[Choice]]] = {}  # neighbours, worked out once

    def best(self) -> Verdict:
        """Search, and give the best of all."""
        config, op = self.config, self.op
        shapes = {
            canonical(config, op, replace(shape, columns_first=first))
            for shape in tile_shapes(config, op, self.memory)
            for first in (True, False)
        }
        ranked = sorted(shapes, key=lambda s: (rough(config, op, s, self.memory), repr(s)))
        for shape in ranked:
            if self.found and self.left < self.effort * FIRST:
                break
            self.consider(shape, next(starts(config, shape)))
        if not self.found:
            raise ValueError(f"no tiling of {op.m} x {op.n} x {op.k} fits this chip")
        for shape in self._order():
            for ends in list(starts(config, shape))[1:]:
                if self.left > self.effort * SECOND:
                    self.consider(shape, ends)
        self._mutate()
        return self.found[self._order()[0]]

    @property
    def spent(self) -> int:
        """Effort so far."""
        return self.effort - self.left

    def _order(self) -> list[Choice]:
        return sorted(self.found, key=lambda s: (self.found[s].estimate.cycles, repr(s)))

    def consider(self, shape: Choice, choice: Choice) -> bool:
        """Try a choice; whether it is the best so far for its tile."""
        choice = canonical(self.config, self.op, choice)
        if choice in self.seen:
            return False
        self.seen.add(choice)
        estimate = judge(self.config, self.op, choice, self.memory)
        self.left -= TRIAL + (len(estimate.times) if estimate else 0)
        known = self.found.get(shape)
        if estimate is None or (known and known.estimate.cycles <= estimate.cycles):
            return False
        self.found[shape] = Verdict(choice, replace(estimate, times=()))  # a megabyte, for some
        return True

    def _mutate(self) -> None:
        """Change one to three things of one of the best, again and again."""
        rng = random.Random(f"{self.op.m} {self.op.n} {self.op.k}")
        order = self._order()[:STARTS]
        idle = 0
        while self.left > 0 and idle < STALE:
            shape = order[min(int(rng.expovariate(3 / STARTS)), len(order) - 1)]
            choice = self.found[shape].choice
            for _ in range(rng.randint(1, 3)):
                if choice not in self.changes:
                    self.changes[choice] = list(neighbours(self.config, self.op, choice))
                choice = rng.choice(rng.choice(self.changes[choice]))
            idle += 1
            if self.consider(shape, choice):
                order = self._order()[:STARTS]
                idle = 0
