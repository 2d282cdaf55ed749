"""Which layout a convolution gets: bands that fit, judged by the estimator."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from weft.arch.layouts import ceil_div
from weft.arch.memory import MemoryTiming
from weft.config import Config

from .conv import ConvChoice, ConvPlanner
from .estimate import Estimator
from .hazards import synchronise
from .problem import Buffer, Conv
from .search import EFFORT
from .sram import ActMap
from .steps import end_step
from .timing import Estimate


@dataclass(frozen=True)
class ConvVerdict:
    """A choice with what the estimator says about it."""

    choice: ConvChoice
    estimate: Estimate


def judge(config: Config, op: Conv, choice: ConvChoice, memory: MemoryTiming) -> Estimate | None:
    """Estimate of a choice, or None when it does not fit the chip."""
    try:
        program = synchronise(config, [*ConvPlanner(config, op, choice).steps(), end_step()])
    except ValueError:
        return None
    return Estimator(config, memory).run(program)


def shapes(config: Config, op: Conv) -> Iterator[ConvChoice]:
    """Bands, channel blocks and slices that fit."""
    height, width = op.out_size
    n = op.n_blocks(config)
    groups, count, size = op.slices
    tiles = ceil_div(size, config.rows)
    act = ActMap(config)
    for blocks in sorted({ceil_div(n, i) for i in range(1, 9)} | {1}):
        if blocks > config.param_blocks:
            continue
        slices = min(groups * count, config.wgt_rows // config.rows // (tiles * blocks))
        if slices == 0:
            continue
        if slices < groups * count:  # room for the next while one is in use
            slices = max(1, slices // 2)
        for limit in (config.acc_rows, config.acc_rows // 2, config.acc_rows // 4):
            most = limit // blocks
            for split in (1, 2, 3, 4, 8):
                columns = min(width, most // split)
                if columns == 0:
                    continue
                rows = max(1, min(height, most // split // columns)) if columns == width else 1
                room = act.regions[0][1] - 2 * config.rows
                while (
                    rows > 1
                    and ((rows - 1) * op.stride[0] + op.reach[0]) * _pitch(op, columns) > room
                ):
                    rows -= 1
                while columns > 1 and op.reach[0] * _pitch(op, columns) > room:
                    columns -= 1
                rows = ceil_div(height, ceil_div(height, rows))
                for first in (True, False):
                    yield ConvChoice(rows, columns, blocks, slices, first)


def _pitch(op: Conv, columns: int) -> int:
    return ((columns - 1) * op.stride[1] + op.reach[1]) * op.cin


def rough(config: Config, op: Conv, choice: ConvChoice) -> float:
    """Cycles by a formula: the array and what is loaded, to try likely choices first."""
    height, width = op.out_size
    rows = choice.rows * choice.columns
    bands = op.images * ceil_div(height, choice.rows) * ceil_div(width, choice.columns)
    panels = ceil_div(op.n_blocks(config), choice.blocks)
    tiles = op.k_tiles(config)
    array = bands * max(rows, config.rows) * tiles * op.n_blocks(config)
    window = (choice.rows - 1) * op.stride[0] + op.reach[0]
    image = bands * window * _pitch(op, choice.columns)
    groups, count, _ = op.slices
    keeps = choice.columns_first and choice.slices == groups * count
    weights = op.n_blocks(config) * tiles * config.tile_bytes * (1 if keeps else bands)
    reads = (image * (panels if choice.columns_first else 1) + weights) / config.bus_bytes
    return max(array, reads) + 0.02 * reads + 20 * bands * panels


def choose_conv(
    config: Config, op: Conv, memory: MemoryTiming | None = None, effort: int = EFFORT
) -> ConvVerdict:
    """The best choice that was found for a convolution; equal operations get equal answers.

    Raises
    ------
    ValueError
        One output's window, all its channels, does not fit a region of the activation SRAM.
    """
    params = None if op.finish.params is None else Buffer("params", 0)
    bare = replace(
        op,
        a=Buffer("a", 0),
        b=Buffer("b", 0),
        c=Buffer("c", 0),
        finish=replace(op.finish, params=params),
    )
    return _choose(config, bare, memory or MemoryTiming(), effort)


@lru_cache(maxsize=1024)
def _choose(config: Config, op: Conv, memory: MemoryTiming, limit: int) -> ConvVerdict:
    ranked = sorted(
        set(shapes(config, op)), key=lambda choice: (rough(config, op, choice), repr(choice))
    )
    best: ConvVerdict | None = None
    effort = 0
    for shape in ranked:
        if best is not None and effort > limit:
            break
        cuts = [(0, 0)]
        if shape.columns == op.out_size[1]:
            least = ceil_div(config.rows, shape.columns)
            cuts += [(least, least), (2 * least, least)]
        for ramp, taper in cuts:
            choice = replace(shape, ramp=ramp, taper=taper)
            estimate = judge(config, op, choice, memory)
            if estimate is None:
                continue
            effort += len(estimate.times)
            if best is None or estimate.cycles < best.estimate.cycles:
                best = ConvVerdict(choice, replace(estimate, times=()))
    if best is None:
        kh, kw = op.kernel
        raise ValueError(
            f"a {kh} x {kw} window of {op.cin} channels does not fit this chip: a region of the "
            f"activation SRAM has {config.act_region_bytes:,} bytes, the weight SRAM "
            f"{config.wgt_rows // config.rows} tiles"
        )
    return best
