"""Which layout a GEMM gets: candidates that fit, judged by the estimator."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from weft.arch.layouts import ceil_div
from weft.arch.memory import MemoryTiming
from weft.config import Config

from .estimate import Estimate, Estimator
from .gemm import Choice, GemmPlanner
from .hazards import synchronise
from .problem import Buffer, Gemm
from .sram import ActMap
from .steps import Step, end_step

SHORTLIST = 6
"""Tile shapes that are tried in full."""


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
        and choice.rows * choice.blocks <= config.acc_total_rows
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
    limits = {config.acc_rows, config.acc_rows // 2, config.acc_total_rows}
    for blocks in _pieces(n, min(config.param_blocks, config.acc_total_rows)):
        for limit in sorted(limits):
            rows = min(op.m, limit // blocks)
            if rows == 0 or (rows < config.rows and rows < op.m):
                continue
            rows = ceil_div(op.m, ceil_div(op.m, rows))
            for tiles in _pieces(k, config.wgt_rows // config.rows):
                choice = Choice(rows, blocks, tiles)
                if fits(config, op, choice):
                    yield choice
    if n and k:
        yield Choice(min(op.m, config.acc_rows, config.rows), 1, 1)


def rough(config: Config, op: Gemm, choice: Choice, memory: MemoryTiming) -> float:
    """Cycles by a formula: the busiest of array, bus and drain, plus what ends stick out."""
    bus = config.bus_bytes
    tiles_m = ceil_div(op.m, choice.rows)
    tiles_n = ceil_div(op.n_blocks(config), choice.blocks)
    k, n = op.k_tiles(config), op.n_blocks(config)
    chunks = ceil_div(k, choice.tiles)
    rows = ceil_div(op.m, tiles_m)
    array = tiles_m * n * k * max(rows, config.rows)
    need = memory.latency / memory.outstanding

    def streamed(run: int, count: int) -> float:
        beats = run / bus + (0.9 if run % bus else 0)
        return count * max(beats, min(1, beats / 16) * need if beats < need else beats)

    run_a = op.k * rows if chunks == 1 else choice.tiles * config.rows
    a_bytes, b_tiles = op.m * op.k, n * k
    act = sum(size for _, size in ActMap(config).regions)
    a_fits = a_bytes <= act * 0.9
    b_fits = b_tiles * config.rows <= config.wgt_rows
    a_times = 1 if a_fits else tiles_n if choice.columns_first else 1
    if not choice.columns_first and rows * op.k > act * 0.9:
        a_times = tiles_n
    b_times = 1 if b_fits else 1 if choice.columns_first else tiles_m
    if choice.columns_first and choice.blocks * k * config.rows > config.wgt_rows:
        b_times = tiles_m
    reads = streamed(run_a, ceil_div(a_bytes, run_a)) * a_times
    if op.packed:
        reads += b_tiles * config.tile_bytes / bus * b_times
    else:
        run_b = min(op.n, choice.blocks * config.cols)
        reads += streamed(run_b, op.k * tiles_n) * b_times
    size = op.finish.out_bytes
    run_c = min(op.n, choice.blocks * config.cols) * size
    if tiles_n == 1:
        run_c *= rows
    writes = streamed(run_c, ceil_div(op.m * op.n * size, run_c))
    beats = ceil_div(4 * config.cols, config.act_row_bytes) if size == 4 else config.drain_beats
    drain = op.m * n * beats
    commands = tiles_m * tiles_n * (3 * chunks + 2)
    reads += commands * 64 / bus
    ends = min(choice.tiles, 4) * rows / 2 + rows * choice.blocks * 0.1
    return max(array, reads, writes, drain) + 0.05 * (array + reads + writes) / 3 + ends


def refinements(config: Config, op: Gemm, choice: Choice) -> Iterator[Choice]:
    """The same tile with other starts and ends."""
    r = config.rows
    height = ceil_div(op.m, ceil_div(op.m, choice.rows))
    depth = ceil_div(op.k_tiles(config), ceil_div(op.k_tiles(config), choice.tiles))
    ramps = [(0, 0, 0)]
    ramps += [(t, 0, 0) for t in (1, 2, 4) if t < depth]
    for t in (0, 1, 2, 4):
        if t >= depth and t:
            continue
        ramps += [(t, rows, 1) for rows in (r, 2 * r, 4 * r, 0) if rows < height]
    tapers = [(0, 0, 0)]
    tapers += [(t, 0, 0) for t in (1, 2, 4) if t < depth]
    tapers += [(0, 0, 1), (0, r, 1), (0, 2 * r, 1), (0, r, 0), (0, 2 * r, 0), (1, r, 1), (2, 0, 1)]
    for ramp in ramps:
        for taper in tapers:
            if taper[1] >= height:
                continue
            yield replace(
                choice,
                ramp_tiles=ramp[0],
                ramp_rows=ramp[1],
                ramp_blocks=ramp[2],
                taper_tiles=taper[0],
                taper_rows=taper[1],
                taper_blocks=taper[2],
            )


def choose(config: Config, op: Gemm, memory: MemoryTiming | None = None) -> Verdict:
    """The best choice that was found for a GEMM; equal operations get equal answers."""
    bare = replace(
        op,
        a=Buffer("a", 0),
        b=Buffer("b", 0),
        c=Buffer("c", 0),
        finish=replace(op.finish, params=None if op.finish.params is None else Buffer("params", 0)),
    )
    return _choose(config, bare, memory or MemoryTiming())


@lru_cache(maxsize=4096)
def _choose(config: Config, op: Gemm, memory: MemoryTiming) -> Verdict:
    shapes = {
        replace(shape, columns_first=first)
        for shape in tile_shapes(config, op)
        for first in (True, False)
    }
    ranked = sorted(shapes, key=lambda shape: (rough(config, op, shape, memory), repr(shape)))
    best: Verdict | None = None

    def consider(choice: Choice) -> None:
        nonlocal best
        estimate = judge(config, op, choice, memory)
        if estimate and (best is None or estimate.cycles < best.estimate.cycles):
            best = Verdict(choice, estimate)

    for shape in ranked[:SHORTLIST]:
        consider(replace(shape, ramp_rows=min(config.rows, shape.rows), ramp_blocks=1))
    if best is None:
        for shape in ranked:
            consider(shape)
            if best is not None:
                break
    if best is None:
        raise ValueError(f"no tiling of {op.m} x {op.n} x {op.k} fits this chip")
    for choice in refinements(config, op, best.choice):
        consider(choice)
    return best
