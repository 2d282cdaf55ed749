"""Pictures as PNG files (W3C, Portable Network Graphics)."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB = 2
"""Colour type: red, green, blue."""


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture of height x width x RGB bytes; raises what `png_bytes` does."""
    path.write_bytes(png_bytes(picture))


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """A picture of height x width x RGB bytes as a PNG file.

    Raises
    ------
    ValueError
        The array is not such a picture.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(
            f"{picture.dtype} of shape {picture.shape} is no picture: height x width x 3 of uint8"
        )
    height, width, _ = picture.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)
    # Each line begins with the number of its filter: 0, none.
    lines = np.zeros((height, 1 + 3 * width), np.uint8)
    lines[:, 1:] = picture.reshape(height, -1)
    data = zlib.compress(lines.tobytes(), 9)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    return _SIGNATURE + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
