"""The kernel library: what `sw/kernels/*.c` are asked to do, references, and runs on the simulator.

`KERNELS` is the table. `load_kernels(kernel.source)` compiles one, ``kernel.work(size)`` makes
arguments and the results to expect, `simulate` runs it.
"""

from .png import write_png
from .simulate import Outcome, OutOfBounds, Placed, compare, place, simulate
from .table import KERNELS
from .work import AWKWARD, CORNERS, Array, LibraryKernel, Work, reads, writes

__all__ = [
    "AWKWARD",
    "CORNERS",
    "KERNELS",
    "Array",
    "LibraryKernel",
    "OutOfBounds",
    "Outcome",
    "Placed",
    "Work",
    "compare",
    "place",
    "reads",
    "simulate",
    "write_png",
    "writes",
]
