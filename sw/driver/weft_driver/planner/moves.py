"""The commands of a GEMM as steps: each function writes one command and says what it touches."""

from dataclasses import dataclass

from weft.arch.commands import Space
from weft.arch.layouts import PARAM_BYTES
from weft.config import Config

from .problem import Buffer, Finish, Gemm
from .spans import Span, span
from .steps import Step

Range = tuple[int, int]


@dataclass(frozen=True)
class Chunk:
    """A piece of an operand in its slot.

    Parameters
    ----------
    address
        act byte or wgt row where it starts.
    rows
        A: rows of the operand; B: blocks of columns. Global numbers.
    tiles
        Tiles along K that the slot holds, global numbers.
    pitch
        A: act bytes from one row to the next. B: wgt rows from one block to the next.
    """

    address: int
    rows: Range
    tiles: Range
    pitch: int


def memory_reads(
    buffer: Buffer, start: int, width: int, stride: int, count: int
) -> tuple[Span, ...]:
    """Spans of a memory read; empty for tensors that the program does not write."""
    if not buffer.produced:
        return ()
    return (span(f"mem:{buffer.name}", start, width, stride, count),)


def _fenced(config: Config, reads: tuple[Span, ...], count: int, pitch: int, length: int) -> bool:
    """Whether MATMUL is to wait by itself for what a LOAD of these runs writes.

    Tiles that lie between the runs would have to wait, too; and if the program writes what is
    loaded, those who do so again must hear when the LOAD is over.
    """
    return not reads and (count == 1 or pitch - length < config.rows)


def load_a(config: Config, op: Gemm, chunk: Chunk, rows: Range, tiles: Range) -> Step:
    """LOAD rows (from the chunk's first) x tiles (global) of A into its slot."""
    first, count = chunk.rows[0] + rows[0], rows[1] - rows[0]
    k0 = tiles[0] * config.rows
    length = min(op.k, tiles[1] * config.rows) - k0
    offset = first * op.k + k0
    dst = chunk.address + rows[0] * chunk.pitch + k0 - chunk.tiles[0] * config.rows
    reads = memory_reads(op.a, offset, length, op.k, count)
    fields = {"space": Space.ACT, "flip": int(op.flip_a), "src": op.a.address + offset, "dst": dst}
    if length == op.k == chunk.pitch or count == 1:
        fields |= {"len": length * count, "count1": 1, "count2": 1}
    else:
        fields |= {"len": length, "count1": count, "count2": 1}
        fields |= {"stride1": op.k, "dst_stride1": chunk.pitch}
    if _fenced(config, reads, count, chunk.pitch, length):
        fields |= {"fence": (count - 1) * chunk.pitch + length}
    return Step(
        "LOAD",
        fields,
        reads=reads,
        writes=(span("act", dst, length, chunk.pitch, count),),
        note=f"A rows {first}..{first + count - 1}, k {k0}..{k0 + length - 1}",
    )


def load_b(config: Config, op: Gemm, chunk: Chunk, blocks: Range, tiles: Range) -> Step:
    """LOAD blocks (from the chunk's first) x tiles (global) of B into its slot."""
    r, c = config.rows, config.cols
    first, count = chunk.rows[0] + blocks[0], blocks[1] - blocks[0]
    height = (tiles[1] - tiles[0]) * r
    dst = chunk.address + blocks[0] * chunk.pitch + (tiles[0] - chunk.tiles[0]) * r
    fields = {"space": Space.WGT, "flip": int(op.flip_b and not op.packed), "dst": dst}
    fields |= {"count1": 1, "count2": 1}
    data = min(op.k, tiles[1] * r) - tiles[0] * r
    if op.packed:
        run, stride = data * c, op.k * c
        offset = first * stride + tiles[0] * config.tile_bytes
        if run == stride and (chunk.pitch == data or count == 1):
            fields |= {"len": run * count}
        else:
            fields |= {"len": run, "count1": count, "stride1": stride, "dst_stride1": chunk.pitch}
        fields |= {"dst_chunk": 1}
        reads = memory_reads(op.b, offset, run, stride, count)
        if _fenced(config, reads, count, chunk.pitch, data):
            fields |= {"fence": (count - 1) * chunk.pitch + data}
    else:
        k0 = tiles[0] * r
        length = min(op.n, (first + count) * c) - first * c
        offset = k0 * op.n + first * c
        if length == op.n == c:  # one block as wide as B: its rows follow each other in both
            fields |= {"len": data * c, "dst_chunk": 1}
        else:
            fields |= {"len": length, "count1": data}
            fields |= {"stride1": op.n, "dst_stride1": 1, "dst_chunk": chunk.pitch}
        reads = memory_reads(op.b, offset, length, op.n, data)
    fields |= {"src": op.b.address + offset}
    return Step(
        "LOAD",
        fields,
        reads=reads,
        writes=(span("wgt", dst, height, chunk.pitch, count),),
        note=f"B blocks {first}..{first + count - 1}, tiles {tiles[0]}..{tiles[1] - 1}",
    )


def load_params(config: Config, params: Buffer, blocks: Range, dst: int) -> Step:
    """LOAD bias and scale of blocks of columns into parameter blocks."""
    width = PARAM_BYTES * config.cols
    offset, size = blocks[0] * width, (blocks[1] - blocks[0]) * width
    return Step(
        "LOAD",
        {
            "space": Space.PARAM,
            "src": params.address + offset,
            "len": size,
            "count1": 1,
            "count2": 1,
            "dst": dst,
        },
        reads=memory_reads(params, offset, size, 0, 1),
        writes=(span("param", dst, blocks[1] - blocks[0]),),
        note=f"bias and scale of blocks {blocks[0]}..{blocks[1] - 1}",
    )


def matmul(
    config: Config,
    op: Gemm,
    a: Chunk,
    b: Chunk,
    acc: int,
    acc_block: int,
    rows: Range,
    blocks: Range,
    tiles: Range,
) -> Step:
    """MATMUL of a rectangle: rows and blocks from the chunks' first, tiles global.

    Its sums lie at ``acc``, those of the next block ``acc_block`` rows further.
    """
    r = config.rows
    height, count, depth = rows[1] - rows[0], blocks[1] - blocks[0], tiles[1] - tiles[0]
    act = a.address + rows[0] * a.pitch + (tiles[0] - a.tiles[0]) * r
    wgt = b.address + blocks[0] * b.pitch + (tiles[0] - b.tiles[0]) * r
    last = tiles[1] == op.k_tiles(config)
    fields = {
        "accumulate": int(tiles[0] > 0),
        "row_sum": int(op.finish.row_sum),
        "act": act,
        "wgt": wgt,
        "wgt_block": b.pitch if count > 1 else 0,
        "acc": acc,
        "acc_block": acc_block if count > 1 else 0,
        "blocks": count,
        "k_tail": (op.k - 1) % r + 1 if last else r,
        "k0": depth,
        "k1": 1,
        "k2": 1,
        "m0": height,
        "m1": 1,
        "m2": 1,
        "k0_stride": r if depth > 1 else 0,
        "m0_stride": a.pitch if height > 1 else 0,
    }
    touched = span("acc", acc, height, acc_block, count)
    return Step(
        "MATMUL",
        fields,
        reads=(
            span("act", act, depth * r, a.pitch, height),
            span("wgt", wgt, depth * r, b.pitch, count),
        ),
        writes=(touched,),
        note=f"rows {a.rows[0] + rows[0]}..{a.rows[0] + rows[1] - 1}, "
        f"blocks {b.rows[0] + blocks[0]}..{b.rows[0] + blocks[1] - 1}, "
        f"tiles {tiles[0]}..{tiles[1] - 1}",
    )


@dataclass(frozen=True)
class Output:
    """A matrix of results in memory: ``n`` columns from ``column`` on, ``pitch`` from row to row.

    A pitch of 0 stands for ``n``.
    """

    buffer: Buffer
    n: int
    finish: Finish
    pitch: int = 0
    column: int = 0


@dataclass(frozen=True)
class Result:
    """A rectangle of sums on its way out.

    Parameters
    ----------
    acc, acc_block
        Accumulator row of its first sum, and rows from one block to the next.
    origin
        First row and first block of the panels, global.
    rows, blocks
        The rectangle, from the panels' first.
    """

    acc: int
    acc_block: int
    origin: tuple[int, int]
    rows: Range
    blocks: Range

    @property
    def touched(self) -> Span:
        """The accumulator rows."""
        height, count = self.rows[1] - self.rows[0], self.blocks[1] - self.blocks[0]
        return span("acc", self.acc, height, self.acc_block, count)


def result_bytes(config: Config, out: Output, it: Result) -> int:
    """Bytes of a rectangle of results."""
    start = (it.origin[1] + it.blocks[0]) * config.cols
    columns = min(out.n, (it.origin[1] + it.blocks[1]) * config.cols) - start
    return (it.rows[1] - it.rows[0]) * columns * out.finish.out_bytes


def drain_and_store(
    config: Config, out: Output, it: Result, act: int, param: int
) -> tuple[Step, Step]:
    """DRAIN a rectangle to act byte ``act``, and STORE it from there."""
    c, finish = config.cols, out.finish
    size = finish.out_bytes
    height, count = it.rows[1] - it.rows[0], it.blocks[1] - it.blocks[0]
    block = it.origin[1] + it.blocks[0]
    columns = min(out.n, (block + count) * c) - block * c
    pitch = columns * size
    whole = span("act", act, pitch * height)
    first = it.origin[0] + it.rows[0]
    note = f"rows {first}..{first + height - 1}, columns {block * c}..{block * c + columns - 1}"
    drain = Step(
        "DRAIN",
        {
            "int32": int(size == 4),
            "params": int(finish.params is not None),
            "row_sum": int(finish.row_sum),
            "acc": it.acc,
            "acc_block": it.acc_block if count > 1 else 0,
            "rows": height,
            "blocks": count,
            "dst": act,
            "dst_stride": pitch,
            "dst_block": c * size,
            "param": param + it.blocks[0] if finish.params is not None else 0,
            "cols_last": columns - (count - 1) * c,
            "scale": finish.scale if finish.params is None and size == 1 else 0,
            "zero_point": finish.zero_point,
            "b_zero_point": finish.b_zero_point,
            "qmin": finish.qmin,
            "qmax": finish.qmax,
        },
        reads=(
            it.touched,
            *(() if finish.params is None else (span("param", param + it.blocks[0], count),)),
        ),
        writes=(whole,),
        note=note,
    )
    row = (out.pitch or out.n) * size
    offset = first * row + (out.column + block * c) * size
    fields = {"dst": out.buffer.address + offset, "src": act, "count1": 1, "count2": 1}
    if pitch == row or height == 1:
        fields |= {"len": pitch * height}
    else:
        fields |= {"len": pitch, "count1": height, "stride1": row, "src_stride1": pitch}
    store = Step(
        "STORE",
        fields,
        reads=(whole,),
        writes=(span(f"mem:{out.buffer.name}", offset, pitch, row, height),),
        note=note,
    )
    return drain, store
