"""The STORE engine behind the memory port, against the golden model."""

import random
from collections import deque
from typing import Any

import cocotb
import context
import numpy as np
from dma import MEMORY_BYTES, STRESS, Bench, Case, check_posts, compare, new_state, run_golden

from weft.arch.commands import SIGNAL
from weft.arch.errors import Cause
from weft.golden.state import Place

config = context.config
parameters = context.parameters
LATENCY: int = parameters["read_latency"]


class ActMemory:
    """The activation SRAM's side of STORE's port: data stand for one cycle, at their time."""

    def __init__(self, bench: Bench, state: Any):
        self.bench, self.port = bench, bench.port
        self.act = state.act
        self.grants: list[int] = []
        self._due: deque[tuple[int, int]] = deque()
        bench.drivers.append(self.drive)
        bench.samplers.append(self.sample)

    def drive(self) -> None:
        width = 8 * config.act_row_bytes
        value = self.bench.rng.getrandbits(width)
        if self._due and self._due[0][0] == self.bench.cycle:
            value = self._due.popleft()[1]
        self.port.act_data.value = value
        self.port.act_ready.value = not self.bench.rests()

    def sample(self) -> None:
        port = self.port
        if not (int(port.act_valid.value) and int(port.act_ready.value)):
            return
        region, offset = int(port.act_region.value), int(port.act_offset.value)
        span = config.act_region_span
        assert region < config.act_regions
        row = bytearray(self.bench.rng.randbytes(config.act_row_bytes))
        for i in range(config.act_row_bytes):
            at = (offset + i) % span
            if at < config.act_region_bytes:
                row[i] = self.act[region * span + at]
        self.grants.append(self.bench.cycle)
        self._due.append((self.bench.cycle + LATENCY, int.from_bytes(row, "little")))


class Strobes:
    """Collects ``message`` and ``end``."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.seen: list[tuple[int, int, int]] = []  # (cycle, message, end)
        bench.samplers.append(self.sample)

    def sample(self) -> None:
        message, end = int(self.bench.port.message.value), int(self.bench.port.end.value)
        if message or end:
            self.seen.append((self.bench.cycle, message, end))


def draw(rng: random.Random, large: bool = False) -> dict[str, int]:
    """Fields of a random STORE; many are refused by the golden model."""
    bus, span = config.bus_bytes, config.act_region_span
    values = {
        "post": rng.getrandbits(16),
        "len": rng.choice([bus, 2 * bus, rng.randint(1, bus), rng.randint(1, 4 * bus)]),
        "count1": rng.choice([1, rng.randint(1, 12)]),
        "count2": rng.choice([1, rng.randint(1, 4)]),
    }
    if large:
        values |= {"len": rng.randint(1, 70 * bus), "count1": rng.randint(1, 2), "count2": 1}
    for name in ("stride1", "stride2"):
        values[name] = rng.choice(
            [values["len"], 4096, rng.randint(-300, 300), bus * rng.randint(-8, 8)]
        )
    reach = [
        i1 * values["stride1"] + i2 * values["stride2"]
        for i1 in (0, values["count1"] - 1)
        for i2 in (0, values["count2"] - 1)
    ]
    low, high = -min(reach), MEMORY_BYTES - max(reach) - values["len"]
    size = values["len"]
    return values | {
        "dst": rng.randint(low, max(low, high)),
        "src": rng.randrange(config.act_regions * span),
        "src_stride1": rng.choice([size, 0, -size, rng.randint(-size, size)]),
        "src_stride2": rng.choice([size * values["count1"], span, -span, rng.randint(-99, 99)]),
    }


def legal(rng: random.Random, state: Any, large: bool = False) -> Case:
    """A random STORE that the golden model carries out, run on ``state``."""
    for _ in range(1000):
        values = draw(rng, large)
        if 0 <= values["dst"] < MEMORY_BYTES:
            case = run_golden(state, "STORE", values)
            if case.fault is None:
                return case
    raise AssertionError("no legal command found")


def signal(rng: random.Random, state: Any, end: int = 0) -> Case:
    """A random SIGNAL, run on ``state``."""
    values = {
        "write": rng.getrandbits(1),
        "message": rng.getrandbits(1),
        "end": end,
        "address": 4 * rng.randrange(MEMORY_BYTES // 4),
        "value": rng.getrandbits(32),
        "post": rng.getrandbits(16),
    }
    return run_golden(state, "SIGNAL", values)


async def begin(dut: Any, rng: random.Random, **options: Any) -> tuple[Bench, ActMemory, Any]:
    """Reset, a bench, its SRAM, and a golden state with the same contents."""
    await context.start(dut)
    state = new_state(rng)
    bench = Bench(dut, "store", bytearray(state.memory.tobytes()), rng, **options)
    return bench, ActMemory(bench, state), state


def memory_of(bench: Bench) -> dict[Place, Any]:
    return {Place.MEMORY: np.frombuffer(bytes(bench.memory.data), np.uint8)}


@cocotb.test()
async def random_commands(dut):
    """STOREs and SIGNALs back to back: effects, posts, strobes, order."""
    rng = context.rng("random")
    for options in STRESS:
        bench, _, state = await begin(dut, rng, **options)
        strobes = Strobes(bench)
        cases = []
        for i in range(parameters["commands"]):
            case = signal(rng, state) if rng.random() < 0.15 else legal(rng, state, i % 4 == 0)
            cases.append(case)
        cases.append(signal(rng, state, end=1))
        check_posts(bench, cases, lambda bench=bench: memory_of(bench))
        for i, case in enumerate(cases):
            bench.give(case.raw, i)
        await bench.finish(len(cases))
        compare(memory_of(bench), state)
        wanted = [
            (bench.posts[i][0] - 1, case.command["message"], case.command["end"])
            for i, case in enumerate(cases)
            if case.command.command is SIGNAL and (case.command["message"] or case.command["end"])
        ]
        assert strobes.seen == wanted


FAULTS = {
    "len": ("STORE", {"len": 0, "count1": 1, "count2": 1}),
    "count1": ("STORE", {"len": 4, "count1": 0, "count2": 1}),
    "count2": ("STORE", {"len": 4, "count1": 1, "count2": 0}),
    "act_end": (
        "STORE",
        {"len": 5, "count1": 1, "count2": 1, "src": config.act_region_bytes - 4},
    ),
    "act_second": (
        "STORE",
        {
            "len": 5,
            "count1": 3,
            "count2": 1,
            "src": config.act_region_bytes - 10,
            "src_stride1": 3,
            "stride1": 64,
        },
    ),
    "act_region": (
        "STORE",
        {
            "len": 4,
            "count1": 2,
            "count2": 1,
            "src": config.act_regions * config.act_region_span,
        },
    ),
    "write": ("STORE", {"len": 16, "count1": 4, "count2": 1, "dst": MEMORY_BYTES, "stride1": 16}),
    "address": ("SIGNAL", {"write": 1, "address": 0x102, "end": 1}),
    "signal_write": ("SIGNAL", {"write": 1, "address": MEMORY_BYTES, "end": 1}),
}
"""Commands that fault, by what is wrong with them."""


@cocotb.test()
async def faults(dut):
    """Each fault: cause and index; everything before it is done; then the engine is quiet."""
    rng = context.rng("faults")
    for name, (kind, values) in FAULTS.items():
        for stall in (0, 0.4):
            bench, _, state = await begin(dut, rng, stall=stall, latency=9)
            strobes = Strobes(bench)
            cases = [legal(rng, state) for _ in range(rng.randint(0, 5))]
            bad = run_golden(state, kind, values)
            assert bad.fault is not None, name
            check_posts(bench, cases, lambda bench=bench: memory_of(bench))
            first = rng.randrange(1000)
            after = [legal(rng, new_state(rng)) for _ in range(2)]
            for i, case in enumerate([*cases, bad, *after]):
                bench.give(case.raw, first + i)
            await bench.until(lambda bench=bench: bool(bench.faults))
            for _ in range(rng.randint(0, 3)):
                await bench.step()
            await bench.halt()
            assert len(bench.posts) == len(cases), name
            assert [f[1:] for f in bench.faults] == [(bad.fault.cause, first + len(cases))], name
            assert not strobes.seen


@cocotb.test()
async def write_errors(dut):
    """An error response is reported with the command that it belongs to."""
    rng = context.rng("errors")
    for _ in range(parameters["repeat"]):
        bench, _, state = await begin(
            dut, rng, stall=rng.choice([0, 0.3]), latency=rng.choice([1, 3, 30])
        )
        cases = [legal(rng, state) for _ in range(8)]
        victim = rng.randrange(len(cases))
        beats = [_beats(case) for case in cases]
        target = sum(beats[:victim]) + rng.randrange(beats[victim])
        count = [0]

        def fails(address: int, write: bool, count=count, target=target) -> bool:
            count[0] += 1
            return count[0] - 1 == target

        bench.memory.fails = fails
        for i, case in enumerate(cases):
            bench.give(case.raw, i)
        await bench.until(lambda bench=bench: bool(bench.faults))
        await bench.halt()
        assert [f[1:] for f in bench.faults] == [(Cause.WRITE_ERROR, victim)]
        assert len(bench.posts) == victim


def _beats(case: Case) -> int:
    c, bus = case.command, config.bus_bytes
    return sum(
        -(-((c["dst"] + i2 * c["stride2"] + i1 * c["stride1"]) % bus + c["len"]) // bus)
        for i2 in range(c["count2"])
        for i1 in range(c["count1"])
    )


@cocotb.test()
async def abort(dut):
    """Abort at any moment: bursts are completed with strobes zero, then nothing moves."""
    rng = context.rng("abort")
    for _ in range(parameters["repeat"]):
        bench, _, state = await begin(
            dut, rng, stall=rng.choice([0, 0.5]), latency=rng.choice([1, 30])
        )
        strobes = Strobes(bench)
        for i in range(6):
            bench.give(legal(rng, state, large=i % 2 == 0).raw, i)
        for _ in range(rng.randint(1, 150)):
            await bench.step()
        bench.abort = 1
        await bench.step()  # a beat that memory has seen may be written in this cycle ...
        await bench.step()  # ... or one whose burst was asked for in it ...
        while any(
            int(getattr(dut, f"axi_{way}valid").value)
            and not int(getattr(dut, f"axi_{way}ready").value)
            for way in ("aw", "w")
        ):
            await bench.step()  # ... or as soon as it is taken
        await bench.step()
        memory = bytes(bench.memory.data)
        await bench.halt()
        assert bytes(bench.memory.data) == memory, "written after abort"
        assert not bench.faults
        assert not strobes.seen


@cocotb.test()
async def throughput(dut):
    """A beat a cycle, no cycles between rows and between commands; SIGNAL follows at once."""
    bus, latency = config.bus_bytes, 40
    rng = context.rng("throughput")
    beats_of = min(64, config.act_region_bytes // bus)
    long = {"len": beats_of * bus, "count1": 1, "count2": 1}
    unaligned = {**long, "dst": 1, "len": beats_of * bus - bus}
    rows = {"len": bus, "count1": 10, "count2": 1, "stride1": 4 * bus, "src_stride1": bus}
    table = {
        "one": ([long], beats_of),
        "unaligned": ([unaligned], beats_of),
        "rows": ([rows], 10),
        "twice": ([long, long], 2 * beats_of),
        "rows twice": ([rows, rows], 20),
    }
    # From a command to its first read; from a post to that of the SIGNAL behind it.
    to_read, to_signal = (3, 3) if config.held_commands else (4, 1)
    for name, (commands, beats) in table.items():
        if config.held_commands and len(commands) > 1:
            continue  # the second one begins when the first one is done
        bench, act, state = await begin(dut, rng, latency=latency, outstanding=64)
        strobes = Strobes(bench)
        cases = [run_golden(state, "STORE", values) for values in commands]
        assert not any(case.fault for case in cases), name
        cases.append(run_golden(state, "SIGNAL", {"end": 1}))
        for i, case in enumerate(cases):
            bench.give(case.raw, i)
        await bench.until(lambda bench=bench, cases=cases: len(bench.posts) == len(cases))
        compare(memory_of(bench), state)
        first = bench.taken[0]
        assert bench.memory.writes[0][0] == first + 2, f"{name}: first AW {bench.memory.writes}"
        # Bursts of a beat: the next command's rows come one cycle later.
        wait = [i >= 10 and name == "rows twice" for i in range(beats)]
        wanted = [first + to_read + i + wait[i] for i in range(beats)]
        assert act.grants == wanted, f"{name}: {act.grants}"
        wanted = [cycle + LATENCY + 1 for cycle in wanted]
        assert bench.memory.write_beats == wanted, f"{name}: W in {bench.memory.write_beats}"
        answer = wanted[-1] + latency
        posts = [answer + 1, answer + 1 + to_signal]
        assert [post[0] for post in bench.posts[-2:]] == posts, name
        assert strobes.seen == [(posts[1] - 1, 0, 1)], name
