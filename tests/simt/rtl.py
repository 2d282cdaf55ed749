"""The SIMT core as gateware, Verilated, beside the simulator that says what it should do."""

import ctypes
import weakref
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from weft import emit
from weft.arch.simt import ARGUMENTS, Core, Launch, Trap
from weft.gateware.simt.passes import COUNTS
from weft.gateware.simt.sizes import Sizes, row_bits
from weft_sim.build import build_library

from .bench_core import BenchCore

DRIVER = Path(__file__).parent / "native" / "core.cpp"
TOP = "top"

EVENT = np.dtype(
    [(name, "<u4") for name in ("cycle", "kind", "warp", "pc", "mask", "rd")]
    + [("values", "<u4", 8)]
)


class LaunchFields(ctypes.Structure):
    """As in the harness."""

    _fields_ = (
        *(
            (name, ctypes.c_uint32)
            for name in ("entry", "shared", "shared_base", "private", "private_base")
        ),
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("arguments", ctypes.c_uint32 * ARGUMENTS),
    )


class Options(ctypes.Structure):
    """How memory answers: latency in cycles, a random part, standstills of 256."""

    _fields_ = (
        ("seed", ctypes.c_uint64),
        ("latency", ctypes.c_uint32),
        ("spread", ctypes.c_uint32),
        ("stall", ctypes.c_uint32),
    )


class Outcome(ctypes.Structure):
    """How a run ended."""

    _fields_ = (
        *(
            (name, ctypes.c_uint32)
            for name in (
                "finished", "trap", "cause", "warp", "lane", "pc", "cycles", "issued",
                "active_lanes",
            )
        ),
        ("counts", ctypes.c_uint32 * (len(COUNTS) + 1)),
    )  # fmt: skip

    def counters(self) -> dict[str, int]:
        """Counters, by their names in `weft.golden.simt.Counters`."""
        memory = dict(zip((*COUNTS, "memory_beats"), self.counts, strict=True))
        return {"issued": self.issued, "active_lanes": self.active_lanes, **memory}


@cache
def library(sizes: Sizes) -> ctypes.CDLL:
    """The harness of a core."""
    text = emit.component_verilog(BenchCore(sizes), TOP)
    defines = {
        "LANES": sizes.lanes,
        "WARPS": sizes.warps,
        "BUS_BYTES": sizes.bus_bytes,
        "BANKS": sizes.banks,
        "SHARED_LATENCY": sizes.shared_latency,
        "ROW_BITS": row_bits(sizes),
        "REGION_ROWS": sizes.region_bytes // 4 // sizes.banks,
    }
    loaded = ctypes.CDLL(str(build_library(TOP, text, DRIVER, defines=defines)))
    loaded.simt_open.restype = ctypes.c_void_p
    loaded.simt_events.restype = ctypes.c_uint64
    return loaded


def core_of(sizes: Sizes) -> Core:
    """The same core for the simulator."""
    return Core(
        lanes=sizes.lanes,
        warps=sizes.warps,
        has_float=sizes.fp == "full",
        starvation=sizes.starvation,
        shared_bytes=sizes.shared_bytes,
        region_bytes=sizes.region_bytes,
        bank_words=sizes.banks,
        bus_bytes=sizes.bus_bytes,
    )


@dataclass(frozen=True)
class Record:
    """One retired instruction of one warp."""

    pc: int
    active: int
    rd: int
    values: tuple[int, ...]


class Rtl:
    """A core with its memories.

    Parameters
    ----------
    sizes
        Of the core.
    main, shared
        Memories, flat uint8; changed in place.
    """

    def __init__(self, sizes: Sizes, main: np.ndarray, shared: np.ndarray):
        self.sizes = sizes
        self.main, self.shared = main, shared
        self._lib = library(sizes)
        self._bench = ctypes.c_void_p(
            self._lib.simt_open(
                main.ctypes.data_as(ctypes.c_void_p), len(main),
                shared.ctypes.data_as(ctypes.c_void_p), len(shared),
            )
        )  # fmt: skip
        self.close = weakref.finalize(self, self._lib.simt_close, self._bench)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def reset(self) -> None:
        """Reset the core and forget what memory owes it."""
        self._lib.simt_reset(self._bench)

    def start(self, launch: Launch, seed=0, latency=0, spread=0, stall=0) -> None:
        """Offer a kernel."""
        fields = LaunchFields()
        for name, kind in LaunchFields._fields_:
            value = getattr(launch, name)
            if isinstance(value, tuple):
                value = kind(*value)
            setattr(fields, name, value)
        how = Options(seed, latency, spread, stall)
        self._lib.simt_start(self._bench, ctypes.byref(fields), ctypes.byref(how))

    def run(self, cycles: int) -> Outcome:
        """Go on until the kernel has ended or trapped, at most so many cycles."""
        outcome = Outcome()
        self._lib.simt_run(self._bench, ctypes.c_uint64(cycles), ctypes.byref(outcome))
        return outcome

    def events(self) -> np.ndarray:
        """What has happened since the last start."""
        first = ctypes.c_void_p()
        count = self._lib.simt_events(self._bench, ctypes.byref(first))
        if not count:
            return np.zeros(0, EVENT)
        buffer = (ctypes.c_char * (count * EVENT.itemsize)).from_address(first.value)
        return np.frombuffer(bytes(buffer), EVENT)

    def retired(self) -> dict[int, list[Record]]:
        """Retired instructions by warp."""
        by_warp: dict[int, list[Record]] = defaultdict(list)
        lanes = self.sizes.lanes
        for e in self.events():
            if e["kind"] == 0:
                rd = int(e["rd"])
                values = tuple(e["values"][:lanes].tolist()) if rd else ()
                by_warp[int(e["warp"])].append(Record(int(e["pc"]), int(e["mask"]), rd, values))
        return by_warp

    def placement(self, launch: Launch) -> list[int]:
        """The slot that each block was given."""
        slots = [0] * launch.blocks
        size = launch.warps_per_block(core_of(self.sizes))
        for e in self.events():
            if e["kind"] == 1:
                x, y, z = int(e["pc"]), int(e["mask"]), int(e["rd"])
                block = x + launch.grid[0] * (y + launch.grid[1] * z)
                slots[block] = int(e["warp"]) // size
        return slots


def why(outcome: Outcome) -> str:
    """A sentence about a run."""
    if outcome.trap:
        return (
            f"{Trap(outcome.cause).name} in warp {outcome.warp} lane {outcome.lane} at "
            f"{outcome.pc:#010x} after {outcome.cycles} cycles"
        )
    return f"finished = {outcome.finished} after {outcome.cycles} cycles"
