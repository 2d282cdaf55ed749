"""Random legal programs: the same bytes for the golden chip and the Verilated one.

A program fills every SRAM, runs a body of random commands, and stores what the SRAMs hold then. Any
two neighbours in different engines are ordered by a semaphore, or, where the golden chip's race
detector agrees, left to run at the same time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from weft.arch.commands import BY_NAME, COMMAND_BYTES, Engine, encode
from weft.arch.layouts import PARAM_BYTES
from weft.config import Config

PROGRAM = 0
DATA = 0x4000  # random bytes that LOAD reads
PARAMS = 0x8000  # legal parameters
RESULT = 0x9000  # what STORE writes
WINDOW = 0x2000  # bytes in which random rows lie
DUMP = 0xC000  # SRAM contents after the body
MEMORY = 0x10000

Command = tuple[str, dict[str, int]]
Draw = Callable[[st.SearchStrategy], Any]


@dataclass
class Body:
    """A body of commands and which neighbours are ordered."""

    commands: list[Command] = field(default_factory=list)
    ordered: list[bool] = field(default_factory=list)


def memory_image(config: Config, seed: int) -> np.ndarray:
    """Device memory before the run: random data, legal parameters."""
    rng = np.random.default_rng(seed)
    memory = rng.integers(0, 256, MEMORY, dtype=np.uint8)
    columns = config.param_blocks * config.cols
    bias = rng.integers(-(2**20), 2**20, columns).astype(np.int32)
    scale = np.exp2(rng.uniform(-24, 2, columns)).astype(np.float32)
    pairs = np.stack([bias.view(np.uint32), scale.view(np.uint32)], axis=1)
    data = pairs.tobytes()
    memory[PARAMS : PARAMS + len(data)] = np.frombuffer(data, np.uint8)
    return memory


def _span(counts: list[int], strides: list[int]) -> tuple[int, int]:
    reach = [(n - 1) * s for n, s in zip(counts, strides, strict=True)]
    return sum(min(0, r) for r in reach), sum(max(0, r) for r in reach)


def _place(draw: Draw, low: int, high: int, size: int, room: int) -> int | None:
    """A start so that everything from ``low`` to ``high + size`` lies in 0..room."""
    if high - low + size > room:
        return None
    return draw(st.integers(-low, room - size - high))


def _rows(draw: Draw) -> tuple[int, int]:
    return draw(st.integers(1, 4)), draw(st.integers(1, 2))


def draw_load(config: Config, draw: Draw) -> Command | None:
    """LOAD to act or wgt, with any padding and any strides."""
    count1, count2 = _rows(draw)
    space = draw(st.sampled_from([0, 0, 1]))
    pads = {f"pad_{side}": draw(st.sampled_from([0, 0, 1, 3])) for side in ("left", "right")}
    rows = {f"pad_{side}": draw(st.sampled_from([0, 0, 1])) for side in ("top", "bottom")}
    length = draw(st.integers(0, 40))
    transpose = int(config.transpose and space == 1 and draw(st.integers(0, 3)) == 0)
    if transpose:
        count1, pads, rows = config.cols, dict.fromkeys(pads, 0), dict.fromkeys(rows, 0)
        length = config.rows
    size = length + sum(pads.values())
    if size == 0:
        return None
    values = {"space": space, "transpose": transpose, "len": length, **pads, **rows}
    values |= {"count1": count1, "count2": count2, "flip": draw(st.integers(0, 1))}
    values["fill"] = draw(st.integers(0, 255))
    values["stride1"] = draw(st.integers(-60, 60))
    values["stride2"] = draw(st.integers(-60, 60))
    low, high = _span([count1, count2], [values["stride1"], values["stride2"]])
    start = _place(draw, low, high, max(length, 1), WINDOW)
    if start is None:
        return None
    values["src"] = DATA + start
    total = count1 + sum(rows.values())
    if space == 0:
        values["dst_stride1"] = draw(st.integers(-10, 60))
        values["dst_stride2"] = draw(st.integers(-10, 60))
        low, high = _span([total, count2], [values["dst_stride1"], values["dst_stride2"]])
        start = _place(draw, low, high, size, config.act_region_bytes)
        region = draw(st.integers(0, config.act_regions - 1))
        return None if start is None else _at(values, "dst", region, start, config, "LOAD")
    chunks = -(-size // config.cols)
    values["dst_stride1"] = 0 if transpose else draw(st.integers(-2, 3))
    values["dst_stride2"] = draw(st.integers(-2, 6))
    values["dst_chunk"] = 0 if transpose else draw(st.integers(-2, 6))
    counts = [1 if transpose else total, count2, 1 if transpose else chunks]
    strides = [values["dst_stride1"], values["dst_stride2"], values["dst_chunk"]]
    low, high = _span(counts, strides)
    start = _place(draw, low, high, config.rows if transpose else 1, config.wgt_rows)
    return None if start is None else ("LOAD", values | {"dst": start})


def _at(values, name, region, offset, config, command) -> Command:
    return command, values | {name: region * config.act_region_span + offset}


def draw_matmul(config: Config, draw: Draw) -> Command | None:
    """MATMUL with any loops."""
    loops = {name: draw(st.integers(1, 3)) for name in ("k0", "k1", "k2", "m0", "m1", "m2")}
    blocks = draw(st.integers(1, 2))
    m = loops["m0"] * loops["m1"] * loops["m2"]
    k = loops["k0"] * loops["k1"] * loops["k2"]
    values = {**loops, "blocks": blocks, "k_tail": draw(st.integers(1, config.rows))}
    values["accumulate"] = draw(st.integers(0, 1))
    values["row_sum"] = draw(st.integers(0, int(config.row_sum)))
    values["acc_block"] = draw(st.sampled_from([m, m + 1, 0]))
    acc = _place(draw, 0, (blocks - 1) * values["acc_block"], m, config.acc_total_rows)
    values["wgt_block"] = draw(st.integers(0, k * config.rows))
    wgt = _place(draw, 0, (blocks - 1) * values["wgt_block"], k * config.rows, config.wgt_rows)
    strides = {f"{name}_stride": draw(st.integers(-8, 40)) for name in loops}
    low, high = _span(list(loops.values()), list(strides.values()))
    start = _place(draw, low, high, config.rows, config.act_region_bytes)
    if acc is None or wgt is None or start is None:
        return None
    region = draw(st.integers(0, config.act_regions - 1))
    values |= strides | {"acc": acc, "wgt": wgt}
    return _at(values, "act", region, start, config, "MATMUL")


def draw_drain(config: Config, draw: Draw) -> Command | None:
    """DRAIN, requantised or not."""
    rows, blocks = draw(st.integers(1, 6)), draw(st.integers(1, 2))
    values = {"rows": rows, "blocks": blocks, "int32": draw(st.integers(0, 1))}
    values["acc_block"] = draw(st.integers(0, rows))
    acc = _place(draw, 0, (blocks - 1) * values["acc_block"], rows, config.acc_total_rows)
    values["cols_last"] = draw(st.integers(1, config.cols))
    values["dst_stride"] = draw(st.integers(-40, 60))
    values["dst_block"] = draw(st.integers(-40, 60))
    low, high = _span([rows, blocks], [values["dst_stride"], values["dst_block"]])
    size = config.cols * (4 if values["int32"] else 1)
    start = _place(draw, low, high, size, config.act_region_bytes)
    if acc is None or start is None:
        return None
    values |= {"acc": acc, "params": draw(st.integers(0, 1))}
    values["row_sum"] = draw(st.integers(0, int(config.row_sum)))
    values["param"] = draw(st.integers(0, config.param_blocks - blocks))
    scale = np.float32(2.0 ** draw(st.floats(-24, 2)))
    values["scale"] = int(scale.view(np.uint32))
    values["zero_point"] = draw(st.integers(-128, 255))
    values["b_zero_point"] = draw(st.integers(-256, 255))
    values["qmin"] = draw(st.integers(-128, 0))
    values["qmax"] = draw(st.integers(1, 255))
    region = draw(st.integers(0, config.act_regions - 1))
    return _at(values, "dst", region, start, config, "DRAIN")


def draw_store(config: Config, draw: Draw) -> Command | None:
    """STORE of any rows."""
    count1, count2 = _rows(draw)
    values = {"count1": count1, "count2": count2, "len": draw(st.integers(1, 60))}
    for name in ("stride1", "stride2", "src_stride1", "src_stride2"):
        values[name] = draw(st.integers(-70, 70))
    low, high = _span([count1, count2], [values["stride1"], values["stride2"]])
    target = _place(draw, low, high, values["len"], WINDOW)
    low, high = _span([count1, count2], [values["src_stride1"], values["src_stride2"]])
    start = _place(draw, low, high, values["len"], config.act_region_bytes)
    if target is None or start is None:
        return None
    region = draw(st.integers(0, config.act_regions - 1))
    return _at(values | {"dst": RESULT + target}, "src", region, start, config, "STORE")


def draw_signal(config: Config, draw: Draw) -> Command:
    """SIGNAL that writes a word."""
    word = draw(st.integers(0, WINDOW // 4 - 1))
    value = draw(st.integers(0, 2**32 - 1))
    return "SIGNAL", {"write": 1, "address": RESULT + 4 * word, "value": value}


DRAWERS = (draw_load, draw_matmul, draw_drain, draw_store, draw_signal)


def bodies(config: Config, most: int) -> st.SearchStrategy[Body]:
    """Bodies of up to ``most`` commands; shrink to few ordered commands."""

    @st.composite
    def body(draw) -> Body:
        made = Body()
        for _ in range(draw(st.integers(1, most))):
            command = draw(st.sampled_from(DRAWERS))(config, draw)
            if command is not None:
                made.commands.append(command)
                made.ordered.append(not draw(st.booleans()))
        return made

    return body()


def whole_program(config: Config, body: Body) -> list[Command]:
    """Fill, body and dump, without semaphores."""
    span, region = config.act_region_span, config.act_region_bytes
    one = {"count1": 1, "count2": 1}
    columns = config.param_blocks * config.cols
    fill: list[Command] = [
        ("LOAD", {**one, "space": 0, "src": DATA + 7 * g, "dst": g * span, "len": region})
        for g in range(config.act_regions)
    ]
    weights = {"src": DATA + 0x1000, "len": config.wgt_rows * config.cols, "dst_chunk": 1}
    fill += [
        ("LOAD", {**one, "space": 1, **weights}),
        ("LOAD", {**one, "space": 2, "src": PARAMS, "len": columns * PARAM_BYTES}),
    ]
    loops = {name: 1 for name in ("blocks", "k_tail", "k0", "k1", "k2", "m1", "m2")}
    loops |= {"m0": config.acc_total_rows, "m0_stride": 1, "row_sum": int(config.row_sum)}
    fill.append(("MATMUL", loops))

    size = 4 * config.cols
    each = region // size
    dump: list[Command] = []
    for g in range(config.act_regions):
        dump.append(("STORE", {**one, "len": region, "src": g * span, "dst": DUMP + g * region}))
    target = DUMP + config.act_regions * region
    for first in range(0, config.acc_total_rows, each):
        rows = min(each, config.acc_total_rows - first)
        drain = {"int32": 1, "acc": first, "rows": rows, "blocks": 1, "dst_stride": size}
        sums = {"row_sum": int(config.row_sum), "b_zero_point": 1}
        dump.append(("DRAIN", drain | {"cols_last": config.cols, **sums}))
        dump.append(("STORE", {**one, "len": rows * size, "dst": target + first * size}))
    return [*fill, *body.commands, *dump, ("SIGNAL", {"end": 1})]


def with_semaphores(config: Config, body: Body) -> list[bytes]:
    """Encode a program; neighbours in different engines are ordered unless the body says not."""
    commands = [(name, dict(values)) for name, values in whole_program(config, body)]
    start = len(commands) - 1
    numbers: dict[tuple[Engine, Engine], int] = {}
    keep = [True] * start
    first = next(i for i, c in enumerate(commands) if c[0] == "MATMUL") + 1
    for i, ordered in enumerate(body.ordered):
        keep[first + i - 1] = ordered
    for i, (before, after) in enumerate(pairwise(commands)):
        pair = BY_NAME[before[0]].engine, BY_NAME[after[0]].engine
        if pair[0] == pair[1] or not keep[i]:
            continue
        bit = 1 << numbers.setdefault(pair, len(numbers))
        before[1]["post"] = before[1].get("post", 0) | bit
        after[1]["wait"] = after[1].get("wait", 0) | bit
    encoded = [encode(name, values) for name, values in commands]
    assert len(encoded) * COMMAND_BYTES <= DATA
    return encoded
