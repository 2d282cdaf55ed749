"""STORE against one byte at a time; SIGNAL's write."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.arch.commands import decode, encode
from weft.arch.errors import Cause
from weft.golden import store as block
from weft.golden.faults import Fault
from weft.golden.state import State

from .programs import BASE, ODD, TINY, state_for, store

SIZE = 1 << 13


def reference(state: State, c) -> None:
    for i2, i1 in np.ndindex(c["count2"], c["count1"]):
        src = (c["src"] + i2 * c["src_stride2"] + i1 * c["src_stride1"]) % (1 << 24)
        dst = c["dst"] + i2 * c["stride2"] + i1 * c["stride1"]
        for i in range(c["len"]):
            state.memory[dst + i] = state.act[src + i]


def assert_same(config, raw: bytes) -> None:
    got, expected = state_for(config, SIZE), state_for(config, SIZE)
    block.execute(got, decode(raw))
    reference(expected, decode(raw))
    assert np.array_equal(got.memory, expected.memory)
    assert np.array_equal(got.act, expected.act)


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from([TINY, BASE, ODD]),
    st.fixed_dictionaries(
        {
            "dst": st.integers(2000, 3000),
            "stride1": st.integers(-99, 99),
            "stride2": st.integers(-99, 99),
            "len": st.integers(1, 80),
            "count1": st.integers(1, 4),
            "count2": st.integers(1, 4),
            "src": st.integers(200, 300),
            "src_stride1": st.integers(-20, 20),
            "src_stride2": st.integers(-20, 20),
        }
    ),
)
def test_random(config, values):
    assert_same(config, store(**values))


def test_long_stores_run_in_pieces(monkeypatch):
    monkeypatch.setattr(block, "_PIECE_BYTES", 20)
    values = {"len": 6, "count1": 4, "count2": 5, "stride1": 7, "stride2": 30, "dst": 900}
    assert_same(TINY, store(**values, src_stride1=5, src_stride2=40))


REGION, SPAN = TINY.act_region_bytes, TINY.act_region_span
REFUSED = {
    "act last": (store(len=8, src=REGION - 8), None),
    "act across regions": (store(len=8, src=REGION - 7), Cause.BAD_ADDRESS),
    "act region": (store(len=1, src=2 * SPAN), Cause.BAD_ADDRESS),
    "memory last": (store(len=8, dst=SIZE - 8), None),
    "memory end": (store(len=8, dst=SIZE - 7), Cause.WRITE_ERROR),
    "memory later": (store(len=8, count2=2, stride2=-1), Cause.WRITE_ERROR),
    "signal": (encode("SIGNAL", {"write": 1, "address": SIZE - 4}), None),
    "signal end": (encode("SIGNAL", {"write": 1, "address": SIZE}), Cause.WRITE_ERROR),
    "signal align": (encode("SIGNAL", {"write": 1, "address": 6}), Cause.BAD_COMMAND),
    "signal unused": (encode("SIGNAL", {"address": SIZE + 2}), None),
}


@pytest.mark.parametrize(("raw", "cause"), REFUSED.values(), ids=REFUSED)
def test_refused(raw, cause):
    state = state_for(TINY, SIZE)
    if cause is None:
        block.execute(state, decode(raw))
        return
    with pytest.raises(Fault) as caught:
        block.execute(state, decode(raw))
    assert caught.value.cause is cause


def test_signal_writes_little_endian():
    state = state_for(TINY, SIZE)
    before = state.memory.copy()
    block.execute(state, decode(encode("SIGNAL", {"address": 8, "value": 0x11223344})))
    assert np.array_equal(state.memory, before)
    raw = encode("SIGNAL", {"write": 1, "address": 8, "value": 0x11223344})
    block.execute(state, decode(raw))
    before[8:12] = [0x44, 0x33, 0x22, 0x11]
    assert np.array_equal(state.memory, before)
