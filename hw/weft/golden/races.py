"""Race detection: a vector clock for each engine, a shadow of every byte.

Engines run at the same time and only semaphores order them. Two accesses to the same bytes by
different engines, one of them a write, must be joined by a path of posts and takes; the program
order in which the golden chip runs is no order.

A command's accesses are remembered, for each element of a place, as the number of the last command
of each engine that read it and that wrote it. An engine's commands are in order among themselves:
when its last access comes first, all its earlier ones do.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.arch.commands import Decoded, Engine

from .faults import RaceError
from .rows import Addresses, gather, scatter_value
from .semaphores import Clock
from .state import Place, State

_Key = tuple[Place, Engine, bool]
"""Whose accesses a shadow holds; True: writes."""

_EMPTY = np.zeros(0, np.int32)

_BEGUN = len(Engine)
"""Behind the engines in a clock: the last LOAD known to have begun, its fence up.

MATMUL waits by itself for what such a LOAD has still to write, and having read the last of it
knows that it is over.
"""


@dataclass(frozen=True)
class _Ran:
    """A command that was run: its index in the program, and what it was."""

    index: int
    command: Decoded

    def __str__(self) -> str:
        return f"command {self.index} ({self.command})"


class Races:
    """Vector clocks and shadows; the `weft.golden.state.Watch` of a chip.

    Numbers of commands count up from 1 for each engine, over all programs.

    Parameters
    ----------
    state
        Whose memories are watched.
    """

    def __init__(self, state: State):
        self._state = state
        self._counts = np.zeros(len(Engine) + 1, np.int64)
        self._clocks = [np.zeros(len(Engine) + 1, np.int64) for _ in Engine]
        self._ends: dict[int, tuple[Place, int]] = {}  # of what each LOAD has written
        self._last: dict[_Key, NDArray[np.int32]] = {}
        self._ran: dict[tuple[Engine, int], _Ran] = {}
        self._engine = Engine.CONTROL

    def begin(self) -> None:
        """A program starts: everything before it is over and known to all engines."""
        for clock in self._clocks:
            clock[:] = self._counts
        self._ran.clear()
        self._ends.clear()

    def next_number(self, engine: Engine) -> int:
        """Number of the engine's next command."""
        return int(self._counts[engine]) + 1

    @property
    def started(self) -> dict[Engine, int]:
        """Number of the last command of each engine."""
        return {engine: int(self._counts[engine]) for engine in Engine}

    def start(self, engine: Engine, index: int, command: Decoded, known: list[Clock]) -> None:
        """A command starts; ``known`` are the clocks of the posts that it took."""
        self.learn(engine, known)
        self._enter(engine)
        self._ran[engine, int(self._counts[engine])] = _Ran(index, command)

    def resume(self, engine: Engine) -> None:
        """A command goes on after others: from here on it counts as one more of its engine."""
        ran = self._ran[engine, int(self._counts[engine])]
        self._enter(engine)
        self._ran[engine, int(self._counts[engine])] = ran

    def learn(self, engine: Engine, known: list[Clock]) -> None:
        """An engine takes posts; ``known`` are their clocks."""
        clock = self._clocks[engine]
        for other in known:
            np.maximum(clock, other, out=clock)

    def fetch(self, address: int, size: int) -> None:
        """The dispatcher reads a program, at any time until the program has retired."""
        self._enter(Engine.CONTROL)
        if size:
            self.access(Place.MEMORY, False, np.array([address]), size)

    def clock(self, engine: Engine, begun: bool = False) -> Clock:
        """What an engine knows now; a copy, to be posted.

        Parameters
        ----------
        engine
            The one that posts.
        begun
            Its command has begun and is not over: LOAD with a fence.
        """
        clock = self._clocks[engine].copy()
        clock[engine] -= begun
        return clock

    def retire(self, engine: Engine) -> None:
        """The program retires with the engine's last command: everything must be over.

        Raises
        ------
        RaceError
            Names a command that may still run.
        """
        end = self._name(engine, int(self._counts[engine]))
        for other in Engine:
            number = int(self._counts[other])
            if other is not Engine.CONTROL and self._clocks[engine][other] < number:
                raise RaceError(
                    f"the program retires with {end} before {self._name(other, number)} is done: "
                    "no semaphore path from one to the other"
                )

    def access(self, place: Place, write: bool, starts: Addresses, length: int) -> None:
        """The running command reads or writes rows of ``length`` elements.

        Raises
        ------
        RaceError
            Names both commands and the bytes.
        """
        engine, clock = self._engine, self._clocks[self._engine]
        if starts.size * length > self._state.size(place):
            starts = np.unique(starts)  # rows that overlap, as in a convolution
        end = int(starts.max()) + length
        for key in self._last:
            other_place, other, wrote = key
            if other_place is not place or other is engine or not (write or wrote):
                continue
            seen = _rows(self._shadow(key, end), starts, length)
            if wrote and other is Engine.LOAD and engine is Engine.MATMUL and not write:
                self._pass_fence(clock, place, starts, length)
                known = int(clock[_BEGUN])
            else:
                known = int(clock[other])
            if seen.max(initial=0) > known:
                self._report(place, write, starts, seen, known, other, wrote)
        if engine is Engine.LOAD and write:
            self._ends[int(self._counts[engine])] = place, end
        mine = self._shadow((place, engine, write), end)
        scatter_value(mine, starts, length, int(self._counts[engine]))

    def _pass_fence(self, clock: Clock, place: Place, starts: Addresses, length: int) -> None:
        """MATMUL reads: the end of what a LOAD that has begun writes tells that it is over."""
        begun = int(clock[_BEGUN])
        where, end = self._ends.get(begun, (place, 0))
        if where is place and ((starts < end) & (end <= starts + length)).any():
            clock[Engine.LOAD] = max(clock[Engine.LOAD], begun)

    def _shadow(self, key: _Key, end: int) -> NDArray[np.int32]:
        """A shadow with at least ``end`` elements; it grows with the part of memory in use."""
        last = self._last.get(key, _EMPTY)
        if end > len(last):
            size = max(end, min(1 << end.bit_length(), self._state.size(key[0])))
            grown = np.zeros(size, np.int32)
            grown[: len(last)] = last
            last = self._last[key] = grown
        return last

    def _enter(self, engine: Engine) -> None:
        self._engine = engine
        self._counts[engine] += 1
        self._clocks[engine][engine] = self._counts[engine]
        if engine is Engine.LOAD:
            self._counts[_BEGUN] = self._clocks[engine][_BEGUN] = self._counts[engine]

    def _name(self, engine: Engine, number: int) -> str:
        ran = self._ran.get((engine, number))
        return str(ran) if ran else f"the fetch of the program ({engine.name})"

    def _report(
        self,
        place: Place,
        write: bool,
        starts: Addresses,
        seen: NDArray[np.int32],
        known: int,
        other: Engine,
        wrote: bool,
    ) -> None:
        bad = seen > known
        row, column = (int(i[0]) for i in np.nonzero(bad))
        run = bad[row, column:]
        size = len(run) if run.all() else int(np.argmin(run))
        first = int(starts[row]) + column
        mine = self._name(self._engine, int(self._counts[self._engine]))
        theirs = self._name(other, int(seen[row, column]))
        raise RaceError(
            f"race: {mine} {'writes' if write else 'reads'} {place.value} {first:#x} to "
            f"{first + size - 1:#x}, which {theirs} {'writes' if wrote else 'reads'}, and no "
            "semaphore path orders the two"
        )


def _rows(last: NDArray[np.int32], starts: Addresses, length: int) -> NDArray[np.int32]:
    if len(starts) == 1:
        first = int(starts[0])
        return last[None, first : first + length]
    return gather(last, starts, length)
