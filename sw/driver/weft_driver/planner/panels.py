"""Which tiles of a GEMM fit the chip, and what of the operands stays there.

Where memory gives a beat in every cycle, the array is as a rule the limit, and an operand may come
again for each tile. Where it does not, cycles are bytes: a panel of A whose chunks all have a slot
is loaded once, and the taller it is, the fewer times B passes by.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import replace

from weft.arch.layouts import ceil_div
from weft.arch.memory import MemoryTiming
from weft.config import Config

from .choice import Choice
from .problem import Gemm
from .sram import ActMap, Slots


def slow(memory: MemoryTiming) -> bool:
    """Whether reading takes more than a cycle for each beat."""
    return memory.read_interval > 1


def slots(config: Config, op: Gemm, choice: Choice) -> tuple[int, int]:
    """For how many chunks of A and of B there is room at a time."""
    k = op.k_tiles(config)
    chunks = ceil_div(k, choice.tiles)
    depth = ceil_div(k, chunks)
    pitch = op.k if chunks == 1 else depth * config.rows
    slot = choice.rows * pitch + 2 * config.rows
    room = sum(size // slot for _, size in ActMap(config, choice.results).regions)
    return room, config.wgt_rows // (choice.blocks * depth * config.rows)


def fits(config: Config, op: Gemm, choice: Choice) -> bool:
    """Whether a choice fits the SRAMs with two slots for each operand, or all of it."""
    chunks = ceil_div(op.k_tiles(config), choice.tiles)
    room_a, room_b = slots(config, op, choice)
    need_a = min(2, chunks * ceil_div(op.m, choice.rows))
    need_b = min(2, chunks * ceil_div(op.n_blocks(config), choice.blocks))
    row_bytes = min(op.n, choice.blocks * config.cols) * op.finish.out_bytes
    return (
        room_a >= need_a
        and room_b >= need_b
        and choice.rows * choice.blocks <= config.acc_rows
        and choice.blocks <= config.param_blocks
        and row_bytes <= ActMap(config, choice.results).results[1]
    )


def again(config: Config, op: Gemm, choice: Choice, memory: MemoryTiming) -> tuple[float, float]:
    """Which share of A and of B is loaded again when the other one's next panel comes, about."""
    k, n = op.k_tiles(config), op.n_blocks(config)
    by_columns = choice.columns_first
    tiles_m = ceil_div(op.m, choice.rows)
    if not slow(memory):
        act = sum(size for _, size in ActMap(config).regions)
        wgt = config.wgt_rows // config.rows
        rows = ceil_div(op.m, tiles_m)
        keeps_a = op.m * op.k <= act or (not by_columns and rows * op.k <= act)
        keeps_b = n * k <= wgt or (by_columns and choice.blocks * k <= wgt)
        return float(not keeps_a), float(not keeps_b)
    chunks = ceil_div(k, choice.tiles)
    passing_a = chunks * (tiles_m if by_columns else 1)
    passing_b = chunks * (1 if by_columns else ceil_div(n, choice.blocks))
    room_a, room_b = slots(config, op, choice)
    return _missed(passing_a, room_a), _missed(passing_b, room_b)


def _missed(chunks: int, room: int) -> float:
    """Share of chunks, asked for in turn again and again, that are not in their slots."""
    if chunks <= room:
        return 0.0
    return min(1.0, (chunks - room) / max(1, chunks - Slots.keep - 1))


def panel_shapes(config: Config, op: Gemm) -> Iterator[Choice]:
    """For each width and depth the tallest tiles of which all chunks of A have a slot.

    With results where they always are, and if that makes them taller with room for two tiles of
    results only, so that operands have the rest.
    """
    k, n = op.k_tiles(config), op.n_blocks(config)
    for blocks in _parts(n):
        heights = [rows for rows in _parts(op.m) if rows * blocks <= config.acc_rows]
        heights = [rows for rows in heights if rows >= min(config.rows, op.m)]
        for tiles in _parts(k):
            choices = [Choice(rows, blocks, tiles, columns_first=False) for rows in heights]
            shared = [replace(it, results=_results(config, op, it)) for it in choices]
            tallest = 0
            for ladder in (choices, shared):
                at = bisect(ladder, False, key=lambda it: _keeps_a(config, op, it))
                if at < len(ladder) and ladder[at].rows > tallest:
                    tallest = ladder[at].rows
                    yield ladder[at]


def _keeps_a(config: Config, op: Gemm, choice: Choice) -> bool:
    """Whether a choice fits with all of a panel of A."""
    chunks = ceil_div(op.k_tiles(config), choice.tiles)
    return fits(config, op, choice) and slots(config, op, choice)[0] >= chunks


def _parts(total: int) -> list[int]:
    """The largest part of a range when it is cut into 1, 2, ... even ones; each size once."""
    return sorted({ceil_div(total, count) for count in range(1, total + 1)}, reverse=True)


def _results(config: Config, op: Gemm, choice: Choice) -> int:
    """Bytes for two tiles of results, not more than half a region."""
    columns = min(op.n, choice.blocks * config.cols)
    size = 2 * choice.rows * columns * op.finish.out_bytes
    row = config.act_row_bytes
    return min(ceil_div(size, row), config.act_region_bytes // row // 2) * row
