"""The memory port: all clients against cocotbext-axi's memory, and its arbitration."""

import itertools
import random
from collections import deque
from typing import Any

import cocotb
import context
from axi_memory import AxiMemory
from cocotb.triggers import FallingEdge, ReadOnly
from cocotbext.axi import AxiBus, AxiRam

from weft.gateware.memory_port import clients

config = context.config
parameters = context.parameters
BUS = config.bus_bytes
MEMORY_BYTES = 1 << 15
READERS, WRITERS = clients(config)
HALF = MEMORY_BYTES // 2


def draw_burst(rng: random.Random, low: int, high: int) -> tuple[int, int]:
    """Address and beats of a burst that stays inside and crosses no 4 KiB."""
    address = rng.randrange(low // BUS, high // BUS) * BUS
    room = min(4096 - address % 4096, high - address) // BUS
    return address, min(rng.choice([1, 2, 16, rng.randint(1, 16)]), room)


class Reader:
    """A read client: requests bursts, checks what comes."""

    def __init__(self, dut: Any, name: str, bursts: list, data: bytes, rng: random.Random):
        self.dut, self.name, self.rng, self.data = dut, name, rng, data
        self.bursts = deque(bursts)
        self.expected = deque(
            (data[a + i * BUS : a + (i + 1) * BUS], i == n - 1) for a, n in bursts for i in range(n)
        )
        self.offered = False
        self.requests: list[int] = []
        self._set("beat_ready", 0)

    def _set(self, name: str, value: int) -> None:
        getattr(self.dut, f"{self.name}_{name}").value = value

    def _get(self, name: str) -> int:
        return int(getattr(self.dut, f"{self.name}_{name}").value)

    def drive(self, stall: float) -> None:
        if not self.offered:
            self.offered = bool(self.bursts) and self.rng.random() >= stall
            if self.offered:
                address, beats = self.bursts[0]
                self._set("burst_payload", address | (beats - 1) << 32)
            self._set("burst_valid", self.offered)
        self._set("beat_ready", self.rng.random() >= stall)

    def sample(self, cycle: int) -> None:
        if self.offered and self._get("burst_ready"):
            self.requests.append(cycle)
            self.bursts.popleft()
            self.offered = False
        if self._get("beat_valid") and self._get("beat_ready"):
            value = self._get("beat_payload")
            wanted, last = self.expected.popleft()
            assert value & (1 << 8 * BUS) - 1 == int.from_bytes(wanted, "little"), self.name
            assert value >> 8 * BUS & 1 == 0, f"{self.name}: error"
            assert value >> 8 * BUS + 1 == last, f"{self.name}: last"

    @property
    def done(self) -> bool:
        return not self.expected


class Writer(Reader):
    """A write client: requests bursts and sends their beats, perhaps before the request."""

    def __init__(self, dut: Any, name: str, bursts: list, data: bytearray, rng: random.Random):
        self.dut, self.name, self.rng = dut, name, rng
        self.bursts = deque(bursts)
        self.beats: deque[int] = deque()
        self.answers = len(bursts)
        self.offered = self.sends = False
        self.requests = []
        for address, beats in bursts:
            for i in range(beats):
                value, strobe = rng.randbytes(BUS), rng.getrandbits(BUS)
                at = address + i * BUS
                for j in range(BUS):
                    if strobe >> j & 1:
                        data[at + j] = value[j]
                self.beats.append(int.from_bytes(value, "little") | strobe << 8 * BUS)

    def drive(self, stall: float) -> None:
        if not self.offered:
            self.offered = bool(self.bursts) and self.rng.random() >= stall
            if self.offered:
                address, beats = self.bursts[0]
                self._set("burst_payload", address | (beats - 1) << 32)
            self._set("burst_valid", self.offered)
        if not self.sends:
            self.sends = bool(self.beats) and self.rng.random() >= stall
            if self.sends:
                self._set("beat_payload", self.beats[0])
            self._set("beat_valid", self.sends)

    def sample(self, cycle: int) -> None:
        if self.offered and self._get("burst_ready"):
            self.requests.append(cycle)
            self.bursts.popleft()
            self.offered = False
        if self.sends and self._get("beat_ready"):
            self.beats.popleft()
            self.sends = False
        if self._get("done_valid"):
            assert not self._get("done_payload"), "error"
            self.answers -= 1

    @property
    def done(self) -> bool:
        return not self.bursts and not self.beats and not self.answers


def quiet(dut) -> None:
    """No client wants anything."""
    for name in (*READERS, *WRITERS):
        getattr(dut, f"{name}_burst_valid").value = 0
    for name in READERS:
        getattr(dut, f"{name}_beat_ready").value = 1
    for name in WRITERS:
        getattr(dut, f"{name}_beat_valid").value = 0


@cocotb.test()
async def random_bursts(dut):
    """All clients at once, against a memory that someone else wrote."""
    rng = context.rng("random")
    stall = parameters["stall"]
    dut.rst.value = 1
    quiet(dut)
    ram = AxiRam(AxiBus.from_prefix(dut, "axi"), dut.clk, dut.rst, size=MEMORY_BYTES)
    data = bytearray(rng.randbytes(MEMORY_BYTES))
    ram.write(0, bytes(data))
    if stall:
        draws = random.Random(rng.getrandbits(32))
        for channel in (
            ram.write_if.aw_channel,
            ram.write_if.w_channel,
            ram.write_if.b_channel,
            ram.read_if.ar_channel,
            ram.read_if.r_channel,
        ):
            channel.set_pause_generator(draws.random() < stall for _ in itertools.count())
    await context.start(dut)
    # Reads below, writes above, each writer's apart: nothing orders them.
    count = parameters["bursts"]
    all_clients: list[Reader] = [
        Reader(dut, name, [draw_burst(rng, 0, HALF) for _ in range(count)], bytes(data), rng)
        for name in READERS
    ]
    share = HALF // len(WRITERS)
    for number, name in enumerate(WRITERS):
        low = HALF + number * share
        bursts = [draw_burst(rng, low, low + share) for _ in range(count)]
        all_clients.append(Writer(dut, name, bursts, data, rng))
    for cycle in range(100 * count):
        await FallingEdge(dut.clk)
        for client in all_clients:
            client.drive(stall)
        await ReadOnly()
        for client in all_clients:
            client.sample(cycle)
        if all(client.done for client in all_clients):
            break
    assert all(client.done for client in all_clients), "bursts are missing"
    for _ in range(3):
        await FallingEdge(dut.clk)
    assert not int(dut.outstanding.value)
    assert ram.read(0, MEMORY_BYTES) == bytes(data)


@cocotb.test()
async def takes_turns(dut):
    """A request passes in the cycle in which it is offered; two that insist alternate."""
    rng = context.rng("turns")
    quiet(dut)
    await context.start(dut)
    data = bytearray(rng.randbytes(MEMORY_BYTES))
    memory = AxiMemory(dut, BUS, data, latency=4, outstanding=1000)
    both = [draw_burst(rng, 0, HALF) for _ in range(40)]
    lists = {"fetch": [(a, 1) for a, _ in both[:10]], "load": [(a, 1) for a, _ in both]}
    all_clients: list[Reader] = [
        Reader(dut, name, bursts, bytes(data), rng) for name, bursts in lists.items()
    ]
    writes = [(HALF + i * BUS, 1) for i in range(30)]
    writer = Writer(dut, "store", writes, bytearray(data), rng)
    all_clients.append(writer)
    events = {name: 0 for name in ("read_beat", "read_stall", "write_beat", "write_stall")}
    for cycle in range(120):
        await FallingEdge(dut.clk)
        memory.drive()
        for client in all_clients:
            client.drive(0)
        await ReadOnly()
        memory.sample()
        for client in all_clients:
            client.sample(cycle)
        for name in events:
            events[name] += int(getattr(dut, name).value)
    fetch, load, store = all_clients
    assert fetch.requests == list(range(0, 20, 2))
    assert load.requests == [*range(1, 20, 2), *range(20, 50)]
    # Write requests wait only while 16 of them wait for their data.
    assert store.requests == list(range(30))
    first = memory.write_beats[0]
    assert first == 1
    assert memory.write_beats == list(range(first, first + 30))
    assert events["read_beat"] == 50
    assert events["write_beat"] == 30
    assert all(client.done for client in all_clients)
