"""DRAIN against column-by-column Python arithmetic."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.arch.commands import decode
from weft.arch.errors import Cause
from weft.golden import drain as block
from weft.golden.faults import Fault
from weft.golden.requantise import requantise_float
from weft.golden.state import State

from .programs import BASE, CONFIGS, ODD, TINY, drain, state_for


def bits(scale: float) -> int:
    return struct.unpack("<I", struct.pack("<f", scale))[0]


def reference(state: State, c) -> None:
    """One DRAIN, one column at a time."""
    cols = state.config.cols
    for b in range(c["blocks"]):
        used = c["cols_last"] if b == c["blocks"] - 1 else cols
        for m in range(c["rows"]):
            row = c["acc"] + b * c["acc_block"] + m
            dst = (c["dst"] + b * c["dst_block"] + m * c["dst_stride"]) % (1 << 24)
            for col in range(used):
                acc = int(state.acc[row, col])
                if c["row_sum"]:
                    acc -= c["b_zero_point"] * int(state.row_sum[row])
                scale = np.uint32(c["scale"]).view(np.float32)
                if c["params"]:
                    acc += int(state.bias[c["param"] + b, col])
                    scale = state.scale[c["param"] + b, col]
                acc = (acc + (1 << 31)) % (1 << 32) - (1 << 31)
                if c["int32"]:
                    word = np.frombuffer(struct.pack("<i", acc), np.uint8)
                    state.act[dst + 4 * col : dst + 4 * col + 4] = word
                else:
                    clamp = c["zero_point"], c["qmin"], c["qmax"]
                    state.act[dst + col] = int(requantise_float(acc, scale, *clamp)) & 0xFF


def prepared(config, seed: int) -> State:
    state = state_for(config, 64, seed)
    rng = np.random.default_rng(seed)
    state.scale[:] = rng.random(state.scale.shape) * 10.0 ** rng.integers(-12, -5)
    return state


def assert_same(config, raw: bytes, seed: int = 0) -> None:
    got, expected = prepared(config, seed), prepared(config, seed)
    block.execute(got, decode(raw))
    reference(expected, decode(raw))
    assert np.array_equal(got.act, expected.act)
    assert np.array_equal(got.acc, expected.acc)


Q = {"qmin": -128, "qmax": 127}
SCALE = {"scale": bits(3.1e-8)}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize(
    "values",
    [
        Q | SCALE | {"zero_point": -3},
        Q | {"params": 1, "param": 2, "zero_point": 5},
        Q | SCALE | {"row_sum": 1, "b_zero_point": -256},
        Q | {"params": 1, "row_sum": 1, "b_zero_point": 255},
        SCALE | {"zero_point": 128, "qmin": 0, "qmax": 255},
        {"int32": 1},
        {"int32": 1, "params": 1, "param": 1, "row_sum": 1, "b_zero_point": 77},
    ],
    ids=["scale", "params", "row_sum", "params row_sum", "uint8", "int32", "int32 all"],
)
@pytest.mark.parametrize("whole", [True, False])
def test_modes(config, values, whole):
    cols = config.cols
    size = 4 if "int32" in values else 1
    where = {
        "acc": 1,
        "acc_block": 7,
        "rows": 5,
        "blocks": 3,
        "dst": 3,
        "dst_block": cols * size,
        "dst_stride": 3 * cols * size + 1,
        "cols_last": cols if whole else max(1, cols // 2),
    }
    assert_same(config, drain(**where, **values))


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from([TINY, ODD, BASE]),
    st.integers(0, 100),
    st.fixed_dictionaries(
        {
            "int32": st.integers(0, 1),
            "params": st.integers(0, 1),
            "row_sum": st.integers(0, 1),
            "acc": st.integers(0, 5),
            "acc_block": st.integers(0, 5),
            "rows": st.integers(1, 6),
            "blocks": st.integers(1, 3),
            "dst": st.integers(300, 400),
            "dst_stride": st.integers(-20, 20),
            "dst_block": st.integers(-20, 20),
            "param": st.integers(0, 3),
            "cols_last": st.integers(1, 4),
            "zero_point": st.integers(-256, 255),
            "b_zero_point": st.integers(-256, 255),
            "qmin": st.integers(-256, 0),
            "qmax": st.integers(0, 255),
            "scale": st.floats(2.0**-33, 2.0**10, width=32).map(bits),
        }
    ),
)
def test_random(config, seed, values):
    assert_same(config, drain(**values), seed)


REGION, SPAN = TINY.act_region_bytes, TINY.act_region_span
ONE = Q | SCALE
REFUSED = {
    "cols_last": (drain(**ONE, cols_last=5), Cause.BAD_COMMAND),
    "scale zero": (drain(**Q), Cause.BAD_COMMAND),
    "scale negative": (drain(**Q, scale=bits(-1.0)), Cause.BAD_COMMAND),
    "scale subnormal": (drain(**Q, scale=1), Cause.BAD_COMMAND),
    "scale infinite": (drain(**Q, scale=0x7F800000), Cause.BAD_COMMAND),
    "scale nan": (drain(**Q, scale=0x7FC00000), Cause.BAD_COMMAND),
    "scale unused int32": (drain(int32=1), None),
    "scale unused params": (drain(**Q, params=1), None),
    "acc last": (drain(**ONE, acc=TINY.acc_total_rows - 2, rows=2), None),
    "acc end": (drain(**ONE, acc=TINY.acc_total_rows - 2, rows=3), Cause.BAD_ADDRESS),
    "acc block": (drain(**ONE, blocks=3, acc_block=TINY.acc_rows), Cause.BAD_ADDRESS),
    "param end": (drain(**Q, params=1, param=TINY.param_blocks), Cause.BAD_ADDRESS),
    "param blocks": (drain(**Q, params=1, param=15, blocks=2), Cause.BAD_ADDRESS),
    "act last": (drain(**ONE, dst=REGION - 4, cols_last=4), None),
    "act end": (drain(**ONE, dst=REGION - 3, cols_last=4), Cause.BAD_ADDRESS),
    "act cols_last": (drain(**ONE, dst=REGION - 3, cols_last=3), None),
    "act block": (drain(**ONE, dst=REGION - 3, cols_last=3, blocks=2), Cause.BAD_ADDRESS),
    "act int32": (drain(int32=1, dst=REGION - 15, cols_last=4), Cause.BAD_ADDRESS),
    "act below zero": (drain(int32=1, rows=2, dst_stride=-1), Cause.BAD_ADDRESS),
}


@pytest.mark.parametrize(("raw", "cause"), REFUSED.values(), ids=REFUSED)
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
        block.execute(state, decode(drain(int32=1, row_sum=1)))
