"""What each warp did when: every cycle of its life is in an instruction or in a wait."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from weft.arch.isa import decode
from weft.arch.isa_table import Unit

from .recording import Recording

WAITS = {
    "memory": "main or private memory",
    "shared": "shared memory",
    "units": "division, floating point or tables",
    "code": "the instruction cache",
    "barrier": "other warps at a barrier",
    "replay": "the instruction is to come again: threads wait at a collective",
    "turn": "other warps were picked",
}
"""What a warp waits for."""


class Piece(NamedTuple):
    """A part of a warp's life.

    Parameters
    ----------
    start, end
        Cycles ``start .. end - 1`` of the kernel.
    wait
        One of `WAITS`; empty for an instruction.
    pc, mask
        The instruction, or the last one before a wait; its lanes. -1, 0 before the first.
    """

    start: int
    end: int
    wait: str
    pc: int
    mask: int


@dataclass(frozen=True)
class Life:
    """A block's time on a warp.

    Parameters
    ----------
    warp, block
        Which.
    pieces
        Without gaps.
    """

    warp: int
    block: tuple[int, int, int]
    pieces: list[Piece]

    @property
    def start(self) -> int:
        """Its first cycle."""
        return self.pieces[0].start

    @property
    def end(self) -> int:
        """The cycle after its last."""
        return self.pieces[-1].end


def lives(recording: Recording, words: dict[int, int], depth: int) -> Iterator[Life]:
    """All lives, warp by warp.

    Parameters
    ----------
    recording
        The kernel.
    words
        Instructions by address, as far as they are known.
    depth
        Cycles from a warp that enters the pipeline to its last stage.
    """
    r = recording
    warps = sorted(set(r["start_warp"][r["started"] == 1].tolist()))
    for warp in warps:
        alive = np.append(r["alive"] >> warp & 1, 0)
        for start in np.flatnonzero((r["started"] == 1) & (r["start_warp"] == warp)).tolist():
            first = start + 1  # its bit in `alive` is set
            end = first + int(np.argmin(alive[first:]))
            x, y, z = (int(r[f"start_block_{axis}"][start]) for axis in "xyz")
            pieces = list(_pieces(r, warp, first, end, words, depth))
            yield Life(warp, (x, y, z), pieces)


def _pieces(
    r: Recording, warp: int, start: int, end: int, words: dict[int, int], depth: int
) -> Iterator[Piece]:
    here = slice(start, end)
    picks = start + np.flatnonzero((r["picked"][here] == 1) & (r["picked_warp"][here] == warp))
    fetched = start + np.flatnonzero(r["fetched"][here] >> warp & 1)
    answers = start + np.flatnonzero(r["answered"][here] >> warp & 1)
    at, pc, mask = start, -1, 0
    wait, until = "turn", start  # what it waits for, and to when; -1: to the next pick
    for number, pick in enumerate(picks.tolist()):
        following = int(picks[number + 1]) if number + 1 < len(picks) else end
        yield from _waited(at, pick, wait, until, pc, mask)
        last = pick + depth
        if last < end and r["retired"][last] and r["warp"][last] == warp:
            pc, mask = int(r["pc"][last]) << 2, int(r["mask"][last])
            at = last + 1
            yield Piece(pick, at, "", pc, mask)
            wait, until = _after(r, last, words.get(pc), answers, end)
            continue
        # Nothing was done. Its row has not come yet, its code was missing, or it comes again.
        at = pick
        if until <= pick and until != -1:
            missed = ((fetched > pick) & (fetched <= following)).any()
            wait, until = ("code" if missed else "replay"), -1
    yield from _waited(at, end, wait, until, pc, mask)


def _after(
    r: Recording, last: int, word: int | None, answers: np.ndarray, end: int
) -> tuple[str, int]:
    """What a warp waits for after an instruction, and to which cycle."""
    if r["deferred"][last]:
        kind = "units" if not r["access"][last] else "shared" if r["to_shared"][last] else "memory"
        later = answers[answers > last]
        return kind, int(later[0]) + 1 if len(later) else end
    found = None if word is None else decode(word)
    if found is not None and found.name == "bar":
        return "barrier", -1
    assert found is None or found.instruction.unit is not Unit.TRAP
    return "turn", last + 1


def _waited(at: int, to: int, wait: str, until: int, pc: int, mask: int) -> Iterator[Piece]:
    """Cycles ``at .. to - 1``: the wait, then others' turns."""
    middle = to if until == -1 else min(max(until, at), to)
    for start, end, name in ((at, middle, wait), (middle, to, "turn")):
        if end > start:
            yield Piece(start, end, name, pc, mask)
