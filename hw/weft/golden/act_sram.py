"""The activation SRAM as one flat address space, with holes above each region."""

import numpy as np
from numpy.typing import NDArray

from weft.arch.errors import Cause
from weft.arch.layouts import split_act
from weft.config import Config

from .faults import Fault
from .rows import Addresses


def act_bytes(config: Config) -> int:
    """Size of the flat address space, holes included."""
    return config.act_regions * config.act_region_span


def random_act(config: Config, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Contents after power-up: anything."""
    return rng.integers(0, 256, act_bytes(config), dtype=np.uint8)


def check_act(config: Config, starts: Addresses, size: int, what: str) -> None:
    """Refuse rows that do not lie in one region.

    Parameters
    ----------
    starts, size
        act addresses of the rows, in the order of the command, and their bytes.
    what
        The words before "act bytes" in the message.

    Raises
    ------
    Fault
        BAD_ADDRESS, naming the first bad row.
    """
    region, offset = starts // config.act_region_span, starts % config.act_region_span
    bad = (region >= config.act_regions) | (offset + size > config.act_region_bytes)
    if bad.any():
        at = split_act(config, int(starts[bad][0]))
        raise Fault(
            Cause.BAD_ADDRESS,
            f"{what} act bytes {at.offset:#x} to {at.offset + size - 1:#x} of region {at.region}; "
            f"there are {config.act_regions} regions of {config.act_region_bytes:#x} bytes",
        )
