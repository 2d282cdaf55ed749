"""What a job is: work of a fixed size, its reference, and who can do it how.

A job joins the comparison by standing in `weft_bench.compare.jobs.JOBS`. It brings a `Task`
(inputs, wanted results, how much there is to do) and for each family of devices either a function
that does it or one sentence why there is none. Devices, clocks, checks, reasons and reports are
not its business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from weft_driver import Device
from weft_driver.run import Run

from ..activity import Activity
from ..kernels import Array

Arrays = tuple[NDArray[Any], ...]
"""Results of a job, in the order of `Task.wanted`."""


@dataclass(frozen=True)
class Task:
    """A job at one size.

    Parameters
    ----------
    size
        In words, for example ``256 x 256 x 256``.
    inputs
        Arrays by name. Whoever does the job must leave them as they are.
    wanted
        What numpy says must come out, each with its tolerance (`weft_bench.kernels.writes`).
    operations
        Useful operations, as `Job.unit` counts them: the same number whoever does the job.
    traffic
        Bytes that have to cross a memory port at least: inputs once, results once.
    """

    size: str
    inputs: Mapping[str, NDArray[Any]]
    wanted: tuple[Array, ...]
    operations: int
    traffic: int

    @classmethod
    def of(
        cls, size: str, inputs: Mapping[str, NDArray[Any]], wanted: Sequence[Array], operations: int
    ) -> "Task":
        """A task whose traffic is that of its inputs and its results."""
        read = sum(array.nbytes for array in inputs.values())
        written = sum(array.before.nbytes for array in wanted)
        return cls(size, inputs, tuple(wanted), operations, read + written)

    @property
    def intensity(self) -> float:
        """Operations for each byte that has to be moved."""
        return self.operations / self.traffic

    def mismatches(self, results: Sequence[NDArray[Any]]) -> int:
        """Elements that are further off than they may be; all of a result of another shape."""
        if len(results) != len(self.wanted):
            raise ValueError(f"{len(results)} results, {len(self.wanted)} wanted")
        wrong = 0
        for wanted, got in zip(self.wanted, results, strict=True):
            same = wanted.before.shape == got.shape and wanted.before.dtype == got.dtype
            wrong += wanted.mismatches(got) if same else wanted.before.size
        return wrong


@dataclass(frozen=True)
class ChipRun:
    """A job that a chip has done.

    Parameters
    ----------
    results
        What came out.
    run
        Its one program, from doorbell to interrupt.
    more
        Further figures for the JSON row.
    activity
        Who was busy when, for the report; of jobs on array and SIMT core together.
    """

    results: Arrays
    run: Run
    more: Mapping[str, Any] = field(default_factory=dict)
    activity: Activity | None = None


Host = Callable[[Task, int], Callable[[], Arrays]]
"""``host(task, threads)`` prepares (compiles, opens a session) and gives what is timed."""

Gpu = Callable[[Any, Mapping[str, Any]], tuple[Any, ...]]
"""``gpu(torch, inputs)`` with tensors that are on the GPU already; results stay there."""

Chip = Callable[[Device, Task], ChipRun]
"""``chip(device, task)`` does the job on an open device in one program."""

HOSTS = ("numpy", "numba", "onnxruntime")
"""Libraries for the host CPU; numpy runs with its BLAS at 1 and at all threads."""

ENGINES = ("array", "simt", "chip")
"""Of a chip: the systolic array, the SIMT core (the 1 x 1 core too), and both in one program."""

WINNERS = ("cpu", "gpu", "array", "simt", "chip")
"""Who can be expected to win; ``cpu`` is the host's, ``chip`` array and SIMT core together."""


@dataclass(frozen=True)
class Job:
    """A job.

    Parameters
    ----------
    name, doc, unit
        What it is called on the command line, what it is, and what `Task.operations` counts.
    expected, because
        Who is expected to win, stated before anything runs (one of `WINNERS`), and why.
    make
        ``make(quick)``: the task; the quick one may be smaller. Same inputs at each call.
    hosts
        By one of `HOSTS`: a `Host`, or why there is none. What is left out is not shown.
    gpu
        A `Gpu`, or why there is none.
    chips
        By one of `ENGINES`: a `Chip`, or why there is none. What is left out is not shown.
    needs_float
        The SIMT core must have floating point.
    """

    name: str
    doc: str
    unit: str
    expected: str
    because: str
    make: Callable[[bool], Task]
    hosts: Mapping[str, Host | str]
    gpu: Gpu | str
    chips: Mapping[str, Chip | str]
    needs_float: bool = False

    def __post_init__(self):
        for what, names, valid in (
            ("expected", [self.expected], WINNERS),
            ("hosts", self.hosts, HOSTS),
            ("chips", self.chips, ENGINES),
        ):
            wrong = [name for name in names if name not in valid]
            if wrong:
                raise ValueError(f"job {self.name}: {what} = {wrong[0]!r}: {', '.join(valid)}")
