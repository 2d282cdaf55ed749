"""Counting semaphores, and the vector clocks that travel through them."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from weft.arch.commands import Engine
from weft.arch.errors import Cause
from weft.config import SEMAPHORE_MAX, SEMAPHORES, Config

from .faults import Fault, ProgramError

Clock = NDArray[np.int64]
"""For each engine, the number of its commands known to be over."""

_UNSTARTED_BEYOND_QUEUE = 2
"""Commands of an engine that left its queue and may not have started: at its gate, with reserve."""


@dataclass
class _Semaphore:
    """One semaphore since it was last empty at the start of a program.

    The n-th take gets what the n-th post gave: both engines work in order.
    """

    posts: int = 0
    poster: Engine | None = None
    waiter: Engine | None = None
    clocks: deque[Clock] = field(default_factory=deque)
    taken_by: list[int] = field(default_factory=list)  # the waiter's command number, each take


def semaphores_in(mask: int) -> list[int]:
    """Numbers of the bits set in a set of semaphores."""
    return [i for i in range(SEMAPHORES) if mask >> i & 1]


class Semaphores:
    """All semaphores of a chip.

    Parameters
    ----------
    config
        Its queue depth bounds how far one engine can be ahead of another.
    """

    def __init__(self, config: Config):
        self._unstarted = config.queue_depth + _UNSTARTED_BEYOND_QUEUE
        self.clear()

    def clear(self) -> None:
        """All to zero, as CTRL.clear does."""
        self._all = [_Semaphore() for _ in range(SEMAPHORES)]

    def begin(self) -> None:
        """A program starts: a semaphore at zero may get other engines than before."""
        self._all = [s if s.clocks else _Semaphore() for s in self._all]

    def value(self, number: int) -> int:
        """Current value of a semaphore."""
        return len(self._all[number].clocks)

    def take(self, mask: int, engine: Engine, number: int) -> list[Clock]:
        """Take one of each semaphore in ``mask`` for an engine's ``number``-th command.

        Returns
        -------
        list
            What was known at the posts.

        Raises
        ------
        Fault
            DEADLOCK: a semaphore is zero. A program must run one command at a time in its order.
        ProgramError
            Another engine has waited for the semaphore.
        """
        wanted = [(i, self._all[i]) for i in semaphores_in(mask)]
        for i, semaphore in wanted:
            if semaphore.waiter not in (None, engine):
                raise ProgramError(
                    f"semaphore {i} is waited for by {engine.name} and by "
                    f"{semaphore.waiter.name}: each has one waiting engine"
                )
            if not semaphore.clocks:
                raise Fault(
                    Cause.DEADLOCK, f"semaphore {i} has not been posted by earlier commands"
                )
        for _, semaphore in wanted:
            semaphore.waiter = engine
            semaphore.taken_by.append(number)
        return [semaphore.clocks.popleft() for _, semaphore in wanted]

    def post(self, mask: int, engine: Engine, clock: Clock, started: dict[Engine, int]) -> None:
        """Post each semaphore in ``mask`` once.

        Parameters
        ----------
        clock
            What the posting engine knows, this command included.
        started
            For each engine, the number of its last command before this one in the program.

        Raises
        ------
        Fault
            SEMAPHORE_OVERFLOW, in program order.
        ProgramError
            Another engine has posted the semaphore; or it can overflow on the chip, where engines
            run ahead of program order.
        """
        for i in semaphores_in(mask):
            semaphore = self._all[i]
            if semaphore.poster not in (None, engine):
                raise ProgramError(
                    f"semaphore {i} is posted by {engine.name} and by {semaphore.poster.name}: "
                    "each has one posting engine"
                )
            if len(semaphore.clocks) == SEMAPHORE_MAX:
                raise Fault(Cause.SEMAPHORE_OVERFLOW, f"semaphore {i} is at {SEMAPHORE_MAX}")
            semaphore.poster = engine
            semaphore.posts += 1
            self._check_room(i, semaphore, clock, started)
            semaphore.clocks.append(clock)

    def _check_room(
        self, number: int, semaphore: _Semaphore, clock: Clock, started: dict[Engine, int]
    ) -> None:
        """The take that makes room for this post must be sure to come first."""
        must = semaphore.posts - SEMAPHORE_MAX
        if must <= 0 or semaphore.waiter is None:
            return
        waiter = semaphore.waiter
        taker = semaphore.taken_by[must - 1]
        # Sure are commands that the poster has heard of, and those that must have left the queue
        # for the dispatcher to get here.
        if taker > clock[waiter] and taker > started[waiter] - self._unstarted:
            raise ProgramError(
                f"semaphore {number} can overflow: nothing makes its posts wait for "
                f"{waiter.name}, which on the chip can be {SEMAPHORE_MAX} posts behind"
            )
