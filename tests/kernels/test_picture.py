"""The ray tracer's picture: what is to be seen, and the file."""

import struct
import zlib

import numpy as np
import pytest

from weft.arch.simt import Core
from weft_bench.kernels import KERNELS, simulate, write_png
from weft_bench.kernels.rays import picture


def decode(data: bytes) -> np.ndarray:
    """An RGB picture without filters, read by the specification alone."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        (check,) = struct.unpack_from(">I", data, at + 8 + size)
        assert check == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert rest == [8, 2, 0, 0, 0]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, 3)


def test_traced_picture_is_written(compiled, tmp_path):
    kernel = KERNELS["ray_tracer"]
    work = kernel.work(24 * 32)
    outcome = simulate(kernel, compiled(kernel), work, Core())
    assert outcome.mismatches == 0
    path = tmp_path / "spheres.png"
    write_png(path, outcome.results[-1])
    assert work.arrays[-1].mismatches(decode(path.read_bytes())) == 0


def test_there_is_light_shadow_and_sky():
    seen = picture(96, 128)
    ground = seen[70:, :].reshape(-1, 3)
    lit, dark = ground.max(axis=0), ground.min(axis=0)
    assert (lit > 2 * dark).all(), "no shadow on the ground"
    sky = seen[0].astype(int)
    assert (sky[:, 2] >= sky[:, 0]).all()
    red = seen[48, 64].astype(int)
    assert red[0] > 2 * red[2], "the red ball is in the middle"


def test_no_picture(tmp_path):
    with pytest.raises(ValueError, match=r"uint8 of shape \(2, 2\) is no picture"):
        write_png(tmp_path / "x.png", np.zeros((2, 2), np.uint8))
