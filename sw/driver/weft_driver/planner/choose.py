"""Which layout a GEMM gets: candidates that fit, judged by the estimator."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from weft.arch.commands import COMMAND_BYTES
from weft.arch.layouts import ceil_div
from weft.arch.memory import MemoryTiming
from weft.config import Config

from .cuts import Cut
from .estimate import Estimate, Estimator
from .gemm import Choice, GemmPlanner
from .hazards import synchronise
from .known import keep, key_of, recall
from .problem import Buffer, Gemm
from .sram import ActMap
from .steps import Step, end_step

EFFORT = 36_000
"""Commands that are laid out and estimated in search of one choice, about: a second of time."""

FIRST, SECOND = 0.7, 0.4
"""Shares of the effort that are left after all tiles, and after other ends for the best of them."""

TRIAL = 10
"""What a trial costs beside its commands."""

STALE = 600
"""Changes in a row that bring nothing, after which the search ends."""

WORTH = 3_000
"""Effort beyond which a choice is kept for the next time."""

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


def fits(config: Config, op: Gemm, choice: Choice) -> bool:
    """Whether a choice fits the SRAMs with two slots for each operand, or all of it."""
    act = ActMap(config)
    k = op.k_tiles(config)
    chunks = ceil_div(k, choice.tiles)
    pitch = op.k if chunks == 1 else ceil_div(k, chunks) * config.rows
    slot = choice.rows * pitch + 2 * config.rows
    room = sum(size // slot for _, size in act.regions)
    need_a = min(2, chunks * ceil_div(op.m, choice.rows))
    tiles = choice.blocks * ceil_div(k, chunks)
    need_b = min(2, chunks * ceil_div(op.n_blocks(config), choice.blocks))
    row_bytes = min(op.n, choice.blocks * config.cols) * op.finish.out_bytes
    return (
        room >= need_a
        and tiles * config.rows * need_b <= config.wgt_rows
        and choice.rows * choice.blocks <= config.acc_rows
        and choice.blocks <= config.param_blocks
        and row_bytes <= act.results[1]
    )


def _pieces(total: int, most: int) -> list[int]:
    """Even piece sizes of a range: total / 1, total / 2, ..., none above ``most``."""
    sizes = {ceil_div(total, n) for n in range(1, 17)} | {1 << i for i in range(12)}
    return sorted(size for size in sizes if 1 <= size <= min(total, most))


def tile_shapes(config: Config, op: Gemm) -> Iterator[Choice]:
    """Tiles and chunks that fit and use the accumulators well."""
    k, n = op.k_tiles(config), op.n_blocks(config)
    r = config.rows
    limits = {config.acc_rows, config.acc_rows // 2, config.acc_rows // 4} - {0}
    seen = set()
    for blocks in _pieces(n, min(config.param_blocks, config.acc_rows)):
        even_blocks = ceil_div(n, ceil_div(n, blocks))
        heights = {limit // blocks for limit in limits}
        heights |= {r, 2 * r, 4 * r, ceil_div(op.m, 2), ceil_div(op.m, 3)}
        for height in heights:
            rows = min(op.m, height, config.acc_rows // blocks)
            if rows == 0 or (rows < r and rows < op.m):
                continue
            rows = ceil_div(op.m, ceil_div(op.m, rows))
            for tiles in _pieces(k, config.wgt_rows // config.rows):
                choice = Choice(rows, even_blocks, ceil_div(k, ceil_div(k, tiles)))
                if choice not in seen and fits(config, op, choice):
                    seen.add(choice)
                    yield choice
    if n and k:
        yield Choice(min(op.m, config.acc_rows, config.rows), 1, 1)


def commands(config: Config, op: Gemm, choice: Choice) -> int:
    """Commands of a choice, about."""
    tiles = ceil_div(op.m, choice.rows) * ceil_div(op.n_blocks(config), choice.blocks)
    return tiles * (3 * ceil_div(op.k_tiles(config), choice.tiles) + 2) + 20


def rough(config: Config, op: Gemm, choice: Choice, memory: MemoryTiming) -> float:
    """Cycles by a formula: the busiest of array, bus and drain; to try likely choices first."""
    bus = config.bus_bytes
    k, n = op.k_tiles(config), op.n_blocks(config)
    tiles_m, tiles_n = ceil_div(op.m, choice.rows), ceil_div(n, choice.blocks)
    chunks, rows = ceil_div(k, choice.tiles), ceil_div(op.m, tiles_m)
    array = tiles_m * n * k * max(rows, config.rows)

    def moved(total: int, run: int) -> float:
        """Beats, or what the limit on open bursts makes of runs that are too short."""
        run = min(run, total)
        beats = run / bus + (1 if run % bus else 0)
        return total / run * max(beats, (memory.latency + beats) / memory.outstanding)

    act = sum(size for _, size in ActMap(config).regions)
    wgt = config.wgt_rows // config.rows
    by_columns = choice.columns_first
    keeps_a = op.m * op.k <= act or (not by_columns and rows * op.k <= act)
    keeps_b = n * k <= wgt or (by_columns and choice.blocks * k <= wgt)
    columns = min(op.n, choice.blocks * config.cols)
    reads = moved(op.m * op.k, rows * op.k if chunks == 1 else choice.tiles * config.rows)
    reads *= 1 if keeps_a else tiles_n
    packed = n * k * config.tile_bytes / bus
    weights = packed if op.packed else moved(op.k * op.n, columns)
    reads += weights * (1 if keeps_b else tiles_m)
    reads += commands(config, op, choice) * COMMAND_BYTES / bus
    size = op.finish.out_bytes
    run = columns * size * (rows if tiles_n == 1 else 1)
    writes = moved(op.m * op.n * size, run)
    beats = ceil_div(4 * config.cols, config.act_row_bytes) if size == 4 else config.drain_beats
    drain = op.m * n * beats
    last = min(choice.blocks * rows, config.acc_rows) * 0.2
    return max(array, reads, writes, drain) + 0.02 * (reads + writes + drain) + last


def starts(config: Config, choice: Choice) -> Iterator[Choice]:
    """A tile with ends that suit many shapes: where the array is the limit, or the bus."""
    r = config.rows
    tail = replace(choice, tail_rows=r, tail_blocks=1)
    yield replace(tail, cut_rows=Cut(first=r), cut_blocks=Cut(first=1))
    yield replace(tail, cut_rows=Cut(first=r), cut_blocks=Cut(first=1), cut_tiles=Cut(first=2))
    yield replace(tail, cut_rows=Cut(r, 4 * r, r), cut_blocks=Cut(last=1), cut_tiles=Cut(last=1))
    yield replace(choice, cut_rows=Cut(0, 4 * r, r), cut_blocks=Cut(0, 8, 2))
    yield replace(choice, cut_rows=Cut(last=r), cut_blocks=Cut(0, 4, 1), cut_tiles=Cut(last=2))
    yield replace(choice, cut_blocks=Cut(first=1), cut_tiles=Cut(first=1), tail_blocks=1, split=8)
    yield replace(choice, cut_blocks=Cut(first=1), cut_tiles=Cut(first=1), merge=True)
    yield replace(choice, cut_rows=Cut(first=r), cut_blocks=Cut(first=1), merge=True)
    yield choice


def canonical(config: Config, op: Gemm, choice: Choice) -> Choice:
    """The same choice without cuts that cut nothing."""
    rows = min(op.m, choice.rows)
    blocks = min(op.n_blocks(config), choice.blocks)
    tiles = min(op.k_tiles(config), choice.tiles)

    def clean(cut: Cut, limit: int) -> Cut:
        sizes = (cut.first, cut.most, cut.last)
        return Cut(*(size if size < limit else 0 for size in sizes))

    return replace(
        choice,
        cut_rows=clean(choice.cut_rows, rows),
        cut_blocks=clean(choice.cut_blocks, blocks),
        cut_tiles=clean(choice.cut_tiles, tiles),
        tail_rows=choice.tail_rows if choice.tail_rows < rows else 0,
        tail_blocks=choice.tail_blocks if choice.tail_blocks < blocks else 0,
        rows_first=choice.rows_first and choice.tail_rows < rows and choice.tail_blocks < blocks,
        columns_first=choice.columns_first or op.m == rows or op.n_blocks(config) == blocks,
    )


def neighbours(config: Config, op: Gemm, choice: Choice) -> Iterator[list[Choice]]:
    """Other ends for the same tile: for each thing that can be changed, all that differ in it."""
    r = config.rows
    limits = {
        "cut_rows": min(op.m, choice.rows),
        "cut_blocks": min(op.n_blocks(config), choice.blocks),
        "cut_tiles": min(op.k_tiles(config), choice.tiles),
    }
    sizes = {
        "cut_rows": (r, 2 * r, 4 * r),
        "cut_blocks": (1, 2, 4, 8),
        "cut_tiles": (1, 2, 4, 8),
    }
    for name in ("cut_blocks", "cut_rows", "cut_tiles"):
        cut: Cut = getattr(choice, name)
        for side in ("first", "last", "most"):
            if side == "most" and name == "cut_tiles":
                continue
            values = [0, *(v for v in sizes[name] if v < limits[name])]
            yield [replace(choice, **{name: replace(cut, **{side: value})}) for value in values]
    tails = [(0, False), *((v, o) for v in (r, 2 * r, 4 * r) for o in (False, True))]
    yield [
        replace(choice, tail_rows=value, rows_first=order)
        for value, order in tails
        if value < limits["cut_rows"]
    ]
    values = [0, *(v for v in (1, 2, 4) if v < limits["cut_blocks"])]
    yield [replace(choice, tail_blocks=value) for value in values]
    yield [replace(choice, merge=not choice.merge)]
    yield [replace(choice, lag=lag) for lag in (0, 1, 2, 4)]
    yield [replace(choice, split=split) for split in (0, *(s for s in (4, 8, 16, 32) if s < op.m))]


def choose(
    config: Config, op: Gemm, memory: MemoryTiming | None = None, effort: int = EFFORT
) -> Verdict:
    """The best choice that was found for a GEMM; equal operations get equal answers.

    Raises
    ------
    ValueError
        No tiling fits the chip.
    """
    bare = replace(
        op,
        a=Buffer("a", 0),
        b=Buffer("b", 0),
        c=Buffer("c", 0),
        finish=replace(op.finish, params=None if op.finish.params is None else Buffer("params", 0)),
    )
    return _choose(config, bare, memory or MemoryTiming(), effort)


@lru_cache(maxsize=4096)
def _choose(config: Config, op: Gemm, memory: MemoryTiming, effort: int) -> Verdict:
    key = key_of(config.hash_hex, op, memory, effort)
    if found := recall(key):
        values = json.loads(found)
        cuts = {name: Cut(**value) for name, value in values.items() if isinstance(value, dict)}
        choice = Choice(**values | cuts)
        estimate = judge(config, op, choice, memory)
        if estimate:
            return Verdict(choice, replace(estimate, times=()))
    search = _Search(config, op, memory, effort)
    best = search.best()
    if search.spent > WORTH:
        keep(key, json.dumps(asdict(best.choice)))
    return best


class _Search:
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
            for shape in tile_shapes(config, op)
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
