"""The device: open it, put tensors on it, run operations and programs."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from weft.arch.commands import COMMAND_BYTES
from weft.config import Config

from .errors import dtype_of
from .host import Host
from .memory import MemoryAllocator
from .planner.search import EFFORT
from .program import Program
from .run import Run, read_counters
from .tensors import Tensor
from .transport import Transport, open_transport


class Device:
    """A chip, real, simulated or modelled.

    Parameters
    ----------
    url
        ``golden:base``, ``verilator:base``, ``verilator:tiny,rows=8?latency=100``; or an open
        `Transport`.

    Members
    -------
    config
        The chip's configuration.
    last_run
        The `Run` of the last program, None before the first.
    effort
        How long the planner searches for each operation, in commands tried.

    Raises
    ------
    ValueError
        Unknown scheme, preset, field or option.
    DeviceError
        What answers is not a Weft of this configuration.
    """

    def __init__(self, url: str | Transport):
        self.transport = open_transport(url) if isinstance(url, str) else url
        self.config: Config = self.transport.config
        self.last_run: Run | None = None
        self.effort = EFFORT
        self.allocator = MemoryAllocator(self.transport.memory_bytes)
        self._host = Host(self.transport)
        try:
            self._host.check()
        except BaseException:
            if isinstance(url, str):
                self.transport.close()
            raise

    @property
    def url(self) -> str:
        """The URL that opens this device again."""
        return self.transport.url

    def close(self) -> None:
        """Give the device back."""
        self.transport.close()

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- tensors and operations ----------------------------------------------------------------

    def tensor(self, array: np.ndarray) -> Tensor:
        """Copy an array (any strides) to device memory; freed by garbage collection."""
        if not isinstance(array, np.ndarray):
            raise TypeError(f"a numpy array is needed, not {type(array).__name__}")
        tensor = Tensor(self, array.shape, dtype_of(array))
        tensor.write(array)
        return tensor

    def program(self) -> Program:
        """A new program to record operations in."""
        return Program(self)

    def matmul(self, a: np.ndarray | Tensor, b: np.ndarray | Tensor, **options: Any) -> np.ndarray:
        """Multiply two matrices, exactly.

        Parameters
        ----------
        a, b
            M x K and K x N, int8 or uint8, arrays or tensors.
        bias
            int32 per column, at scale sa * sb.
        scale
            float32 sa * sb / sy, one or one per column; makes the result int8 (`f32_rne`).
        a_zero_point, b_zero_point, y_zero_point
            Zero points of a, b and the result.
        out
            ``int32`` (default without scale), ``int8`` (default with scale) or ``uint8``.
        qmin, qmax
            Clamp of the result (ReLU: ``qmin = y_zero_point``).
        b_layout
            ``packed`` (default where the host knows b) or ``row_major``.

        Returns
        -------
        numpy.ndarray
            M x N. `last_run` says how long it took.

        Raises
        ------
        TypeError, ValueError
            In one line: float arrays, more than two dimensions, sizes that do not fit, a scale
            that is zero, negative or not a number, zero points out of range.
        DeviceError
            The chip halted.
        """
        program = self.program()
        result = program.matmul(a, b, **options)
        program.run()
        return result.numpy()

    def conv2d(
        self, x: np.ndarray | Tensor, weight: np.ndarray | Tensor, **options: Any
    ) -> np.ndarray:
        """Convolve images, exactly; no im2col matrix is made.

        Parameters
        ----------
        x
            Images x height x width x channels, int8 or uint8.
        weight
            kh x kw x channels x output channels, int8 or uint8.
        stride, dilation
            One number, or (vertical, horizontal).
        padding
            One number, (vertical, horizontal) or (top, bottom, left, right); filled with x's zero
            point.
        groups
            Only 1.
        bias, scale, y_zero_point, out, qmin, qmax
            As in `matmul`.
        x_zero_point, weight_zero_point
            Zero points of x and weight.

        Returns
        -------
        numpy.ndarray
            Images x height x width x output channels.

        Raises
        ------
        TypeError, ValueError, DeviceError
            As `matmul`; ValueError too where one window does not fit the chip.
        """
        program = self.program()
        result = program.conv2d(x, weight, **options)
        program.run()
        return result.numpy()

    # --- running -------------------------------------------------------------------------------

    def run_commands(self, commands: bytes, *, count: int | None = None, macs: int = 0) -> Run:
        """Run command bytes that were made by hand; ``count`` of them, or all.

        Raises
        ------
        DeviceError
            As `execute`.
        """
        code = self.tensor(np.frombuffer(commands, dtype=np.uint8))
        return self.execute(code.address, count or len(commands) // COMMAND_BYTES, macs=macs)

    def execute(self, address: int, count: int, *, macs: int = 0, limit: int | None = None) -> Run:
        """Run ``count`` commands at a memory address.

        Raises
        ------
        ValueError
            A program cannot have that many commands.
        DeviceError
            The chip halted, or did not finish within ``limit`` cycles. It is cleared first.
        """
        return self.execute_all([(address, count)], macs=macs, limit=limit)

    def execute_all(
        self, programs: Sequence[tuple[int, int]], *, macs: int = 0, limit: int | None = None
    ) -> Run:
        """Run programs (address and count of commands) one after the other, measured as one.

        `Program.run` calls this; it raises what `execute` does, for the first that fails.
        """
        timed = self.transport.timed
        before = read_counters(self.transport) if timed else {}
        started = time.perf_counter(), time.process_time()
        for address, count in programs:
            self._host.run(address, count, limit)
        seconds = time.perf_counter() - started[0], time.process_time() - started[1]
        commands = sum(count for _, count in programs)
        if timed:
            after = read_counters(self.transport)
            run = Run.measured(
                self.config,
                before,
                after,
                macs=macs,
                commands=commands,
                seconds=seconds[0],
                cpu_seconds=seconds[1],
            )
        else:
            run = Run(macs=macs, commands=commands, seconds=seconds[0], cpu_seconds=seconds[1])
        self.last_run = run
        return run
