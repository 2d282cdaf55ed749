"""What a kernel of the library is asked to do, and what must come out."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weft.arch.simt import Core, Dim

FOLDER = Path(__file__).resolve().parents[3] / "kernels"
"""Where the C files of the library stand in a checkout."""

AWKWARD = (1, 63, 66, 67, 1000)
"""Sizes that fit no number of threads."""

TILE = 16
"""Rows and columns of `transpose`'s tiles."""

CORNERS = ((1, 1), (1, 16), (8, 1), (8, 16))
"""Lanes x warps of a small CPU, of one with threads, of one with lanes, and of a GPU."""


@dataclass(frozen=True)
class Array:
    """An array that a kernel reads or writes.

    Parameters
    ----------
    before
        Its contents before the launch.
    wanted
        Its contents afterwards, of the same shape; floats in float64. None: as before.
    ulps
        How far a float may be off, in units in the last place of a float32 of the size of
        ``scale``; 0 asks for the same bits (a zero's sign aside).
    scale
        What a rounding error is relative to, broadcast against ``wanted``: the magnitude of the
        terms where a result can be small because large ones cancel. None: ``wanted`` itself.
    """

    before: NDArray[Any]
    wanted: NDArray[Any] | None = None
    ulps: float = 0
    scale: ArrayLike | None = None

    def errors(self, got: NDArray[Any]) -> NDArray[np.float64]:
        """How far each element is off: in ulps where ``ulps`` is given, else 1 if it differs."""
        wanted = self.before if self.wanted is None else self.wanted
        if not self.ulps:
            return (got != wanted).astype(np.float64)
        scale = np.abs(wanted if self.scale is None else np.asarray(self.scale))
        spacing = np.spacing(np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32))
        error = np.abs(got.astype(np.float64) - wanted) / spacing
        return np.where(np.isnan(error), np.inf, error)

    def mismatches(self, got: NDArray[Any]) -> int:
        """How many elements are further off than they may be."""
        return int(np.count_nonzero(self.errors(got) > self.ulps))


def reads(values: ArrayLike) -> Array:
    """An array that the kernel must leave as it is."""
    return Array(np.ascontiguousarray(values))


def writes(
    wanted: ArrayLike,
    dtype: Any = None,
    *,
    before: ArrayLike | None = None,
    ulps: float = 0,
    scale: ArrayLike | None = None,
) -> Array:
    """An array that the kernel fills; before, it has other values unless they are given."""
    wanted = np.asarray(wanted)
    dtype = np.dtype(dtype or wanted.dtype)
    if before is None:
        bytes_before = np.full(wanted.size * dtype.itemsize, 0xA5, np.uint8)
        before = bytes_before.view(dtype).reshape(wanted.shape)
    return Array(np.ascontiguousarray(before, dtype), wanted, ulps, scale)


@dataclass(frozen=True)
class Work:
    """One launch of a kernel.

    Parameters
    ----------
    arguments
        Numbers, and arrays where the kernel has pointers.
    items
        What `LibraryKernel.unit` counts.
    """

    arguments: tuple[int | float | np.number[Any] | Array, ...]
    items: int

    @property
    def arrays(self) -> list[Array]:
        """The arrays among the arguments, in order."""
        return [value for value in self.arguments if isinstance(value, Array)]


@dataclass(frozen=True)
class LibraryKernel:
    """A kernel of the library, with one kind of work.

    Parameters
    ----------
    name, doc
        What it is called here; what it does.
    make
        ``make(size, rng)`` is work of about ``size`` elements.
    geometry
        Grid and block for a core and the work.
    tolerance
        How close results must be to the reference, in words.
    unit
        What instructions are counted for.
    shared
        Bytes of shared memory for each block.
    sizes
        Sizes that tests run by default.
    full
        The size that figures are stated for.
    most
        Largest number of instructions of a thread for each unit, at the full size; None: no limit.
    program
        Name of its file and function; empty where that is ``name``.
    """

    name: str
    doc: str
    make: Callable[[int, np.random.Generator], Work]
    geometry: Callable[[Core, Work], tuple[Dim, Dim]]
    tolerance: str = "exact"
    unit: str = "element"
    shared: int = 0
    sizes: tuple[int, ...] = AWKWARD
    full: int = 4096
    most: float | None = None
    program: str = ""

    def __post_init__(self):
        object.__setattr__(self, "program", self.program or self.name)

    @property
    def source(self) -> Path:
        """The C file."""
        return FOLDER / f"{self.program}.c"

    def work(self, size: int) -> Work:
        """The work of this size, the same at each call."""
        return self.make(size, np.random.default_rng([size, *self.name.encode()]))


# --- geometries --------------------------------------------------------------------------------


def one_block(core: Core, work: Work) -> tuple[Dim, Dim]:
    """One block of all threads: they can meet."""
    return (1, 1, 1), (core.threads, 1, 1)


def one_warp(core: Core, work: Work) -> tuple[Dim, Dim]:
    """One block of one warp."""
    return (1, 1, 1), (core.lanes, 1, 1)


def four_blocks(core: Core, work: Work) -> tuple[Dim, Dim]:
    """Four blocks that fill the core, or take turns on a core of fewer warps."""
    return (4, 1, 1), (core.lanes * max(1, core.warps // 4), 1, 1)


def tiles(core: Core, work: Work) -> tuple[Dim, Dim]:
    """A block of up to 8 threads for each tile of a matrix of rows x columns."""
    rows, columns = work.arguments[:2]
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    return (-(-columns // TILE), -(-rows // TILE), 1), (min(8, core.threads), 1, 1)


def rectangle(size: int) -> tuple[int, int]:
    """Rows and columns of the rectangle of ``size`` elements that is closest to a square."""
    rows = next(rows for rows in range(isqrt(size), 0, -1) if size % rows == 0)
    return rows, size // rows
