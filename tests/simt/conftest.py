"""How many cases a test runs: few by default, the full count with WEFT_LONG=1."""

import os

import pytest

LONG = bool(int(os.environ.get("WEFT_LONG", "0")))


@pytest.fixture
def many():
    """``many(few, full)`` is the number of cases to run."""
    return lambda few, full: full if LONG else few
