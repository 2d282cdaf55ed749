"""A reader of FST waveform files: the signals that one asks for, as numbers.

Enough of the format for what Verilator writes: two-valued signals, hierarchy and value changes
compressed by LZ4 or zlib. The format is described in GTKWave's documentation and by its
``fstapi.c``; blocks are a type byte, a length and a body::

    0  header        number of handles
    8  value changes initial bits | waves, one chain a handle | their positions | times
    3  geometry      width of each handle
    4, 6, 7 hierarchy  scopes and names
"""

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEADER, GEOMETRY = 0, 3
HIERARCHY_GZIP, HIERARCHY_LZ4, HIERARCHY_LZ4_TWICE = 4, 6, 7
CHANGES = 8

SCOPE, UPSCOPE, ATTRIBUTE, ATTRIBUTE_END = 254, 255, 252, 253


class Bytes:
    """A cursor over bytes: fixed and variable length numbers, strings."""

    def __init__(self, data: bytes, at: int = 0):
        self.data, self.at = data, at

    def take(self, size: int) -> bytes:
        """The next bytes."""
        self.at += size
        return self.data[self.at - size : self.at]

    def u64(self) -> int:
        """A big-endian 64-bit number."""
        return struct.unpack(">Q", self.take(8))[0]

    def varint(self) -> int:
        """An unsigned LEB128 number."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed_varint(self) -> int:
        """A signed LEB128 number."""
        start = self.at
        value = self.varint()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if self.data[self.at - 1] & 0x40 else value

    def string(self) -> str:
        """A string that ends in a zero byte."""
        end = self.data.index(0, self.at)
        text = self.data[self.at : end].decode()
        self.at = end + 1
        return text


def lz4(data: bytes, size: int) -> bytes:
    """Decompress one LZ4 block of ``size`` bytes."""
    out = bytearray()
    source = Bytes(data)

    def length(first: int) -> int:
        if first < 15:
            return first
        while True:
            byte = source.take(1)[0]
            first += byte
            if byte < 255:
                return first

    while source.at < len(data):
        token = source.take(1)[0]
        out += source.take(length(token >> 4))
        if source.at >= len(data):
            break
        offset = int.from_bytes(source.take(2), "little")
        count = length(token & 15) + 4
        for _ in range(count):  # may overlap what it writes
            out.append(out[-offset])
    if len(out) != size:
        raise ValueError(f"an LZ4 block has {len(out)} bytes instead of {size}")
    return bytes(out)


def _maybe_zlib(data: bytes, size: int) -> bytes:
    return data if len(data) == size else zlib.decompress(data)


@dataclass
class Waves:
    """An FST file.

    Parameters
    ----------
    widths
        Bits of each handle, from 1 on (index 0 is unused).
    names
        Handles by full name, scopes joined by dots.
    """

    widths: list[int] = field(default_factory=lambda: [0])
    names: dict[str, int] = field(default_factory=dict)
    _blocks: list[bytes] = field(default_factory=list, repr=False)

    @classmethod
    def read(cls, path: Path) -> "Waves":
        """Read names and widths; values are decoded when asked for.

        Raises
        ------
        ValueError
            No FST file, or one that is compressed in a way that this reader does not know.
        """
        waves = cls()
        source = Bytes(path.read_bytes())
        while source.at < len(source.data):
            kind = source.take(1)[0]
            body = source.take(source.u64() - 8)
            if kind == GEOMETRY:
                waves._read_geometry(Bytes(body))
            elif kind in (HIERARCHY_GZIP, HIERARCHY_LZ4, HIERARCHY_LZ4_TWICE):
                waves._read_hierarchy(kind, Bytes(body))
            elif kind == CHANGES:
                waves._blocks.append(body)
            elif kind > 8:
                raise ValueError(f"{path}: block of unknown type {kind}: no plain FST file")
        if not waves.names:
            raise ValueError(f"{path}: no signals in it")
        return waves

    def _read_geometry(self, body: Bytes) -> None:
        size, handles = body.u64(), body.u64()
        data = Bytes(_maybe_zlib(body.data[body.at :], size))
        # 0 stands for a real number of 8 bytes, the largest value for a string.
        self.widths = [0] + [data.varint() for _ in range(handles)]

    def _read_hierarchy(self, kind: int, body: Bytes) -> None:
        size = body.u64()
        rest = body.data[body.at :]
        if kind == HIERARCHY_GZIP:
            text = gzip.decompress(rest)
        elif kind == HIERARCHY_LZ4:
            text = lz4(rest, size)
        else:
            inner = Bytes(rest)
            once = inner.varint()
            text = lz4(lz4(rest[inner.at :], once), size)
        source, scopes, handle = Bytes(text), [], 0
        while source.at < len(text):
            tag = source.take(1)[0]
            if tag == SCOPE:
                source.take(1)
                scopes.append(source.string())
                source.string()
            elif tag == UPSCOPE:
                scopes.pop()
            elif tag == ATTRIBUTE:
                source.take(2)
                source.string()
                source.varint()
            elif tag != ATTRIBUTE_END:
                source.take(1)
                name = source.string().split(" ")[0].split("[")[0]
                source.varint()
                alias = source.varint()
                handle += not alias
                self.names[".".join([*scopes, name])] = alias or handle

    def find(self, ending: str) -> str:
        """The full name of the one signal whose name ends so.

        Raises
        ------
        KeyError
            None does, or several different signals do.
        """
        found = [n for n in self.names if n == ending or n.endswith("." + ending)]
        if len({self.names[n] for n in found}) != 1:
            raise KeyError(f"{len(found)} signals end in {ending!r}")
        return found[0]

    def changes(self, name: str) -> Iterator[tuple[int, int]]:
        """Times and values of a signal, the first at the start of the recording.

        Raises
        ------
        ValueError
            The signal is not two-valued, or compressed in an unknown way.
        """
        handle = self.names[name]
        last = None
        for body in self._blocks:
            for time, value in self._block_changes(body, handle):
                if value != last:
                    yield time, value
                    last = value

    def _block_changes(self, data: bytes, handle: int) -> Iterator[tuple[int, int]]:
        body = Bytes(data)
        start, _, _ = body.u64(), body.u64(), body.u64()
        size, packed, handles = body.varint(), body.varint(), body.varint()
        bits = _maybe_zlib(body.take(packed), size)
        width = self.widths[handle]
        before = sum(self.widths[1:handle])
        yield start, _number(bits[before : before + width])

        body.varint()
        pack = chr(body.take(1)[0])
        waves_at = body.at  # chains are counted from the byte before this
        tail = Bytes(data, len(data) - 24)
        times_size, times_packed, times_count = tail.u64(), tail.u64(), tail.u64()
        times_at = len(data) - 24 - times_packed
        source = Bytes(_maybe_zlib(data[times_at : times_at + times_packed], times_size))
        times, now = [], 0
        for _ in range(times_count):
            now += source.varint()
            times.append(now)

        positions_end = times_at - 8
        positions_size = Bytes(data, positions_end).u64()
        positions_at = positions_end - positions_size
        chain = _chain(data[positions_at:positions_end], handles, handle)
        if chain is None:
            return
        begin, end = chain
        stop = positions_at if end is None else waves_at - 1 + end
        yield from self._chain_changes(data[waves_at - 1 + begin : stop], pack, width, times)

    def _chain_changes(
        self, data: bytes, pack: str, width: int, times: list[int]
    ) -> Iterator[tuple[int, int]]:
        source = Bytes(data)
        if size := source.varint():
            rest = data[source.at :]
            if pack == "4":
                source = Bytes(lz4(rest, size))
            elif pack == "Z":
                source = Bytes(zlib.decompress(rest))
            else:
                raise ValueError(f"waves compressed by {pack!r}, which this reader does not know")
        index = 0
        while source.at < len(source.data):
            head = source.varint()
            if head & 1:
                raise ValueError("the signal has unknown values, which this reader does not know")
            if width == 1:
                index += head >> 2
                yield times[index], head >> 1 & 1
            else:
                index += head >> 1
                size = (width + 7) // 8
                value = int.from_bytes(source.take(size), "big")
                yield times[index], value >> (8 * size - width)


def _number(bits: bytes) -> int:
    """Initial bits are characters; what is not 1 (unknown) counts as 0."""
    return int(bytes(49 if bit == 49 else 48 for bit in bits) or b"0", 2)


def _chain(table: bytes, handles: int, wanted: int) -> tuple[int, int | None] | None:
    """Where the chain of a handle begins and ends; None when it never changes.

    The table holds for each handle: a run of unchanged ones (even), the distance to the previous
    chain (odd, positive), another handle with the same chain (odd, negative), or that of the one
    before (odd, zero).
    """
    source = Bytes(table)
    starts: list[int] = []  # of all chains, ascending
    chain_of: dict[int, int] = {}  # handle -> index in starts
    handle, position, same = 1, 0, 0
    while source.at < len(table) and handle <= handles:
        if not table[source.at] & 1:
            handle += source.varint() >> 1
            continue
        value = source.signed_varint() >> 1
        if value > 0:
            position += value
            chain_of[handle] = len(starts)
            starts.append(position)
        else:
            same = -value if value else same
            if same in chain_of:
                chain_of[handle] = chain_of[same]
        handle += 1
    if wanted not in chain_of:
        return None
    at = chain_of[wanted]
    return starts[at], starts[at + 1] if at + 1 < len(starts) else None
