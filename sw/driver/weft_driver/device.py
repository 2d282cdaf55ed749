"""The device: open it, put tensors on it, run operations and programs."""

import time
from typing import Any

import numpy as np

from weft.arch.commands import COMMAND_BYTES, Engine, decode
from weft.arch.errors import Cause
from weft.arch.registers import BY_NAME, ID_VALUE, INTERFACE_VERSION
from weft.config import Config

from .errors import DeviceError, dtype_of, halted
from .memory import MemoryAllocator
from .program import Program
from .run import Run, read_counters
from .tensors import Tensor
from .transport import Transport, open_transport

STOP_CYCLES = 100_000
"""Cycles within which a chip that is told to stop must have halted."""


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
        self.allocator = MemoryAllocator(self.transport.memory_bytes)
        self._check()

    def _check(self) -> None:
        found = self._register("ID")
        if found != ID_VALUE:
            raise DeviceError(f"{self.url}: ID reads {found:#010x}, not {ID_VALUE:#010x}: no Weft")
        version = self._register("VERSION")
        if version != INTERFACE_VERSION:
            raise DeviceError(
                f"{self.url}: the chip has interface version {version}, this driver "
                f"{INTERFACE_VERSION}"
            )
        chip = self._register("HASH_HI") << 32 | self._register("HASH_LO")
        if chip != self.config.hash:
            raise DeviceError(
                f"{self.url}: the chip was built from another configuration (hash {chip:016x}, "
                f"expected {self.config.hash_hex})"
            )
        if self._field("STATUS", "halted"):
            self._recover()
        self._write("IRQ_STATUS", self._register("IRQ_STATUS"))

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
        """Run ``count`` commands at a memory address; `Program.run` calls this.

        Raises
        ------
        DeviceError
            The chip halted, or did not finish within ``limit`` cycles. It is cleared first.
        """
        timed = self.transport.timed
        before = read_counters(self.transport) if timed else {}
        started = time.perf_counter(), time.process_time()
        self._write("PROGRAM", address)
        self._write("DOORBELL", count)
        try:
            self.transport.wait_irq(limit)
        except TimeoutError:
            self._stop()
            raise DeviceError(
                f"the program of {count} commands did not finish within {limit:,} cycles"
            ) from None
        except KeyboardInterrupt:
            self._stop()
            raise
        seconds = time.perf_counter() - started[0], time.process_time() - started[1]
        pending = self._register("IRQ_STATUS")
        if pending & self._mask("IRQ_STATUS", "error"):
            error = self._error(address)
            self._recover()
            raise error
        self._write("IRQ_STATUS", pending)
        if timed:
            after = read_counters(self.transport)
            run = Run.measured(
                self.config,
                before,
                after,
                macs=macs,
                commands=count,
                seconds=seconds[0],
                cpu_seconds=seconds[1],
            )
        else:
            run = Run(macs=macs, commands=count, seconds=seconds[0], cpu_seconds=seconds[1])
        self.last_run = run
        return run

    def _stop(self) -> None:
        """Halt a running program and make the chip ready for the next."""
        self._write("CTRL", self._mask("CTRL", "stop"))
        self.transport.wait_irq(STOP_CYCLES)
        self._recover()

    def _recover(self) -> None:
        """Make a halted chip ready; interrupts are dropped."""
        self._write("CTRL", self._mask("CTRL", "clear"))
        self._write("IRQ_STATUS", self._register("IRQ_STATUS"))

    def _error(self, address: int) -> DeviceError:
        """The exception for a halted chip; reads the command that is to blame."""
        cause = self._field("ERROR", "cause")
        number = self._field("ERROR", "engine")
        engine = Engine(number) if number in set(Engine) else None
        index = self._field("ERROR", "command")
        text = None
        at = address + index * COMMAND_BYTES
        if cause != Cause.SEMAPHORE_OVERFLOW and at + COMMAND_BYTES <= self.transport.memory_bytes:
            try:
                text = str(decode(self.transport.read(at, COMMAND_BYTES)))
            except ValueError as why:
                text = str(why)
        name = engine.name if engine is not None else f"engine {number}"
        return halted(cause, name, index, text)

    def _register(self, name: str) -> int:
        return self.transport.read_register(BY_NAME[name].offset)

    def _write(self, name: str, value: int) -> None:
        self.transport.write_register(BY_NAME[name].offset, value)

    def _mask(self, register: str, field: str) -> int:
        bits = next(b for b in BY_NAME[register].bits if b.name == field)
        return (1 << bits.bits) - 1 << bits.lsb

    def _field(self, register: str, field: str) -> int:
        bits = next(b for b in BY_NAME[register].bits if b.name == field)
        return self._register(register) >> bits.lsb & (1 << bits.bits) - 1
