"""Jobs full of decisions, for a CPU: Collatz lengths, and breadth-first search."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.arch.simt import Core

from ..kernels import writes
from .job import Arrays, Host, Job, Task
from .on_core import Launch, empty, kernel, spread, together

COLLATZ = 10_000, 300
"""Starts; the second is for quick runs."""

NODES, DEGREE = (4_096, 512), 8

BFS_SHARED = 16
"""Bytes: three flags."""


def numba(name: str) -> Host:
    """A loop of `weft_bench.compare.numba_loops`."""

    def host(task: Task, threads: int) -> Callable[[], Arrays]:
        from . import numba_loops

        return numba_loops.prepare(name, task, threads)

    return host


# --- Collatz -----------------------------------------------------------------------------------


def lengths(starts: NDArray[np.int64]) -> tuple[NDArray[np.int32], int]:
    """Steps from each start down to 1, and their sum."""
    value, steps = starts.copy(), np.zeros(starts.shape, np.int32)
    while (going := value != 1).any():
        steps += going
        value = np.where(going, np.where(value % 2, 3 * value + 1, value // 2), 1)
    return steps, int(steps.sum())


def collatz_task(quick: bool) -> Task:
    """Lengths for 1, 2, ... n."""
    count = COLLATZ[quick]
    starts = np.arange(1, count + 1, dtype=np.int64)
    steps, total = lengths(starts)
    return Task.of(f"{count:,} starts", {"starts": starts.astype(np.int32)}, [writes(steps)], total)


def collatz_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """All starts step by step, until the last one is at 1."""
    starts = task.inputs["starts"].astype(np.int64)
    return lambda: (lengths(starts)[0],)


def collatz_gpu(torch: Any, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The same in PyTorch; it has no way to let one element stop."""
    value = inputs["starts"].long()
    steps = torch.zeros_like(inputs["starts"])
    while bool((going := value != 1).any()):
        steps += going
        odd = value % 2 == 1
        value = torch.where(going, torch.where(odd, 3 * value + 1, value // 2), value)
    return (steps,)


def many(core: Core) -> Launch:
    """Many small blocks: one that is through makes room for the next."""
    return 16 * core.warps, core.lanes, 0


COLLATZ_JOB = Job(
    name="collatz",
    doc="Collatz lengths of 1, 2, 3, ...",
    unit="steps",
    expected="cpu",
    because="each step depends on the one before, and each start takes another number of them",
    make=collatz_task,
    hosts={
        "numpy": collatz_numpy,
        "numba": numba("collatz"),
        "onnxruntime": "it has no loops over single elements",
    },
    gpu=collatz_gpu,
    chips={
        "array": "an array of multipliers decides nothing",
        "simt": kernel("collatz", lambda t: (len(t.wanted[0].before), empty(t.wanted[0])), spread),
    },
)

# --- breadth-first search ----------------------------------------------------------------------


def distances(first: NDArray[np.int32], edges: NDArray[np.int32], source: int) -> NDArray[np.int32]:
    """Edges from a node to each other one, -1 where there is no way; level by level."""
    nodes = len(first) - 1
    level = np.full(nodes, -1, np.int32)
    level[source] = 0
    starts = np.repeat(np.arange(nodes), np.diff(first))
    depth = 0
    while True:
        reached = edges[level[starts] == depth]
        reached = reached[level[reached] < 0]
        if not len(reached):
            return level
        depth += 1
        level[reached] = depth


def bfs_task(quick: bool) -> Task:
    """A random graph with eight edges from each node."""
    nodes = NODES[quick]
    rng = np.random.default_rng([1, nodes])
    edges = rng.integers(0, nodes, nodes * DEGREE).astype(np.int32)
    first = np.arange(0, nodes * DEGREE + 1, DEGREE, dtype=np.int32)
    source = np.array([nodes // 2], np.int32)
    inputs = {"first": first, "edges": edges, "source": source}
    level = distances(first, edges, nodes // 2)
    seen = int(np.diff(first)[level >= 0].sum())
    return Task.of(f"{nodes:,} nodes, degree {DEGREE}", inputs, [writes(level)], seen)


def bfs_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """Level by level over all edges."""
    first, edges = task.inputs["first"], task.inputs["edges"]
    source = int(task.inputs["source"][0])
    return lambda: (distances(first, edges, source),)


def bfs_gpu(torch: Any, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The same in PyTorch."""
    first, edges = inputs["first"].long(), inputs["edges"].long()
    nodes = len(first) - 1
    level = torch.full((nodes,), -1, dtype=torch.int32, device=edges.device)
    level[inputs["source"].long()] = 0
    starts = torch.repeat_interleave(torch.arange(nodes, device=edges.device), first.diff())
    depth = 0
    while True:
        reached = edges[level[starts] == depth]
        reached = reached[level[reached] < 0]
        if not len(reached):
            return (level,)
        depth += 1
        level[reached] = depth


def _bfs_arguments(task: Task) -> tuple[Any, ...]:
    level = empty(task.wanted[0])
    inputs = task.inputs
    return len(level), int(inputs["source"][0]), inputs["first"], inputs["edges"], level


BFS_JOB = Job(
    name="bfs",
    doc="breadth-first search of a random graph",
    unit="edges",
    expected="cpu",
    because="it jumps through memory, and which way is known one edge before",
    make=bfs_task,
    hosts={
        "numpy": bfs_numpy,
        "numba": numba("bfs"),
        "onnxruntime": "it has no graphs of this kind",
    },
    gpu=bfs_gpu,
    chips={
        "array": "an array of multipliers follows no edges",
        "simt": kernel("bfs", _bfs_arguments, together(BFS_SHARED)),
    },
)

JOBS = (COLLATZ_JOB, BFS_JOB)
