"""Devices for the tests of the whole chip; each simulator is built once and opened once."""

import os
from functools import cache

import pytest

from weft_driver import Device

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")
"""Full counts instead of a sample."""


def few(short: int, long: int) -> int:
    """A count for a test run, and for a long one."""
    return long if LONG else short


@cache
def _open(url: str) -> Device:
    return Device(url)


@pytest.fixture
def device():
    """Opens a device by URL, once."""
    return _open
