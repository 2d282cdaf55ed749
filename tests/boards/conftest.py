"""One simulated board for all tests that need one."""

import os

import pytest

from weft_driver import Device
from weft_sim.board import SimulatedBoard

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")
"""Full counts instead of a sample."""

EFFORT = 50
"""Enough for the small products here: the planner is tested elsewhere."""


@pytest.fixture(scope="package")
def board():
    with SimulatedBoard("icebreaker") as board:
        yield board


@pytest.fixture
def device(board):
    with Device(board.url) as device:
        device.effort = EFFORT
        yield device
