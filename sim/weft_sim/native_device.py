"""The C interface of ``native/device.cpp``: one Verilated chip with its memory, by ctypes."""

import ctypes
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_int,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weft.arch.memory import MemoryTiming

MAX_OUTSTANDING = 64
"""Most open bursts of one direction that the memory model can hold (``native/memory.h``)."""


class _Timing(Structure):
    _fields_ = (
        ("latency", c_uint32),
        ("outstanding", c_uint32),
        ("read_interval", c_uint32),
        ("write_interval", c_uint32),
        ("stall", c_uint32),
        ("seed", c_uint32),
    )


class _Fault(Structure):
    _fields_ = (("low", c_uint64), ("high", c_uint64))


class _Event(Structure):
    _fields_ = (("cycle", c_uint64), ("kind", c_uint32), ("address", c_uint32))


class Status(Structure):
    """Numbers of the device: cycles, CPU seconds in `NativeDevice.run`, events, interrupt line."""

    _fields_ = (
        ("cycle", c_uint64),
        ("run_cycles", c_uint64),
        ("run_seconds", c_double),
        ("outside", c_uint64),
        ("violations", c_uint64),
        ("events", c_uint64),
        ("activity", c_uint64),
        ("irq", c_uint32),
        ("waves", c_uint32),
    )


EVENTS = (
    "access outside memory",
    "burst crosses a 4 KiB boundary",
    "burst of more than 16 beats",
    "burst is not INCR, full width and aligned",
    "WLAST does not match the length of the burst",
    "request changed or was withdrawn before it was accepted",
)
"""What the memory saw, by ``Kind`` of ``native/memory.h``; all but the first break AXI."""


@dataclass(frozen=True)
class BusEvent:
    """Something unusual on the memory port: what, in which cycle, at which address."""

    what: str
    cycle: int
    address: int

    def __str__(self) -> str:
        return f"{self.what}, cycle {self.cycle}, address {self.address:#010x}"


_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "weft_open": (c_void_p, (c_uint64, POINTER(_Timing))),
    "weft_close": (None, (c_void_p,)),
    "weft_memory": (POINTER(c_uint8), (c_void_p,)),
    "weft_reset": (None, (c_void_p,)),
    "weft_timing": (None, (c_void_p, POINTER(_Timing))),
    "weft_faults": (None, (c_void_p, POINTER(_Fault), POINTER(_Fault))),
    "weft_run": (c_int, (c_void_p, c_uint64)),
    "weft_step": (None, (c_void_p, c_uint64)),
    "weft_read_register": (c_int, (c_void_p, c_uint32, POINTER(c_uint32), c_int)),
    "weft_write_register": (c_int, (c_void_p, c_uint32, c_uint32, c_int)),
    "weft_status": (None, (c_void_p, POINTER(Status))),
    "weft_event": (None, (c_void_p, c_uint64, POINTER(_Event))),
    "weft_forget_events": (None, (c_void_p,)),
    "weft_record_activity": (None, (c_void_p, c_int)),
    "weft_activity_cycles": (POINTER(c_uint64), (c_void_p,)),
    "weft_activity_values": (POINTER(c_uint8), (c_void_p,)),
    "weft_waves": (c_int, (c_void_p, c_char_p, c_uint64, c_uint64)),
    "weft_waves_window": (None, (c_void_p, c_uint64, c_uint64)),
    "weft_waves_close": (None, (c_void_p,)),
}


def pack_timing(timing: MemoryTiming, stall: float, seed: int) -> _Timing:
    """The C structure for a timing, a probability of stalls and their seed."""
    return _Timing(
        timing.latency,
        timing.outstanding,
        timing.read_interval,
        timing.write_interval,
        min(int(stall * 2**32), 2**32 - 1),
        seed & 0xFFFFFFFF,
    )


class NativeDevice:
    """A chip and its memory in a shared library.

    Parameters
    ----------
    library
        Made by `weft_sim.build.build_simulator`.
    memory_bytes, timing, stall, seed
        Size and behaviour of the memory.

    Attributes
    ----------
    memory
        The main memory, a uint8 array that the chip reads and writes in place.
    """

    REGISTER_LIMIT = 10_000
    """Cycles after which a register access without an answer is an error."""

    def __init__(
        self,
        library: Path,
        memory_bytes: int,
        timing: MemoryTiming,
        stall: float = 0.0,
        seed: int = 1,
    ):
        self._library = ctypes.CDLL(str(library))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        packed = pack_timing(timing, stall, seed)
        self._handle: int | None = self._library.weft_open(memory_bytes, ctypes.byref(packed))
        if not self._handle:
            raise MemoryError(f"no address space for {memory_bytes} bytes of device memory")
        pointer = self._library.weft_memory(self._handle)
        self.memory = np.ctypeslib.as_array(pointer, shape=(memory_bytes,))

    def _call(self, name: str, *arguments: object) -> int:
        if self._handle is None:
            raise RuntimeError("the simulated device is closed")
        return getattr(self._library, name)(self._handle, *arguments)

    def close(self) -> None:
        """Free the chip and its memory; `memory` must not be used any more."""
        if self._handle is not None:
            self.memory = np.zeros(0, np.uint8)
            self._library.weft_close(self._handle)
            self._handle = None

    def reset(self) -> None:
        """Hard reset of chip and memory port; memory contents stay."""
        self._call("weft_reset")

    def set_timing(self, timing: MemoryTiming, stall: float, seed: int) -> None:
        """Change the memory's behaviour; requests already accepted keep theirs."""
        self._call("weft_timing", ctypes.byref(pack_timing(timing, stall, seed)))

    def set_faults(self, read: range, write: range) -> None:
        """Answer bursts that touch these addresses with an error; an empty range with none."""
        faults = [_Fault(r.start, r.stop) if len(r) else _Fault(0, 0) for r in (read, write)]
        self._call("weft_faults", *(ctypes.byref(fault) for fault in faults))

    def run(self, cycles: int) -> bool:
        """Clock the chip until its interrupt line is high (True) or for so many cycles."""
        return bool(self._call("weft_run", cycles))

    def step(self, cycles: int) -> None:
        """Clock the chip, whatever its interrupt line does."""
        self._call("weft_step", cycles)

    def read_register(self, offset: int) -> tuple[int, int]:
        """Value and AXI response; the response is -1 when none came."""
        value = c_uint32()
        response = self._call(
            "weft_read_register", offset, ctypes.byref(value), self.REGISTER_LIMIT
        )
        return value.value, response

    def write_register(self, offset: int, value: int) -> int:
        """The AXI response, -1 when none came."""
        return self._call("weft_write_register", offset, value, self.REGISTER_LIMIT)

    def status(self) -> Status:
        """Counts of this moment."""
        status = Status()
        self._call("weft_status", ctypes.byref(status))
        return status

    def events(self) -> list[BusEvent]:
        """The first 64 unusual events on the memory port since `forget_events`."""
        found = []
        for index in range(self.status().events):
            event = _Event()
            self._call("weft_event", index, ctypes.byref(event))
            found.append(BusEvent(EVENTS[event.kind], event.cycle, event.address))
        return found

    def forget_events(self) -> None:
        """Start counting events anew."""
        self._call("weft_forget_events")

    def record_activity(self, on: bool) -> None:
        """Start (forgetting what was recorded) or stop recording the ``activity`` port."""
        self._call("weft_record_activity", int(on))

    def activity(self) -> tuple[np.ndarray, np.ndarray]:
        """Cycles at which the ``activity`` port changed (uint64) and its new values (uint8)."""
        count = self.status().activity
        if count == 0:
            return np.zeros(0, np.uint64), np.zeros(0, np.uint8)
        if self._handle is None:
            raise RuntimeError("the simulated device is closed")
        cycles = self._library.weft_activity_cycles(self._handle)
        values = self._library.weft_activity_values(self._handle)
        return (
            np.ctypeslib.as_array(cycles, shape=(count,)).copy(),
            np.ctypeslib.as_array(values, shape=(count,)).copy(),
        )

    def waves(self, path: Path, start: int, stop: int) -> None:
        """Record cycles ``start`` to ``stop`` (as `Status.cycle` counts) into an FST file."""
        if not self._call("weft_waves", str(path).encode(), start, stop):
            raise RuntimeError(f"waves cannot be written to {path}")

    def waves_window(self, start: int, stop: int) -> None:
        """Move the window of the open file."""
        self._call("weft_waves_window", start, stop)

    def waves_close(self) -> None:
        """Finish the file."""
        self._call("weft_waves_close")
