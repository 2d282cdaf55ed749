"""Memories of a chip, and what an FPGA makes of them: block RAM or LUTs.

The rule is that of Yosys' ``memory_libmap``: of what a family has it takes what costs least, where
a block RAM costs as much as 32 cells of LUT RAM, and choosing among cells that stand behind each
other costs half a unit for each bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from weft.arch.fp32_special import coefficients
from weft.arch.simt import LINE_BYTES
from weft.config import Config
from weft.gateware.command_queue import command_beats, queued_engines, word_layout
from weft.gateware.counters import COUNTER_BITS, counter_places
from weft.gateware.fp32.special import Entry
from weft.gateware.param_sram import param_rows
from weft.gateware.simt.icache import GENERATION_BITS
from weft.gateware.simt.registers import REGISTERS
from weft.gateware.simt.request_queue import WIDE
from weft.gateware.simt.selection import PC_BITS

from .families import ECP5, GOWIN, ICE40, NEXUS


@dataclass(frozen=True)
class Memory:
    """Memories of one kind.

    Parameters
    ----------
    block
        Where they stand.
    width, depth
        Of each, in bits and rows.
    count
        How many there are; one that is read twice counts twice.
    grain
        Fewest bits that are written alone; 0 for whole rows only.
    block_ram
        They must be block RAM, whatever it costs.
    """

    block: str
    width: int
    depth: int
    count: int = 1
    grain: int = 0
    block_ram: bool = False


def memories(config: Config) -> Iterator[Memory]:
    """Those of a chip that become block RAM if they are large enough.

    Others have few rows whatever is chosen, and are LUTs always.
    """
    c = config
    beats = command_beats(c)
    yield Memory("control", COUNTER_BITS, len(counter_places(c)))
    yield Memory("control", word_layout(c).size, c.queue_depth * beats, len(queued_engines(c)))
    width = 4 if c.lanes else c.act_row_bytes
    rows = c.act_region_bytes // c.act_row_bytes // 2
    count = 2 * c.act_regions * (c.act_row_bytes // width)
    yield Memory("act_sram", 8 * width, rows, count, grain=8)
    yield Memory("wgt_sram", 8 * c.cols, c.wgt_rows)
    yield Memory("param_sram", 32 * c.drain_units, max(2, param_rows(c)), 2, grain=32)
    yield Memory("matmul.accumulators", 32, c.acc_rows, 2 * c.cols)
    if c.row_sum:
        yield Memory("matmul.row_sum", 32, c.acc_rows, 2)
    if c.lanes:
        lines = c.icache_bytes // LINE_BYTES
        tag = PC_BITS - 1 - (LINE_BYTES // 4 - 1).bit_length() - (lines - 1).bit_length()
        yield Memory("simt.core", 8 * c.bus_bytes, c.icache_bytes // c.bus_bytes)
        yield Memory("simt.core", tag, lines)
        yield Memory("simt.core", GENERATION_BITS, lines)
        yield Memory("simt.core", 32 * c.lanes, REGISTERS * c.warps, 2, grain=32)
        yield Memory("simt.core.rows", 64 * c.lanes, max(2, c.warps), block_ram=True)
        if c.lanes >= WIDE:
            yield Memory("simt.core.rows", 32 * c.lanes, max(2, c.warps), block_ram=True)
        if c.fp == "full":
            yield Memory("simt.core.rows", Entry.size, len(coefficients()))


BLOCK_COST, LUT_COST = 128, 4
"""What a block RAM and a cell of LUT RAM cost."""

LUT_WIDTH, LUT_ROWS = 4, 16
"""A cell of LUT RAM: bits and rows."""

HALF_A_BIT = 0.5
"""What it costs to choose between two for each bit."""

_TRUE = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))

BLOCKS: dict[str, tuple[tuple[int, int], ...]] = {
    ECP5.name: _TRUE,
    GOWIN.name: _TRUE,
    NEXUS.name: _TRUE,
    ICE40.name: ((16, 256), (8, 512), (4, 1024), (2, 2048)),
}
"""Shapes of a block RAM by family: width and depth."""


@dataclass(frozen=True)
class Mapped:
    """What a memory becomes: block RAMs, or cells of LUT RAM."""

    brams: int = 0
    lut_rams: int = 0


def _columns(memory: Memory, width: int) -> int:
    """How many cells of a width stand side by side: parts that are written alone are not split
    among bits of the ninth kind."""
    if memory.grain == 8 and width % 9 == 0:
        width = width // 9 * 8
    return ceil(memory.width / width)


def mapped(memory: Memory, family: str) -> Mapped:
    """What one memory becomes on a family."""
    choices: list[tuple[float, Mapped]] = []
    for width, depth in BLOCKS[family]:
        columns, rows = _columns(memory, width), ceil(memory.depth / depth)
        cost = BLOCK_COST * columns * rows + HALF_A_BIT * memory.width * (rows - 1)
        choices.append((cost, Mapped(brams=columns * rows)))
    if not memory.block_ram and family != ICE40.name:
        columns, rows = _columns(memory, LUT_WIDTH), ceil(memory.depth / LUT_ROWS)
        cost = LUT_COST * columns * rows + HALF_A_BIT * memory.width * (rows - 1)
        choices.append((cost, Mapped(lut_rams=columns * rows)))
    return min(choices, key=lambda choice: choice[0])[1]
