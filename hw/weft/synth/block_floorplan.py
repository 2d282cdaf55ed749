"""Where block RAMs are placed: activations beside the array, a board's memory at the other edge.

What comes from a block RAM is late in its cycle, and nextpnr strews the blocks of one memory over
the device where others have taken what is near.
"""

from weft.config import Config

from .floorplan import ECP5_COLUMNS, Floorplan
from .memories import Memory, mapped, memories

ECP5_BLOCK_ROWS = {"ecp5-85k": (22, 46, 70, 82)}
"""Rows of ECP5's block RAMs; in each are four at each column of DSP blocks, two apart."""

TOGETHER = 4
"""Block RAMs at a column of DSP blocks."""

MARGIN = 1
"""Blocks of a row left free between the edge and those of activations."""

MOST_ROWS = 16384
"""Rows of a memory that needs no more than one block RAM for each of its bits."""


def _sites(device: str, y: int) -> list[str]:
    """Places of a row of blocks, from left to right."""
    return [f"X{x + 2 * i}/Y{y}/EBR{i}" for x in ECP5_COLUMNS[device][0] for i in range(TOGETHER)]


def _cells(name: str, memory: Memory) -> list[str]:
    """Names of the blocks of a memory, from its lowest bits on; none where it is in LUTs."""
    blocks = mapped(memory, "ecp5").brams if memory.depth <= MOST_ROWS else 0
    return [f"{name}.0.{i}" for i in range(blocks)]


def activations(config: Config, device: str) -> Floorplan:
    """The activation SRAM, from the edge on at which rows enter the array; by names in the chip.

    Those of all even rows stand in one row, those of all odd ones in another; what is chosen from,
    the same bits of each region, stands side by side.

    Returns
    -------
    Floorplan
        Empty where they do not fit, or where the device's places are not known.
    """
    if device not in ECP5_BLOCK_ROWS:
        return {}
    (memory,) = (memory for memory in memories(config) if memory.block == "act_sram")
    columns = memory.count // (2 * config.act_regions)
    places = {}
    for half, y in zip(("even", "odd"), ECP5_BLOCK_ROWS[device], strict=False):
        names = [f"{half}_{column}" for column in range(columns)] if columns > 1 else [half]
        regions = [f"act_sram.region_{region}" for region in range(config.act_regions)]
        cells = [
            cell
            for name in names
            for same in zip(*(_cells(f"{at}.{name}", memory) for at in regions), strict=True)
            for cell in same
        ]
        sites = _sites(device, y)[MARGIN:]
        if len(cells) > len(sites) // 2:
            return {}
        places |= dict(zip(cells, sites, strict=False))
    return places


def board_memory(config: Config, size: int, device: str) -> Floorplan:
    """The main memory of a board, of ``size`` bytes, from the other edge on; see `activations`."""
    if device not in ECP5_BLOCK_ROWS:
        return {}
    memory = Memory("memory", 8 * config.bus_bytes, size // config.bus_bytes, grain=8)
    cells = _cells("memory.storage", memory)
    first, second, _, last = (_sites(device, y) for y in ECP5_BLOCK_ROWS[device])
    sites = [site for row in (second, last, first) for site in row[: -len(row) // 2 + 1 : -1]]
    return dict(zip(cells, sites, strict=False)) if len(cells) <= len(sites) else {}
