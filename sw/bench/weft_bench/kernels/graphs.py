"""Work and references of kernels with data-dependent ways: a graph, and a lock."""

import numpy as np
from numpy.random import Generator

from .work import Work, reads, writes


def bfs(size: int, rng: Generator) -> Work:
    """Distances in a random graph of ``size`` nodes with two edges from each; some are cut off."""
    start, end = np.sort(rng.integers(0, size, 2 * size)), rng.integers(0, size, 2 * size)
    first = np.searchsorted(start, np.arange(size + 1)).astype(np.int32)
    source = size // 2
    level = np.full(size, -1, np.int32)
    level[source] = 0
    depth = 0
    while (level == depth).any():
        reached = np.unique(end[level[start] == depth])
        level[reached[level[reached] < 0]] = depth + 1
        depth += 1
    inputs = reads(first), reads(end.astype(np.int32))
    return Work((size, source, *inputs, writes(level)), size)


def spin_lock(size: int, rng: Generator) -> Work:
    """What a sum is after ``size`` additions, none lost: 0 + 1 + ... + (size - 1)."""
    return Work((size, writes(np.array([size * (size - 1) // 2], np.int32))), size)
