"""A kernel that cannot go on: which thread, where, why."""

from weft.arch.simt import TRAP_MESSAGES, Dim, Trap


class ThreadTrap(Exception):
    """A lane of the running warp traps; the simulator adds which thread that is.

    Parameters
    ----------
    cause
        As the hardware reports it.
    lane
        The lowest lane that traps.
    detail
        What is wrong, with values.
    """

    def __init__(self, cause: Trap, lane: int, detail: str):
        super().__init__(f"{TRAP_MESSAGES[cause]}: {detail}")
        self.cause = cause
        self.lane = lane
        self.detail = detail


class KernelTrap(Exception):
    """A kernel trapped, as the hardware reports it.

    Parameters
    ----------
    trap
        What the thread's warp found.
    block, thread
        Index of the block in the grid, and of the thread in the block.
    warp
        Hardware warp.
    pc
        Address of the instruction.
    """

    def __init__(self, trap: ThreadTrap, block: Dim, thread: Dim, warp: int, pc: int):
        super().__init__(
            f"kernel trapped in thread {thread} of block {block}, at pc {pc:#010x} "
            f"(warp {warp}, lane {trap.lane}): {trap}"
        )
        self.cause = trap.cause
        self.lane = trap.lane
        self.detail = trap.detail
        self.block = block
        self.thread = thread
        self.warp = warp
        self.pc = pc


class LaunchRefused(ValueError):
    """The core refuses a launch: see `weft.arch.simt.Launch.problem`."""
