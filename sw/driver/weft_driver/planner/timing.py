"""What an estimate is made of: latencies of the chip, and times of commands."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Latencies:
    """Cycles between events; the chip's own, memory's are in `MemoryTiming`.

    Parameters
    ----------
    fetch
        Doorbell to the first request for the program.
    reload
        A command that is taken to the next one offered.
    load, landed
        LOAD's command to its first request; its last beat to its post.
    sums
        MATMUL's last row to its post, without R + C.
    drain
        DRAIN's last row to its post.
    store, stored
        STORE's command to its first data beat; the last write response to its post.
    end
        SIGNAL to the interrupt.
    """

    fetch: int = 1
    reload: int = 5
    load: int = 3
    landed: int = 2
    sums: int = 5
    drain: int = 18
    store: int = 5
    stored: int = 2
    end: int = 2


@dataclass(frozen=True)
class Times:
    """One command: handed to its queue, taken by its engine, visible to others."""

    queued: int
    start: int
    visible: int


@dataclass(frozen=True)
class Estimate:
    """A predicted run.

    Parameters
    ----------
    cycles
        Doorbell to interrupt.
    compute
        Cycles in which rows enter the array.
    read_beats, write_beats
        Traffic on the memory port, the program's own bytes included.
    times
        One entry for each command.
    """

    cycles: int
    compute: int
    read_beats: int
    write_beats: int
    times: tuple[Times, ...] = field(repr=False, default=())
