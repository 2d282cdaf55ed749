"""The C++ memory model against the Python one, cycle by cycle, under random traffic."""

import ctypes
import os
import random
import re
from pathlib import Path

import pytest

import weft_sim.memory_model
from weft.arch.memory import MemoryTiming
from weft_sim import build
from weft_sim.memory_model import MemoryModel
from weft_sim.native_device import pack_timing

CYCLES = 20_000 if os.environ.get("WEFT_LONG") else 3_000
FLAGS = ("arready", "awready", "wready", "rvalid", "rlast", "bvalid")


class NativeModel:
    """`memory.h` behind the interface of `MemoryModel`."""

    def __init__(self, timing: MemoryTiming):
        self.trace = ctypes.CDLL(str(build.build_native(build.NATIVE / "memory_trace.cpp")))
        self.trace.trace_open.restype = ctypes.c_void_p
        self.trace.trace_violations.restype = ctypes.c_uint64
        self.handle = ctypes.c_void_p(
            self.trace.trace_open(ctypes.byref(pack_timing(timing, 0.0, 1)))
        )

    def begin(self):
        bits = self.trace.trace_begin(self.handle)
        return {name: bool(bits >> i & 1) for i, name in enumerate(FLAGS)}

    def end(self, *shown):
        self.trace.trace_end(self.handle, *map(int, shown))

    def close(self):
        violations = self.trace.trace_violations(self.handle)
        self.trace.trace_close(self.handle)
        assert violations == 0


class Traffic:
    """A chip that asks at random, keeps AXI's rules, and may send W before its AW."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.busy = {
            name: self.random.choice((0.05, 0.3, 0.9, 1.0)) for name in ["r", "w", "rr", "br"]
        }
        self.ar = self.aw = 0
        self.to_address: list[int] = []
        self.to_send: list[int] = []
        self.sending = False

    def show(self):
        chance = self.random.random
        if not self.ar and chance() < self.busy["r"]:
            self.ar = self.random.randint(1, 16)
        if len(self.to_send) < 3 and chance() < self.busy["w"]:
            beats = self.random.randint(1, 16)
            self.to_address.append(beats)
            self.to_send.append(beats)
        if not self.aw and self.to_address and chance() < 0.7:
            self.aw = self.to_address.pop(0)
        self.sending = bool(self.to_send) and (self.sending or chance() < 0.8)
        last = self.sending and self.to_send[0] == 1
        rready, bready = chance() < self.busy["rr"], chance() < self.busy["br"]
        return self.ar, self.aw, self.sending, last, rready, bready

    def clock(self, memory):
        if memory["arready"]:
            self.ar = 0
        if memory["awready"]:
            self.aw = 0
        if self.sending and memory["wready"]:
            self.to_send[0] -= 1
            if self.to_send[0] == 0:
                self.to_send.pop(0)
            self.sending = False


TIMINGS = [
    MemoryTiming(),
    MemoryTiming(latency=1),
    MemoryTiming(latency=200, outstanding=64),
    MemoryTiming(latency=3, outstanding=1),
    MemoryTiming(latency=7, outstanding=4, read_interval=3, write_interval=2),
]


@pytest.mark.parametrize("timing", TIMINGS, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_equal_in_every_cycle(timing, seed):
    python, native, traffic = MemoryModel(timing), NativeModel(timing), Traffic(seed)
    seen = dict.fromkeys(FLAGS, 0)
    for cycle in range(CYCLES):
        expected = python.begin()
        assert native.begin() == expected, f"cycle {cycle}, seed {seed}"
        shown = traffic.show()
        python.end(*shown)
        native.end(*shown)
        traffic.clock(expected)
        for name, value in expected.items():
            seen[name] += value
    native.close()
    assert all(seen.values()), seen


def test_the_contract_in_numbers():
    """First R beat 40 cycles after its AR, then one a cycle; B 40 cycles after the last W beat."""
    model, shows = MemoryModel(), []
    for cycle in range(100):
        shows.append(model.begin())
        model.end(4 * (cycle == 0), 2 * (cycle == 0), cycle in (0, 1), cycle == 1, True, True)
    assert [t for t, shown in enumerate(shows) if shown["rvalid"]] == [40, 41, 42, 43]
    assert [t for t, shown in enumerate(shows) if shown["rlast"]] == [43]
    assert [t for t, shown in enumerate(shows) if shown["bvalid"]] == [41]


def test_sixteen_open_bursts_then_no_more():
    model = MemoryModel()
    accepted = 0
    for _ in range(40):
        accepted += model.begin()["arready"]
        model.end(16, 0, False, False, True, True)
    assert accepted == 16


def test_docs_show_this_model():
    page = (Path(__file__).parents[2] / "docs" / "memory_model.md").read_text()
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert Path(weft_sim.memory_model.__file__).read_text() in code
