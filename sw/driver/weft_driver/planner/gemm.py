"""One GEMM as steps: output-stationary tiles, operands streamed in chunks along K.

A *tile* is a rectangle of the result, rows x blocks of C columns, whose sums stay in the
accumulators. For each tile the *chunks* of A and B along K come by; a chunk that is still in its
slot is used again.

The ends of a program are cut finer. At the start, and at the end where operands still arrive, the
tile is grown piece by piece (`weft_driver.planner.cuts.staircase`). The last tile is computed in
shrinking parts whose sums lie in alternate halves of the accumulators: DRAIN cannot read a half to
which MATMUL adds, so that each part drains while the next is computed.
"""

from dataclasses import replace

from weft.arch.commands import COMMAND_BYTES
from weft.arch.layouts import ceil_div
from weft.config import Config

from .choice import Choice
from .cuts import Cut, Range, Stair, even, ranges, staircase
from .moves import Chunk, Output, Result, load_a, load_b, load_params, matmul
from .problem import Gemm
from .results import Results
from .sram import AccRing, ActMap, Slots
from .steps import Step
from .tiles import Sums, Tile, size, tail_parts


class GemmPlanner:
    """Writes the steps of one GEMM for one choice; `steps` is the result."""

    def __init__(self, config: Config, op: Gemm, choice: Choice):
        self.config, self.op, self.choice = config, op, choice
        self.act = ActMap(config, choice.results)
        self.tiles_k = op.k_tiles(config)
        self.row_ranges = self._cut_rows()
        self.block_ranges = even(op.n_blocks(config), choice.blocks)
        self.k_ranges = even(self.tiles_k, choice.tiles)
        self.whole_k = len(self.k_ranges) == 1
        most_rows = max(size(rows) for rows in self.row_ranges)
        most_blocks = max(size(blocks) for blocks in self.block_ranges)
        most_tiles = max(size(k) for k in self.k_ranges)
        # With K in one piece A is copied as it stands, one long row; else rows are cut.
        self.pitch = op.k if self.whole_k else most_tiles * config.rows
        self._a_slot_bytes = most_rows * self.pitch + 2 * config.rows
        self._b_slot_rows = most_blocks * most_tiles * config.rows
        self.order = self._order()
        self._steps: list[Step] = []
        self._param_load: Step | None = None
        # When, about, the bus and the array are through with what stands in the program so far.
        self._bus = self._array = 0
        self._command_beats = COMMAND_BYTES // config.bus_bytes
        output = Output(op.c, op.n, op.finish, op.pitch, op.column)
        self.results = Results(config, output, self._steps, self.act)
        self._make_slots()

    def _cut_rows(self) -> list[Range]:
        rows, r = self.choice.rows, self.config.rows
        if not self.choice.short:
            return even(self.op.m, rows)
        whole, rest = divmod(self.op.m, ceil_div(rows, r) * r)
        return ranges([ceil_div(rows, r) * r] * whole + [rest] * (rest > 0))

    def _order(self) -> list[Tile]:
        panels: list[tuple[Range, Range]] = []
        if self.choice.columns_first:
            for j, blocks in enumerate(self.block_ranges):
                panels += [(rows, blocks) for rows in self.row_ranges[:: -1 if j % 2 else 1]]
        else:
            for i, rows in enumerate(self.row_ranges):
                panels += [(rows, blocks) for blocks in self.block_ranges[:: -1 if i % 2 else 1]]
        tiles = [Tile(rows, blocks) for rows, blocks in panels]
        alone = len(tiles) == 1 and self.choice.woven
        if not self.whole_k and not alone and self._keeps_panels():
            # Each part of the last tile passes through all of K by itself, so that the part before
            # has time to drain.
            last = tiles.pop()
            parts = tail_parts(self.choice, *last.panel, self.config.rows)
            tiles += [Tile(last.rows, last.blocks, part) for part in parts]
        return tiles

    def _keeps_panels(self) -> bool:
        """Whether all chunks of a tile fit into the SRAMs at a time."""
        chunks = len(self.k_ranges)
        a_slots = len(self.act.slots(self._a_slot_bytes, chunks))
        return a_slots == chunks and self.config.wgt_rows // self._b_slot_rows >= chunks

    def _make_slots(self) -> None:
        config = self.config
        a_uses = [(tile.rows, k) for tile in self.order for k in self.k_ranges]
        self.a_slots = Slots(self.act.slots(self._a_slot_bytes, len(set(a_uses))), a_uses)
        b_uses = [(tile.blocks, k) for tile in self.order for k in self.k_ranges]
        count = min(config.wgt_rows // self._b_slot_rows, len(set(b_uses)))
        self.b_slots = Slots([i * self._b_slot_rows for i in range(count)], b_uses)
        most_blocks = max(size(blocks) for blocks in self.block_ranges)
        most_rows = max(size(rows) for rows in self.row_ranges)
        p_uses = [tile.blocks for tile in self.order]
        count = min(config.param_blocks // most_blocks, len(set(p_uses)))
        self.p_slots = Slots([i * most_blocks for i in range(count)], p_uses)
        self.acc = AccRing(config)
        fits = self.a_slots.addresses and self.b_slots.addresses and self.p_slots.addresses
        if not fits or most_rows * most_blocks > config.acc_rows:
            raise ValueError(f"{self.choice} does not fit the SRAMs")

    def steps(self) -> list[Step]:
        """All steps in program order, SIGNAL excepted."""
        params = self.op.finish.params
        for number, tile in enumerate(self.order):
            param, new = self.p_slots.get()
            if new and params is not None:
                self._param_load = load_params(self.config, params, tile.blocks, param)
            if self.choice.woven and number == 0:
                self._woven_tile(tile, param)
            elif self.whole_k:
                self._tile(tile, number, param)
            else:
                self._long_tile(tile, number, param)
        self.results.finish(self.choice.split)
        return self._steps

    def _chunks(self, tile: Tile, k: Range) -> tuple[Chunk, bool, Chunk, bool]:
        a_at, a_new = self.a_slots.get()
        b_at, b_new = self.b_slots.get()
        a = Chunk(a_at, tile.rows, k, self.pitch)
        b = Chunk(b_at, tile.blocks, k, size(k) * self.config.rows)
        return a, a_new, b, b_new

    def _cut(self, cut: Cut, number: int) -> Cut:
        """Of a cut, the growing pieces for the first tile, the shrinking ones for the last."""
        if number == len(self.order) - 1:
            return cut if number == 0 else replace(cut, first=0)
        return replace(cut, most=0, last=0) if number == 0 else Cut()

    def _stairs(self, tile: Tile, number: int, a_new: bool, b_new: bool) -> list[Stair]:
        choice, r = self.choice, self.config.rows
        rows = self._cut(choice.cut_rows, number) if a_new else Cut()
        blocks = self._cut(choice.cut_blocks, number) if b_new else Cut()
        height = size(tile.rows)
        pieces = rows.pieces(height, r), blocks.pieces(size(tile.blocks))
        return list(staircase(height, *pieces, self.config.cols))

    def _tile(self, tile: Tile, number: int, param: int) -> None:
        """A tile with all of K at hand: each piece is finished before the next."""
        a, a_new, b, b_new = self._chunks(tile, (0, self.tiles_k))
        last = len(self.order) - 1
        stairs = self._stairs(tile, number, a_new, b_new)
        k_cut = replace(self.choice.cut_tiles, first=0, most=0)
        merged = self._room(*tile.panel) if self.choice.merge and len(stairs) > 1 else None
        for i, stair in enumerate(stairs):
            ending = number == last and i == len(stairs) - 1
            rows = stair.load_rows if a_new else None
            blocks = stair.load_blocks if b_new else None
            taper = self.choice.cut_tiles.last if ending and (rows or blocks) else 0
            parts = [merged] if merged else self._parts(stair.rows, stair.blocks, ending)
            for piece in ranges(replace(k_cut, last=taper).pieces(self.tiles_k)):
                start = piece[0]
                while start < piece[1]:
                    tiles = start, self._until(start, piece[1], rows, blocks)
                    # A is copied whole, unless it comes alone.
                    lines = None if blocks and start else rows
                    depth = (0, self.tiles_k) if blocks else tiles
                    last_rows = rows if ending and not blocks else None
                    piece_of_a = self._packed(a, last_rows, tiles) if last_rows else a
                    self._load(piece_of_a, lines, depth, b, blocks, tiles)
                    done = tiles[1] == self.tiles_k and (not merged or i == len(stairs) - 1)
                    self._products(piece_of_a, b, parts, stair, tiles, param if done else None)
                    start = tiles[1]

    def _packed(self, a: Chunk, rows: Range, tiles: Range) -> Chunk:
        """Where a piece along K of rows that nothing else reads lies without gaps.

        Only so can MATMUL begin while it comes (`moves.load_a`).
        """
        first, depth = (tiles[0] - a.tiles[0]) * self.config.rows, self._depth(tiles)
        start = a.address + rows[0] * a.pitch + first * size(rows)
        return Chunk(start - rows[0] * depth, a.rows, tiles, depth)

    def _until(self, start: int, stop: int, rows: Range | None, blocks: Range | None) -> int:
        """Where to cut K, so that the array does not run dry while the piece comes."""
        least = self.choice.cut_tiles.first
        if not least or not (rows or blocks) or (blocks and start and self._fenced(blocks)):
            return stop  # MATMUL itself waits for what is still to come
        for end in range(stop, start + least, -1):
            beats = 2 * self._command_beats
            if blocks:
                beats += self._beats_b(blocks, (start, end))
            if rows and not blocks:
                beats += self._beats_a(rows, (start, end))
            elif rows and not start:
                beats += self._beats_a(rows, (0, self.tiles_k))
            if self._bus + beats <= self._array:
                return end
        return min(stop, start + least)

    def _fenced(self, blocks: Range) -> bool:
        """Whether a LOAD of some of these blocks' tiles has a fence (`moves.load_b`)."""
        return self.op.packed and size(blocks) == 1 and not self.op.b.produced

    def _beats_a(self, rows: Range, tiles: Range) -> int:
        """Beats of a LOAD of A, about."""
        bus, width = self.config.bus_bytes, self._depth(tiles)
        if width == self.op.k:
            return ceil_div(size(rows) * width, bus)
        return size(rows) * (ceil_div(width, bus) + (self.op.k % bus != 0))

    def _beats_b(self, blocks: Range, tiles: Range) -> int:
        """Beats of a LOAD of B, about."""
        width = size(blocks) * self.config.cols
        return ceil_div(width * self._depth(tiles), self.config.bus_bytes)

    def _depth(self, tiles: Range) -> int:
        r = self.config.rows
        return min(self.op.k, tiles[1] * r) - tiles[0] * r

    def _long_tile(self, tile: Tile, number: int, param: int) -> None:
        """A tile whose K comes in chunks, its sums in one place from the first to the last."""
        last = number == len(self.order) - 1
        parts = [self._room(*tile.part)] if tile.part else self._parts(*tile.panel, last)
        for k in self.k_ranges:
            a, a_new, b, b_new = self._chunks(tile, k)
            ramp = self.choice.cut_tiles.first if number == 0 and k[0] == 0 else 0
            ending = last and k[1] == self.tiles_k and (a_new or b_new)
            taper = self.choice.cut_tiles.last if ending else 0
            cut = replace(self.choice.cut_tiles, first=ramp, most=0, last=taper)
            for tiles in ranges(cut.pieces(size(k)), k[0]):
                stairs = [Stair(*tile.panel, *tile.panel)]
                if number == 0 and tiles[0] == 0:
                    stairs = self._stairs(tile, number, a_new, b_new)
                for stair in stairs:
                    rows = stair.load_rows if a_new else None
                    blocks = stair.load_blocks if b_new else None
                    self._load(a, rows, tiles, b, blocks, tiles)
                    done = tiles[1] == self.tiles_k
                    self._products(a, b, parts, stair, tiles, param if done else None)

    def _woven_tile(self, tile: Tile, param: int) -> None:
        """The first tile, its pieces in turn in every piece along K, each in its own place."""
        alone = len(self.order) == 1
        stairs = self._stairs(tile, 0, True, True)
        places = [
            self._parts(stair.rows, stair.blocks, alone and i == len(stairs) - 1)
            for i, stair in enumerate(stairs)
        ]
        cut = replace(self.choice.cut_tiles, most=0)
        for k in self.k_ranges:
            a, _, b, _ = self._chunks(tile, k)
            first = cut.first if k[0] == 0 else 0
            taper = cut.last if alone and k[1] == self.tiles_k else 0
            for tiles in ranges(replace(cut, first=first, last=taper).pieces(size(k)), k[0]):
                done = param if tiles[1] == self.tiles_k else None
                for stair, parts in zip(stairs, places, strict=True):
                    self._load(a, stair.load_rows, tiles, b, stair.load_blocks, tiles)
                    self._products(a, b, parts, stair, tiles, done)

    def _parts(self, rows: Range, blocks: Range, ending: bool) -> list[Sums]:
        """Places for the sums of a rectangle: one, or those of its shrinking parts."""
        cut = (
            tail_parts(self.choice, rows, blocks, self.config.rows) if ending else [(rows, blocks)]
        )
        return [self._room(*part) for part in cut]

    def _room(self, rows: Range, blocks: Range) -> Sums:
        """A place for the sums of a rectangle; what lay there is drained earlier in the program."""
        acc = self.acc.take(size(rows) * size(blocks))
        self.results.make_room(acc, size(rows) * size(blocks))
        return Sums(acc, rows, blocks)

    def _load(
        self,
        a: Chunk,
        rows: Range | None,
        depth: Range,
        b: Chunk,
        blocks: Range | None,
        tiles: Range,
    ) -> None:
        """LOAD rows x depth of A and blocks x tiles of B, what there is of them."""
        loads: list[Step] = []
        if blocks:
            loads.append(load_b(self.config, self.op, b, blocks, tiles))
            self._bus += self._beats_b(blocks, tiles) + self._command_beats
        if rows:
            loads.append(load_a(self.config, self.op, a, rows, depth))
            self._bus += self._beats_a(rows, depth) + self._command_beats
        self._steps += loads[::-1] if self.choice.a_first else loads

    def _products(
        self, a: Chunk, b: Chunk, parts: list[Sums], stair: Stair, tiles: Range, done: int | None
    ) -> None:
        """MATMUL of a rectangle, one for each place in which sums of it lie.

        ``done`` is the parameter block of these places when they are complete with that.
        """
        for place in parts:
            shared = place.common(stair.rows, stair.blocks)
            if shared is None:
                continue
            at = place.at(*shared)
            step = matmul(self.config, self.op, a, b, at, place.pitch, *shared, tiles)
            work = size(tiles) * size(shared[1]) * max(size(shared[0]), self.config.rows)
            self._array = max(self._array, self._bus + self.config.rows) + work
            self._bus += self._command_beats
            self._steps.append(step)
            # After the tile's first MATMUL, which should not wait for it, before its first DRAIN.
            if self._param_load is not None:
                self.results.free_param(self._param_load.fields["dst"])
                self._steps.append(self._param_load)
                self._param_load = None
            self.results.flush(self.choice.lag)
            if done is not None:
                origin = a.rows[0], b.rows[0]
                result = Result(place.acc, place.pitch, origin, place.rows, place.blocks)
                self.results.add(result, done)
