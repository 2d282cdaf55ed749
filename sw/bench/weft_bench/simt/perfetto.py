"""Traces that open in ui.perfetto.dev: Chrome's trace event format, one cycle as a microsecond.

The format is "Trace Event Format" of the Chromium project: complete events (``ph`` X) with ``ts``
and ``dur`` in microseconds, nested by time on their track, and metadata (M) that names tracks.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from weft.arch.isa import disassemble

from .recording import BINS, Recording
from .warps import WAITS, Life, Piece

CHIP = 1
"""Number of the only process."""

CORE_TRACK = 0
"""Number of the core's own track; warp w has w + 1."""


def trace_events(
    recording: Recording,
    lives: Iterable[Life],
    words: dict[int, int],
    where: Callable[[int], str | None],
    title: str,
) -> list[dict[str, Any]]:
    """All events of a kernel.

    Parameters
    ----------
    recording, lives
        What happened.
    words
        Instructions by address.
    where
        File, line and function of an address.
    title
        Name of the whole.
    """
    found = list(lives)
    tracks = {CORE_TRACK: "core"} | {life.warp + 1: f"warp {life.warp}" for life in found}
    events = [_named("process_name", 0, title)]
    events += [_named("thread_name", track, name) for track, name in sorted(tracks.items())]
    events += [_sorted(track) for track in sorted(tracks)]
    events.append(_slice(CORE_TRACK, 0, recording.cycles, title, cycles=recording.cycles))
    events += _bins(recording)
    for life in found:
        block = "block ({}, {}, {})".format(*life.block)
        events.append(_slice(life.warp + 1, life.start, life.end, block))
        for place, pieces in groupby(life.pieces, lambda piece: where(piece.pc) or "start"):
            events += _line(life.warp + 1, place, list(pieces), words)
    return events


def _line(
    track: int, place: str, pieces: list[Piece], words: dict[int, int]
) -> Iterator[dict[str, Any]]:
    """A run of instructions of one line of the source."""
    done = [piece for piece in pieces if not piece.wait]
    yield _slice(track, pieces[0].start, pieces[-1].end, place, instructions=len(done))
    for piece in pieces:
        lanes = piece.mask.bit_count()
        if piece.wait:
            name = f"wait: {piece.wait}"
            yield _slice(track, piece.start, piece.end, name, waits_for=WAITS[piece.wait])
        else:
            text = disassemble(words[piece.pc], piece.pc) if piece.pc in words else "?"
            more = {"pc": f"{piece.pc:#x}", "lanes": lanes, "mask": f"{piece.mask:#x}"}
            yield _slice(track, piece.start, piece.end, text, **more)


def _bins(recording: Recording) -> Iterator[dict[str, Any]]:
    """The kernel's cycles by bin: runs of the same."""
    number = np.argmax(np.stack([recording[name] for name in BINS]), axis=0)
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), recording.cycles]
    for start, end in pairwise(edges):
        yield _slice(CORE_TRACK, start, end, BINS[number[start]])


def _slice(track: int, start: int, end: int, name: str, **more: Any) -> dict[str, Any]:
    base = {"ph": "X", "pid": CHIP, "tid": track, "ts": start, "dur": end - start, "name": name}
    return base | ({"args": more} if more else {})


def _named(what: str, track: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "pid": CHIP, "tid": track, "name": what, "args": {"name": name}}


def _sorted(track: int) -> dict[str, Any]:
    order = {"sort_index": track}
    return {"ph": "M", "pid": CHIP, "tid": track, "name": "thread_sort_index", "args": order}
