"""The gateware and the simulator on the same program, compared retire by retire of each warp."""

import numpy as np
import pytest

from weft.arch.simt import Launch, Trap
from weft.gateware.simt.sizes import Sizes
from weft.golden.simt import KernelTrap, Simulator
from weft.golden.simt.memory import Memories

from .assembler import Assembler
from .conftest import LONG
from .rtl import Record, Rtl, core_of, why

MEMORY_BYTES = 1 << 16
SHARED_BYTES = 4096
ARGUMENTS = 0x4000
PRIVATE_BASE = 0xC000

TINY = Sizes(
    lanes=1,
    warps=1,
    icache_bytes=128,
    shared_bytes=SHARED_BYTES,
    bus_bytes=4,
    banks=1,
    shared_latency=1,
)
SMALL = Sizes(
    lanes=2,
    warps=4,
    icache_bytes=512,
    shared_bytes=SHARED_BYTES,
    regions=2,
    starvation=5,
    banks=2,
    fp="full",
)
BASE = Sizes(
    lanes=8, warps=16, icache_bytes=4096, shared_bytes=SHARED_BYTES, starvation=20, fp="full"
)
WIDE = Sizes(lanes=4, warps=16, icache_bytes=4096, shared_bytes=SHARED_BYTES, banks=4, starvation=1)


def ids(sizes):
    return f"{sizes.lanes}x{sizes.warps}"


CORES = pytest.mark.parametrize(
    "sizes", [TINY, SMALL, WIDE, BASE] if LONG else [TINY, SMALL], ids=ids
)


class SilentChip:
    """The command port of the bench: it takes any command and posts nothing."""

    def push(self, command: bytes) -> None:
        del command

    def take(self, semaphore: int) -> bool:
        del semaphore
        return False


class Pair:
    """The gateware and the simulator with memories of their own, equal at the start."""

    def __init__(self, sizes: Sizes, seed: int = 0):
        self.sizes, self.core = sizes, core_of(sizes)
        rng = np.random.default_rng(seed)
        self.main = rng.integers(0, 256, MEMORY_BYTES, np.uint8)
        self.shared = rng.integers(0, 256, SHARED_BYTES, np.uint8)
        self.golden_main, self.golden_shared = self.main.copy(), self.shared.copy()
        self.retired = []
        memories = Memories(self.core, self.golden_main, self.golden_shared, port=SilentChip())
        self.simulator = Simulator(self.core, memories, self.retired.append)
        self.rtl = Rtl(sizes, self.main, self.shared)

    def load(self, code: bytes | Assembler) -> None:
        code = code.code() if isinstance(code, Assembler) else code
        for main in (self.main, self.golden_main):
            main[: len(code)] = np.frombuffer(code, np.uint8)

    def run(self, code, cycles=2_000_000, memory=None, what="", same_memory=True, **launch):
        """Run both; compare what retired and what is in memory. Returns the outcome."""
        if code is not None:
            self.load(code)
        kernel = Launch(entry=0, **launch)
        self.rtl.start(kernel, **(memory or {}))
        outcome = self.rtl.run(cycles)
        self.retired.clear()
        trap = None
        try:
            self.counters = self.simulator.run(
                kernel, limit=200_000, placement=self.rtl.placement(kernel)
            )
        except KernelTrap as caught:
            trap = caught
        self.compare(outcome, trap, what)
        if same_memory and trap is None:
            assert np.array_equal(self.main, self.golden_main), what
            assert np.array_equal(self.shared, self.golden_shared), what
        return outcome

    def compare(self, outcome, trap, what):
        expected = {}
        for r in self.retired:
            expected.setdefault(r.warp, []).append(Record(r.pc, r.active, r.rd, r.values))
        got = self.rtl.retired()
        for warp in range(self.sizes.warps):
            mine, theirs = got.get(warp, []), expected.get(warp, [])
            for i, (a, b) in enumerate(zip(mine, theirs, strict=False)):
                assert a == b, f"{what}: warp {warp}, instruction {i}: {a} is not {b}"
            if trap is None:
                assert len(mine) == len(theirs), f"{what}: warp {warp}; {why(outcome)}"
        if trap is None:
            assert outcome.finished, f"{what}: {why(outcome)}"
            for name, count in outcome.counters().items():
                assert count == getattr(self.counters, name), f"{what}: {name}"
        else:
            assert outcome.trap, f"{what}: {why(outcome)}, not {trap}"
            found = (Trap(outcome.cause), outcome.warp, outcome.lane, outcome.pc)
            assert found == (trap.cause, trap.warp, trap.lane, trap.pc), f"{what}: {trap}"


MEMORIES = (
    {},
    {"latency": 3, "spread": 20, "stall": 64},
    {"latency": 0, "spread": 2, "stall": 200},
)
