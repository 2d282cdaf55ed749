"""The device: open it, put tensors on it, run operations and programs."""

import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weft.arch.commands import COMMAND_BYTES
from weft.config import Config

from .errors import KernelFault, dtype_of
from .host import Host
from .kernels import load_kernels
from .launch import PRIVATE, DeviceKernel, DeviceKernels, Size, core_of
from .launch_arrays import Arrays
from .memory import MemoryAllocator
from .planner.search import EFFORT
from .program import Program
from .run import Run, passed, read_counters, read_kernel_counters
from .tensors import Tensor
from .transport import Transport, open_transport


class Device:
    """A chip, real, simulated or modelled.

    Parameters
    ----------
    url
        ``golden:base``, ``verilator:base``, ``verilator:tiny,rows=8?latency=100``,
        ``uart:/dev/ttyUSB0``; or an open `Transport`.

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
    LinkError
        Nothing answers, on a device at a wire. Every call may raise it there; the next one goes on
        with a wire that works again.
    """

    def __init__(self, url: str | Transport):
        self.transport = open_transport(url) if isinstance(url, str) else url
        self.config: Config = self.transport.config
        self.last_run: Run | None = None
        self.effort = EFFORT
        self.allocator = MemoryAllocator(self.transport.memory_bytes)
        self._kernels: weakref.WeakSet[DeviceKernels] = weakref.WeakSet()
        self._stacks: Tensor | None = None
        self._host = Host(self.transport, self._where)
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

    # --- kernels -------------------------------------------------------------------------------

    def load_kernels(self, source: str | Path, defines: Sequence[str] = ()) -> DeviceKernels:
        """Compile a C file (once for each content) and put it into device memory.

        Parameters
        ----------
        source
            A file that includes ``weft.h``; functions marked ``WEFT_KERNEL`` can be launched.
        defines
            Macros, as ``NAME`` or ``NAME=value``.

        Raises
        ------
        ValueError
            The device has no SIMT core; or, as `CompileError`, the compiler's own words.
        FileNotFoundError, ModuleNotFoundError
            There is no such file; the extra ``simt`` is not installed.
        """
        core_of(self)
        kernels = DeviceKernels(self, source, load_kernels(source, defines))
        self._kernels.add(kernels)
        return kernels

    def launch(
        self,
        kernel: DeviceKernel,
        grid: Size,
        block: Size,
        args: Sequence[Any] = (),
        *,
        shared: int = 0,
        private: int = PRIVATE,
        pushes: bool = False,
        limit: int | None = None,
    ) -> Run:
        """Run a kernel over a grid and wait for it.

        Parameters
        ----------
        kernel
            Of `load_kernels`.
        grid, block
            Blocks, and threads of a block: x, or up to three of (x, y, z).
        args
            One for each parameter. Numbers for numbers; for a pointer an array, a tensor or None.
            An array goes to the device as if it were contiguous. Unless the parameter points to
            const, what the kernel wrote comes back into the same array. One array given twice
            is one array on the device, too.
        shared
            Bytes of shared memory for each block.
        private
            Bytes of private memory, the stack, for each thread.
        pushes
            The kernel may hand commands to the chip (``weft_push``), and take any semaphore but 0.
        limit
            Cycles after which it is stopped; None: it may take as long as it takes.

        Returns
        -------
        Run
            Its ``kernel`` holds the counters.

        Raises
        ------
        TypeError, ValueError
            In one line: arguments that are not what the kernel takes, sizes that the core has not.
        DeviceError
            The kernel trapped, and ``fault`` says in which thread; or it did not finish within
            ``limit``. Arrays are as they were.
        """
        arrays = Arrays(self, kernel, args)
        program = self.program()
        program.launch(
            kernel, grid, block, arrays.args, shared=shared, private=private, pushes=pushes
        )
        run = program.run(limit)
        arrays.write_back()
        return run

    def stacks(self, size: int) -> Tensor:
        """Room for all threads' private memory: the same for all launches, which do not overlap."""
        if self._stacks is None or self._stacks.nbytes < size:
            self._stacks = Tensor(self, (max(size, 1),), np.dtype(np.uint8))
        return self._stacks

    def _where(self, fault: KernelFault) -> str | None:
        return next((w for kernels in self._kernels if (w := kernels.locate(fault.pc))), None)

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
        kernel_before = read_kernel_counters(self.transport)
        started = time.perf_counter(), time.process_time()
        for address, count in programs:
            self._host.run(address, count, limit)
        seconds = time.perf_counter() - started[0], time.process_time() - started[1]
        commands = sum(count for _, count in programs)
        kernel = passed(kernel_before, read_kernel_counters(self.transport))
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
                kernel=kernel,
            )
        else:
            run = Run(
                macs=macs,
                commands=commands,
                seconds=seconds[0],
                cpu_seconds=seconds[1],
                kernel=kernel,
                lanes=self.config.lanes,
            )
        self.last_run = run
        return run
