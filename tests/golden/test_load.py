"""LOAD against a model that follows the sentences of the command table byte by byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.arch.commands import Space, decode
from weft.arch.errors import Cause
from weft.golden import load
from weft.golden.faults import Fault, ProgramError
from weft.golden.state import State

from .programs import BASE, CONFIGS, ODD, TINY, load_act, load_param, load_wgt, state_for


def reference(state: State, c) -> None:
    """One LOAD to act or wgt, one byte at a time."""
    config = state.config
    for i2 in range(c["count2"]):
        block = []
        for i1 in range(c["pad_top"] + c["count1"] + c["pad_bottom"]):
            inner = i1 - c["pad_top"]
            row = [c["fill"]] * c["pad_left"]
            for i in range(c["len"]):
                src = c["src"] + i2 * c["stride2"] + inner * c["stride1"] + i
                data = int(state.memory[src]) if 0 <= inner < c["count1"] else c["fill"]
                flip = c["flip"] and 0 <= inner < c["count1"]
                row.append(data ^ 0x80 if flip else data)
            row += [c["fill"]] * c["pad_right"]
            block.append(row)
            dst = (c["dst"] + i2 * c["dst_stride2"] + i1 * c["dst_stride1"]) % (1 << 24)
            if c["space"] == Space.ACT:
                for i, byte in enumerate(row):
                    state.act[dst + i] = byte
            elif not c["transpose"]:
                row += [c["fill"]] * (-len(row) % config.cols)
                for j in range(len(row) // config.cols):
                    chunk = row[j * config.cols : (j + 1) * config.cols]
                    at = (dst + j * c["dst_chunk"]) % (1 << 24)
                    state.wgt[at] = np.array(chunk, np.uint8).view(np.int8)
        if c["transpose"]:
            for r in range(config.rows):
                at = (c["dst"] + i2 * c["dst_stride2"] + r) % (1 << 24)
                column = np.array([block[col][r] for col in range(config.cols)], np.uint8)
                state.wgt[at] = column.view(np.int8)


def both(config, raw: bytes, seed: int = 0) -> tuple[State, State]:
    got, expected = state_for(config, 1 << 14, seed), state_for(config, 1 << 14, seed)
    load.execute(got, decode(raw))
    reference(expected, decode(raw))
    return got, expected


def assert_same(config, raw: bytes) -> None:
    got, expected = both(config, raw)
    assert np.array_equal(got.act, expected.act)
    assert np.array_equal(got.wgt, expected.wgt)
    assert np.array_equal(got.memory, expected.memory)


ACT = {
    "one byte": {"src": 77, "len": 1, "dst": 5},
    "rows": {"src": 1000, "len": 7, "count1": 5, "stride1": 9, "dst": 3, "dst_stride1": 11},
    "descending": {
        "src": 1000,
        "len": 7,
        "count1": 5,
        "stride1": -9,
        "dst": 200,
        "dst_stride1": -11,
    },
    "three dimensions": {
        "src": 500,
        "len": 6,
        "count1": 3,
        "count2": 4,
        "stride1": 10,
        "stride2": -50,
        "dst": 64,
        "dst_stride1": 8,
        "dst_stride2": 40,
    },
    "flip": {"src": 9, "len": 30, "flip": 1},
    "pad left": {"src": 9, "len": 5, "pad_left": 3, "fill": 17},
    "pad right": {"src": 9, "len": 5, "pad_right": 70, "fill": 17},
    "pad top": {"src": 9, "len": 5, "pad_top": 2, "fill": 17, "dst_stride1": 6},
    "pad bottom": {"src": 9, "len": 5, "pad_bottom": 2, "fill": 200, "dst_stride1": 6},
    "only padding": {"len": 0, "pad_left": 9, "fill": 1, "src": 0xFFFFFFFF},
    "padding is not flipped": {
        "src": 40,
        "len": 5,
        "flip": 1,
        "fill": 3,
        "pad_left": 2,
        "pad_right": 1,
        "pad_top": 1,
        "pad_bottom": 3,
        "count1": 3,
        "count2": 2,
        "stride1": 7,
        "stride2": 21,
        "dst_stride1": 10,
        "dst_stride2": 80,
    },
    "later rows win": {"src": 40, "len": 60, "count1": 5, "stride1": 60, "dst_stride1": 3},
    "later short rows win": {"src": 40, "len": 6, "count1": 5, "stride1": 6, "dst_stride1": 1},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("values", ACT.values(), ids=ACT)
def test_act(config, values):
    assert_same(config, load_act(**values))


WGT = {
    "one chunk": {"src": 10, "len": 1, "fill": 9},
    "chunks": {"src": 10, "len": 19, "fill": 9, "dst": 2, "dst_chunk": 1},
    "scattered chunks": {
        "src": 10,
        "len": 8,
        "count1": 2,
        "count2": 2,
        "stride1": 20,
        "stride2": 60,
        "dst_stride1": 1,
        "dst_stride2": 2,
        "dst_chunk": 4,
        "pad_left": 1,
        "flip": 1,
    },
    "chunks backwards": {"src": 10, "len": 9, "dst": 9, "dst_chunk": -1},
    "pad rows": {"src": 10, "len": 4, "pad_top": 1, "pad_bottom": 1, "dst_stride1": 1, "fill": 5},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("values", WGT.values(), ids=WGT)
def test_wgt(config, values):
    assert_same(config, load_wgt(**values))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("count2", [1, 3])
@pytest.mark.parametrize("padding", [False, True])
def test_transpose(config, count2, padding):
    rows, cols = config.rows, config.cols
    pads = {"pad_top": cols > 1, "pad_left": rows > 1, "fill": 77} if padding else {}
    values = {
        "transpose": 1,
        "src": 123,
        "len": rows - pads.get("pad_left", 0),
        "count1": cols - pads.get("pad_top", 0),
        "count2": count2,
        "stride1": rows + 5,
        "stride2": 700,
        "dst": 1,
        "dst_stride2": rows,
        "flip": 1,
    }
    assert_same(config, load_wgt(**values, **pads))


@st.composite
def loads(draw):
    small = st.integers(0, 4)
    count = st.integers(1, 4)
    values = {
        "src": draw(st.integers(4000, 5000)),
        "len": draw(st.integers(0, 12)),
        "stride1": draw(st.integers(-60, 60)),
        "stride2": draw(st.integers(-200, 200)),
        "count1": draw(count),
        "count2": draw(count),
        "flip": draw(st.integers(0, 1)),
        "fill": draw(st.integers(0, 255)),
        **{f"pad_{side}": draw(small) for side in ("left", "right", "top", "bottom")},
    }
    values["len"] += values["pad_left"] + values["len"] + values["pad_right"] == 0
    if draw(st.booleans()):
        steps = {name: draw(st.integers(-12, 12)) for name in ("dst_stride1", "dst_stride2")}
        return load_act(**values, **steps, dst=400)
    steps = {name: draw(st.integers(0, 1)) for name in ("dst_stride1", "dst_stride2", "dst_chunk")}
    return load_wgt(**values, **steps, dst=0)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([TINY, ODD, BASE]), loads())
def test_random(config, raw):
    assert_same(config, raw)


def test_long_loads_run_in_pieces(monkeypatch):
    """Commands larger than a piece give what they give at once."""
    raw = load_act(src=9, len=6, count1=5, count2=4, stride1=7, stride2=90, dst_stride1=6)
    transposed = load_wgt(transpose=1, len=4, count1=4, count2=5, stride1=4, dst_stride2=4, src=5)
    monkeypatch.setattr(load, "_PIECE_BYTES", 20)
    assert_same(TINY, raw)
    assert_same(TINY, transposed)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_params(config):
    state, untouched = state_for(config, seed=4), state_for(config, seed=4)
    rng = np.random.default_rng(5)
    bias = rng.integers(-(1 << 31), 1 << 31, (3, config.cols)).astype("<i4")
    scale = rng.random((3, config.cols)).astype("<f4")
    data = np.stack([bias, scale.view("<i4")], axis=-1).tobytes()
    state.memory[1001 : 1001 + len(data)] = np.frombuffer(data, np.uint8)
    load.execute(state, decode(load_param(src=1001, len=len(data), dst=2)))
    assert np.array_equal(state.bias[2:5], bias)
    assert np.array_equal(state.scale[2:5], scale)
    for at in (slice(0, 2), slice(5, None)):
        assert np.array_equal(state.bias[at], untouched.bias[at])


C8 = 8 * TINY.cols
BAD_COMMANDS = {
    "space": (load_act(space=3, len=1), "space = 3"),
    "empty": (load_act(len=0), "= 0"),
    "empty param": (load_param(len=0), "= 0"),
    "param flip": (load_param(len=C8, flip=1), "with parameters"),
    "param transpose": (load_param(len=C8, transpose=1), "with parameters"),
    "param pad": (load_param(len=C8, pad_bottom=1), "with parameters"),
    "param count": (load_param(len=C8, count2=2), "with parameters"),
    "param part": (load_param(len=C8 + 4), "multiple of 8 C"),
    "fence param": (load_param(len=C8, fence=1), "fence"),
    "fence transpose": (load_wgt(transpose=1, len=4, count1=4, fence=4), "fence"),
    "transpose act": (load_act(transpose=1, len=4, count1=4), "than wgt"),
    "transpose rows": (load_wgt(transpose=1, len=4, count1=5), "must be C = 4"),
    "transpose length": (load_wgt(transpose=1, len=4, count1=4, pad_left=1), "R = 4"),
}


@pytest.mark.parametrize(("raw", "match"), BAD_COMMANDS.values(), ids=BAD_COMMANDS)
def test_malformed(raw, match):
    with pytest.raises(Fault, match=match) as caught:
        load.execute(state_for(TINY), decode(raw))
    assert caught.value.cause is Cause.BAD_COMMAND


FENCES = {
    "act": (load_act(len=4, count1=3, stride1=4, dst_stride1=5, fence=14), True),
    "act short": (load_act(len=4, count1=3, stride1=4, dst_stride1=5, fence=13), False),
    "act back": (load_act(dst=40, len=4, count1=3, stride1=4, dst_stride1=-4, fence=40), False),
    "act over": (load_act(len=4, count1=3, stride1=4, dst_stride1=3, fence=40), False),
    "wgt": (load_wgt(len=12, count1=2, dst_chunk=1, dst_stride1=4, fence=7), True),
    "wgt short": (load_wgt(len=12, count1=2, dst_chunk=1, dst_stride1=4, fence=6), False),
    "wgt mixed": (load_wgt(len=12, count1=2, dst_chunk=2, dst_stride1=1, fence=40), False),
}


@pytest.mark.parametrize(("raw", "ok"), FENCES.values(), ids=FENCES)
@pytest.mark.parametrize("piece", [1 << 22, 4])
def test_fences(raw, ok, piece, monkeypatch):
    """The chip does not look, so the model does: what is written ascends, all of it inside."""
    monkeypatch.setattr(load, "_PIECE_BYTES", piece)
    if ok:
        assert_same(TINY, raw)
        return
    with pytest.raises(ProgramError, match="fence"):
        load.execute(state_for(TINY), decode(raw))


@pytest.mark.parametrize(("dst", "ok"), [(0, True), (1, False), (1 << 14, False)])
def test_hole_above_a_region(dst, ok):
    """A region of `base` is no power of two; the addresses above it belong to nothing."""
    assert BASE.act_region_bytes + (1 << 14) == BASE.act_region_span
    raw = load_act(len=8, dst=2 * BASE.act_region_span + BASE.act_region_bytes - 8 + dst)
    if ok:
        load.execute(state_for(BASE), decode(raw))
    else:
        with pytest.raises(Fault, match="of region 2; there are 4 regions of 0xc000 bytes"):
            load.execute(state_for(BASE), decode(raw))


def test_transpose_needs_the_hardware():
    config = TINY.changed({"transpose": False})
    with pytest.raises(Fault, match="without it"):
        load.execute(state_for(config), decode(load_wgt(transpose=1, len=4, count1=4)))


REGION, SPAN = TINY.act_region_bytes, TINY.act_region_span
BAD_ADDRESSES = {
    "act end": (load_act(len=4, dst=2 * SPAN - 3), Cause.BAD_ADDRESS),
    "act across regions": (load_act(len=4, dst=REGION - 3), Cause.BAD_ADDRESS),
    "act padding": (load_act(len=4, dst=REGION - 4, pad_right=1), Cause.BAD_ADDRESS),
    "act later row": (load_act(len=4, count1=3, dst_stride1=REGION // 2), None),
    "act below zero": (load_act(len=4, count1=2, dst_stride1=-4), Cause.BAD_ADDRESS),
    "act region": (load_act(len=1, dst=2 * SPAN), Cause.BAD_ADDRESS),
    "wgt end": (load_wgt(len=5, dst=TINY.wgt_rows - 1, dst_chunk=1), Cause.BAD_ADDRESS),
    "wgt last": (load_wgt(len=4, dst=TINY.wgt_rows - 1), None),
    "param end": (load_param(len=2 * C8, dst=TINY.param_blocks - 1), Cause.BAD_ADDRESS),
    "param last": (load_param(len=2 * C8, dst=TINY.param_blocks - 2), None),
    "memory end": (load_act(len=4, src=(1 << 20) - 3), Cause.READ_ERROR),
    "memory last": (load_act(len=4, src=(1 << 20) - 4), None),
    "memory below zero": (load_act(len=4, count1=2, stride1=-1), Cause.READ_ERROR),
    "memory param": (load_param(len=C8, src=(1 << 20) - 4), Cause.READ_ERROR),
    "memory wraps": (load_act(len=4, src=0xFFFFFFFE), Cause.READ_ERROR),
}


@pytest.mark.parametrize(("raw", "cause"), BAD_ADDRESSES.values(), ids=BAD_ADDRESSES)
def test_addresses(raw, cause):
    state = state_for(TINY)
    if cause is None:
        load.execute(state, decode(raw))
        return
    with pytest.raises(Fault) as caught:
        load.execute(state, decode(raw))
    assert caught.value.cause is cause
