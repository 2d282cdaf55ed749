"""Loops that no library has, compiled by Numba. Import it only where Numba is installed."""

from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np

from .job import Arrays, Task

compiled: Any = numba.njit(cache=True, nogil=True)
parallel: Any = numba.njit(cache=True, nogil=True, parallel=True)


@parallel
def collatz(starts):
    """Steps from each start down to 1."""
    found = np.empty(len(starts), np.int32)
    for i in numba.prange(len(starts)):
        value, steps = np.int64(starts[i]), 0
        while value != 1:
            value = 3 * value + 1 if value & 1 else value >> 1
            steps += 1
        found[i] = steps
    return found


@compiled
def bfs(first, edges, source):
    """Edges from a node to each other one, by a queue; one thread."""
    nodes = len(first) - 1
    level = np.full(nodes, -1, np.int32)
    queue = np.empty(nodes, np.int32)
    queue[0], level[source], head, tail = source, 0, 0, 1
    while head < tail:
        node = queue[head]
        head += 1
        for i in range(first[node], first[node + 1]):
            other = edges[i]
            if level[other] < 0:
                level[other] = level[node] + 1
                queue[tail] = other
                tail += 1
    return level


def _collatz(inputs: Mapping[str, Any]) -> Arrays:
    return (collatz(inputs["starts"]),)


def _bfs(inputs: Mapping[str, Any]) -> Arrays:
    return (bfs(inputs["first"], inputs["edges"], inputs["source"][0]),)


LOOPS: dict[str, Callable[[Mapping[str, Any]], Arrays]] = {"collatz": _collatz, "bfs": _bfs}
"""Loops by name, from a task's inputs."""


def prepare(name: str, task: Task, threads: int) -> Callable[[], Arrays]:
    """What is timed: a loop on so many threads; compiled at its first call."""
    numba.set_num_threads(threads)
    return lambda: LOOPS[name](task.inputs)
