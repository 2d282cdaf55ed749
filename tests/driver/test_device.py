"""Opening a device, and what its interrupts say."""

import contextlib
import gc

import numpy as np
import pytest

from weft.arch.commands import encode
from weft.arch.errors import Cause
from weft.arch.registers import BY_NAME, MAX_COMMANDS
from weft_driver import Device, DeviceError
from weft_sim.golden import GoldenTransport
from weft_sim.options import parse_options

DEVICES = ["golden:tiny?memory_mib=1", "verilator:tiny?memory_mib=1"]
OUTSIDE = 1 << 30  # no memory there
END = encode("SIGNAL", {"end": 1})
LOAD = encode("LOAD", {"len": 4, "count1": 1, "count2": 1, "src": OUTSIDE})


class Interrupted(GoldenTransport):
    """A chip whose user loses patience once."""

    patience = 0

    def wait_irq(self, timeout_cycles=None):
        self.patience += 1
        if self.patience == 1:
            raise KeyboardInterrupt
        super().wait_irq(timeout_cycles)


def product_is_right(device: Device) -> bool:
    a = np.arange(-20, 22, dtype=np.int8).reshape(6, 7)
    return bool((device.matmul(a, a.T.copy()) == a.astype(int) @ a.T.astype(int)).all())


# --- who answers ---------------------------------------------------------------------------------


class Impostor(GoldenTransport):
    """A chip with one register that reads something else."""

    def __init__(self, name: str, value: int):
        super().__init__(parse_options("tiny?memory_mib=1"), "golden:tiny")
        self.wrong, self.closed = {BY_NAME[name].offset: value}, False

    def read_register(self, offset):
        return self.wrong.get(offset, super().read_register(offset))

    def close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ID", 0xDEADBEEF, "ID reads 0xdeadbeef"),
        ("VERSION", 99, "interface version 99, this driver"),
        ("HASH_LO", 5, "built from another configuration"),
    ],
)
def test_a_chip_that_is_not_what_was_asked_for(monkeypatch, name, value, says):
    transport = Impostor(name, value)
    monkeypatch.setattr("weft_driver.device.open_transport", lambda url: transport)
    with pytest.raises(DeviceError, match=says) as caught:
        Device("golden:tiny?memory_mib=1")
    assert "golden:tiny" in str(caught.value)
    assert transport.closed


def test_a_halted_chip_is_made_ready():
    transport = GoldenTransport(parse_options("tiny?memory_mib=1"), "golden:tiny")
    transport.write(0, LOAD + END)
    transport.write_register(BY_NAME["DOORBELL"].offset, 2)
    transport.wait_irq()
    assert product_is_right(Device(transport))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("base", "no scheme; for example golden:base"),
        ("fpga:base", "unknown device 'fpga:' in 'fpga:base'; devices: golden:, uart:, verilator:"),
        ("golden:huge", "unknown preset 'huge'; presets: .*, or a .toml file"),
        ("golden:tiny,rows=0", "rows = 0 is not valid: a whole number from 1 to 256"),
        ("golden:tiny?memory_mib=0", "memory_mib = '0' is not valid: a whole number from 1"),
    ],
)
def test_urls_that_are_refused(url, says):
    with pytest.raises(ValueError, match=says) as caught:
        Device(url)
    assert "\n" not in str(caught.value)


def test_a_transport_whose_package_is_missing(monkeypatch):
    class Broken:
        def load(self):
            raise ImportError("No module named 'amaranth'")

    monkeypatch.setattr("weft_driver.transport.transports", lambda: {"verilator": Broken()})
    with pytest.raises(RuntimeError, match=r"not installed .*amaranth.*pip install 'weft\[sim,hw"):
        Device("verilator:base")


# --- running -------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", DEVICES)
def test_a_fault_after_the_end_is_told_by_the_next_program(url):
    """A program that does not wait for its own LOAD retires before that fails."""
    with Device(url) as device:
        code = device.tensor(np.frombuffer(LOAD + END, np.uint8))
        golden = isinstance(device.transport, GoldenTransport)
        device.transport.write_register(BY_NAME["PROGRAM"].offset, code.address)
        device.transport.write_register(BY_NAME["DOORBELL"].offset, 2)
        device.transport.wait_irq()
        if not golden:  # the golden chip has no time: its fault came first
            assert device.transport.read_register(BY_NAME["IRQ_STATUS"].offset) == 1
            device.transport.write_register(BY_NAME["IRQ_STATUS"].offset, 1)
            device.transport.device.step(300)
        with pytest.raises(DeviceError, match="an earlier program left a fault behind") as caught:
            product_is_right(device)
        assert "command 0 (LOAD): memory answered a read with an error" in str(caught.value)
        assert (caught.value.cause, caught.value.engine) == (Cause.READ_ERROR, "LOAD")
        assert product_is_right(device)


@pytest.mark.parametrize("url", DEVICES)
def test_a_message_is_not_the_end(url):
    commands = b"".join(
        encode("SIGNAL", fields)
        for fields in (
            {"message": 1},
            *[{"write": 1, "address": 0x8000 + 4 * i, "value": 7} for i in range(100)],
            {"end": 1},
        )
    )
    with Device(url) as device:
        device.run_commands(commands)
        assert device.transport.read(0x8000, 400) == bytes([7, 0, 0, 0]) * 100
        assert product_is_right(device)


@pytest.mark.parametrize("url", DEVICES)
def test_a_halt_leaves_no_memory_behind(url):
    with Device(url) as device:
        gc.disable()  # reference counts are enough
        try:
            with contextlib.suppress(DeviceError):
                device.run_commands(bytes([0xEE]) + LOAD[1:] + END)
        finally:
            used = device.allocator.used
            gc.enable()
        assert used == 0
        assert product_is_right(device)


def test_ctrl_c_stops_the_program():
    device = Device(Interrupted(parse_options("tiny?memory_mib=1"), "golden:tiny"))
    with pytest.raises(KeyboardInterrupt):
        product_is_right(device)
    assert device.transport.read_register(BY_NAME["STATUS"].offset) == 0
    assert device.transport.read_register(BY_NAME["RETIRED"].offset) == 0
    assert product_is_right(device)


@pytest.mark.parametrize("count", [0, MAX_COMMANDS + 1])
def test_a_program_of_too_many_commands(count):
    with Device(DEVICES[0]) as device:
        with pytest.raises(ValueError, match=r"1 to 65,535 can be run") as caught:
            device.execute(0, count)
        assert f"{count:,} commands" in str(caught.value)
        assert product_is_right(device)
