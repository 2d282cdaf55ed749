"""Jobs that do the same for every element, for a GPU: saxpy, a blur, a ray tracer."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..kernels import KERNELS, Array, writes
from ..kernels.rays import NEAR, SPHERES, SUN, ZOOM, picture, scene_words
from .job import Arrays, Job, Task
from .loops import numba
from .on_core import empty, kernel

SAXPY = 65_536, 4_096
"""Elements; the second is for quick runs, as in all that follow."""

BLUR = 256 * 256, 32 * 32
"""Pixels."""

SIDE = 64, 16
"""Rows and columns of the ray tracer's picture."""

SCENE = SPHERES[:3]
"""The ground and two balls."""

FUSED_ULPS = 1
"""Of |a x| + |y|: a GPU may add without rounding the product before."""


def library(name: str, size: int) -> tuple[Any, ...]:
    """The arguments of the library's kernel for a size, arrays as `Array`."""
    return KERNELS[name].make(size, np.random.default_rng([3, size])).arguments


# --- saxpy -------------------------------------------------------------------------------------


def saxpy_task(quick: bool) -> Task:
    """Two random vectors and a number."""
    size = SAXPY[quick]
    _, a, x, y = library("saxpy", size)
    scale = np.abs(a * x.before) + np.abs(y.before)
    wanted = Array(y.before, y.wanted, FUSED_ULPS, scale)
    inputs = {"x": x.before, "y": y.before, "a": np.array([a])}
    return Task.of(f"{size:,} elements", inputs, [wanted], size)


def saxpy_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """Product and sum, into one new array."""
    a, x, y = (task.inputs[name] for name in "axy")

    def call() -> Arrays:
        found = a * x
        found += y
        return (found,)

    return call


SAXPY_JOB = Job(
    name="saxpy",
    doc="a x + y in float32",
    unit="multiply-accumulates",
    expected="gpu",
    because="all elements are independent, and a GPU's memory is the fastest",
    make=saxpy_task,
    hosts={"numpy": saxpy_numpy, "numba": numba("saxpy")},
    gpu=lambda torch, inputs: (torch.add(inputs["y"], inputs["a"] * inputs["x"]),),
    chips={
        "array": "it multiplies int8; and each weight would be used once",
        "simt": kernel(
            "saxpy",
            lambda t: (len(t.inputs["x"]), float(t.inputs["a"][0]), t.inputs["x"], t.inputs["y"]),
        ),
    },
    needs_float=True,
)

# --- blur --------------------------------------------------------------------------------------


def blur_task(quick: bool) -> Task:
    """A random image of bytes; four shifts and eight additions a pixel are nine weights."""
    height, width, x, y = library("blur", BLUR[quick])
    return Task.of(f"{height} x {width} pixels", {"x": x.before}, [y], 9 * height * width)


def blur_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """One direction after the other, in 16 bits."""
    x = task.inputs["x"]

    def call() -> Arrays:
        padded = np.pad(x, 1, mode="edge").astype(np.uint16)
        lines = padded[:-2] + 2 * padded[1:-1] + padded[2:]
        total = lines[:, :-2] + 2 * lines[:, 1:-1] + lines[:, 2:]
        return ((total + 8 >> 4).astype(np.uint8),)

    return call


def blur_gpu(torch: Any, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """A convolution in float32, in which all sums are exact."""
    x = inputs["x"].float()[None, None]
    line = torch.tensor([1.0, 2.0, 1.0], device=x.device)
    weight = (line[:, None] * line)[None, None]
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    total = torch.nn.functional.conv2d(padded, weight)[0, 0]
    return (torch.floor((total + 8) / 16).to(torch.uint8),)


BLUR_JOB = Job(
    name="blur",
    doc="3 x 3 blur of bytes",
    unit="weighted pixels",
    expected="gpu",
    because="all pixels are independent, and neighbours share what they read",
    make=blur_task,
    hosts={"numpy": blur_numpy, "numba": numba("blur")},
    gpu=blur_gpu,
    chips={
        "array": "one channel in and one out are one of its columns and nine of its products",
        "simt": kernel("blur", lambda t: (*t.inputs["x"].shape, t.inputs["x"], empty(t.wanted[0]))),
    },
)

# --- ray tracer --------------------------------------------------------------------------------


def rays_task(quick: bool) -> Task:
    """Three spheres, one sun, hard shadows; rays against spheres are counted."""
    side = SIDE[quick]
    inputs = {"scene": scene_words(side, side, len(SCENE)), "spheres": SCENE}
    wanted = [writes(picture(side, side, SCENE))]
    return Task.of(f"{side} x {side} pixels", inputs, wanted, 2 * side * side * len(SCENE))


def rays_numpy(task: Task, threads: int) -> Callable[[], Arrays]:
    """All pixels at once, sphere after sphere."""
    height, width = task.inputs["scene"][:2].tolist()
    return lambda: (picture(height, width, task.inputs["spheres"]),)


def rays_gpu(torch: Any, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The same in PyTorch, operation by operation."""
    spheres = inputs["spheres"]
    height, width = inputs["scene"][:2].tolist()
    sun = torch.tensor(SUN.tolist(), device=spheres.device)
    zoom, near = float(ZOOM), float(NEAR)

    def dot(a: Any, b: Any) -> Any:
        product = a * b
        return product[..., 0] + product[..., 1] + product[..., 2]

    def distance(sphere: Any, start: Any, way: Any) -> Any:
        to = start - sphere[:3]
        b = dot(to, way)
        under = b * b - (dot(to, to) - sphere[3] * sphere[3])
        return torch.where(under < 0, -1.0, -b - torch.sqrt(torch.clamp(under, min=0)))

    row = torch.arange(height, device=spheres.device)[:, None].expand(height, width)
    column = torch.arange(width, device=spheres.device)[None].expand(height, width)
    x = (2 * column + 1 - width).float() / width
    y = (height - 1 - 2 * row).float() / width
    way = torch.stack([x, y, torch.full_like(x, -zoom)], -1)
    way = way * (1 / torch.sqrt(dot(way, way)))[..., None]
    eye = torch.zeros_like(way)
    nearest = torch.full_like(x, 1e30)
    hit = torch.full((height, width), -1, device=spheres.device)
    for index in range(len(spheres)):
        far = distance(spheres[index], eye, way)
        closer = (far > near) & (far < nearest)
        nearest, hit = torch.where(closer, far, nearest), torch.where(closer, index, hit)
    nearest = torch.where(hit < 0, 0.0, nearest)
    found = spheres[hit.clamp(min=0)]
    point = nearest[..., None] * way
    light = dot(point - found[..., :3], sun) / found[..., 3]
    for sphere in spheres:
        light = torch.where(distance(sphere, point, sun) > near, 0.0, light)
    shade = 0.2 + 0.8 * torch.clamp(light, min=0)
    high = way[..., 1]
    sky = torch.stack([1 - 0.5 * high, 1 - 0.25 * high, torch.ones_like(high)], -1)
    shown = torch.where(hit[..., None] >= 0, shade[..., None] * found[..., 4:], sky)
    return ((torch.clamp(shown, max=1) * 255).to(torch.uint8),)


RAYS_JOB = Job(
    name="ray_tracer",
    doc="three spheres, one light, hard shadows",
    unit="rays against spheres",
    expected="gpu",
    because="all pixels are independent, and there is much to compute for each",
    make=rays_task,
    hosts={"numpy": rays_numpy, "numba": numba("ray_tracer")},
    gpu=rays_gpu,
    chips={
        "array": "it has neither square roots nor decisions",
        "simt": kernel(
            "ray_tracer", lambda t: (t.inputs["scene"], t.inputs["spheres"], empty(t.wanted[0]))
        ),
    },
    needs_float=True,
)

JOBS = (SAXPY_JOB, BLUR_JOB, RAYS_JOB)
