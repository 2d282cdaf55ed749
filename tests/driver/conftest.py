"""How much the tests of the driver do: a sample by default, full counts with WEFT_LONG=1."""

import os

from hypothesis import HealthCheck, settings

from weft.arch.memory import MemoryTiming
from weft.config import Config
from weft_driver import Device
from weft_sim.golden import GoldenTransport
from weft_sim.options import Options

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")
"""Full counts instead of a sample."""

EFFORT = 300
"""How long the planner searches in a test; the default is for those who count cycles."""


def examples(short: int, long: int) -> settings:
    """How often hypothesis tries; a failure prints what repeats it."""
    return settings(
        max_examples=long if LONG else short,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def golden(config: Config, memory_mib: int = 16) -> Device:
    """A new golden device, which also finds races; its SRAMs are random."""
    options = Options(config, MemoryTiming(), memory_bytes=memory_mib << 20)
    device = Device(GoldenTransport(options, f"golden:{config.hash_hex}"))
    device.effort = EFFORT
    return device
