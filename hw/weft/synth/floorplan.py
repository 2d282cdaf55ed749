"""Where multipliers are placed: the array's as data flows in it, the core's beside it."""

from weft.config import Config

Floorplan = dict[str, str]
"""Places (``BEL``) by names of cells, or patterns of them, from the chip on."""

ARRAY, LANES = "matmul.array.", "simt.core.execute.lane_"
"""Where on the chip the components `Array` and `Lane` are."""

LANE_PRODUCTS = ("ll", "lh", "hl", "hh", *(f"byte_{i}" for i in range(4)))
"""What `weft.gateware.simt.lane.Lane` multiplies, each in a module of its own."""

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

    Lanes of a SIMT core have two blocks each, one above the other, in the columns that the array
    leaves: else its multipliers would be strewn among those of the array's last row.

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
    places = {}
    for row in range(config.rows):
        for column in range(config.cols):
            group, within = divmod(row // 2, together)
            slot = ECP5_SLOTS[2 * (row % 2) + column % 2]
            x = xs[first_x + column // 2 * together + within] + slot
            cell = f"{ARRAY}multipliers_{row}.multiplier_{column}"
            places[cell] = f"X{x}/Y{ys[first_y + group]}/MULT18_{slot}"
    return places | _lanes(config, xs[first_x + together * across :], ys[:2])


def _lanes(config: Config, xs: tuple[int, ...], ys: tuple[int, ...]) -> Floorplan:
    """Places of the lanes' multipliers in columns of two blocks; none if there are too few."""
    if config.lanes > len(xs):
        return {}
    slots = [(y, slot) for y in ys for slot in ECP5_SLOTS]
    return {
        f"{LANES}{lane}.times_{product}.*": f"X{x + slot}/Y{y}/MULT18_{slot}"
        for lane, x in zip(range(config.lanes), xs, strict=False)
        for product, (y, slot) in zip(LANE_PRODUCTS, slots, strict=True)
    }
