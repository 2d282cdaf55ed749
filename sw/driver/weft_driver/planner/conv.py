"""One convolution as steps: no im2col matrix; MATMUL's address generator walks the image.

A *tile* is a band of output rows (or a part of one row) x blocks of channels. Its input, padding
included, is loaded as a band of image rows, neighbours overlapping by what the kernel reaches
over. A row of the kernel is contiguous in the band, so K is walked as kernel rows (or taps, with
horizontal dilation) of whole tiles, whose weights are padded with zeros.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from weft.arch.commands import Space
from weft.arch.layouts import ceil_div
from weft.config import Config

from .cuts import Cut, even
from .moves import Output, Range, Result, load_params, memory_reads
from .problem import Conv
from .results import Results
from .spans import span
from .sram import AccRing, ActMap, Slots
from .steps import Step


@dataclass(frozen=True)
class ConvChoice:
    """What the planner may choose about a convolution.

    Parameters
    ----------
    rows, columns
        Largest band: output rows, and output columns (less than all only with one row).
    blocks
        Blocks of C channels of a tile.
    slices
        Kernel slices whose weights are loaded at a time.
    columns_first
        True keeps weights while the image passes, False a band while the weights pass.
    ramp, taper
        Output rows of the first and the last band, growing and shrinking by two; 0: not cut.
    """

    rows: int
    columns: int
    blocks: int
    slices: int
    columns_first: bool = True
    ramp: int = 0
    taper: int = 0


@dataclass(frozen=True)
class Band:
    """Output rows and columns of one image."""

    image: int
    rows: Range
    columns: Range

    @property
    def height(self) -> int:
        """Output rows."""
        return self.rows[1] - self.rows[0]

    @property
    def width(self) -> int:
        """Output columns."""
        return self.columns[1] - self.columns[0]


def window(out: Range, stride: int, before: int, reach: int, size: int) -> tuple[Range, int, int]:
    """The inputs under a range of outputs: those that exist, and padding before and after."""
    start = out[0] * stride - before
    stop = (out[1] - 1) * stride - before + reach
    first, last = min(max(start, 0), size), min(max(stop, 0), size)
    lead = min(max(0, -start), stop - start)
    return (first, last), lead, stop - start - lead - (last - first)


class ConvPlanner:
    """Writes the steps of one convolution for one choice; `steps` is the result."""

    def __init__(self, config: Config, op: Conv, choice: ConvChoice):
        self.config, self.op, self.choice = config, op, choice
        self._steps: list[Step] = []
        self.act = ActMap(config)
        self.results = Results(config, Output(op.c, op.n, op.finish), self._steps, self.act)
        self.bands = list(self._bands())
        self.block_ranges = even(op.n_blocks(config), choice.blocks)
        groups, count, size = op.slices
        self.slice_tiles = ceil_div(size, config.rows)
        self.chunks = even(groups * count, choice.slices)
        if choice.columns_first:
            self.order = [(band, b) for b in self.block_ranges for band in self.bands]
        else:
            self.order = [(band, b) for band in self.bands for b in self.block_ranges]
        self._make_slots()

    def _bands(self) -> Iterator[Band]:
        op, choice = self.op, self.choice
        height, width = op.out_size
        for image in range(op.images):
            if choice.columns < width:
                for y in range(height):
                    for columns in even(width, choice.columns):
                        yield Band(image, (y, y + 1), columns)
                continue
            sizes = [stop - start for start, stop in even(height, choice.rows)]
            if choice.ramp and image == 0 and sizes[0] > choice.ramp:
                sizes[:1] = Cut(first=choice.ramp).pieces(sizes[0], choice.ramp)
            if choice.taper and image == op.images - 1 and sizes[-1] > choice.taper:
                sizes[-1:] = Cut(last=choice.taper).pieces(sizes[-1], choice.taper)
            y = 0
            for size in sizes:
                yield Band(image, (y, y + size), (0, width))
                y += size

    def pitch(self, band: Band) -> int:
        """act bytes of one input row of a band."""
        return ((band.width - 1) * self.op.stride[1] + self.op.reach[1]) * self.op.cin

    def _input_rows(self, band: Band) -> int:
        return (band.height - 1) * self.op.stride[0] + self.op.reach[0]

    def _make_slots(self) -> None:
        config = self.config
        most = max(self._input_rows(band) * self.pitch(band) for band in self.bands)
        uses = [band for band, _ in self.order]
        slots = self.act.slots(most + 2 * config.rows, len(self.bands))
        self.a_slots = Slots(slots, uses)
        blocks = max(stop - start for start, stop in self.block_ranges)
        slices = max(stop - start for start, stop in self.chunks)
        size = blocks * slices * self.slice_tiles * config.rows
        b_uses = [(b, chunk) for _, b in self.order for chunk in self.chunks]
        count = min(config.wgt_rows // size, len(set(b_uses)))
        self.b_slots = Slots([i * size for i in range(count)], b_uses)
        acc = max(band.height * band.width for band in self.bands) * blocks
        self.acc = AccRing(config)
        p_uses = [b for _, b in self.order]
        count = min(config.param_blocks // blocks, len(set(p_uses)))
        self.p_slots = Slots([i * blocks for i in range(count)], p_uses)
        fits = slots and self.b_slots.addresses and self.p_slots.addresses
        if not fits or acc > config.acc_rows:
            raise ValueError(f"{self.choice} does not fit the chip")

    def steps(self) -> list[Step]:
        """All steps in program order, SIGNAL excepted."""
        params = self.op.finish.params
        for band, blocks in self.order:
            rows, count = band.height * band.width, blocks[1] - blocks[0]
            acc = self.acc.take(rows * count)
            self.results.make_room(acc, rows * count)
            param, new_params = self.p_slots.get()
            act, new = self.a_slots.get()
            for chunk in self.chunks:
                wgt, new_weights = self.b_slots.get()
                if new_weights:
                    self._steps.append(self._load_b(wgt, blocks, chunk))
                if new:
                    self._steps.append(self._load_a(act, band))
                    new = False
                self._steps += self._matmul(band, act, blocks, wgt, acc, chunk)
                if new_params and params is not None:
                    self.results.free_param(param)
                    self._steps.append(load_params(self.config, params, blocks, param))
                    new_params = False
                self.results.flush()
            height, width = self.op.out_size
            row = (band.image * height + band.rows[0]) * width + band.columns[0]
            result = Result(acc, rows, (row, blocks[0]), (0, rows), (0, count))
            self.results.add(result, param)
        self.results.flush()
        return self._steps

    def _load_a(self, dst: int, band: Band) -> Step:
        op = self.op
        top, _, left, _ = op.padding
        ys, above, below = window(band.rows, op.stride[0], top, op.reach[0], op.height)
        xs, before, after = window(band.columns, op.stride[1], left, op.reach[1], op.width)
        pitch = self.pitch(band)
        length = (xs[1] - xs[0]) * op.cin
        count = ys[1] - ys[0]
        row = op.width * op.cin
        offset = (band.image * op.height + ys[0]) * row + xs[0] * op.cin
        if count == 0:  # nothing but padding above or below the image
            count, length, before, after, offset = 1, 0, pitch // op.cin, 0, 0
            above = max(above + below - 1, 0)
            below = 0
        fields = {
            "space": Space.ACT,
            "flip": int(op.flip_a),
            "fill": op.fill & 0xFF,
            "src": op.a.address + offset,
            "dst": dst,
            "count2": 1,
            "pad_top": above,
            "pad_bottom": below,
        }
        if length == row == pitch and not above and not below:
            fields |= {"len": length * count, "count1": 1}
        else:
            fields |= {"len": length, "count1": count, "stride1": row, "dst_stride1": pitch}
            fields |= {"pad_left": before * op.cin, "pad_right": after * op.cin}
        return Step(
            "LOAD",
            fields,
            reads=memory_reads(op.a, offset, length, row, count) if length else (),
            writes=(span("act", dst, pitch * self._input_rows(band)),),
            note=f"image {band.image}, rows {ys[0]}..{ys[1] - 1}, columns {xs[0]}..{xs[1] - 1}",
        )

    def _load_b(self, dst: int, blocks: Range, chunk: Range) -> Step:
        config, op = self.config, self.op
        tiles = (chunk[1] - chunk[0]) * self.slice_tiles
        count = blocks[1] - blocks[0]
        run, stride = tiles * config.tile_bytes, op.k_tiles(config) * config.tile_bytes
        offset = blocks[0] * stride + chunk[0] * self.slice_tiles * config.tile_bytes
        fields = {"space": Space.WGT, "src": op.b.address + offset, "dst": dst, "count2": 1}
        fields |= {"dst_chunk": 1, "count1": 1}
        if run == stride or count == 1:
            fields |= {"len": run * count}
        else:
            fields |= {"len": run, "count1": count, "stride1": stride}
            fields |= {"dst_stride1": tiles * config.rows}
        return Step(
            "LOAD",
            fields,
            reads=memory_reads(op.b, offset, run, stride, count),
            writes=(span("wgt", dst, tiles * config.rows * count),),
            note=f"weights of channel blocks {blocks[0]}..{blocks[1] - 1}, slices "
            f"{chunk[0]}..{chunk[1] - 1}",
        )

    def _matmul(
        self, band: Band, act: int, blocks: Range, wgt: int, acc: int, chunk: Range
    ) -> Iterator[Step]:
        """Products of a chunk of slices: one command, or more where it cuts groups of slices."""
        count = self.op.slices[1]
        tiles = (chunk[1] - chunk[0]) * self.slice_tiles
        start = chunk[0]
        while start < chunk[1]:
            if start % count == 0 and chunk[1] - start >= count:
                stop = start + (chunk[1] - start) // count * count
            else:
                stop = min(chunk[1], (start // count + 1) * count)
            at = wgt + (start - chunk[0]) * self.slice_tiles * self.config.rows
            yield self._product(band, act, blocks, (at, tiles), acc, (start, stop))
            start = stop

    def _product(
        self,
        band: Band,
        act: int,
        blocks: Range,
        wgt: tuple[int, int],
        acc: int,
        slices: Range,
    ) -> Step:
        config, op = self.config, self.op
        _, count, size = op.slices
        pitch, rows = self.pitch(band), band.height * band.width
        number = slices[1] - slices[0]
        inner, outer = (count, number // count) if number > count else (number, 1)
        gaps = op.slices[0] > 1 or (op.dilation[1] > 1 and op.kernel[1] > 1)
        row_step = op.dilation[0] * pitch
        inner_step = op.dilation[1] * op.cin if gaps else row_step
        group, into = divmod(slices[0], count)
        start = act + (group * row_step if gaps else 0) + into * inner_step
        blocks_n = blocks[1] - blocks[0]
        fields = {
            "accumulate": int(slices[0] > 0),
            "row_sum": int(op.finish.row_sum),
            "act": start,
            "wgt": wgt[0],
            "wgt_block": wgt[1] * config.rows if blocks_n > 1 else 0,
            "acc": acc,
            "acc_block": rows if blocks_n > 1 else 0,
            "blocks": blocks_n,
            "k_tail": (size - 1) % config.rows + 1,
            "k0": self.slice_tiles,
            "k1": inner,
            "k2": outer,
            "m0": band.width,
            "m1": band.height,
            "m2": 1,
            "k0_stride": config.rows if self.slice_tiles > 1 else 0,
            "k1_stride": inner_step if inner > 1 else 0,
            "k2_stride": row_step if outer > 1 else 0,
            "m0_stride": op.stride[1] * op.cin if band.width > 1 else 0,
            "m1_stride": op.stride[0] * pitch if band.height > 1 else 0,
        }
        depth = number * self.slice_tiles * config.rows
        return Step(
            "MATMUL",
            fields,
            reads=(
                span("act", act, pitch * self._input_rows(band) + config.rows),
                span("wgt", wgt[0], depth, wgt[1] * config.rows, blocks_n),
            ),
            writes=(span("acc", acc, rows, rows, blocks_n),),
            note=f"image {band.image}, output rows {band.rows[0]}..{band.rows[1] - 1}, channel "
            f"blocks {blocks[0]}..{blocks[1] - 1}, slices {slices[0]}..{slices[1] - 1}",
        )
