"""Loops that no library has, compiled by Numba. Import it only where Numba is installed."""

from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np

from ..kernels.rays import NEAR, SUN, ZOOM
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


@parallel
def saxpy(a, x, y):
    """a x + y."""
    found = np.empty_like(x)
    for i in numba.prange(len(x)):
        found[i] = a * x[i] + y[i]
    return found


@parallel
def blur(x):
    """1 2 1 in both directions, rounded half up; edges repeated."""
    height, width = x.shape
    found = np.empty_like(x)
    for row in numba.prange(height):
        above, below = max(row - 1, 0), min(row + 1, height - 1)
        for column in range(width):
            left, right = max(column - 1, 0), min(column + 1, width - 1)
            total = 8 + 4 * np.int32(x[row, column])
            total += 2 * (np.int32(x[above, column]) + x[below, column])
            total += 2 * (np.int32(x[row, left]) + x[row, right])
            total += np.int32(x[above, left]) + x[above, right] + x[below, left] + x[below, right]
            found[row, column] = total >> 4
    return found


ZERO, ONE, TWO_FIFTY_FIVE = np.float32(0), np.float32(1), np.float32(255)
HALF, QUARTER = np.float32(0.5), np.float32(0.25)
DARK, BRIGHT, FAR = np.float32(0.2), np.float32(0.8), np.float32(1e30)


@compiled
def _distance(sphere, ox, oy, oz, wx, wy, wz):
    """How far a ray goes until it hits a sphere, -1 if it does not; all in float32."""
    tx, ty, tz = ox - sphere[0], oy - sphere[1], oz - sphere[2]
    b = tx * wx + ty * wy + tz * wz
    under = b * b - (tx * tx + ty * ty + tz * tz - sphere[3] * sphere[3])
    if under < ZERO:
        return -ONE
    return -b - np.sqrt(under)


@compiled
def _pixel(row, column, height, width, spheres, zoom, near, sun):
    """Colour of a pixel, 0 to 1."""
    x = np.float32(2 * column + 1 - width) / np.float32(width)
    y = np.float32(height - 1 - 2 * row) / np.float32(width)
    scale = ONE / np.sqrt(x * x + y * y + zoom * zoom)
    x, y, z = x * scale, y * scale, -zoom * scale
    nearest, hit = FAR, -1
    for s in range(len(spheres)):
        far = _distance(spheres[s], ZERO, ZERO, ZERO, x, y, z)
        if far > near and far < nearest:
            nearest, hit = far, s
    if hit < 0:
        return ONE - HALF * y, ONE - QUARTER * y, ONE
    px, py, pz = nearest * x, nearest * y, nearest * z
    ball = spheres[hit]
    light = (px - ball[0]) * sun[0] + (py - ball[1]) * sun[1] + (pz - ball[2]) * sun[2]
    light = light / ball[3]
    for s in range(len(spheres)):
        if light <= ZERO:
            break
        if _distance(spheres[s], px, py, pz, sun[0], sun[1], sun[2]) > near:
            light = ZERO
    shade = DARK + BRIGHT * max(light, ZERO)
    return shade * ball[4], shade * ball[5], shade * ball[6]


@parallel
def ray_tracer(height, width, spheres, zoom, near, sun):
    """A picture, pixel by pixel."""
    found = np.empty((height, width, 3), np.uint8)
    for row in numba.prange(height):
        for column in range(width):
            red, green, blue = _pixel(row, column, height, width, spheres, zoom, near, sun)
            found[row, column, 0] = np.uint8(min(red, ONE) * TWO_FIFTY_FIVE)
            found[row, column, 1] = np.uint8(min(green, ONE) * TWO_FIFTY_FIVE)
            found[row, column, 2] = np.uint8(min(blue, ONE) * TWO_FIFTY_FIVE)
    return found


def _collatz(inputs: Mapping[str, Any]) -> Arrays:
    return (collatz(inputs["starts"]),)


def _bfs(inputs: Mapping[str, Any]) -> Arrays:
    return (bfs(inputs["first"], inputs["edges"], inputs["source"][0]),)


def _saxpy(inputs: Mapping[str, Any]) -> Arrays:
    return (saxpy(inputs["a"][0], inputs["x"], inputs["y"]),)


def _blur(inputs: Mapping[str, Any]) -> Arrays:
    return (blur(inputs["x"]),)


def _ray_tracer(inputs: Mapping[str, Any]) -> Arrays:
    height, width = inputs["scene"][:2].tolist()
    return (ray_tracer(height, width, inputs["spheres"], ZOOM, NEAR, SUN),)


LOOPS: dict[str, Callable[[Mapping[str, Any]], Arrays]] = {
    "collatz": _collatz,
    "bfs": _bfs,
    "saxpy": _saxpy,
    "blur": _blur,
    "ray_tracer": _ray_tracer,
}
"""Loops by name, from a task's inputs."""


def prepare(name: str, task: Task, threads: int) -> Callable[[], Arrays]:
    """What is timed: a loop on so many threads; compiled at its first call."""
    numba.set_num_threads(threads)
    return lambda: LOOPS[name](task.inputs)
