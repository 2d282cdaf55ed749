"""The simulated device on a stand-in: registers, memory, faults, checks, reset, waves."""

import numpy as np
import pytest

from weft.arch.memory import MemoryTiming
from weft_sim.verilator import ProtocolError

from . import copier


@pytest.mark.parametrize("spec", ["tiny", "tiny,bus_bytes=8", "base", "base,bus_bytes=64"])
def test_copies_at_every_kind_of_width(open_copier, copy, spec):
    device = open_copier(spec)
    assert copy(device, beats=min(16, 4096 // device.config.bus_bytes))
    assert device.bus_events() == []


def test_registers(open_copier):
    device = open_copier()
    assert device.read_register(copier.ID) == 0x12345678
    device.write_register(copier.SOURCE, 0xCAFE0004)
    assert device.read_register(copier.SOURCE) == 0xCAFE0004
    with pytest.raises(RuntimeError, match="refused the write of register 0x040"):
        device.write_register(0x40, 0)


@pytest.mark.parametrize("seed", range(4))
def test_copies_under_stalls(open_copier, copy, seed):
    device = open_copier(f"tiny?stall=0.{seed + 3}&seed={seed}&latency={1 + 7 * seed}")
    assert copy(device, bursts=8, seed=seed)
    assert device.bus_events() == []


def test_stalls_repeat_with_their_seed(open_copier, copy):
    def cycles(seed):
        device = open_copier(f"tiny?stall=0.5&seed={seed}")
        assert copy(device)
        return device.run_cycles

    assert cycles(1) == cycles(1) != cycles(2)


def test_timing_changes_at_run_time(open_copier, copy):
    device = open_copier("tiny")
    beats, bursts = 8, 4
    spent = []
    for timing in (
        MemoryTiming(),
        MemoryTiming(latency=200),
        MemoryTiming(read_interval=3),
        MemoryTiming(write_interval=4),
    ):
        device.set_timing(timing)
        before = device.run_cycles
        assert copy(device, beats=beats, bursts=bursts)
        spent.append(device.run_cycles - before)
        device.write_register(copier.ACK, 1)
    default, slow, reads, writes = spent
    assert slow - default == bursts * 2 * (200 - MemoryTiming().latency)
    assert reads - default == bursts * (beats - 1) * 2
    assert writes - default == bursts * (beats - 1) * 3


def test_strobes_leave_bytes_alone(open_copier, copy):
    device = open_copier()
    device.write(1 << 16, bytes(256))
    device.write_register(copier.BREAK, 0b0101 << copier.LEAVE)
    assert not copy(device)
    source, target = np.split(device.memory[[range(256), range(1 << 16, (1 << 16) + 256)]], 2)
    source = source.reshape(-1, 4).copy()
    source[:, [0, 2]] = 0
    np.testing.assert_array_equal(target.reshape(-1, 4), source)


def test_injected_errors(open_copier, copy):
    device = open_copier()
    beat = device.config.bus_bytes
    device.inject_errors(read=range(4 * beat, 6 * beat))
    assert copy(device)
    assert device.read_register(copier.ERRORS) == 2, "one for each beat in the range"
    device.write_register(copier.ACK, 1)

    before = device.read(0x8000, 16 * beat)
    device.inject_errors(write=range(0x8000, 0x8001))
    assert not copy(device, target=0x8000)
    assert device.read_register(copier.ERRORS) == 3
    assert device.read(0x8000, 16 * beat) == before, "a failed write writes nothing"
    device.write_register(copier.ACK, 1)

    device.inject_errors()
    assert copy(device, target=0x8000)
    assert device.read_register(copier.ERRORS) == 3
    assert device.bus_events() == []


def test_outside_memory_is_answered_with_an_error_and_noted(open_copier):
    device = open_copier("tiny?memory_mib=1")
    for offset, value in (
        (copier.SOURCE, 1 << 20),
        (copier.TARGET, (1 << 20) - 64),
        (copier.BEATS, 2),
        (copier.BURSTS, 1),
    ):
        device.write_register(offset, value)
    device.wait_irq(1000)
    assert device.read_register(copier.ERRORS) == 2
    events = device.bus_events()
    assert [(e.what, e.address) for e in events] == [
        ("access outside memory", 1 << 20),
        ("access outside memory", (1 << 20) + 4),
    ]


@pytest.mark.parametrize(
    ("message", "settings"),
    [
        ("crosses a 4 KiB boundary", {copier.SOURCE: 4096 - 8}),
        ("more than 16 beats", {copier.BEATS: 17}),
        ("not INCR, full width and aligned", {copier.SOURCE: 2}),
        ("WLAST does not match", {copier.BREAK: copier.BREAK_LAST}),
        ("changed or was withdrawn", {copier.BREAK: copier.BREAK_STABLE}),
    ],
)
def test_breaches_of_the_protocol_are_errors(open_copier, message, settings):
    device = open_copier("tiny?outstanding=1&stall=0.9")
    defaults = {copier.SOURCE: 0, copier.TARGET: 1 << 16, copier.BEATS: 4}
    for offset, value in {**defaults, **settings, copier.BURSTS: 3}.items():
        device.write_register(offset, value)
    with pytest.raises(ProtocolError, match=message):
        device.wait_irq(5000)


def test_timeout_then_run_on(open_copier, copy):
    device = open_copier("tiny?latency=1000")
    device.write_register(copier.BEATS, 1)
    device.write_register(copier.BURSTS, 1)
    start = device.run_cycles
    with pytest.raises(TimeoutError, match="no interrupt within 500 cycles"):
        device.wait_irq(500)
    assert device.run_cycles - start == 500
    device.wait_irq(5000)
    device.wait_irq(0)


def test_reset_in_the_middle(open_copier, copy):
    device = open_copier()
    device.write(0x30, b"stays")
    device.write_register(copier.BEATS, 16)
    device.write_register(copier.TARGET, 1 << 16)
    device.write_register(copier.BURSTS, 100)
    with pytest.raises(TimeoutError):
        device.wait_irq(777)
    device.reset()
    assert device.read(0x30, 5) == b"stays"
    assert device.read_register(copier.BURSTS) == 0
    with pytest.raises(TimeoutError):
        device.wait_irq(1000)
    assert copy(device, seed=9)
    assert device.bus_events() == []


def test_memory_bounds(open_copier):
    device = open_copier("tiny?memory_mib=1")
    device.write((1 << 20) - 2, b"ab")
    assert device.read((1 << 20) - 2, 2) == b"ab"
    with pytest.raises(ValueError, match="outside the device memory of 0x100000 bytes"):
        device.write((1 << 20) - 1, b"ab")
    with pytest.raises(ValueError, match="outside the device memory"):
        device.read(-1, 2)


def test_activity_is_one_entry_a_change(open_copier, copy):
    device = open_copier()
    device.record_activity()
    assert copy(device, bursts=3)
    cycles, values = device.activity()
    assert cycles.dtype == np.uint64
    assert values.dtype == np.uint8
    assert np.all(np.diff(cycles.astype(np.int64)) > 0)
    assert np.all(np.diff(values.astype(int)) != 0)
    # Each burst: request, data, request, data, response.
    assert "".join(map(str, values)).count("01234") == 3


def test_waves_of_a_window(open_copier, copy, tmp_path):
    path = tmp_path / "deeper" / "copy.fst"
    device = open_copier(f"tiny?waves={path}")
    assert copy(device)
    device.close()
    whole = path.stat().st_size
    assert path.read_bytes()[0] == 0, "an FST file begins with its header block"
    view = path.with_suffix(".gtkw").read_text()
    assert "TOP.harness.chip.m_axi_araddr[31:0]" in view

    device = open_copier(f"tiny?waves={path}&window=5:10")
    device.waves(path, 20, 40)
    assert copy(device)
    device.close()
    assert 0 < path.stat().st_size < whole


def test_a_closed_device_says_so(open_copier):
    device = open_copier()
    device.close()
    with pytest.raises(RuntimeError, match="closed"):
        device.read_register(0)


def test_progress_is_called_between_slices(open_copier):
    device = open_copier()
    seen = []
    device.on_progress = seen.append
    with pytest.raises(TimeoutError):
        device.wait_irq(250_000)
    assert len(seen) == 3
