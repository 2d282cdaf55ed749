"""The golden chip through registers and memory, as the driver sees it."""

import numpy as np
import pytest

from weft.arch.commands import Engine
from weft.arch.errors import Cause
from weft.arch.layouts import pack_b
from weft.arch.registers import BY_NAME, COUNTERS, ID_VALUE, INTERFACE_VERSION
from weft.golden.faults import RaceError
from weft_sim.golden import GoldenTransport, open_golden

from .programs import END, TINY, load_act, matmul, sems, signal
from .test_chip import A, B, Y, gemm, operands

DONE, ERROR, MESSAGE = 1, 2, 4


@pytest.fixture
def device() -> GoldenTransport:
    return open_golden("tiny?memory_mib=2")


def get(device: GoldenTransport, name: str) -> int:
    return device.read_register(BY_NAME[name].offset)


def put(device: GoldenTransport, name: str, value: int) -> None:
    device.write_register(BY_NAME[name].offset, value)


def ring(device: GoldenTransport, *commands: bytes, address: int = 0) -> None:
    device.write(address, b"".join(commands))
    put(device, "PROGRAM", address)
    put(device, "DOORBELL", len(commands))


def test_after_reset(device):
    assert get(device, "ID") == ID_VALUE
    assert get(device, "VERSION") == INTERFACE_VERSION
    assert get(device, "HASH_LO") | get(device, "HASH_HI") << 32 == TINY.hash
    assert get(device, "IRQ_ENABLE") == 7
    for name in ("STATUS", "CTRL", "IRQ_STATUS", "ERROR", "PROGRAM", "DOORBELL", "RETIRED"):
        assert get(device, name) == 0
    assert not any(get(device, name.upper()) for name, _ in COUNTERS)
    assert (device.url, device.timed, device.memory_bytes) == (
        "golden:tiny?memory_mib=2",
        False,
        2 << 20,
    )


def test_a_product(device):
    a, b, expected = operands(TINY, 5, 9, 11)
    device.write(A, a.tobytes())
    device.write(B, memoryview(pack_b(TINY, b, np.zeros)))
    ring(device, *gemm(TINY, 5, 9, 11, int32=1))
    assert get(device, "STATUS") == 1
    device.wait_irq()
    assert (get(device, "STATUS"), get(device, "RETIRED")) == (0, 1)
    assert get(device, "IRQ_STATUS") == DONE
    result = np.frombuffer(device.read(Y, expected.size * 4), "<i4").reshape(expected.shape)
    assert np.array_equal(result, expected)
    put(device, "IRQ_STATUS", DONE)
    assert get(device, "IRQ_STATUS") == 0


def test_queue_of_programs(device):
    for i in range(3):
        ring(device, signal(write=1, address=Y + 4 * i, value=i + 1), END, address=128 * i)
    assert get(device, "STATUS") == 1 | 2 << 2
    with pytest.raises(RuntimeError, match="refused the write of register 0x028"):
        put(device, "DOORBELL", 1)
    with pytest.raises(RuntimeError, match="in flight"):
        put(device, "CTRL", 1)
    for i in range(3):
        device.wait_irq()
        assert get(device, "RETIRED") == i + 1
        put(device, "IRQ_STATUS", DONE)
        words = np.frombuffer(device.read(Y, 12), "<u4").tolist()
        assert words == [1, 2, 3][: i + 1] + [0] * (2 - i)
    with pytest.raises(TimeoutError, match="no program is running"):
        device.wait_irq()


def test_waiting_without_clearing_makes_progress(device):
    for _ in range(2):
        ring(device, END)
    device.wait_irq()
    device.wait_irq()
    assert get(device, "RETIRED") == 2


def test_interrupt_enable(device):
    put(device, "IRQ_ENABLE", MESSAGE)
    ring(device, END)
    ring(device, signal(message=1, end=1), address=64)
    device.wait_irq()
    assert get(device, "IRQ_STATUS") == DONE | MESSAGE
    assert get(device, "RETIRED") == 2
    put(device, "IRQ_ENABLE", 0xFFFFFFFF)
    assert get(device, "IRQ_ENABLE") == 7


def test_halt_and_clear(device):
    bad = load_act(len=1, src=1 << 30, post=sems(2))
    ring(device, load_act(len=1, post=sems(1)), bad, END)
    ring(device, END, address=256)
    device.wait_irq()
    assert get(device, "IRQ_STATUS") == ERROR
    assert get(device, "STATUS") == 2
    assert get(device, "ERROR") == Cause.READ_ERROR | Engine.LOAD << 4 | 1 << 16
    assert device.fault is not None
    assert "LOAD reads memory bytes" in str(device.fault)
    with pytest.raises(RuntimeError, match="refused"):
        put(device, "DOORBELL", 1)
    put(device, "IRQ_STATUS", ERROR)
    put(device, "CTRL", 0)
    assert get(device, "STATUS") == 2
    put(device, "CTRL", 1)
    assert (get(device, "STATUS"), get(device, "ERROR"), get(device, "RETIRED")) == (0, 0, 0)
    ring(device, matmul(wait=sems(1)), END)  # the post before the error is forgotten
    device.wait_irq()
    assert get(device, "ERROR") == Cause.DEADLOCK | Engine.MATMUL << 4
    put(device, "CTRL", 1)
    put(device, "IRQ_STATUS", ERROR)
    ring(device, END)
    device.wait_irq()
    assert (get(device, "IRQ_STATUS"), get(device, "RETIRED")) == (DONE, 1)


def test_a_race_is_raised_and_forgotten(device):
    ring(device, load_act(len=4, post=sems(1)), matmul(), END)
    ring(device, END, address=256)
    with pytest.raises(RaceError, match="race: command 1"):
        device.wait_irq()
    assert get(device, "STATUS") == 0
    ring(
        device, load_act(len=4, post=sems(1)), matmul(wait=sems(1), post=sems(2)), signal(2, end=1)
    )
    device.wait_irq()
    assert (get(device, "IRQ_STATUS"), get(device, "RETIRED")) == (DONE, 1)


@pytest.mark.parametrize("count", [0, 65536])
def test_doorbell_counts(device, count):
    with pytest.raises(RuntimeError, match="refused"):
        put(device, "DOORBELL", count)


def test_refused_registers(device):
    with pytest.raises(RuntimeError, match="read only"):
        put(device, "ID", 0)
    with pytest.raises(RuntimeError, match="no such register"):
        device.read_register(0xFFC)
    with pytest.raises(ValueError, match="outside the device memory"):
        device.read((2 << 20) - 1, 2)
    with pytest.raises(ValueError, match="outside the device memory"):
        device.write(-1, b"1")


def test_urls():
    device = open_golden("tiny,rows=8?latency=100&memory_mib=1&seed=5&stall=0.5")
    assert (device.config.rows, device.memory_bytes) == (8, 1 << 20)
    assert np.array_equal(device.chip.state.act, open_golden("tiny,rows=8?seed=5").chip.state.act)
    for rest, match in (
        ("nope", "unknown preset"),
        ("tiny?speed=3", "unknown option 'speed'"),
        ("tiny,colour=3", "unknown Config field"),
        ("tiny?waves=a.fst", "no cycles"),
    ):
        with pytest.raises(ValueError, match=match):
            open_golden(rest)
