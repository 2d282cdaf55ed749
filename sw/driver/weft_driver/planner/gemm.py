"""One GEMM as steps: output-stationary tiles, operands streamed in chunks along K.

A *tile* is a rectangle of the result, rows x blocks of C columns, whose sums stay in the
accumulators. For each tile the *chunks* of A and B along K come by; a chunk that is still in its
slot is used again. The first chunk is loaded and computed in growing pieces, the last in
shrinking ones, so that the array starts early and little is left to drain after its last row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from weft.config import Config

from .cuts import Stair, doubling, even, staircase
from .moves import (
    Chunk,
    Output,
    Range,
    Result,
    load_a,
    load_b,
    load_params,
    matmul,
)
from .problem import Gemm
from .results import Results
from .sram import ActMap, Slots, acc_slots
from .steps import Step


@dataclass(frozen=True)
class Choice:
    """What the planner may choose about a GEMM.

    Parameters
    ----------
    rows, blocks, tiles
        Largest tile (rows, blocks of C columns) and chunk (tiles along K).
    columns_first
        Order of tiles: True keeps a panel of B while the rows pass, False a panel of A.
    ramp_tiles, ramp_rows, ramp_blocks
        First piece of the first chunk; 0: not cut.
    taper_tiles, taper_rows, taper_blocks
        Last piece of the last chunk; 0: not cut.
    drain_rows
        Most rows that one DRAIN takes of each block.
    """

    rows: int
    blocks: int
    tiles: int
    columns_first: bool = True
    ramp_tiles: int = 0
    ramp_rows: int = 0
    ramp_blocks: int = 0
    taper_tiles: int = 0
    taper_rows: int = 0
    taper_blocks: int = 0
    drain_rows: int = 0


class GemmPlanner:
    """Writes the steps of one GEMM for one choice; `steps` is the result."""

    def __init__(self, config: Config, op: Gemm, choice: Choice):
        self.config, self.op, self.choice = config, op, choice
        self.act = ActMap(config)
        self.tiles_k = op.k_tiles(config)
        self.row_ranges = even(op.m, choice.rows)
        self.block_ranges = even(op.n_blocks(config), choice.blocks)
        self.k_ranges = even(self.tiles_k, choice.tiles)
        self.order = self._order()
        self._steps: list[Step] = []
        self.results = Results(config, Output(op.c, op.n, op.finish), self._steps)
        self._param_load: Step | None = None
        self._make_slots()

    def _order(self) -> list[tuple[Range, Range]]:
        tiles = []
        if self.choice.columns_first:
            for j, blocks in enumerate(self.block_ranges):
                rows = self.row_ranges[:: -1 if j % 2 else 1]
                tiles += [(r, blocks) for r in rows]
        else:
            for i, rows in enumerate(self.row_ranges):
                blocks = self.block_ranges[:: -1 if i % 2 else 1]
                tiles += [(rows, b) for b in blocks]
        return tiles

    def _make_slots(self) -> None:
        config = self.config
        r = config.rows
        most_rows = max(stop - start for start, stop in self.row_ranges)
        most_blocks = max(stop - start for start, stop in self.block_ranges)
        most_tiles = max(stop - start for start, stop in self.k_ranges)
        # With K in one piece A is copied as it stands, one long row; else rows are cut.
        self.pitch = self.op.k if len(self.k_ranges) == 1 else most_tiles * r
        self.slot_bytes = most_rows * self.pitch + 2 * r
        a_uses = [(rows, k) for rows, _ in self.order for k in self.k_ranges]
        self.a_slots = Slots(self.act.slots(self.slot_bytes, len(set(a_uses))), a_uses)
        b_uses = [(blocks, k) for _, blocks in self.order for k in self.k_ranges]
        size = most_blocks * most_tiles * r
        count = min(config.wgt_rows // size, len(set(b_uses)))
        self.b_slots = Slots([i * size for i in range(count)], b_uses)
        acc = most_rows * most_blocks
        self.acc = acc_slots(config, acc)[: len(self.order)]
        p_uses = [blocks for _, blocks in self.order]
        count = min(config.param_blocks // most_blocks, len(set(p_uses)))
        self.p_slots = Slots([i * most_blocks for i in range(count)], p_uses)
        if not self.a_slots.addresses or not self.b_slots.addresses:
            raise ValueError(f"{self.choice} does not fit the SRAMs")
        if acc > config.acc_total_rows or not self.p_slots.addresses:
            raise ValueError(f"{self.choice} does not fit the accumulators")

    def steps(self) -> list[Step]:
        """All steps in program order, SIGNAL excepted."""
        last = len(self.order) - 1
        for number, (rows, blocks) in enumerate(self.order):
            slot = number % len(self.acc)
            self.results.flush(slot)
            param, new = self.p_slots.get()
            if new and self.op.finish.params is not None:
                self._param_load = load_params(self.config, self.op.finish.params, blocks, param)
            for k in self.k_ranges:
                first = number == 0 and k[0] == 0
                final = number == last and k[1] == self.tiles_k
                self._chunk(rows, blocks, k, slot, param, first, final)
        self.results.flush()
        return self._steps

    def _chunk(
        self, rows: Range, blocks: Range, k: Range, slot: int, param: int, first: bool, final: bool
    ) -> None:
        a_at, a_new = self.a_slots.get()
        b_at, b_new = self.b_slots.get()
        height = rows[1] - rows[0]
        a = Chunk(a_at, rows, k, self.pitch)
        b = Chunk(b_at, blocks, k, (k[1] - k[0]) * self.config.rows)
        acc = self.acc[slot]
        pieces = self._k_pieces(k, first, final and (a_new or b_new))
        for number, tiles in enumerate(pieces):
            stairs = list(self._stairs(height, blocks[1] - blocks[0], first and number == 0))
            done = tiles[1] == self.tiles_k
            for i, stair in enumerate(stairs):
                # Weights first: the array takes them in before the first row.
                if b_new and stair.load_blocks:
                    self._steps.append(load_b(self.config, self.op, b, stair.load_blocks, tiles))
                if a_new and stair.load_rows:
                    self._steps.append(load_a(self.config, self.op, a, stair.load_rows, tiles))
                ending = final and done and i == len(stairs) - 1
                for r, n in self._parts(stair.rows, stair.blocks, ending):
                    self._steps.append(matmul(self.config, self.op, a, b, acc, r, n, tiles))
                    self._load_params()
                    self.results.flush()
                    if done:
                        result = Result(acc, height, (rows[0], blocks[0]), r, n)
                        self.results.add(result, slot, param, self.choice.drain_rows)

    def _load_params(self) -> None:
        # After the tile's first MATMUL, which should not wait for it, and before its first DRAIN.
        if self._param_load is not None:
            if len(self.p_slots.addresses) == 1:
                self.results.flush()  # the last tile's drains still need what lies there
            self._steps.append(self._param_load)
            self._param_load = None

    def _k_pieces(self, k: Range, first: bool, final: bool) -> list[Range]:
        total = k[1] - k[0]
        choice = self.choice
        head = doubling(total, choice.ramp_tiles) if first and choice.ramp_tiles else [total]
        if final and choice.taper_tiles:
            tail = doubling(head.pop(), choice.taper_tiles)
            head += tail[::-1]
        edges = [k[0]]
        for piece in head:
            edges.append(edges[-1] + piece)
        return list(pairwise(edges))

    def _stairs(self, rows: int, blocks: int, ramp: bool) -> Iterator[Stair]:
        choice = self.choice
        row_pieces = doubling(rows, choice.ramp_rows) if ramp and choice.ramp_rows else [rows]
        block_pieces = (
            doubling(blocks, choice.ramp_blocks) if ramp and choice.ramp_blocks else [blocks]
        )
        yield from staircase(rows, blocks, row_pieces, block_pieces, self.config.cols)

    def _parts(self, rows: Range, blocks: Range, ending: bool) -> Iterator[tuple[Range, Range]]:
        choice = self.choice
        if not ending:
            yield rows, blocks
            return
        blocks_left = blocks
        if choice.taper_blocks and blocks[1] - blocks[0] > choice.taper_blocks:
            for piece in doubling(blocks[1] - blocks[0], choice.taper_blocks)[:0:-1]:
                yield rows, (blocks_left[0], blocks_left[0] + piece)
                blocks_left = (blocks_left[0] + piece, blocks[1])
        height = rows[1] - rows[0]
        if choice.taper_rows and height > choice.taper_rows:
            start = rows[0]
            for piece in doubling(height, choice.taper_rows)[::-1]:
                yield (start, start + piece), blocks_left
                start += piece
        else:
            yield rows, blocks_left
