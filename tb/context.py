"""What `tests/gateware/cocotb_bench.py` tells a bench, and how every bench starts.

`config`, `seed` and `parameters` come from the environment variable ``WEFT_BENCH``.
"""

import json
import os
import random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, Timer

from weft.config import Config

_VALUES = json.loads(os.environ.get("WEFT_BENCH", '{"config": {}, "seed": 1, "parameters": {}}'))

config = Config(**_VALUES["config"])
"""Config of the component under test."""

seed: int = _VALUES["seed"]
"""Seed of every random choice."""

parameters: dict[str, Any] = _VALUES["parameters"]
"""What the test passed to `run_bench`."""


def rng(name: str = "") -> random.Random:
    """A generator for one purpose, so that one bench's draws do not shift another's."""
    return random.Random(f"{seed}/{name}")


_clock: list[Any] = []


async def start(dut: Any, cycles: int = 2) -> None:
    """Start a 10 ns clock and reset the component; returns at a falling edge, reset low.

    May be called again, for another reset.

    Benches drive inputs and sample outputs at falling edges: combinational outputs have settled
    by then and no order of coroutines matters.
    """
    if not _clock or _clock[-1].done():
        _clock[:] = [cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())]
    else:
        await FallingEdge(dut.clk)
    dut.rst.value = 1
    await ClockCycles(dut.clk, cycles)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


async def until_taken(dut, ready) -> None:
    """Let cycles pass until one in which ``ready`` is high has passed."""
    taken = False
    while not taken:
        await settle()
        taken = bool(int(ready.value))
        await FallingEdge(dut.clk)


async def settle() -> None:
    """Let combinational outputs follow inputs driven in this half cycle; time moves by 1 ns."""
    await Timer(1, unit="ns")
