"""Runs a grid of blocks, warp by warp.

The order is defined, so that a run can be repeated: rounds visit the warps in ascending order, and
in each round every warp that has live threads and does not stand at a closed barrier issues once.
A block whose last thread has ended makes room for the next one before the next round. Hardware
interleaves warps as memory lets it; what a warp of a race-free kernel does is the same, and
`Retired` records are compared warp by warp.
"""

from collections.abc import Callable, Sequence

import numpy as np

from weft.arch.isa import Unit
from weft.arch.simt import (
    ARGUMENTS,
    CSR_BY_NAME,
    MAIN,
    PRIVATE,
    SHARED,
    Core,
    Dim,
    Launch,
    Trap,
)

from .collectives import collect
from .memory import Memories
from .operations import ATOMICS
from .program import Step, prepare, taken
from .trace import Counters, Retired
from .traps import KernelTrap, LaunchRefused, ThreadTrap
from .warp import Warp

_BYTES = {"b": 1, "h": 2, "w": 4}


class Simulator:
    """One SIMT core with its memories; registers keep their values from one launch to the next.

    Parameters
    ----------
    core
        Sizes.
    memories
        What its addresses lead to.
    on_retired
        Called with every retired instruction.
    """

    def __init__(
        self,
        core: Core,
        memories: Memories,
        on_retired: Callable[[Retired], None] | None = None,
    ):
        self.core = core
        self.memories = memories
        self.on_retired = on_retired
        self.warps = [Warp(index, core.lanes) for index in range(core.warps)]
        lanes = core.lanes
        self._masks = [
            np.array([bits >> lane & 1 for lane in range(lanes)], np.bool_)
            for bits in range(1 << lanes)
        ]
        self._bits = {mask.tobytes(): bits for bits, mask in enumerate(self._masks)}
        self._lanes_of = [np.flatnonzero(mask).tolist() for mask in self._masks]

    def run(
        self,
        launch: Launch,
        limit: int | None = None,
        placement: Sequence[int] | None = None,
    ) -> Counters:
        """Run one kernel to its end.

        Parameters
        ----------
        launch
            What runs.
        limit
            Most rounds before the run is given up.
        placement
            The slot of each block, in the order of blocks, as another run has chosen them; None
            gives each block the lowest free slot.

        Returns
        -------
        Counters
            Of this run.

        Raises
        ------
        LaunchRefused
            The core cannot run it.
        KernelTrap
            A thread cannot go on.
        TimeoutError
            More rounds than ``limit``.
        """
        problem = launch.problem(self.core)
        if problem:
            raise LaunchRefused(problem)
        self.launch = launch
        self.counters = Counters()
        self.memories.start(launch)
        self._code: dict[int, Step] = {}
        size = launch.warps_per_block(self.core)
        slots = [self.warps[i * size : (i + 1) * size] for i in range(launch.slots(self.core))]
        pending = list(range(launch.blocks))
        rounds = 0
        busy = [False] * len(slots)
        while True:
            for slot, warps in enumerate(slots):
                if busy[slot] and not any(warp.groups for warp in warps):
                    busy[slot] = False
                if not busy[slot] and pending:
                    block = _next_block(pending, slot, placement)
                    if block is not None:
                        self._start_block(block, slot, warps)
                        busy[slot] = True
            if not any(busy):
                return self.counters
            rounds += 1
            if limit is not None and rounds > limit:
                raise TimeoutError(f"the kernel has not ended after {limit:,} rounds")
            for warps in slots:
                for warp in warps:
                    if warp.groups and warp.at_barrier is None:
                        self._issue(warp, warps)

    # --- blocks --------------------------------------------------------------------------------

    def _start_block(self, block: int, slot: int, warps: list[Warp]) -> None:
        launch, lanes = self.launch, self.core.lanes
        shared = SHARED.base + launch.shared_base + slot * launch.shared
        for number, warp in enumerate(warps):
            thread = np.arange(number * lanes, (number + 1) * lanes, dtype=np.uint32)
            there = int(np.count_nonzero(thread < launch.block_threads))
            warp.start(block, MAIN.base + launch.entry, (1 << there) - 1)
            warp.control = self._control(block, shared, warp.index, thread)

    def _control(
        self, block: int, shared: int, warp: int, thread: np.ndarray
    ) -> dict[int, np.ndarray]:
        launch, lanes = self.launch, self.core.lanes
        dim_x, dim_y, _ = launch.block
        values = {
            "thread": thread,
            "thread_x": thread % dim_x,
            "thread_y": thread // dim_x % dim_y,
            "thread_z": thread // (dim_x * dim_y),
            "lane": np.arange(lanes),
            "warp": warp,
            "lanes": lanes,
            "warps": self.core.warps,
            "stack": PRIVATE.base + launch.private,
            "block_shared": shared,
            **{f"argument_{word}": 0 for word in range(ARGUMENTS)},
            **{f"argument_{word}": value for word, value in enumerate(launch.arguments)},
        }
        for axis, *of_axis in zip(
            "xyz", _index(block, launch.grid), launch.block, launch.grid, strict=True
        ):
            for name, value in zip(("block", "block_dim", "grid_dim"), of_axis, strict=True):
                values[f"{name}_{axis}"] = value
        return {
            CSR_BY_NAME[name].number: np.broadcast_to(np.asarray(value, np.uint32), lanes)
            for name, value in values.items()
        }

    # --- one issue -----------------------------------------------------------------------------

    def _issue(self, warp: Warp, block: list[Warp]) -> None:
        turns = warp.turns
        pc, group = warp.select(self.core.starvation)
        self.counters.turns += warp.turns - turns
        try:
            step = self._code.get(pc) or self._fetch(pc, group)
            self._execute(warp, block, pc, group, step)
        except ThreadTrap as trap:
            raise self._named(trap, warp, pc) from None

    def _fetch(self, pc: int, group: int) -> Step:
        lane = self._lanes_of[group][0]
        word = self.memories.fetch(pc)
        if word is None:
            raise ThreadTrap(Trap.FETCH_UNMAPPED, lane, f"{pc:#010x}")
        step = self._code[pc] = prepare(word, self.core, lane)
        return step

    def _execute(self, warp: Warp, block: list[Warp], pc: int, group: int, step: Step) -> None:
        mask = self._masks[group]
        unit = step.unit
        targets = {pc + 4 & 0xFFFFFFFF: group}
        backward = False
        if step.compute is not None:
            self._write(warp, step.rd, step.compute(warp, mask, pc), mask)
        elif unit is Unit.BRANCH:
            taken_group = self._bits[(taken(step, warp) & mask).tobytes()]
            if taken_group:
                target = self._target(pc + step.imm, taken_group)
                targets = {target: taken_group}
                if taken_group != group:
                    targets[pc + 4 & 0xFFFFFFFF] = group & ~taken_group
                backward = step.imm <= 0
        elif unit is Unit.JUMP:
            targets, backward = self._jump(warp, pc, group, step)
        elif unit in (Unit.LOAD, Unit.STORE, Unit.ATOMIC):
            self._access(warp, group, step)
        elif unit is Unit.EXIT:
            targets = {}
        elif unit is Unit.COLLECTIVE:
            live = warp.live
            if group != live:
                if not warp.wait(group):
                    raise ThreadTrap(
                        Trap.COLLECTIVE, self._lanes_of[group][0], f"{step.decoded.name} is one"
                    )
                return
            if step.decoded.name == "bar":
                warp.at_barrier = pc
                self._open_barrier(block)
                return
            values = collect(step.decoded, warp.rows[step.rs1], group)
            self._write(warp, step.rd, values, mask)
        self._retire(warp, pc, group, step, targets)
        if backward:
            warp.retired_backward()
        if unit is Unit.EXIT and not warp.groups:
            self._open_barrier(block)

    def _retire(self, warp: Warp, pc: int, group: int, step: Step, targets: dict[int, int]) -> None:
        counters = self.counters
        counters.issued += 1
        counters.active_lanes += group.bit_count()
        counters.diverged += len(warp.groups) > 1
        if self.on_retired is not None:
            rd = step.rd
            values = tuple(warp.rows[rd].tolist()) if rd else ()
            word = step.decoded.word
            self.on_retired(Retired(warp.block, warp.index, pc, word, group, rd, values))
        warp.move(pc, targets)

    def _write(self, warp: Warp, rd: int, values: np.ndarray, mask: np.ndarray) -> None:
        if rd:
            np.copyto(warp.rows[rd], values, where=mask)

    def _jump(self, warp: Warp, pc: int, group: int, step: Step) -> tuple[dict[int, int], bool]:
        following = pc + 4 & 0xFFFFFFFF
        if step.decoded.name == "jal":
            targets = {self._target(pc + step.imm, group): group}
            backward = step.imm <= 0
        else:
            targets = {}
            rows = warp.rows[step.rs1].tolist()
            for lane in self._lanes_of[group]:
                target = self._target(rows[lane] + step.imm & ~1, 1 << lane)
                targets[target] = targets.get(target, 0) | 1 << lane
            backward = True
        self._write(warp, step.rd, np.array(following, np.uint32), self._masks[group])
        return targets, backward

    def _target(self, target: int, group: int) -> int:
        if target & 2:
            lane = self._lanes_of[group][0]
            raise ThreadTrap(Trap.JUMP_MISALIGNED, lane, f"to {target & 0xFFFFFFFF:#010x}")
        return target & 0xFFFFFFFF

    def _access(self, warp: Warp, group: int, step: Step) -> None:
        lanes, name = self._lanes_of[group], step.decoded.name
        bases = warp.rows[step.rs1].tolist()
        addresses = {lane: bases[lane] + step.imm & 0xFFFFFFFF for lane in lanes}
        if step.unit is Unit.LOAD:
            size = _BYTES[name[1]]
            loaded = self.memories.load(addresses, warp.index, size, self.counters)
            if not name.endswith("u"):
                sign = 1 << 8 * size - 1
                loaded = [(value ^ sign) - sign & 0xFFFFFFFF for value in loaded]
        else:
            row = warp.rows[step.rs2].tolist()
            values = [row[lane] for lane in lanes]
            if step.unit is Unit.STORE:
                size = _BYTES[name[1]]
                self.memories.store(addresses, values, warp.index, size, self.counters)
                return
            loaded = self.memories.atomic(addresses, values, ATOMICS[name], self.counters)
        if step.rd:
            warp.rows[step.rd][lanes] = loaded

    def _open_barrier(self, block: list[Warp]) -> None:
        """Let the warps of a block pass their `bar` if none that lives is still on its way."""
        alive = [warp for warp in block if warp.groups]
        if any(warp.at_barrier is None for warp in alive):
            return
        for warp in alive:
            ((pc, group),) = warp.groups.items()
            warp.at_barrier = None
            self._retire(warp, pc, group, self._code[pc], {pc + 4 & 0xFFFFFFFF: group})

    def _named(self, trap: ThreadTrap, warp: Warp, pc: int) -> KernelTrap:
        first = warp.index % self.launch.warps_per_block(self.core) * self.core.lanes
        return KernelTrap(
            trap,
            _index(warp.block, self.launch.grid),
            _index(first + trap.lane, self.launch.block),
            warp.index,
            pc,
        )


def _index(linear: int, size: Dim) -> Dim:
    x, y, _ = size
    return linear % x, linear // x % y, linear // (x * y)


def _next_block(pending: list[int], slot: int, placement: Sequence[int] | None) -> int | None:
    """Take from ``pending`` the block that a free slot runs next."""
    if placement is None:
        return pending.pop(0)
    for i, block in enumerate(pending):
        if placement[block] == slot:
            return pending.pop(i)
    return None
