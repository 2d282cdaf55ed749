"""Where an array's multipliers are placed: its neighbours are neighbours on the device."""

from weft.config import Config

Floorplan = dict[str, str]
"""Places (``BEL``) by names of cells in the component `Array`."""

ECP5_COLUMNS = {
    "ecp5-85k": ((4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114), (10, 34, 58)),
}
"""Columns and rows of ECP5's DSP blocks; each holds four multipliers."""

ECP5_SLOTS = (0, 1, 4, 5)
"""Numbers of a block's multipliers, which are also their distances from the block's column."""


def ecp5_floorplan(config: Config, device: str) -> Floorplan:
    """Blocks of 2 x 2 elements in the order in which data flows.

    Rows of DSP blocks are far apart, so each takes several rows of the array, side by side::

        x  00 10 01 11 02 12     array blocks (row, column): rows 0 and 1 in the first row of
        x  20 30 21 31 22 32     DSP blocks, rows 2 and 3 in the second

    An odd last row of elements would fill half of its blocks, and whoever else multiplies would
    have what is left, all over the device. So two of its blocks share one (here block row 3)::

        x  20 21 30+31 22 23 32+33     and the right end of the device is free

    Returns
    -------
    Floorplan
        Empty where the array does not fit, or where the device's places are not known.
    """
    if device not in ECP5_COLUMNS:
        return {}
    xs, ys = ECP5_COLUMNS[device]
    down, across = -(-config.rows // 2), -(-config.cols // 2)
    together = -(-down // len(ys))
    if together * across > len(xs):
        return {}
    first_x = (len(xs) - together * across) // 2
    first_y = (len(ys) - -(-down // together)) // 2
    blocks = _blocks(config, together)
    places = {}
    for row in range(config.rows):
        for column in range(config.cols):
            group = row // 2 // together
            half = _shares(config, row // 2)
            slot = ECP5_SLOTS[2 * ((column // 2 if half else row) % 2) + column % 2]
            x = xs[first_x + blocks[row // 2, column // 2]] + slot
            cell = f"multipliers_{row}.multiplier_{column}"
            places[cell] = f"X{x}/Y{ys[first_y + group]}/MULT18_{slot}"
    return places


def _shares(config: Config, row: int) -> bool:
    """Whether a row of array blocks has one row of elements only."""
    return 2 * row + 1 == config.rows


def _blocks(config: Config, together: int) -> dict[tuple[int, int], int]:
    """Which DSP block of its row an array block (row, column) is in, counted from the first."""
    down, across = -(-config.rows // 2), -(-config.cols // 2)
    blocks: dict[tuple[int, int], int] = {}
    for first in range(0, down, together):
        rows = range(first, min(first + together, down))
        count = 0
        for column in range(across):
            for row in rows:
                if not _shares(config, row):
                    blocks[row, column] = count
                    count += 1
                elif column % 2 or column == across - 1:
                    blocks[row, column] = blocks[row, column - column % 2] = count
                    count += 1
    return blocks
