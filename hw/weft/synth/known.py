"""What of a chip's size follows from its configuration exactly: multipliers, and memories."""

from collections import Counter, defaultdict

from weft.config import Config

from .families import ECP5, GOWIN, ICE40, NEXUS
from .memories import LUT_ROWS, mapped, memories

LUT_RAM_LUTS = {ECP5.name: 6, NEXUS.name: 6, GOWIN.name: 4, ICE40.name: 0}
"""LUTs of a cell of LUT RAM, by family: its bits, and on ECP5 and Nexus its write port."""


def _power(value: int) -> bool:
    return value & (value - 1) == 0


def multipliers(config: Config) -> Counter[str]:
    """Multipliers of 18 x 18 bits by block: those of the array, and what Yosys makes of products.

    A product with a constant is one unless the constant is a power of two.
    """
    c, count = config, Counter[str]()
    count["matmul.array"] = c.rows * c.cols
    count["drain"] = 4 * c.drain_units + 2 * c.row_sum + (not _power(c.drain_beats))
    count["load"] = 2 * (not _power(c.cols))
    if c.lanes:
        count["simt.core.execute"] = 8 * c.lanes
        if c.fp == "full":
            count["simt.core.floats"] = 4 * c.lanes
            count["simt.core.rows"] = 2
    return count


def known(config: Config, family: str) -> dict[str, Counter[str]]:
    """Columns by block: all multipliers and block RAMs, and the LUTs that memories become."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for memory in memories(config):
        made = mapped(memory, family)
        if made.lut_rams:
            choices = memory.width * (-(-memory.depth // LUT_ROWS) - 1)
            each = LUT_RAM_LUTS[family] * made.lut_rams + choices
            counts[memory.block]["luts"] += memory.count * each
        counts[memory.block]["brams"] += memory.count * made.brams
    for block, number in multipliers(config).items():
        counts[block]["multipliers"] += number
    return counts
