"""What hypothesis draws: chips, shapes, and the arguments of an operation."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from weft.arch.layouts import ceil_div
from weft.config import Config

from .reference import finish

SPECS = (
    "tiny",
    "base",
    "tiny,rows=1,cols=1",
    "tiny,rows=3,cols=5",
    "tiny,rows=5,cols=3,act_regions=1",
    "tiny,rows=7,cols=2,bus_bytes=8,wgt_kib=0.0137",  # one tile in each half
    "tiny,acc_rows=1,param_blocks=1",
    "base,rows=12,cols=10",
    "base,rows=9,cols=17,drain_units=1,bus_bytes=32",
    "base,act_kib=4,act_regions=2,wgt_kib=1,acc_rows=20,param_blocks=3",
)
"""Chips that are worth a try in every run."""


@st.composite
def random_configs(draw) -> Config:
    """Any small chip."""
    rows, cols = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    regions = draw(st.integers(1, 4))
    return Config(
        rows=rows,
        cols=cols,
        bus_bytes=draw(st.sampled_from([4, 8, 16, 32])),
        act_regions=regions,
        act_kib=regions * draw(st.integers(1, 4)),
        wgt_kib=draw(st.integers(1, 12)) * rows * cols / 1024,
        acc_rows=draw(st.integers(1, 40)),
        drain_units=draw(st.sampled_from([d for d in range(1, cols + 1) if cols % d == 0])),
        param_blocks=draw(st.integers(1, 8)),
        queue_depth=draw(st.integers(1, 4)),
    )


def configs() -> st.SearchStrategy[Config]:
    """A chip of the list, or any."""
    return st.sampled_from([Config.parse(spec) for spec in SPECS]) | random_configs()


@st.composite
def chips_and_sizes(draw, commands: int = 600) -> tuple[Config, tuple[int, int, int]]:
    """A chip, and M, N and K: any up to 60, or one of them long; about so many commands at most."""
    config = draw(configs())
    sides = [draw(st.integers(1, 60)) for _ in range(3)]
    if draw(st.integers(0, 3)) == 0:
        sides = [draw(st.integers(1, 4)) for _ in range(3)]
        sides[draw(st.integers(0, 2))] = draw(st.integers(61, 3000))
    while 4 * _pieces(config, *sides) > commands:
        sides[sides.index(max(sides))] //= 2
    return config, (sides[0], sides[1], sides[2])


def _pieces(config: Config, m: int, n: int, k: int) -> int:
    """Fullest tiles of sums of a product, times chunks along K."""
    sums = m * ceil_div(n, config.cols)
    act = config.act_region_bytes // min(m, config.acc_rows)
    chunk = min(config.wgt_rows, max(act, config.rows))
    return ceil_div(sums, config.acc_rows) * ceil_div(k, chunk)


@st.composite
def geometries(draw) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """Shapes of images and weights, and the arguments that place one over the other."""

    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    images = draw(st.sampled_from([1, 1, 2, 3]))
    cin, n = draw(st.integers(1, 20)), draw(st.integers(1, 24))
    size, kernel = pair(1, 12), pair(1, 4)
    where = {"stride": pair(1, 3), "dilation": pair(1, 3), "padding": (*pair(0, 4), *pair(0, 4))}
    for axis in (0, 1):
        reach = where["dilation"][axis] * (kernel[axis] - 1) + 1
        assume(reach <= size[axis] + sum(where["padding"][2 * axis : 2 * axis + 2]))
    return (images, *size, cin), (*kernel, cin, n), where


@dataclass(frozen=True)
class Numbers:
    """Types, zero points and what becomes of the sums of one operation with N columns.

    ``seed`` is that of every array.
    """

    seed: int
    unsigned: tuple[bool, bool]
    zero_points: tuple[int, int]
    biased: bool
    out: str
    y_zero_point: int = 0
    clamp: tuple[int, int] | None = None
    scales: int = 1
    rng: np.random.Generator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rng", np.random.default_rng(self.seed))

    def operand(self, side: int, shape: tuple[int, ...]) -> np.ndarray:
        """Random bytes of the type of a side, extremes included."""
        kind = np.uint8 if self.unsigned[side] else np.int8
        return self.rng.integers(0, 256, shape).astype(np.uint8).view(kind)

    def bias(self, n: int) -> np.ndarray | None:
        """Random biases, some of them so large that sums wrap."""
        if not self.biased:
            return None
        bias = self.rng.integers(-50_000, 50_000, n)
        return np.where(self.rng.random(n) < 0.1, 2**31 - 1, bias).astype(np.int32)

    def options(self, acc: np.ndarray) -> dict[str, Any]:
        """Arguments that say what becomes of the sums; scales that fit these."""
        if self.out == "int32":
            return {}
        n = acc.shape[-1]
        peak = np.abs(acc).reshape(-1, n).mean(axis=0) + 1
        scale = (60 / peak * np.exp2(self.rng.normal(0, 1, n))).astype(np.float32)
        values = {"out": self.out, "y_zero_point": self.y_zero_point}
        values["scale"] = scale if self.scales > 1 else float(scale[0])
        if self.clamp is not None:
            values |= {"qmin": self.clamp[0], "qmax": self.clamp[1]}
        return values

    def expected(self, acc: np.ndarray, options: dict[str, Any]) -> np.ndarray:
        """The result from 64-bit sums."""
        return finish(acc, **{"out": self.out, **options})


@st.composite
def numbers(draw) -> Numbers:
    """Any `Numbers`; simple ones come first."""
    unsigned = draw(st.booleans()), draw(st.booleans())
    points = []
    for side in unsigned:
        low = 0 if side else -128
        points.append(
            draw(st.sampled_from([0, 128 + low, low, low + 255]) | st.integers(low, low + 255))
        )
    out = draw(st.sampled_from(["int32", "int8", "uint8"]))
    low = 0 if out == "uint8" else -128
    clamp = None
    if out != "int32" and draw(st.booleans()):
        clamp = tuple(sorted(draw(st.tuples(*[st.integers(low, low + 255)] * 2))))
    return Numbers(
        seed=draw(st.integers(0, 2**16)),
        unsigned=unsigned,
        zero_points=(points[0], points[1]),
        biased=draw(st.booleans()),
        out=out,
        y_zero_point=draw(st.integers(low, low + 255)) if out != "int32" else 0,
        clamp=clamp,
        scales=draw(st.sampled_from([1, 2])),
    )
