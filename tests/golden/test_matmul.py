"""MATMUL against loops over the sentences of the command table, and against direct convolution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.arch.commands import decode
from weft.arch.errors import Cause
from weft.golden import matmul as block
from weft.golden.faults import Fault
from weft.golden.state import State

from .programs import BASE, CONFIGS, ODD, TINY, matmul, state_for


def reference(state: State, c) -> None:
    """One MATMUL, one R-byte row at a time."""
    rows = state.config.rows
    act = state.act.view(np.int8).astype(np.int64)
    for b in range(c["blocks"]):
        for t, (i2, i1, i0) in enumerate(np.ndindex(c["k2"], c["k1"], c["k0"])):
            w = state.wgt[c["wgt"] + b * c["wgt_block"] + t * rows :][:rows].astype(np.int64)
            for m, (j2, j1, j0) in enumerate(np.ndindex(c["m2"], c["m1"], c["m0"])):
                at = c["act"] + i2 * c["k2_stride"] + i1 * c["k1_stride"] + i0 * c["k0_stride"]
                at += j2 * c["m2_stride"] + j1 * c["m1_stride"] + j0 * c["m0_stride"]
                a = act[at % (1 << 24) :][:rows].copy()
                if i0 == c["k0"] - 1:
                    a[c["k_tail"] :] = 0
                acc = c["acc"] + b * c["acc_block"] + m
                write = t == 0 and not c["accumulate"]
                old = 0 if write else state.acc[acc].astype(np.int64)
                state.acc[acc] = (old + a @ w).astype(np.int32)
                if c["row_sum"]:
                    old = 0 if write else int(state.row_sum[acc])
                    state.row_sum[acc] = np.int64(old + a.sum()).astype(np.int32)


def assert_same(config, raw: bytes, seed: int = 0) -> None:
    got, expected = state_for(config, 64, seed), state_for(config, 64, seed)
    block.execute(got, decode(raw))
    reference(expected, decode(raw))
    assert np.array_equal(got.acc, expected.acc)
    assert np.array_equal(got.row_sum, expected.row_sum)
    assert np.array_equal(got.act, expected.act)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("accumulate", [0, 1])
@pytest.mark.parametrize("row_sum", [0, 1])
def test_blocks_tiles_rows(config, accumulate, row_sum):
    rows = config.rows
    assert_same(
        config,
        matmul(
            accumulate=accumulate,
            row_sum=row_sum,
            k_tail=max(1, rows - 1),
            act=3,
            wgt=1,
            wgt_block=3 * rows,
            acc=2,
            acc_block=6,
            blocks=2,
            k0=3,
            k0_stride=rows,
            m0=5,
            m0_stride=3 * rows + 1,
        ),
    )


@st.composite
def matmuls(draw):
    stride, few = st.integers(-9, 9), st.integers(1, 2)
    values = {f"{axis}{i}_stride": draw(stride) for axis in "km" for i in range(3)}
    values |= {f"{axis}{i}": draw(few) for axis in "km" for i in range(3)}
    return matmul(
        **values,
        act=draw(st.integers(64, 300)),
        wgt=draw(st.integers(0, 5)),
        wgt_block=draw(st.integers(0, 9)),
        acc=draw(st.integers(0, 3)),
        acc_block=draw(st.integers(0, 9)),
        blocks=draw(st.integers(1, 3)),
        accumulate=draw(st.integers(0, 1)),
        row_sum=draw(st.integers(0, 1)),
        k_tail=draw(st.integers(1, 3)),
    )


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([TINY, ODD]), matmuls(), st.integers(0, 100))
def test_random(config, raw, seed):
    assert_same(config, raw, seed)


def test_sums_wrap():
    state = state_for(BASE, 64)
    state.act[:] = 0x80
    state.wgt[:] = -128
    state.acc[0] = np.iinfo(np.int32).max
    block.execute(state, decode(matmul(accumulate=1, row_sum=1, k_tail=16)))
    assert (state.acc[0] == np.int64(2**31 - 1 + 16 * 128 * 128 - 2**32)).all()


@pytest.mark.parametrize("accumulate", [0, 1])
def test_blocks_on_the_same_rows_run_in_order(accumulate):
    raw = matmul(blocks=3, acc_block=1, wgt_block=4, m0=3, m0_stride=5, accumulate=accumulate)
    assert_same(TINY, raw)


def convolution(x: np.ndarray, w: np.ndarray, stride: int, dilation: int) -> np.ndarray:
    """Direct, without padding: x is H x W x C, w is KH x KW x C x N."""
    kh, kw, _, n = w.shape
    height = (x.shape[0] - dilation * (kh - 1) - 1) // stride + 1
    width = (x.shape[1] - dilation * (kw - 1) - 1) // stride + 1
    out = np.zeros((height, width, n), np.int64)
    for y, z in np.ndindex(height, width):
        for i, j in np.ndindex(kh, kw):
            out[y, z] += x[y * stride + i * dilation, z * stride + j * dilation] @ w[i, j]
    return out


@pytest.mark.parametrize("config", [TINY, BASE, ODD], ids=["tiny", "base", "odd"])
@pytest.mark.parametrize(
    ("channels", "stride", "dilation"), [(3, 1, 1), (4, 2, 1), (5, 1, 2), (5, 2, 3)]
)
def test_convolution(config, channels, stride, dilation):
    """A K slice is one kernel row (or one tap, when dilated), unaligned; no im2col copy."""
    rng = np.random.default_rng(channels)
    size, kernel = 8, (2, 3)
    rows, cols = config.rows, config.cols
    state = state_for(config, 64)
    x = rng.integers(-128, 128, (size, size, channels))
    w = rng.integers(-128, 128, (*kernel, channels, cols))
    state.act[: x.size] = x.astype(np.int8).view(np.uint8).reshape(-1)

    # Tiles of one slice: R bytes each, the last one zero-padded in the weights.
    taps = 1 if dilation == 1 else kernel[1]
    slice_bytes = kernel[1] * channels // taps
    tiles = -(-slice_bytes // rows)
    padded = np.zeros((kernel[0] * taps, tiles * rows, cols), np.int8)
    padded[:, :slice_bytes] = w.reshape(kernel[0] * taps, slice_bytes, cols)
    state.wgt[: padded.shape[0] * tiles * rows] = padded.reshape(-1, cols)

    expected = convolution(x, w, stride, dilation)
    height, width = expected.shape[:2]
    done = 0
    for first in range(0, height, 2):  # two output rows fit the accumulators of every config
        lines = min(2, height - first)
        raw = matmul(
            act=first * stride * size * channels,
            k_tail=(slice_bytes - 1) % rows + 1,
            k0=tiles,
            k0_stride=rows,
            k1=taps,
            k1_stride=dilation * channels,
            k2=kernel[0],
            k2_stride=dilation * size * channels,
            m0=width,
            m0_stride=stride * channels,
            m1=lines,
            m1_stride=stride * size * channels,
        )
        block.execute(state, decode(raw))
        got = state.acc[: lines * width].reshape(lines, width, cols)
        assert np.array_equal(got, expected[first : first + lines])
        done += lines
    assert done == height


REGION, SPAN = TINY.act_region_bytes, TINY.act_region_span
ADDRESSES = {
    "act last": (matmul(act=REGION - 4), None),
    "act end": (matmul(act=REGION - 3), Cause.BAD_ADDRESS),
    "act region": (matmul(act=2 * SPAN), Cause.BAD_ADDRESS),
    "act later": (matmul(act=REGION - 8, m2=3, m2_stride=4), None),
    "act later bad": (matmul(act=REGION - 8, m2=3, m2_stride=3), Cause.BAD_ADDRESS),
    "act wraps": (matmul(k2=2, k2_stride=-1), Cause.BAD_ADDRESS),
    "wgt last": (matmul(wgt=TINY.wgt_rows - 8, k1=2), None),
    "wgt end": (matmul(wgt=TINY.wgt_rows - 7, k1=2), Cause.BAD_ADDRESS),
    "wgt block": (matmul(wgt=4, blocks=2, wgt_block=TINY.wgt_rows - 7), Cause.BAD_ADDRESS),
    "acc last": (matmul(acc=TINY.acc_total_rows - 3, m0=3), None),
    "acc end": (matmul(acc=TINY.acc_total_rows - 2, m0=3), Cause.BAD_ADDRESS),
    "acc block": (matmul(blocks=3, acc_block=TINY.acc_rows), Cause.BAD_ADDRESS),
    "huge": (
        matmul(**{f"{axis}{i}": 0xFFFF for axis in "km" for i in range(3)}, blocks=0xFFFF),
        Cause.BAD_ADDRESS,
    ),
    "k_tail": (matmul(k_tail=5), Cause.BAD_COMMAND),
}


@pytest.mark.parametrize(("raw", "cause"), ADDRESSES.values(), ids=ADDRESSES)
def test_refused(raw, cause):
    state = state_for(TINY, 64)
    if cause is None:
        block.execute(state, decode(raw))
        return
    with pytest.raises(Fault) as caught:
        block.execute(state, decode(raw))
    assert caught.value.cause is cause


def test_row_sum_needs_the_hardware():
    state = state_for(TINY.changed({"row_sum": False}), 64)
    with pytest.raises(Fault, match="without it"):
        block.execute(state, decode(matmul(row_sum=1)))
