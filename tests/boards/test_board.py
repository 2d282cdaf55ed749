"""A whole board, pins to pins, its serial line opened by the driver through pyserial."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest

from weft.arch.commands import encode
from weft.arch.link import CHIP_BASE, FRAME_HEAD, LINK_BASE, LINK_BY_NAME, LINK_ID, Frame
from weft.arch.registers import BY_NAME, ID_VALUE
from weft_bench.digits import LEAST_FLOAT_ACCURACY, quantise, train_float
from weft_bench.digits_run import run_layers
from weft_driver import Device
from weft_driver.errors import DeviceError, LinkError
from weft_driver.link import frame
from weft_sim.board import Fault, SimulatedBoard

from .conftest import EFFORT, LONG

IMAGES, BATCH = (540, 60) if LONG else (20, 20)
"""Digits, and how many of them at a time: the commands for more do not fit the board's memory."""

LONG_LOAD = encode("LOAD", {"len": 4, "count1": 200, "count2": 200})
"""A command that takes a quarter of a million cycles, and so many of them."""
COMMANDS = 16


def operands(m: int, n: int, k: int, seed: int = 1):
    rng = np.random.default_rng(seed)
    return (rng.integers(-128, 128, shape, dtype=np.int8) for shape in ((m, k), (k, n)))


@contextlib.contextmanager
def impatient(device: Device, timeout: float = 1.0):
    """For what is to fail: a simulated board may be slow, and else has all the time it wants."""
    link = device.transport._link
    patient, link._timeout = link._timeout, timeout
    try:
        yield
    finally:
        link._timeout = patient


def product_is_right(device: Device, m: int = 9, n: int = 7, k: int = 10) -> bool:
    a, b = operands(m, n, k)
    return bool((device.matmul(a, b) == a.astype(np.int32) @ b.astype(np.int32)).all())


def test_what_answers_is_the_board(board, device):
    assert device.config == board.config
    assert device.transport.memory_bytes == board.board.memory_bytes
    assert device.transport.clock_hz == board.board.clock_hz
    assert device.url == board.url


def test_product(device):
    a, b = operands(40, 24, 32)
    assert (device.matmul(a, b) == a.astype(np.int32) @ b.astype(np.int32)).all()
    run = device.last_run
    assert run.cycles == sum(run.bins.values())
    assert run.macs == 40 * 24 * 32


def test_digits(device):
    network = train_float()
    int8 = quantise(network)
    images = int8.quantise_input(network.held_out[:IMAGES])
    right = 0
    for start in range(0, IMAGES, BATCH):
        x = images[start : start + BATCH]
        outputs = run_layers(device, int8, x)
        for found, expected in zip(outputs, int8.reference(x), strict=True):
            assert (found == expected).all()
        right += int((outputs[-1].argmax(1) == network.labels[start : start + BATCH]).sum())
    if LONG:
        assert right / IMAGES > LEAST_FLOAT_ACCURACY - 0.01


@pytest.mark.parametrize("address", range(4))
@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 8, 1021] if LONG else [0, 1, 5])
def test_memory_keeps_bytes_beside_those_written(device, address, size):
    memory = bytearray(os.urandom(80 + size))
    device.transport.write(0x400, memory)
    data = os.urandom(size)
    device.transport.write(0x400 + 20 + address, data)
    memory[20 + address : 20 + address + size] = data
    assert device.transport.read(0x400, len(memory)) == memory
    assert device.transport.read(0x400 + 20 + address, size) == data


def test_more_than_one_group_of_frames(device):
    data = os.urandom(17_000)
    device.transport.write(0x1000, data)
    assert device.transport.read(0x1000, len(data)) == data


def test_refused_accesses(device):
    with pytest.raises(RuntimeError, match="read of register 0xffc was refused"):
        device.transport.read_register(0xFFC)
    with pytest.raises(RuntimeError, match="write of register 0x000 was refused"):
        device.transport.write_register(BY_NAME["ID"].offset, 1)
    with pytest.raises(ValueError, match="outside the device memory"):
        device.transport.read(device.transport.memory_bytes - 2, 4)
    assert device.transport.read_register(BY_NAME["ID"].offset) == ID_VALUE


def test_errors_of_the_chip_come_through(device):
    with pytest.raises(DeviceError, match="malformed"):
        device.run_commands(b"\xff" * 64)
    assert product_is_right(device)


def test_a_program_that_takes_too_long_is_stopped(device):
    with pytest.raises(TimeoutError, match="no interrupt within 100 cycles"):
        device.transport.wait_irq(100)


def test_a_program_of_a_driver_that_went_away_is_stopped(board):
    with Device(board.url) as gone:
        gone.transport.write(0, LONG_LOAD * COMMANDS)
        gone.transport.write_register(BY_NAME["PROGRAM"].offset, 0)
        gone.transport.write_register(BY_NAME["DOORBELL"].offset, COMMANDS)
        assert gone.transport.read_register(BY_NAME["STATUS"].offset) & 1
    with Device(board.url) as device:
        assert product_is_right(device)


# --- faults --------------------------------------------------------------------------------------

FAULTS = [
    (Fault.CUT, 0, 1),  # the command of a frame
    (Fault.CUT, 7, 30),  # in its data
    (Fault.CUT, FRAME_HEAD + 1, 2000),  # and all that follows
    (Fault.NOISE, 0, 3),
    (Fault.NOISE, 7, 30),
    (Fault.RESET, 3, 0),
    (Fault.RESET, 40, 0),
]


CASES = [(what, *fault) for fault in FAULTS for what in ("write", "read", "program")]


@pytest.mark.parametrize(
    ("what", "kind", "after", "line_bytes"), CASES if LONG else CASES[::5] + CASES[-3:]
)
def test_a_fault_is_reported_and_the_device_goes_on(board, device, what, kind, after, line_bytes):
    data = os.urandom(1000)
    device.transport.write(0, data)

    def read_often() -> None:  # until the fault falls into a request
        for _ in range(20):
            assert device.transport.read(0, len(data)) == data

    actions = {
        "write": lambda: device.transport.write(0, data),
        "read": read_often,
        "program": lambda: product_is_right(device),
    }
    board.fault(kind, after, line_bytes)
    with pytest.raises(LinkError) as caught, impatient(device):
        actions[what]()
    assert "does not answer" not in str(caught.value)
    assert caught.value.was_reset == (kind is Fault.RESET)
    assert product_is_right(device)


@pytest.mark.parametrize(
    "rubbish", [b"\x00", b"\xff" * 5, b"\x01", b"\x02\xff\x00", b"\x03\x01\x00"]
)
def test_rubbish_before_a_frame(board, rubbish):
    import serial

    with serial.Serial(board.port, timeout=1) as port:
        port.write(rubbish)
    with Device(board.url.replace("timeout=20", "timeout=2")) as device:
        assert device.transport.read_register(BY_NAME["ID"].offset) == ID_VALUE


def test_a_board_that_is_switched_off():
    with SimulatedBoard("icebreaker") as board:
        device = Device(board.url.replace("timeout=20", "timeout=0.2"))
    with pytest.raises(LinkError, match="does not answer"):
        device.transport.read(0, 4)


def test_an_error_in_a_frame_is_found_by_its_checksum(board, device, monkeypatch):
    """Bits that change on the way, in a byte that still is a byte."""
    link = device.transport._link
    send = link._send

    def disturbed(data: bytes) -> None:
        send(data[:8] + bytes([data[8] ^ 4]) + data[9:] if len(data) > 50 else data)

    monkeypatch.setattr(link, "_send", disturbed)
    with pytest.raises(LinkError, match="what arrived is not what was sent; the link works again"):
        device.transport.write(0, bytes(100))


def test_litex_frames_by_hand(board):
    """The wire format itself, as LiteX's tools write it."""
    import serial

    with serial.Serial(board.port, timeout=5) as port:

        def read(address: int, words: int, command: Frame = Frame.READ) -> list[int]:
            port.write(frame(command, address, words))
            data = port.read(4 * words)
            return [int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4)]

        assert frame(Frame.READ, CHIP_BASE, 1) == bytes.fromhex("02 01 3c 00 00 00")
        assert read(CHIP_BASE, 1) == [ID_VALUE]
        assert read(LINK_BASE + LINK_BY_NAME["LINK_ID"].offset, 1) == [LINK_ID]
        port.write(frame(Frame.WRITE, 0x100, 3) + bytes(range(1, 13)))
        assert read(0x100, 3) == [0x01020304, 0x05060708, 0x090A0B0C]
        port.write(frame(Frame.WRITE_FIXED, 0x104, 2) + bytes(range(21, 29)))
        assert read(0x100, 3) == [0x01020304, 0x191A1B1C, 0x090A0B0C]
        assert read(0x104, 2, Frame.READ_FIXED) == [0x191A1B1C] * 2
        port.write(frame(Frame.WRITE, 0x100, 0))
        assert read(0x108, 1) == [0x090A0B0C]


# --- the other boards ----------------------------------------------------------------------------


@pytest.mark.skipif(not LONG, reason="builds a simulator for each; WEFT_LONG=1 runs it")
@pytest.mark.parametrize("name", ["ulx3s", "nano20k"])
def test_other_boards(name):
    with SimulatedBoard(name) as board, Device(board.url) as device:
        device.effort = EFFORT
        assert product_is_right(device, 40, 24, 32)
        a, b = operands(40, 24, 32)
        total = a.astype(np.int32) @ b.astype(np.int32)
        scaled = np.clip(np.rint(total / 1024), -128, 127)
        assert (device.matmul(a, b, scale=np.float32(2**-10)) == scaled).all()
        if device.config.lanes:
            kernels = device.load_kernels(Path(__file__).with_name("add.c"))
            x, y = np.arange(50, dtype=np.int32), np.arange(50, dtype=np.int32) ** 2
            z = np.zeros_like(x)
            device.launch(kernels["add"], 3, 8, [50, x, y, z])
            assert (z == x + y).all()
