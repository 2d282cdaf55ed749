"""Threads of one warp, each with a program counter of its own: who runs next.

The rule, which hardware follows issue by issue:

1. A thread is *live* until it ends, and *waits* while it stands at a collective instruction that
   not all live threads of the warp have reached. The *ready* threads are those that are live and do
   not wait; if all live threads wait, all are ready.
2. The lowest program counter of a ready thread is chosen, and every live thread that stands there
   is in the group that runs, whether or not it waits.
3. At a collective instruction the group runs only if it holds all live threads. Else it starts to
   wait; nothing retires. If no live thread was left that did not wait, the warp traps.
4. The starvation timer counts retired *backward* instructions: a taken branch or `jal` whose offset
   is not positive, and every `jalr`. When ready threads outside the chosen group exist and the
   timer has reached the core's ``starvation``, the group of one of them gets a turn instead: of the
   next lane in cyclic order after the one that had the last turn (at first: after the highest). The
   timer is zero when a turn begins, and whenever no ready thread is outside the chosen group.
5. A turn lasts until its group has retired a backward instruction, until its lane has ended or
   waits, or until no ready thread is outside its group. Backward instructions of a turn are not
   counted.

Rule 5 lets a thread that holds a lock reach the end of its critical section in one turn for each of
its loop iterations, and bounds a turn by the length of the code. Rule 4 gives every ready thread a
turn after at most lanes x starvation backward instructions of others.
"""

import numpy as np
from numpy.typing import NDArray


class Warp:
    """Registers and program counters of one hardware warp.

    Parameters
    ----------
    index
        Hardware warp.
    lanes
        Threads of a warp.

    Attributes
    ----------
    rows
        Register x of all lanes: ``rows[x]``, uint32; they keep their values between threads.
    groups
        Live threads by program counter, as masks of lanes.
    waiting
        Threads that wait at a collective.
    at_barrier
        Program counter of the `bar` at which the whole warp waits for others; None elsewhere.
    """

    def __init__(self, index: int, lanes: int):
        self.index = index
        self.lanes = lanes
        self.rows: list[NDArray[np.uint32]] = list(np.zeros((32, lanes), np.uint32))
        self.control: dict[int, NDArray[np.uint32]] = {}
        self.start(0, 0, 0)

    def start(self, block: int, pc: int, live: int) -> None:
        """Begin with the threads of a mask, all at one program counter."""
        self.block = block
        self.groups: dict[int, int] = {pc: live} if live else {}
        self.waiting = 0
        self.at_barrier: int | None = None
        self._timer = 0
        self._turn: int | None = None
        self._last_turn = self.lanes - 1
        self.turns = 0

    @property
    def live(self) -> int:
        """Mask of threads that have not ended."""
        live = 0
        for group in self.groups.values():
            live |= group
        return live

    def select(self, starvation: int) -> tuple[int, int]:
        """The program counter that runs next, and the mask of its group."""
        groups = self.groups
        if len(groups) == 1 and not self.waiting:
            self._timer = 0
            self._turn = None
            (found,) = groups.items()
            return found
        live = self.live
        ready = live & ~self.waiting or live
        if self._turn is not None:
            chosen = self._group_of(self._turn) if ready >> self._turn & 1 else (0, live)
            if ready & ~chosen[1]:
                return chosen
            self._turn = None
        pc = min(pc for pc, group in groups.items() if group & ready)
        others = ready & ~groups[pc]
        if not others:
            self._timer = 0
        elif self._timer >= starvation:
            self._timer = 0
            self._last_turn = self._turn = self._next_turn(others)
            self.turns += 1
            return self._group_of(self._turn)
        return pc, groups[pc]

    def retired_backward(self) -> None:
        """The selected group has retired a backward instruction."""
        if self._turn is None:
            self._timer += 1
        self._turn = None

    def wait(self, group: int) -> bool:
        """A group waits at a collective; False if all live threads waited already."""
        if not self.live & ~self.waiting:
            return False
        self.waiting |= group
        return True

    def move(self, pc: int, targets: dict[int, int]) -> None:
        """The group at ``pc`` goes on at ``targets``: masks by program counter."""
        groups = self.groups
        gone = groups.pop(pc)
        if self.waiting:
            self.waiting &= ~gone
        for target, group in targets.items():
            groups[target] = groups.get(target, 0) | group

    def _group_of(self, lane: int) -> tuple[int, int]:
        return next(item for item in self.groups.items() if item[1] >> lane & 1)

    def _next_turn(self, others: int) -> int:
        above = others >> self._last_turn + 1
        if above:
            return self._last_turn + (above & -above).bit_length()
        return (others & -others).bit_length() - 1
