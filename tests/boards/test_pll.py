"""Clocks of PLLs: their dividers, and boards that have one."""

import dataclasses

import pytest

from weft.boards.files import board_verilog
from weft.boards.table import BOARDS
from weft.config import Config
from weft.gateware.primitives.models import pll_model
from weft.gateware.primitives.pll import PLLS, Dividers

MHZ = 1_000_000


@pytest.mark.parametrize(
    ("family", "clocks", "dividers"),
    [
        ("ecp5", (25, 50), (1, 2, 12)),  # as ecppll chooses them
        ("ecp5", (25, 40), (5, 8, 15)),
        ("ecp5", (25, 100), (1, 4, 6)),
        ("ice40", (12, 30), (1, 80, 32)),  # as icepll does
        ("ice40", (12, 24), (1, 64, 32)),
    ],
)
def test_dividers(family, clocks, dividers):
    source, wanted = (mhz * MHZ for mhz in clocks)
    found = PLLS[family].dividers_for(source, wanted)
    assert found == Dividers(*dividers)
    ratio = found.feedback / found.input / (found.output if family == "ice40" else 1)
    assert source * ratio == wanted


@pytest.mark.parametrize(
    ("family", "hz"),
    [("ecp5", 33_333_333), ("ecp5", 900 * MHZ), ("ice40", 31_234_567), ("ice40", 5 * MHZ)],
)
def test_a_clock_that_cannot_be_made(family, hz):
    with pytest.raises(ValueError, match=r"a clock of .* MHz cannot be made of 12 MHz"):
        PLLS[family].dividers_for(12 * MHZ, hz)


@pytest.mark.parametrize("name", ["ulx3s", "icebreaker"])
def test_a_board_whose_clock_is_not_its_oscillator_s(name):
    small = Config.parse("tiny,lanes=0,rows=2,cols=2")
    board = dataclasses.replace(BOARDS[name], oscillator_hz=12 * MHZ, small=False)
    cells = [
        line.split("#")[0].strip()
        for line in pll_model(board.family).splitlines()
        if line.startswith("module")
    ]
    for hz, pll in ((12 * MHZ, False), (24 * MHZ, True)):
        text = board_verilog(dataclasses.replace(board, clock_hz=hz), small)
        assert (cells[0].removeprefix("module ") in text) == pll


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_clocks_of_boards_can_be_made(board):
    if board.clock_hz != board.oscillator_hz:
        PLLS[board.family].dividers_for(board.oscillator_hz, board.clock_hz)
