"""How long int8 products take, without running them: models calibrated on squares alone.

The array's time is what the driver's planner expects of its own plan. A core's is made of the work
of its warps, a CPU's and a GPU's of a call, of bytes and of multiplications; their coefficients are
fitted to the recorded squares (``weft compare --jobs squares``), and to nothing else.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from weft.arch.layouts import ceil_div
from weft.arch.simt import Core
from weft_driver import Device
from weft_driver.planner.plan import plan
from weft_driver.planner.search import EFFORT

from ..kernels.matrices import COLUMNS_ALIGN, ROWS_ALIGN
from .chips import ChipDevice
from .matrices import PLANNED, Shape, product_task
from .on_core import spread
from .row import Row

Model = Callable[[Shape], float]
"""Cycles of a chip's device, seconds of others."""


@dataclass(frozen=True)
class Point:
    """A measured product.

    Parameters
    ----------
    shape
        M, N, K.
    value
        Cycles of a chip's device, seconds of others.
    planned
        Cycles that the planner had expected; None where no planner took part.
    """

    shape: Shape
    value: float
    planned: float | None = None


def points(rows: Iterable[Row], device: str) -> list[Point]:
    """What was measured on a device, of rows whose jobs are products by size."""
    found = []
    for row in rows:
        value = row.cycles if row.family == "chip" else row.seconds
        if row.device == device and row.correct and value and row.job.startswith("product-"):
            m, n, k = map(int, row.job.removeprefix("product-").split("x"))
            found.append(Point((m, n, k), value, row.more.get(PLANNED)))
    return found


# --- the array ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class ArrayModel:
    """The planner's expectation, by the median factor that squares are off it.

    Parameters
    ----------
    device
        The array.
    factor
        Measured by planned.
    """

    device: ChipDevice
    factor: float

    def __call__(self, shape: Shape) -> float:
        """Cycles; plans the product, which takes seconds."""
        m, n, k = shape
        a, b = np.zeros((m, k), np.int8), np.zeros((k, n), np.int8)
        with Device(f"golden:{self.device.spec}") as chip:
            program = chip.program()
            program.matmul(a, b, out="int32")
            timing, _ = self.device.timing(product_task(shape))
            plan_ = plan(self.device.config, program.ops, timing, EFFORT)
        return self.factor * plan_.estimate.cycles


def array_model(device: ChipDevice, calibration: Sequence[Point]) -> ArrayModel | None:
    """The model of an array; None where the planner's expectation was not recorded."""
    factors = [p.value / p.planned for p in calibration if p.planned]
    return ArrayModel(device, statistics.median(factors)) if factors else None


# --- cores -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WarpWork:
    """What `gemm_int8` does on a core; sizes are those of ``sw/kernels/gemm_int8.c``.

    Parameters
    ----------
    pieces
        4 rows x 2 columns for each of a warp's lanes; so many in all.
    rounds
        Pieces of the warp that has most, times the turns that the warps' blocks take.
    words
        Steps along K of each piece, 4 bytes each.
    stores
        Of a piece: 8, or fewer where rows and columns end; and what else it takes, in stores.
    skips
        Turns of the loop that looks for a warp's next piece.
    """

    pieces: int
    rounds: int
    words: int
    stores: float
    skips: float

    @classmethod
    def of(cls, core: Core, shape: Shape) -> "WarpWork":
        """The work of a product."""
        m, n, k = shape
        strips, lines = ceil_div(n, COLUMNS_ALIGN), ceil_div(m, ROWS_ALIGN)
        pieces = ceil_div(lines * strips * GROUP, core.lanes)
        blocks, threads, _ = spread(core)
        warps = blocks * ceil_div(threads, core.lanes)
        rounds = ceil_div(pieces, min(warps, core.warps))
        columns = 2 - ((n - 1) % COLUMNS_ALIGN < GROUP) / strips
        stores = m / lines * columns + BESIDE
        skips = rounds * blocks * threads / (strips * GROUP)
        return cls(pieces, rounds, ceil_div(k, 4), stores, skips)


GROUP = COLUMNS_ALIGN // 2
"""Neighbouring threads that have the same rows; each makes two columns."""

BESIDE = 6
"""What else a piece needs, in stores: some 35 instructions (`weft kernel disasm`), where a store is
four and its access."""

EXPECTED = (1500, 7, 40, 50, 600, 25)
"""Cycles by reasoning: a launch; what all warps issue for a store and for a step; what one warp
waits for a store and for a step; a turn of the search. Seven squares alone would not tell all of
them apart."""

TRUST = (0.02, 0.02, 0.02, 0.05, 0.05, 0.05)
"""How much an e-fold from what is expected weighs, as an error of a square."""


def core_model(device: ChipDevice, calibration: Sequence[Point]) -> Model:
    """A beginning; then the longer of what all warps issue and of what one warp waits for.

    Both are so much for a piece's stores and for each of its steps; with one warp they are the
    same.
    """
    core = Core.of(device.config)

    def terms(shape: Shape) -> NDArray[np.float64]:
        work = WarpWork.of(core, shape)
        return np.array(
            [
                1,
                work.pieces * work.stores,
                work.pieces * work.words,
                work.rounds * work.stores,
                work.rounds * work.words,
                work.skips,
            ],
            np.float64,
        )

    rows = np.array([terms(p.shape) for p in calibration])
    measured = np.array([p.value for p in calibration])

    def cycles(of: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
        begin, store, step, turn, wait, skip = np.exp(parts)
        issued = of[..., 1] * store + of[..., 2] * step
        waited = of[..., 3] * turn + of[..., 4] * wait
        longer = (issued**SHARPNESS + waited**SHARPNESS) ** (1 / SHARPNESS)
        return begin + of[..., 5] * skip + longer

    expected = np.log(EXPECTED)

    def off(parts: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([np.log(cycles(rows, parts) / measured), TRUST * (parts - expected)])

    found = fitted(off, expected, "linear")
    return lambda shape: float(cycles(terms(shape), found))


SHARPNESS = 4
"""How sharply the longer of two times wins: the exponent of the norm that joins them."""


# --- hosts -------------------------------------------------------------------------------------


def host_model(calibration: Sequence[Point]) -> Model:
    """A call, and so much for each byte and each multiplication; vectors are filled up."""

    def terms(shape: Shape) -> NDArray[np.float64]:
        m, n, k = shape
        filled = [ceil_div(size, step) * step for size, step in zip(shape, VECTORS, strict=True)]
        return np.array([1, m * k + k * n + 4 * m * n, math.prod(filled)], np.float64)

    rows = np.array([terms(p.shape) for p in calibration])
    measured = np.array([p.value for p in calibration])
    start = np.log(
        [measured.min(), measured.max() / rows[-1, 1] / 10, measured.max() / rows[-1, 2]]
    )
    found = fitted(lambda parts: np.log(rows @ np.exp(parts) / measured), start, "soft_l1")
    return lambda shape: float(terms(shape) @ np.exp(found))


VECTORS = 8, 16, 4
"""Rows, columns and steps along K that kernels of a CPU do at once, about."""


def fitted(
    errors: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    start: NDArray[np.float64],
    loss: Literal["linear", "soft_l1"],
) -> NDArray[np.float64]:
    """Parameters that make errors small; with ``soft_l1`` outliers weigh less, as of times."""
    from scipy.optimize import least_squares

    return least_squares(errors, start, loss=loss, f_scale=0.05, max_nfev=4000).x


# --- error -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Error:
    """How far a model is off on products that it was not made from, as shares of the measured.

    Parameters
    ----------
    count
        Products.
    median, worst
        Of the absolute relative errors; None without products.
    """

    count: int
    median: float | None
    worst: float | None


def error(model: Model, measured: Sequence[Point]) -> Error:
    """The error of a model against measured products."""
    off = [abs(_expected(model, p) / p.value - 1) for p in measured]
    if not off:
        return Error(0, None, None)
    return Error(len(off), statistics.median(off), max(off))


def _expected(model: Model, point: Point) -> float:
    """What a model says; of an array with the plan that was recorded, not made again."""
    if isinstance(model, ArrayModel) and point.planned:
        return model.factor * point.planned
    return model(point.shape)


LEAST_POINTS = 5
"""Squares from which a model can be fitted."""


def model_of(device: ChipDevice | None, calibration: Sequence[Point]) -> Model | None:
    """The model of a device; None for one of which too little was recorded.

    Parameters
    ----------
    device
        Of the chip; None for a host or a GPU.
    calibration
        Its recorded squares.
    """
    if len(calibration) < LEAST_POINTS:
        return None
    if device is None:
        return host_model(calibration)
    return (array_model if device.engine == "array" else core_model)(device, calibration)
