"""Transport ``verilator:``: the Verilated chip behind the driver's few calls."""

from pathlib import Path

import numpy as np

from weft.arch.memory import MemoryTiming
from weft.arch.registers import BY_NAME

from .build import build_simulator
from .native_device import BusEvent, NativeDevice
from .options import Options, parse_options
from .waves import write_view

SLICE = 100_000
"""Cycles in one call of the library; between two, Python sees Ctrl-C and reports progress."""


class ProtocolError(RuntimeError):
    """The chip broke the AXI protocol: a defect of the chip, not of a program."""


class VerilatorTransport:
    """A simulated chip (`weft_driver.transport.Transport`), and what only a simulation can say.

    Parameters
    ----------
    options
        Chip and memory.
    url
        The URL that opens it again.
    library
        The simulator; built when not given.

    Attributes
    ----------
    on_progress
        Called with the device's cycle after every `SLICE` cycles of waiting, or None.
    """

    timed = True

    def __init__(self, options: Options, url: str, library: Path | None = None):
        self.config, self.url = options.config, url
        self.memory_bytes = options.memory_bytes
        self.timing: MemoryTiming | None = options.timing
        self.on_progress = None
        if library is None:
            library = build_simulator(options.config, waves=options.waves is not None)
        self.device = NativeDevice(
            library, options.memory_bytes, options.timing, options.stall, options.seed
        )
        self._armed: tuple[int, int] | None = None
        if options.waves is not None:
            self.waves(options.waves, *(options.window or (0, 2**62)))
            if options.window is not None:
                self.device.waves_window(0, 0)
                self._armed = options.window

    # --- the transport -------------------------------------------------------------------------

    def read(self, address: int, size: int) -> bytes:
        """Read device memory."""
        self._check(address, size)
        return self.device.memory[address : address + size].tobytes()

    def write(self, address: int, data: bytes | memoryview) -> None:
        """Write device memory."""
        source = np.frombuffer(data, np.uint8)
        self._check(address, source.size)
        self.device.memory[address : address + source.size] = source

    def read_register(self, offset: int) -> int:
        """Read a register through the AXI4-Lite port."""
        value, response = self.device.read_register(offset)
        self._answered("read", offset, response)
        return value

    def write_register(self, offset: int, value: int) -> None:
        """Write a register through the AXI4-Lite port; `RuntimeError` when the chip refuses."""
        if self._armed is not None and offset == BY_NAME["DOORBELL"].offset:
            now = self.device.status().cycle
            self.device.waves_window(now + self._armed[0], now + self._armed[1])
            self._armed = None
        self._answered("write", offset, self.device.write_register(offset, value))

    def wait_irq(self, timeout_cycles: int | None = None) -> None:
        """Run until the interrupt line is high.

        Raises
        ------
        TimeoutError
            It was not within ``timeout_cycles``; the chip can be run on or `reset`.
        ProtocolError
            The chip broke AXI on the way.
        """
        left = timeout_cycles
        while left is None or left >= 0:
            step = SLICE if left is None else min(SLICE, left)
            done = self.device.run(step)
            self._check_protocol()
            if done:
                return
            if self.on_progress is not None:
                self.on_progress(self.cycle)
            if left is not None:
                left -= step
                if left == 0:
                    break
        raise TimeoutError(f"no interrupt within {timeout_cycles} cycles")

    def close(self) -> None:
        """Free the simulation; finishes a file of waves."""
        self.device.close()

    # --- what only a simulation has ------------------------------------------------------------

    @property
    def memory(self) -> np.ndarray:
        """The main memory in place, uint8."""
        return self.device.memory

    @property
    def cycle(self) -> int:
        """Cycles since the device was opened."""
        return self.device.status().cycle

    @property
    def run_cycles(self) -> int:
        """Cycles simulated while waiting for interrupts."""
        return self.device.status().run_cycles

    @property
    def run_seconds(self) -> float:
        """CPU seconds that `run_cycles` took; their quotient is the simulation speed."""
        return self.device.status().run_seconds

    def reset(self) -> None:
        """Hard reset of chip and memory port together; memory contents stay."""
        self.device.reset()

    def set_timing(self, timing: MemoryTiming, stall: float = 0.0, seed: int = 1) -> None:
        """Change the behaviour of the memory."""
        self.timing = timing
        self.device.set_timing(timing, stall, seed)

    def inject_errors(self, read: range = range(0), write: range = range(0)) -> None:
        """Answer bursts that touch these addresses with SLVERR; without arguments no longer."""
        self.device.set_faults(read, write)

    def bus_events(self) -> list[BusEvent]:
        """Accesses outside memory and breaches of AXI, the first 64."""
        return self.device.events()

    def record_activity(self, on: bool = True) -> None:
        """Record the chip's ``activity`` port from now on, forgetting what was recorded."""
        self.device.record_activity(on)

    def activity(self) -> tuple[np.ndarray, np.ndarray]:
        """Cycles at which ``activity`` changed, and its values from there on."""
        return self.device.activity()

    def waves(self, path: Path, start: int, stop: int) -> None:
        """Record device cycles ``start`` to ``stop`` into an FST file, with a GTKWave view.

        Needs a device opened with ``?waves=FILE``.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.device.waves(path, start, stop)
        write_view(path, self.config)

    def _check(self, address: int, size: int) -> None:
        if address < 0 or address + size > self.memory_bytes:
            raise ValueError(
                f"{size} bytes at {address:#x} are outside the device memory of "
                f"{self.memory_bytes:#x} bytes; open the device with a larger ?memory_mib="
            )

    def _answered(self, what: str, offset: int, response: int) -> None:
        self._check_protocol()
        if response < 0:
            raise RuntimeError(f"the chip did not answer the {what} of register {offset:#05x}")
        if response:
            raise RuntimeError(f"the chip refused the {what} of register {offset:#05x}")

    def _check_protocol(self) -> None:
        if self.device.status().violations:
            events = [e for e in self.device.events() if not e.what.startswith("access")]
            self.device.forget_events()
            raise ProtocolError(f"AXI protocol broken: {events[0] if events else 'many events'}")


def open_verilator(rest: str) -> VerilatorTransport:
    """Open what stands after ``verilator:`` in a device URL, building the simulator if needed.

    Raises
    ------
    ValueError
        The URL is wrong; see `parse_options`.
    weft_sim.toolchain.ToolError
        Verilator or the C++ compiler is missing, too old, or failed.
    """
    return VerilatorTransport(parse_options(rest), f"verilator:{rest}")
