"""Kernels on the whole chip: RTL against the golden chip, whatever the memory does meanwhile."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft import emit
from weft.arch.commands import encode
from weft.arch.memory import MemoryTiming
from weft.arch.registers import KERNEL_COUNTERS
from weft.config import Config
from weft.gateware.simt.icache import GENERATION_BITS
from weft.golden.faults import ProgramError
from weft_driver import Device
from weft_driver.errors import DeviceError
from weft_driver.run import Run
from weft_driver.tensors import Tensor
from weft_sim.build import build_chip
from weft_sim.options import parse_options
from weft_sim.verilator import VerilatorTransport

from .conftest import few

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

SOURCE = Path(__file__).with_name("kernels.c")
SPEC = "tiny?memory_mib=1"
SIMT_BUSY, ARRAY_BUSY = 1 << 7, 0b1111
"""Bits of `Chip.activity`."""

STALLS = st.sampled_from([0.0, 0.1, 0.5])


@pytest.fixture(scope="module")
def both():
    """The golden chip and RTL, each with the kernels."""
    devices = [Device(f"{kind}:{SPEC}") for kind in ("golden", "verilator")]
    return [(device, device.load_kernels(SOURCE)) for device in devices]


def counted(run: Run) -> dict[str, int]:
    """What does not depend on time."""
    return {name: run.kernel[name] for name, _ in KERNEL_COUNTERS}


def check_bins(run: Run) -> None:
    """Every cycle of the kernels is in one bin."""
    assert run.kernel_bins is not None
    assert sum(run.kernel_bins.values()) == run.kernel_cycles
    assert run.kernel_bins["issued"] == run.kernel["issued"]


def check_same(both, name, grid, block, arguments, **more) -> Run:
    """The same arrays and counters from both; the run of RTL."""
    runs, arrays = [], []
    for device, kernels in both:
        values = [v.copy() if isinstance(v, np.ndarray) else v for v in arguments]
        runs.append(device.launch(kernels[name], grid, block, values, **more))
        arrays.append([v for v in values if isinstance(v, np.ndarray)])
    for golden, rtl in zip(*arrays, strict=True):
        np.testing.assert_array_equal(golden, rtl)
    assert counted(runs[0]) == counted(runs[1])
    check_bins(runs[1])
    return runs[1]


@settings(max_examples=few(25, 400), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    n=st.integers(1, 70),
    rounds=st.integers(0, 3),
    grid=st.tuples(st.integers(1, 4), st.integers(1, 3)),
    block=st.sampled_from([(1,), (2,), (3,), (8,), (5,), (2, 3), (1, 2, 3), (2, 2, 2), (7,)]),
    latency=st.integers(1, 60),
    stall=STALLS,
    seed=st.integers(0, 99),
)
def test_any_launch_in_any_memory(both, n, rounds, grid, block, latency, stall, seed):
    both[1][0].transport.set_timing(MemoryTiming(latency=latency), stall, seed)
    x = np.random.default_rng(seed).integers(0, 1 << 32, n, dtype=np.uint32)
    y = np.zeros(n, np.uint32)
    shared = 4 * int(np.prod(block))
    check_same(both, "mix", grid, block, [n, rounds, x, y], shared=shared)


def test_atomics(both):
    x = np.random.default_rng(1).integers(0, 256, 99, dtype=np.uint8)
    bins = np.zeros(16, np.uint32)
    run = check_same(both, "count", 1, 7, [len(x), x, bins], shared=64)
    assert run.kernel["bank_conflicts"] > 0


def test_kernels_between_and_beside_products(both):
    """Array and core at work at the same time, on memories that they share."""
    device, kernels = both[1]
    rng = np.random.default_rng(4)
    a, b = (rng.integers(-128, 128, (24, 24)).astype(np.int8) for _ in range(2))
    wanted = a.astype(np.int64) @ b.astype(np.int64)
    for stall in (0.0, 0.3):
        device.transport.set_timing(MemoryTiming(latency=20), stall, 5)
        numbers = device.tensor(np.arange(200, dtype=np.int32))
        with device.program() as p:
            first = p.matmul(device.tensor(a), device.tensor(b))
            p.launch(kernels["twice"], 4, 8, [200, numbers])
            second = p.matmul(device.tensor(a), device.tensor(b))
            p.launch(kernels["twice"], 2, 8, [24 * 24, first])
        device.transport.record_activity()
        run = p.run()
        _, busy = device.transport.activity()
        at_once = (busy & SIMT_BUSY != 0) & (busy & ARRAY_BUSY != 0)
        assert at_once.any(), "the core has worked while another engine did"
        np.testing.assert_array_equal(first.numpy(), 2 * wanted)
        np.testing.assert_array_equal(second.numpy(), wanted)
        np.testing.assert_array_equal(numbers.numpy(), 2 * np.arange(200))
        check_bins(run)
        assert sum(run.bins.values()) == run.cycles


def test_the_thread_that_leaves_memory_is_named(both):
    texts = []
    for device, kernels in both:
        where = device.tensor(np.zeros(4, np.uint32))
        with pytest.raises(DeviceError) as caught:
            device.launch(kernels["far"], 2, 4, [where])
        texts.append(str(caught.value))
        product_is_right(device)
    assert texts[0].partition(": LAUNCH")[0] == texts[1].partition(": LAUNCH")[0]
    assert "memory answered with an error" in texts[1]
    assert "thread (1, 0, 0) of block (1, 0, 0)" in texts[1]
    assert "kernels.c:" in texts[1]


def product_is_right(device: Device) -> None:
    a = np.arange(-60, 60, dtype=np.int8).reshape(10, 12)
    assert (device.matmul(a, a.T) == a.astype(np.int64) @ a.T.astype(np.int64)).all()


DRAINED, STORED = 8, 9
"""Semaphores of commands that kernels push; the program of one launch uses none but the first."""


def product_commands(a: Tensor, b: Tensor, c: Tensor) -> np.ndarray:
    """Commands of the product of two 4 x 4 matrices on an array of the same size."""
    whole = {"count1": 1, "count2": 1}
    rows = {"len": 4, "count1": 4, "count2": 1, "stride1": 4, "dst_stride1": 1}
    loops = dict.fromkeys(("blocks", "k0", "k1", "k2", "m1", "m2"), 1)
    commands = [
        encode("LOAD", {**whole, "len": 16, "src": a.address, "post": 1 << 4}),
        encode("LOAD", {**rows, "src": b.address, "space": 1, "post": 1 << 5}),
        encode(
            "MATMUL",
            {**loops, "m0": 4, "m0_stride": 4, "k_tail": 4, "wait": 3 << 4, "post": 1 << 6},
        ),
        encode(
            "DRAIN",
            {"rows": 4, "blocks": 1, "cols_last": 4, "int32": 1, "dst": 64, "dst_stride": 16}
            | {"wait": 1 << 6, "post": 1 << 7 | 1 << DRAINED},
        ),
        encode(
            "STORE",
            {**whole, "len": 64, "src": 64, "dst": c.address, "wait": 1 << 7}
            | {"post": 1 << STORED},
        ),
    ]
    return np.frombuffer(b"".join(commands), np.uint32)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_a_kernel_has_the_array_multiply(both, stall):
    both[1][0].transport.set_timing(MemoryTiming(latency=20), stall, 8)
    rng = np.random.default_rng(3)
    a, b = (rng.integers(-128, 128, (4, 4)).astype(np.int8) for _ in range(2))
    wanted = 3 * (a.astype(np.int32) @ b.astype(np.int32))
    for device, kernels in both:
        a_, b_, c = device.tensor(a), device.tensor(b), device.tensor(np.zeros((4, 4), np.int32))
        commands = product_commands(a_, b_, c)
        for _ in range(2):
            arguments = [len(commands) // 16, commands, STORED, 16, c]
            device.launch(kernels["conduct"], 1, 3, arguments, pushes=True, limit=50_000)
            np.testing.assert_array_equal(c.numpy(), wanted)


def test_a_kernel_that_waits_for_too_little_is_a_race(both):
    device, kernels = both[0]
    c = device.tensor(np.zeros((4, 4), np.int32))
    a = device.tensor(np.zeros((4, 4), np.int8))
    commands = product_commands(a, a, c)
    for semaphore, says in ((DRAINED, "race: .*STORE"), (11, "which nothing posts")):
        with pytest.raises(ProgramError, match=says):
            device.launch(kernels["conduct"], 1, 3, [5, commands, semaphore, 16, c], pushes=True)
        product_is_right(device)


COPY = {"len": 4, "count1": 1, "count2": 1}


@pytest.mark.parametrize(
    ("command", "pushes", "says"),
    [
        (encode("SIGNAL", {"message": 1}), True, "malformed command"),
        (bytes(63) + b"\x01", True, "malformed command"),
        (encode("LOAD", COPY), False, "malformed command"),
        (encode("LOAD", COPY | {"dst": 1 << 20}), True, "outside an SRAM"),
    ],
)
def test_bad_commands_of_kernels(both, command, pushes, says):
    for device, kernels in both:
        x = device.tensor(np.zeros(1, np.int32))
        arguments = [1, np.frombuffer(command, np.uint32), STORED, 1, x]
        with pytest.raises(DeviceError, match=says):
            device.launch(kernels["conduct"], 1, 1, arguments, pushes=pushes, limit=50_000)
        product_is_right(device)


def test_a_kernel_that_pushes_is_a_program_of_its_own(both):
    device, kernels = both[0]
    x = device.tensor(np.zeros(1, np.int32))
    p = device.program()
    p.launch(kernels["twice"], 1, 1, [1, x])
    p.launch(kernels["conduct"], 1, 1, [0, None, 9, 1, x], pushes=True)
    with pytest.raises(ValueError, match="make its launch a program of its own"):
        p.run()


@pytest.mark.parametrize("reset", [False, True])
def test_stopped_at_any_time(both, reset):
    """A kernel given up by the driver, or cut by a hard reset, leaves nothing behind."""
    device, kernels = both[1]
    device.transport.set_timing(MemoryTiming(latency=10), 0.2, 3)
    flag = device.tensor(np.zeros(1, np.int32))
    for cycles in range(1, few(900, 3000), 61):
        with pytest.raises(DeviceError, match="did not finish within"):
            device.launch(kernels["forever"], 2, 3, [flag], limit=cycles)
        if reset:
            device.transport.reset()
        x = np.zeros(9, np.uint32)
        check_same(both, "mix", 2, 4, [9, 1, np.arange(9, dtype=np.uint32), x], shared=16)


def test_more_kernels_than_their_numbers(both):
    """The instruction cache has forgotten the kernel before when its numbers come again."""
    y = np.arange(9, dtype=np.uint32)
    for _ in range((1 << GENERATION_BITS) + 2):
        check_same(both, "mix", 2, 4, [9, 1, y, np.zeros(9, np.uint32)], shared=16)


def test_an_idle_core_may_stand_still():
    """The simulator stops the clock of a core that has nothing to do: no cycle is different."""
    spec = "tiny,rows=1,cols=1,act_kib=1,bus_bytes=8"
    config = Config.parse(spec)
    plain = build_chip(config, emit.emit_verilog(config))
    options = parse_options(f"{spec}?memory_mib=1")
    runs = []
    for library in (None, plain):
        device = Device(VerilatorTransport(options, "verilator:", library))
        kernels = device.load_kernels(SOURCE)
        rng = np.random.default_rng(2)
        seen = []
        for n in (1, 13, 40):
            x, y = rng.integers(0, 1 << 32, n, dtype=np.uint32), np.zeros(n, np.uint32)
            run = device.launch(kernels["mix"], 3, 5, [n, 2, x, y], shared=32)
            seen.append((y.tolist(), run.kernel, run.cycles))
            product_is_right(device)
            seen.append(device.last_run.cycles)
        runs.append(seen)
    assert runs[0] == runs[1]
