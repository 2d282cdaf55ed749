"""The real chip in the simulated device: what only a simulation can show."""

import numpy as np
import pytest

from weft.arch.registers import BINS, BY_NAME, ID_VALUE
from weft_driver import Device
from weft_sim.verilator import open_verilator

NOT_RUNNING = 7
ENGINES = ("load", "matmul", "drain", "store")


@pytest.fixture
def transport():
    opened = open_verilator("tiny")
    yield opened
    opened.close()


def operands(seed, m=13, k=22, n=9):
    random = np.random.default_rng(seed)
    a = random.integers(-128, 128, (m, k), dtype=np.int8)
    b = random.integers(-128, 128, (k, n), dtype=np.int8)
    return a, b, a.astype(np.int64) @ b.astype(np.int64)


def test_registers(transport):
    assert transport.read_register(BY_NAME["ID"].offset) == ID_VALUE
    low, high = (transport.read_register(BY_NAME[f"HASH_{x}"].offset) for x in ("LO", "HI"))
    assert high << 32 | low == transport.config.hash


@pytest.mark.parametrize("query", ["", "?stall=0.5&seed=3", "?latency=1", "?outstanding=1"])
def test_products_are_right_in_any_memory(query):
    with Device(f"verilator:tiny{query}") as device:
        a, b, expected = operands(seed=len(query))
        np.testing.assert_array_equal(device.matmul(a, b), expected)


def test_reset_in_the_middle_of_a_run(transport):
    device = Device(transport)
    a, b, expected = operands(seed=5)
    np.testing.assert_array_equal(device.matmul(a, b), expected)
    cycles = device.last_run.cycles
    for after in range(1, cycles, max(1, cycles // 7)):
        # The program of the last product is still in memory: started by hand, and cut off.
        transport.write_register(BY_NAME["DOORBELL"].offset, 100)
        transport.device.step(after)
        transport.reset()
        assert transport.read_register(BY_NAME["STATUS"].offset) == 0
        assert transport.read_register(BY_NAME["ERROR"].offset) == 0
        np.testing.assert_array_equal(device.matmul(a, b), expected, err_msg=f"cut after {after}")
    assert transport.bus_events() == []


def test_activity_agrees_with_the_counters(transport):
    device = Device(transport)
    a, b, expected = operands(seed=6, m=30)
    transport.record_activity()
    np.testing.assert_array_equal(device.matmul(a, b), expected)
    cycles, values = transport.activity()
    lengths = np.diff(np.append(cycles, transport.cycle).astype(np.int64))
    bins = values >> 4 & 7
    counters = device.last_run.counters
    for number, name in enumerate(BINS):
        assert lengths[bins == number].sum() == counters[name], name
    assert lengths[bins != NOT_RUNNING].sum() == counters["cycles"]
    for bit, name in enumerate(ENGINES):
        busy = (values >> bit & 1 == 1) & (bins != NOT_RUNNING)
        assert lengths[busy].sum() == counters[f"{name}_busy"] > 0, name


def test_window_of_waves_counts_from_the_doorbell(tmp_path):
    path = tmp_path / "waves.fst"
    with Device(f"verilator:tiny?waves={path}&window=100:200") as device:
        a, b, expected = operands(seed=7)
        np.testing.assert_array_equal(device.matmul(a, b), expected)
    assert path.with_suffix(".gtkw").is_file()
    whole = tmp_path / "whole.fst"
    with Device(f"verilator:tiny?waves={whole}") as device:
        np.testing.assert_array_equal(device.matmul(a, b), expected)
    assert 0 < path.stat().st_size < whole.stat().st_size


def test_simulation_speed_is_measured(transport):
    device = Device(transport)
    a, b, _ = operands(seed=8)
    before = transport.run_cycles, transport.run_seconds
    device.matmul(a, b)
    cycles, seconds = transport.run_cycles - before[0], transport.run_seconds - before[1]
    assert cycles == pytest.approx(device.last_run.cycles, abs=20)
    assert seconds > 0
