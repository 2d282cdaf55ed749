"""Where multipliers are placed: the array's as data flows in it, the others in what it leaves."""

from weft.config import Config

Floorplan = dict[str, str]
"""Places (``BEL``) by names of cells, or patterns of them, from the chip on."""

ARRAY, CORE, UNITS = "matmul.array.", "simt.core.", "drain.unit_"
LANES = f"{CORE}execute.lane_"
"""Where on the chip the components `Array`, `Core`, `DrainUnit` and `Lane` are."""

LANE_PRODUCTS = ("ll", "lh", "hl", "hh", *(f"byte_{i}" for i in range(4)))
"""What `Lane` multiplies, by names of `weft.gateware.product`."""

UNIT_PRODUCTS = ("00", "01", "10", "11")
"""Likewise the requantiser of `DrainUnit`."""

SUM_PRODUCTS = ("low", "high")
"""Likewise `Drain`, for row sums."""

ECP5_COLUMNS = {
    "ecp5-85k": ((4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114), (10, 34, 58)),
}
"""Columns and rows of ECP5's DSP blocks; each holds four multipliers."""

ECP5_SLOTS = (0, 1, 4, 5)
"""Numbers of a block's multipliers, which are also their distances from the block's column."""


def no_floorplan(config: Config, device: str) -> Floorplan:
    """Leave it to nextpnr."""
    return {}


def ecp5_floorplan(config: Config, device: str) -> Floorplan:
    """Blocks of 2 x 2 elements in the order in which data flows.

    Rows of DSP blocks are far apart, so each takes several rows of the array, side by side::

        x  00 10 01 11 02 12     array blocks (row, column): rows 0 and 1 in the first row of
        x  20 30 21 31 22 32     DSP blocks, rows 2 and 3 in the second

    Lanes of a SIMT core have two blocks each, one above the other, in columns of their own amid the
    array's: a core is between main memory and the activations. Requantisers, and what multiplies
    row sums, have what the last of an odd number of rows leaves free. Else all would be strewn over
    the device.

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
    columns = together * across
    if columns > len(xs):
        return {}
    lanes = config.lanes if columns + config.lanes <= len(xs) else 0
    first_x = (len(xs) - columns - lanes) // 2
    first_y = (len(ys) - -(-down // together)) // 2
    middle = first_x + columns // 2
    between, xs = xs[middle : middle + lanes], xs[:middle] + xs[middle + lanes :]
    places = {}
    for row in range(config.rows):
        for column in range(config.cols):
            group, within = divmod(row // 2, together)
            slot = ECP5_SLOTS[2 * (row % 2) + column % 2]
            x = xs[first_x + column // 2 * together + within]
            cell = f"{ARRAY}multipliers_{row}.multiplier_{column}"
            places[cell] = _bel(x, ys[first_y + group], slot)
    places |= _lanes(between, ys[:2])
    if config.rows % 2:
        group, within = divmod(config.rows // 2, together)
        last = xs[first_x + within : first_x + columns : together]
        free = [_bel(x, ys[first_y + group], slot) for x in last for slot in ECP5_SLOTS[2:]]
        products = [(i, name) for i in range(config.drain_units) for name in UNIT_PRODUCTS]
        left = len(free) - len(products)
        if left >= 0:
            for (unit, name), place in zip(products, free[left // 2 :], strict=False):
                places[f"{UNITS}{unit}.requantiser.times_{name}.*"] = place
        if left // 2 >= len(SUM_PRODUCTS) and config.row_sum:
            for name, place in zip(SUM_PRODUCTS, free, strict=False):
                places[f"drain.times_{name}.*"] = place
    return places


def ecp5_core_floorplan(config: Config, device: str) -> Floorplan:
    """The same for a SIMT core alone, in the middle of the device."""
    xs, ys = ECP5_COLUMNS.get(device, ((), ()))
    first = (len(xs) - config.lanes) // 2
    return _lanes(xs[first : first + config.lanes], ys[1:]) if first >= 0 else {}


def _lanes(xs: tuple[int, ...], ys: tuple[int, ...]) -> Floorplan:
    """A lane in each column."""
    slots = [(y, slot) for y in ys for slot in ECP5_SLOTS]
    return {
        f"{LANES}{lane}.times_{product}.*": _bel(x, y, slot)
        for lane, x in enumerate(xs)
        for product, (y, slot) in zip(LANE_PRODUCTS, slots, strict=True)
    }


def _bel(x: int, y: int, slot: int) -> str:
    """The place of a multiplier in the block at (x, y)."""
    return f"X{x + slot}/Y{y}/MULT18_{slot}"
