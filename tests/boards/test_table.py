"""The table of boards, the registers of the link, and URLs of boards."""

import builtins

import pytest

from weft.arch.link import (
    BAUD,
    CHIP_BASE,
    LINK_BASE,
    LINK_REGISTERS,
    MEMORY_BASE,
    WINDOW_BYTES,
    checked,
)
from weft.boards.table import BOARDS, divisor, find_board
from weft_driver import Device
from weft_driver.errors import DeviceError
from weft_driver.link import State


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_board(board):
    sites = board.sites()
    assert len(set(sites.values())) == len(sites), "no pin has two names"
    assert {"clk", "reset", "uart_rx", "uart_tx", "leds[0]"} <= set(sites)
    assert board.memory_bytes.bit_count() == 1
    assert MEMORY_BASE + board.memory_bytes <= CHIP_BASE
    assert abs(board.clock_hz / divisor(board.clock_hz, BAUD) / BAUD - 1) < 0.001
    assert board.config.hash_hex == board.to_json()["config_hash"]
    assert find_board(board.name) is board


def test_the_fpga_s_own_multipliers_make_another_chip():
    for board in BOARDS.values():
        assert board.fpga_config.multiplier == board.family
        assert board.fpga_config == board.config.changed({"multiplier": board.family})


def test_boards_have_different_chips():
    assert len({board.config.hash for board in BOARDS.values()}) == len(BOARDS)


def test_a_board_that_is_not_there():
    with pytest.raises(ValueError, match="unknown board 'arty'; boards: ulx3s, "):
        find_board("arty")


@pytest.mark.parametrize("baud", [8_000_000, 30_000_000])
def test_a_speed_that_a_clock_cannot_make(baud):
    with pytest.raises(ValueError, match="baud is not possible at 12 MHz"):
        divisor(12_000_000, baud)


def test_registers_of_the_link():
    offsets = [register.offset for register in LINK_REGISTERS]
    assert offsets == [4 * i for i in range(len(offsets))]
    assert offsets[-1] < WINDOW_BYTES
    assert CHIP_BASE + WINDOW_BYTES <= LINK_BASE
    for register in LINK_REGISTERS:
        used = [bit for b in register.bits for bit in range(b.lsb, b.lsb + b.bits)]
        assert len(set(used)) == len(used)
        assert max(used, default=0) < 32


def test_state_is_read_field_by_field():
    state = State.of([7, 0x44332251 << 0, 9, 10])
    assert state == State(
        cycles=7,
        irq=True,
        session=0x28,
        refused=0x22,
        framing=0x33,
        forgotten=0x44,
        count=9,
        check=10,
    )


def test_checksum_sees_order_place_and_value():
    words = [1, 2, 3]
    whole = checked(0, 100, words)
    assert whole == checked(checked(0, 100, words[:1]), 101, words[1:])
    others = [checked(0, 100, [2, 1, 3]), checked(0, 101, words), checked(0, 100, [1, 2, 7])]
    assert whole not in others
    assert checked(0, 100, words, step=0) != whole
    assert checked(0x8000_0001, 0, [0]) == 0x30


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("uart:", "needs the name of a serial port"),
        ("uart:/dev/x?speed=9600", "unknown option 'speed' of a board; options: baud, timeout, "),
        ("uart:/dev/x?baud=fast", "baud = 'fast' is not valid: a number from 300 to"),
        ("uart:/dev/x?timeout=0", "timeout = '0' is not valid"),
        ("uart:/dev/x?config=huge", "unknown preset 'huge'"),
    ],
)
def test_urls_that_are_wrong(url, message):
    with pytest.raises(ValueError, match=message):
        Device(url)


def test_a_port_that_is_not_there():
    with pytest.raises(DeviceError, match="uart:/dev/does-not-exist cannot be opened"):
        Device("uart:/dev/does-not-exist")


def test_without_pyserial(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **options):
        if name == "serial":
            raise ImportError("No module named 'serial'")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        RuntimeError, match=r"pip install 'weft\[uart\]', or Debian package python3"
    ):
        Device("uart:/dev/ttyUSB0")
