"""Transport ``golden:``: the golden chip behind the driver's few calls."""

from collections import deque

import numpy as np

from weft.arch.commands import Engine
from weft.arch.errors import Cause
from weft.arch.registers import (
    BY_NAME,
    CORE_REGISTERS,
    ID_VALUE,
    INTERFACE_VERSION,
    KERNEL_COUNTERS,
    MAX_COMMANDS,
    Access,
    Register,
    registers_of,
)
from weft.config import PROGRAM_QUEUE
from weft.golden.chip import GoldenChip
from weft.golden.faults import ChipFault, ProgramError

from .options import Options, parse_options


def _bit(register: str, field: str) -> int:
    """A register with one field at 1."""
    return next(1 << bits.lsb for bits in BY_NAME[register].bits if bits.name == field)


class GoldenTransport:
    """The golden chip (`weft_driver.transport.Transport`).

    Time does not pass by itself: programs run inside `wait_irq`, one for each call at least while
    any is there. Counters read 0, except those of kernels that do not depend on time; options of
    timing have no effect.

    Parameters
    ----------
    options
        Chip and size of its memory; the seed is that of the SRAMs' initial contents.
    url
        The URL that opens it again.

    Attributes
    ----------
    chip
        The golden chip; its ``state`` shows SRAMs and accumulators.
    fault
        The last `weft.golden.faults.ChipFault`, which says more than the ERROR register.
    """

    timed = False
    timing = None

    def __init__(self, options: Options, url: str):
        if options.waves is not None:
            raise ValueError("waves: the golden model has no cycles; use verilator:")
        self.config, self.url = options.config, url
        self.memory_bytes = options.memory_bytes
        self.memory = np.zeros(options.memory_bytes, np.uint8)
        self.chip = GoldenChip(options.config, self.memory, options.seed)
        self.fault: ChipFault | None = None
        self._by_offset = {r.offset: r for r in registers_of(options.config)}
        self._programs: deque[tuple[int, int]] = deque()  # the first one is in flight
        self._error = 0
        self._halted = False
        self._program = 0
        self._retired = 0
        self._irq_status = 0
        self._irq_enable = sum(1 << bits.lsb for bits in BY_NAME["IRQ_ENABLE"].bits)

    # --- the transport -------------------------------------------------------------------------

    def read(self, address: int, size: int) -> bytes:
        """Read device memory."""
        self._check(address, size)
        return self.memory[address : address + size].tobytes()

    def write(self, address: int, data: bytes | memoryview) -> None:
        """Write device memory."""
        source = np.frombuffer(data, np.uint8)
        self._check(address, source.size)
        self.memory[address : address + source.size] = source

    def read_register(self, offset: int) -> int:
        """Read a register."""
        register = self._register(offset, "read")
        if register.access is Access.WO:
            return 0
        values = self._values() | self._core_values()
        return 0 if register.counter and register.name not in values else values[register.name]

    def write_register(self, offset: int, value: int) -> None:
        """Write a register; `RuntimeError` when the chip refuses."""
        register = self._register(offset, "write")
        match register.name:
            case "CTRL":
                if value & _bit("CTRL", "stop") and self._programs:
                    self._halt(ChipFault(Cause.STOPPED, Engine.CONTROL, 0, "before it ran"))
                elif value & _bit("CTRL", "clear"):
                    self._clear(register)
            case "IRQ_STATUS":
                self._irq_status &= ~value
            case "IRQ_ENABLE":
                self._irq_enable = value & sum(1 << bits.lsb for bits in register.bits)
            case "PROGRAM":
                self._program = value
            case "DOORBELL":
                full = len(self._programs) == 1 + PROGRAM_QUEUE
                if full or self._halted or not 1 <= value <= MAX_COMMANDS:
                    raise _refused("write", offset, "the queue is full, or halted, or a bad count")
                self._programs.append((self._program, value))
            case _:
                raise _refused("write", offset, f"{register.name} is read only")

    def wait_irq(self, timeout_cycles: int | None = None) -> None:
        """Run programs until the interrupt line is high.

        Raises
        ------
        TimeoutError
            No program is left to raise it.
        weft.golden.faults.ProgramError
            A program breaks a rule that the chip does not check (a race, for example). All queued
            programs are dropped and the chip is as after CTRL.clear.
        """
        del timeout_cycles  # there are none
        self._run_next()
        while not self._irq_status & self._irq_enable:
            if not self._programs:
                raise TimeoutError("no interrupt: no program is running")
            self._run_next()

    def close(self) -> None:
        """Nothing to give back."""

    # --- inside --------------------------------------------------------------------------------

    def _run_next(self) -> None:
        if not self._programs:
            return
        messages = self.chip.messages
        try:
            self.chip.run(*self._programs[0])
        except ChipFault as fault:
            self._halt(fault)
        except ProgramError:
            self._programs.clear()
            self.chip.clear()
            raise
        else:
            self._programs.popleft()
            self._retired = (self._retired + 1) & 0xFFFF_FFFF
            self._irq_status |= _bit("IRQ_STATUS", "done")
        if self.chip.messages > messages:
            self._irq_status |= _bit("IRQ_STATUS", "message")

    def _halt(self, fault: ChipFault) -> None:
        # What it was raised from would keep frames alive, and with them the caller's tensors.
        fault.__traceback__ = fault.__cause__ = fault.__context__ = None
        self.fault = fault
        self._error = fault.register
        self._halted = True
        self._programs.clear()
        self._irq_status |= _bit("IRQ_STATUS", "error")

    def _clear(self, register: Register) -> None:
        if self._programs:
            raise _refused("write", register.offset, "CTRL.clear while a program is in flight")
        self.chip.clear()
        self._error, self._halted = 0, False

    def _values(self) -> dict[str, int]:
        waiting = max(0, len(self._programs) - 1)
        status = {"busy": bool(self._programs), "halted": self._halted, "queued": waiting}
        return {
            "ID": ID_VALUE,
            "VERSION": INTERFACE_VERSION,
            "HASH_LO": self.config.hash & 0xFFFF_FFFF,
            "HASH_HI": self.config.hash >> 32,
            "STATUS": sum(int(value) * _bit("STATUS", name) for name, value in status.items()),
            "IRQ_STATUS": self._irq_status,
            "IRQ_ENABLE": self._irq_enable,
            "ERROR": self._error,
            "PROGRAM": self._program,
            "RETIRED": self._retired,
        }

    def _core_values(self) -> dict[str, int]:
        core = self.chip.simt
        if core is None:
            return {}
        values = {
            f"KERNEL_{name.upper()}": getattr(core.counters, name) & 0xFFFF_FFFF
            for name, _ in KERNEL_COUNTERS
        }
        trap = dict.fromkeys((r.name for r in CORE_REGISTERS if not r.counter), 0)
        if core.trap is not None:
            x, y, z = core.trap.block
            parts = {"cause": core.trap.cause, "lane": core.trap.lane, "warp": core.trap.warp}
            trap["TRAP"] = sum(int(value) * _bit("TRAP", name) for name, value in parts.items())
            trap["TRAP_PC"] = core.trap.pc
            trap["TRAP_BLOCK"] = x * _bit("TRAP_BLOCK", "x") + y * _bit("TRAP_BLOCK", "y")
            trap["TRAP_BLOCK_Z"] = z
        return values | trap

    def _register(self, offset: int, what: str) -> Register:
        if offset not in self._by_offset:
            raise _refused(what, offset, "no such register")
        return self._by_offset[offset]

    def _check(self, address: int, size: int) -> None:
        if address < 0 or address + size > self.memory_bytes:
            raise ValueError(
                f"{size} bytes at {address:#x} are outside the device memory of "
                f"{self.memory_bytes:#x} bytes; open the device with a larger ?memory_mib="
            )


def _refused(what: str, offset: int, why: str) -> RuntimeError:
    return RuntimeError(f"the chip refused the {what} of register {offset:#05x}: {why}")


def open_golden(rest: str) -> GoldenTransport:
    """Open what stands after ``golden:`` in a device URL.

    Raises
    ------
    ValueError
        The URL is wrong; see `weft_sim.options.parse_options`.
    """
    return GoldenTransport(parse_options(rest), f"golden:{rest}")
