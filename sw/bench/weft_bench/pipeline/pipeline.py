"""Work for array and SIMT core as tasks on named tensors, and programs of them.

What a task needs follows from the tensors that it reads. All tensors stand in device memory from
the start: a program of one engine's tasks alone works on what is there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from weft.arch.layouts import ceil_div
from weft.config import Config
from weft_driver import Device
from weft_driver.launch import DeviceKernel
from weft_driver.program import Program
from weft_driver.tensors import Tensor

from .schedule import Task, ordered

ARRAY, SIMT = "array", "simt"
BOTH = (ARRAY, SIMT)
"""The engines that a program may use."""

PRODUCT_CYCLES = 60
"""What a product takes beside its work, about."""


def product_cycles(config: Config, m: int, n: int, k: int) -> int:
    """Cycles of a product among others, about: they only decide the order of commands."""
    tiles = ceil_div(k, config.rows) * ceil_div(n, config.cols)
    return tiles * max(m, config.rows) + PRODUCT_CYCLES


class Pipeline:
    """Tasks on a device, recorded in an order in which engines find work all the time.

    Parameters
    ----------
    device
        Where tensors are, and programs run.

    Members
    -------
    tensors
        By name: constants, and results in the order in which they were named.
    results
        Names of those that tasks write.
    """

    def __init__(self, device: Device):
        self.device = device
        self.tensors: dict[str, Tensor] = {}
        self.results: list[str] = []
        self._tasks: list[Task] = []
        self._writers: dict[str, list[str]] = {}

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Put an array into device memory."""
        if name in self.tensors:
            raise ValueError(f"there is a tensor {name!r} already")
        self.tensors[name] = self.device.tensor(array)
        return name

    def result(self, name: str, shape: Sequence[int], dtype: DTypeLike = np.int8) -> str:
        """Make room for what tasks will write."""
        self.constant(name, np.zeros(shape, dtype))
        self.results.append(name)
        return name

    def product(
        self, into: str, a: str, b: NDArray[Any] | str, cycles: int, column: int = 0, **options: Any
    ) -> None:
        """A task of the array: columns of ``into``, from ``column`` on, become ``a b``.

        Parameters
        ----------
        b
            Weights, or the name of a tensor that a task writes.
        cycles
            How long it takes, about.
        options
            As `Program.matmul` takes them.
        """
        reads = [a, b] if isinstance(b, str) else [a]

        def record(program: Program) -> None:
            right: Any = b
            more: dict[str, Any] = dict(options)
            if isinstance(right, str):
                right = self.tensors[right]
                more["b_layout"] = "row_major"
            target = self.tensors[into]
            program.matmul(self.tensors[a], right, into=target, column=column, **more)

        self._add(f"{into}, column {column}", ARRAY, cycles, into, reads, record)

    def convolution(
        self, into: str, x: str, weight: NDArray[Any], cycles: int, **options: Any
    ) -> None:
        """A task of the array: ``into`` becomes ``x`` convolved; options as `Program.conv2d`'s."""

        def record(program: Program) -> None:
            program.conv2d(self.tensors[x], weight, into=self.tensors[into], **options)

        self._add(into, ARRAY, cycles, into, [x], record)

    def launch(
        self,
        into: str,
        kernel: DeviceKernel,
        arguments: Sequence[Any],
        cycles: int,
        threads: int,
        blocks: int = 1,
        **options: Any,
    ) -> None:
        """A task of the SIMT core: a kernel whose last argument is ``into``.

        Parameters
        ----------
        arguments
            The others; names stand for tensors.
        cycles
            How long it takes, about.
        options
            As `Program.launch` takes them.
        """
        reads = [value for value in arguments if isinstance(value, str)]

        def record(program: Program) -> None:
            values = [self.tensors[v] if isinstance(v, str) else v for v in (*arguments, into)]
            program.launch(kernel, blocks, threads, values, **options)

        self._add(into, SIMT, cycles, into, reads, record)

    def _add(
        self,
        name: str,
        engine: str,
        cycles: int,
        into: str,
        reads: Sequence[str],
        record: Callable[[Program], None],
    ) -> None:
        after = tuple(writer for read in reads for writer in self._writers.get(read, ()))
        self._tasks.append(Task(name, engine, cycles, after, record))
        self._writers.setdefault(into, []).append(name)

    # --- running -----------------------------------------------------------------------------

    def order(self) -> list[Task]:
        """The tasks in the order in which they are recorded."""
        return ordered(self._tasks)

    def program(self, engines: Sequence[str] = BOTH) -> Program:
        """One program: everything, or what some engines do, on data that are there already.

        Raises
        ------
        ValueError
            None of them does anything.
        """
        with self.device.program() as program:
            for task in self.order():
                if task.engine in engines:
                    task.record(program)
        return program

    def clear(self) -> None:
        """Make all results zero."""
        for name in self.results:
            tensor = self.tensors[name]
            tensor.write(np.zeros(tensor.shape, tensor.dtype))

    def mismatches(self, wanted: Mapping[str, NDArray[Any]]) -> int:
        """Elements of results that are not what they should be; results have names in both."""
        if missing := set(self.results) - set(wanted):
            raise ValueError(f"nothing is known about the result {min(missing)!r}")
        return sum(
            int(np.count_nonzero(self.tensors[name].numpy() != array))
            for name, array in wanted.items()
        )
