"""What the planner may try for a GEMM: tiles that fit, and ends for them."""

from collections.abc import Iterator
from dataclasses import replace

from weft.arch.commands import COMMAND_BYTES
from weft.arch.layouts import ceil_div
from weft.arch.memory import MemoryTiming
from weft.config import Config

from .choice import Choice
from .cuts import Cut
from .panels import again, fits, panel_shapes, slow
from .problem import Gemm


def _pieces(total: int, most: int) -> list[int]:
    """Even piece sizes of a range: total / 1, total / 2, ..., none above ``most``."""
    sizes = {ceil_div(total, n) for n in range(1, 17)} | {1 << i for i in range(12)}
    return sorted(size for size in sizes if 1 <= size <= min(total, most))


def tile_shapes(config: Config, op: Gemm, memory: MemoryTiming) -> Iterator[Choice]:
    """Tiles and chunks that fit and use the accumulators well, or where memory is slow A's SRAM."""
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
    if slow(memory):
        yield from panel_shapes(config, op)


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

    def moved(total: int, run: int, interval: int) -> float:
        """Cycles of its beats, or what the limit on open bursts makes of too short runs."""
        run = min(run, total)
        beats = (run / bus + (1 if run % bus else 0)) * interval
        return total / run * max(beats, (memory.latency + beats) / memory.outstanding)

    every, again_a, again_b = memory.read_interval, *again(config, op, choice, memory)
    columns = min(op.n, choice.blocks * config.cols)
    reads = moved(op.m * op.k, rows * op.k if chunks == 1 else choice.tiles * config.rows, every)
    reads *= 1 + (tiles_n - 1) * again_a
    packed = n * k * config.tile_bytes / bus * every
    weights = packed if op.packed else moved(op.k * op.n, columns, every)
    reads += weights * (1 + (tiles_m - 1) * again_b)
    reads += commands(config, op, choice) * COMMAND_BYTES / bus * every
    size = op.finish.out_bytes
    run = columns * size * (rows if tiles_n == 1 else 1)
    writes = moved(op.m * op.n * size, run, memory.write_interval)
    beats = ceil_div(4 * config.cols, config.act_row_bytes) if size == 4 else config.drain_beats
    drain = op.m * n * beats
    last = min(choice.blocks * rows, config.acc_rows) * 0.2
    return max(array, reads, writes, drain) + 0.02 * (reads + writes + drain) + last


def starts(config: Config, choice: Choice) -> Iterator[Choice]:
    """A tile with ends that suit many shapes: where the array is the limit, or the bus."""
    r = config.rows
    tail = replace(choice, tail_rows=r, tail_blocks=1)
    yield replace(tail, cut_rows=Cut(first=r), cut_blocks=Cut(first=1))
    two = Cut(first=2, jump=True)
    yield replace(choice, cut_blocks=two, lag=2, split=4, short=True)
    yield replace(tail, cut_rows=Cut(first=r), cut_blocks=two, merge=True, split=4, short=True)
    yield replace(tail, cut_rows=Cut(first=r), cut_blocks=Cut(first=1), cut_tiles=Cut(first=2))
    yield replace(tail, cut_rows=Cut(r, 4 * r, r), cut_blocks=Cut(last=1), cut_tiles=Cut(last=1))
    yield replace(choice, cut_rows=Cut(0, 4 * r, r), cut_blocks=Cut(0, 8, 2))
    yield replace(choice, cut_rows=Cut(last=r), cut_blocks=Cut(0, 4, 1), cut_tiles=Cut(last=2))
    yield replace(choice, cut_blocks=Cut(first=1), cut_tiles=Cut(first=1), tail_blocks=1, split=8)
    yield replace(choice, cut_blocks=Cut(first=1), cut_tiles=Cut(first=1), merge=True)
    yield replace(choice, cut_rows=Cut(first=r), cut_blocks=Cut(first=1), merge=True)
    yield replace(choice, cut_rows=Cut(last=r), cut_tiles=Cut(last=2), a_first=True)
    yield replace(
        choice, cut_blocks=Cut(first=1, jump=True), tail_blocks=2, lag=2, split=4, woven=True
    )
    grown = replace(choice, cut_blocks=Cut(first=1), cut_tiles=Cut(first=2), split=4, woven=True)
    yield replace(grown, cut_rows=Cut(r, 2 * r, r), lag=4)
    yield choice


def canonical(config: Config, op: Gemm, choice: Choice) -> Choice:
    """The same choice without cuts that cut nothing."""
    rows = min(op.m, choice.rows)
    blocks = min(op.n_blocks(config), choice.blocks)
    tiles = min(op.k_tiles(config), choice.tiles)

    def clean(cut: Cut, limit: int) -> Cut:
        sizes = (cut.first, cut.most, cut.last)
        first, most, last = (size if size < limit else 0 for size in sizes)
        return Cut(first, most, last, cut.jump and bool(first or last))

    cut_tiles = clean(choice.cut_tiles, tiles)
    return replace(
        choice,
        cut_rows=clean(choice.cut_rows, rows),
        cut_blocks=clean(choice.cut_blocks, blocks),
        cut_tiles=cut_tiles,
        tail_rows=choice.tail_rows if choice.tail_rows < rows else 0,
        tail_blocks=choice.tail_blocks if choice.tail_blocks < blocks else 0,
        rows_first=choice.rows_first and choice.tail_rows < rows and choice.tail_blocks < blocks,
        woven=choice.woven and (tiles < op.k_tiles(config) or bool(cut_tiles)),
        short=choice.short and bool(op.m % rows or rows % config.rows) and rows < op.m,
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
        yield [replace(choice, **{name: replace(cut, jump=not cut.jump)})]
    lasts = (r, 2 * r, 4 * r, limits["cut_rows"] % r)
    tails = [(0, False), *((v, o) for v in lasts if v for o in (False, True))]
    yield [
        replace(choice, tail_rows=value, rows_first=order)
        for value, order in tails
        if value < limits["cut_rows"]
    ]
    values = [0, *(v for v in (1, 2, 4) if v < limits["cut_blocks"])]
    yield [replace(choice, tail_blocks=value) for value in values]
    yield [replace(choice, merge=not choice.merge)]
    yield [replace(choice, short=not choice.short)]
    yield [replace(choice, woven=not choice.woven)]
    yield [replace(choice, a_first=not choice.a_first)]
    yield [replace(choice, lag=lag) for lag in (0, 1, 2, 4)]
    yield [replace(choice, split=split) for split in (0, *(s for s in (4, 8, 16, 32) if s < op.m))]
