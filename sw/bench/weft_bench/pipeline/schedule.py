"""In which order commands stand in a program, so that two engines find work all the time.

An engine takes its commands in program order. So the order is decided here: list scheduling, each
engine taking what is ready and has the longest way to the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weft_driver.program import Program


@dataclass(frozen=True)
class Task:
    """A command of a job.

    Parameters
    ----------
    name
        Unique in its job.
    engine
        Who does it; one at a time.
    cycles
        How long it takes, about.
    after
        Tasks whose results it needs.
    record
        Adds it to a program.
    """

    name: str
    engine: str
    cycles: int
    after: tuple[str, ...]
    record: Callable[[Program], object]


LATENCY = 250
"""Cycles from the end of a task until another engine can begin with its result, about."""


def ordered(tasks: Sequence[Task]) -> list[Task]:
    """The tasks in the order in which they would begin; each behind those that it needs.

    Raises
    ------
    ValueError
        A task needs one that is not there, or itself.
    """
    by_name = {task.name: task for task in tasks}
    way = _ways(by_name)
    end: dict[str, int] = {}
    free = dict.fromkeys((task.engine for task in tasks), 0)
    left, begun = dict(by_name), []
    while left:
        ready = {
            name: max((end[other] + LATENCY for other in task.after), default=0)
            for name, task in left.items()
            if all(other in end for other in task.after)
        }
        # The engine that can begin something first takes what has the longest way to go.
        start, engine = min(
            (max(free[left[name].engine], time), left[name].engine) for name, time in ready.items()
        )
        mine = [n for n, time in ready.items() if left[n].engine == engine and time <= start]
        name = max(mine, key=lambda n: way[n])
        task = left.pop(name)
        end[name] = free[engine] = start + task.cycles
        begun.append(task)
    return begun


def _ways(tasks: dict[str, Task]) -> dict[str, int]:
    """Cycles from the begin of each task to the end of all that needs it."""
    needed: dict[str, list[str]] = {name: [] for name in tasks}
    for task in tasks.values():
        for other in task.after:
            if other not in tasks:
                raise ValueError(f"{task.name} needs {other}, which is not there")
            needed[other].append(task.name)
    way: dict[str, int] = {}
    open_: set[str] = set()

    def measure(name: str) -> int:
        if name in open_:
            raise ValueError(f"{name} needs itself")
        if name not in way:
            open_.add(name)
            way[name] = tasks[name].cycles + max(map(measure, needed[name]), default=0)
            open_.discard(name)
        return way[name]

    for name in tasks:
        measure(name)
    return way
