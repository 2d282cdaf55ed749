"""Choices in words."""

from weft.arch.layouts import ceil_div
from weft.config import Config

from .choice import Choice
from .conv import ConvChoice
from .problem import Call, Conv, Gemm


def explain_gemm(config: Config, op: Gemm, choice: Choice) -> str:
    """What was chosen for a GEMM, and why it may be so."""
    tiles_m = ceil_div(op.m, choice.rows)
    blocks = op.n_blocks(config)
    tiles_n = ceil_div(blocks, choice.blocks)
    k = op.k_tiles(config)
    chunks = ceil_div(k, choice.tiles)
    rows = ceil_div(op.m, tiles_m)
    columns = min(op.n, ceil_div(blocks, tiles_n) * config.cols)
    sums = rows * ceil_div(blocks, tiles_n)
    out = "int32" if op.finish.out_bytes == 4 else "int8"
    lines = [
        f"{op.m} x {op.k} times {op.k} x {op.n}, B {'packed' if op.packed else 'row-major'}, "
        f"{out} out",
        f"  {tiles_m * tiles_n} tile(s) of {rows} x {columns}: {sums} of {config.acc_rows} "
        f"accumulator rows in a half"
        + (
            ", so that one tile drains while the next is computed"
            if sums <= config.acc_rows and tiles_m * tiles_n > 1
            else ""
        ),
        (
            "  K in one piece, A copied as it lies in memory"
            if chunks == 1
            else f"  K in {chunks} pieces of up to {ceil_div(k, chunks) * config.rows}"
        )
        + f"; for each tile A brings {rows * op.k:,} bytes, B "
        f"{ceil_div(blocks, tiles_n) * op.k * config.cols:,}",
    ]
    if tiles_m * tiles_n > 1:
        kept = "B" if choice.columns_first else "A"
        lines.append(
            f"  order: a panel of {kept} stays while the other operand passes; "
            "chunks that are still in their slots are not loaded again"
        )
    if choice.results:
        lines.append(
            f"  the last region of the activation SRAM holds operands, too: {choice.results:,} "
            "bytes of it are for results"
        )
    for name, cut in (
        ("rows of A", choice.cut_rows),
        ("blocks of B", choice.cut_blocks),
    ):
        if cut:
            words = [f"first {cut.first}"] if cut.first else []
            words += [f"at most {cut.most}"] if cut.most else []
            words += [f"last {cut.last}"] if cut.last else []
            lines.append(f"  ends: {name} come in pieces: {', '.join(words)}")
    if choice.woven:
        lines.append(
            "  start: the pieces of the first tile come in turn in every piece along K, each with "
            "sums of its own"
        )
    elif choice.cut_tiles.first:
        lines.append(
            f"  K in pieces of at least {choice.cut_tiles.first * config.rows} whenever the array "
            "would run dry"
        )
    if choice.a_first:
        lines.append("  A is loaded before B")
    if choice.cut_tiles.last:
        lines.append(f"  end: the last operands in pieces of {choice.cut_tiles.last} tile(s)")
    if choice.tail_rows or choice.tail_blocks:
        lines.append(
            "  end: the last tile in shrinking parts in alternate halves of the accumulators, so "
            "that little is left to drain"
        )
    if choice.lag:
        lines.append(f"  up to {choice.lag} result(s) wait while operands are fetched")
    if choice.split:
        lines.append(
            f"  end: the last results in pieces of {choice.split} rows, so that they are drained "
            "and stored at the same time"
        )
    return "\n".join(lines)


def explain_conv(config: Config, op: Conv, choice: ConvChoice) -> str:
    """What was chosen for a convolution, and why it may be so."""
    height, width = op.out_size
    (kh, kw), (groups, count, size) = op.kernel, op.slices
    out = "int32" if op.finish.out_bytes == 4 else "int8"
    halo = max(0, op.reach[0] - op.stride[0])
    lines = [
        f"{op.images} image(s) {op.height} x {op.width} x {op.cin}, kernel {kh} x {kw}, to "
        f"{height} x {width} x {op.n}, {out} out",
        f"  K is walked as {groups * count} slice(s) of {size} contiguous bytes, each padded to "
        f"{ceil_div(size, config.rows)} tile(s); no im2col matrix",
        f"  bands of {choice.rows} x {choice.columns} outputs, {choice.blocks * config.cols} "
        f"channels; neighbours share {halo} input row(s), loaded for both",
        f"  weights of {choice.slices} slice(s) at a time; a panel of "
        f"{'weights' if choice.columns_first else 'the image'} stays while the other passes",
    ]
    if choice.ramp:
        lines.append(f"  start: a band of {choice.ramp} row(s), then growing ones")
    if choice.taper:
        lines.append(f"  end: shrinking bands down to {choice.taper} row(s)")
    return "\n".join(lines)


def explain_call(op: Call) -> str:
    """What a launch is; nothing is chosen."""
    return f"kernel {op.name}, grid {op.grid}, block {op.block}; its cycles are not estimated"
