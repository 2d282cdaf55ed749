"""How many cases a test runs: few by default, the full count with WEFT_LONG=1."""

import os

import pytest

from .arch_suite import NoNetwork, Suite

LONG = bool(int(os.environ.get("WEFT_LONG", "0")))


@pytest.fixture
def many():
    """``many(few, full)`` is the number of cases to run."""
    return lambda few, full: full if LONG else few


@pytest.fixture(scope="session")
def suite() -> Suite:
    """The official architecture tests."""
    pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")
    pytest.importorskip("unicorn", reason="extra test is missing: unicorn")
    try:
        return Suite.fetch()
    except NoNetwork as error:
        pytest.skip(f"the architecture tests cannot be fetched: {error}")
