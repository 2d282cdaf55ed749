"""Work and reference of the ray tracer: a scene, and its picture in numpy.

All in float32, each operation rounded, in the order of the C file: pictures are equal byte by byte.
"""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .work import Work, reads, rectangle, writes

Floats = NDArray[Any]
"""float32."""

NEAR = np.float32(0.001)

SPHERES = np.array(
    [
        # centre           radius  colour
        (0.0, -101.0, -4.0, 100.0, 0.6, 0.65, 0.6),
        (0.0, 0.0, -4.0, 1.0, 0.9, 0.3, 0.2),
        (-1.6, -0.4, -3.4, 0.6, 0.2, 0.5, 0.9),
        (1.3, -0.6, -3.0, 0.4, 0.95, 0.8, 0.2),
        (0.9, 0.9, -4.6, 0.5, 0.4, 0.8, 0.4),
    ],
    np.float32,
)
"""The ground, and four balls on and above it."""

SUN = np.array([0.48, 0.8, 0.36], np.float32)
ZOOM = np.float32(1.5)


def ray_tracer(size: int, rng: Generator) -> Work:
    """A picture of ``size`` pixels of `SPHERES`, height x width x RGB; items are pixels."""
    height, width = rectangle(size)
    scene = scene_words(height, width, len(SPHERES))
    return Work((reads(scene), reads(SPHERES), writes(picture(height, width))), size)


def scene_words(height: int, width: int, count: int) -> NDArray[np.int32]:
    """The kernel's ``struct scene`` with so many spheres."""
    camera = np.array([ZOOM, *SUN], np.float32)
    return np.array([height, width, count, *camera.view(np.int32)], np.int32)


def picture(height: int, width: int, spheres: Floats = SPHERES) -> NDArray[np.uint8]:
    """The scene with these spheres, height x width x 3."""
    row, column = np.indices((height, width))
    eye = np.zeros((height, width, 3), np.float32)
    x = (2 * column + 1 - width).astype(np.float32) / np.float32(width)
    y = (height - 1 - 2 * row).astype(np.float32) / np.float32(width)
    way = np.stack([x, y, np.broadcast_to(-ZOOM, x.shape)], axis=-1)
    way = _along(eye, 1 / np.sqrt(_dot(way, way)), way)

    nearest = np.full((height, width), 1e30, np.float32)
    hit = np.full((height, width), -1)
    for index, sphere in enumerate(spheres):
        far = _distance(sphere, eye, way)
        closer = (far > NEAR) & (far < nearest)
        nearest, hit = np.where(closer, far, nearest), np.where(closer, index, hit)

    # Rays that hit nothing compute something, too, which is not shown.
    nearest = np.where(hit < 0, np.float32(0), nearest)
    centre, radius, colour = spheres[hit, :3], spheres[hit, 3], spheres[hit, 4:]
    point = _along(eye, nearest, way)
    light = _dot(_along(point, np.float32(-1), centre), SUN) / radius
    for sphere in spheres:
        light = np.where(_distance(sphere, point, SUN) > NEAR, np.float32(0), light)
    shade = np.float32(0.2) + np.float32(0.8) * np.maximum(light, np.float32(0))
    half, quarter = np.float32(0.5), np.float32(0.25)
    y = way[..., 1]
    sky = np.stack([1 - half * y, 1 - quarter * y, np.ones_like(y)], axis=-1)
    shown = np.where(hit[..., None] >= 0, _along(eye, shade, colour), sky)
    return (np.minimum(shown, np.float32(1)) * np.float32(255)).astype(np.uint8)


def _along(start: Floats, far: Floats | np.float32, way: Floats) -> Floats:
    return start + np.asarray(far)[..., None] * way


def _dot(a: Floats, b: Floats) -> Floats:
    product = a * b
    return product[..., 0] + product[..., 1] + product[..., 2]


def _distance(sphere: Floats, start: Floats, way: Floats) -> Floats:
    to = _along(start, np.float32(-1), sphere[:3])
    b = _dot(to, way)
    under = b * b - (_dot(to, to) - sphere[3] * sphere[3])
    root = np.sqrt(np.maximum(under, np.float32(0)))
    return np.where(under < 0, np.float32(-1), -b - root)
