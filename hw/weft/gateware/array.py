"""The systolic array: R x C multiply-accumulators, weight-stationary, described row by row.

Activations flow right, partial sums flow down, one register per element. Element (r, c) works r + c
cycles behind element (0, 0), and so do its swap and shift bits (`enables`). Each row's activations,
weights and sums are packed signals that move as a whole, which makes the Verilated model several
times faster than one submodule per element.

The weight chain has two registers a row, so that the shift window travels with the wavefront; a
third one holds the weight in use (`Multipliers`).

::

    cycle        T ............ T+R-1   S >= T+R
    shift        1 1 1 ... 1 1 1
    weights      w[R-1]  ...   w[0]
    swap                                1         (with the first row of the tile)
    row                                 x[0] x[1] ...

The next tile's window may begin in the cycle of this tile's swap, T' >= S, hence tiles of R or more
rows follow each other without a bubble.
"""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .enables import bits_by_row, masks_by_row
from .primitives.multiplier import LATENCY, PRODUCT_BITS
from .primitives.variants import VARIANTS

SUM_LANE = 32
"""Bits from one partial sum to the next in a packed row: a machine word, for the simulator. Bits
above those that a row's sums need repeat the sign and cost no register."""


def skewed(m, name: str, source, lanes: int) -> list:
    """Delay byte i of ``source`` by i cycles, as one packed triangle.

    Returns
    -------
    list
        ``lanes`` byte-wide values.
    """
    out = [source[:8]]
    for i in range(1, lanes):
        stage = Signal(8 * (lanes - i), name=f"{name}_{i}", reset_less=True)
        m.d.sync += stage.eq(source[8:])
        out.append(stage[:8])
        source = stage
    return out


class Array(wiring.Component):
    """Systolic array. Nothing in it can stall.

    Members
    -------
    row
        R activations (int8, element 0 lowest).
    swap
        The row in this cycle is the first of a tile: use the weights shifted in last.
    weights, shift
        While ``shift``, C weights (int8) of one row of the next tile, last row first.
    sums
        C partial sums, ``SUM_LANE`` bits each, sign-extended. Column c of a row stands here
        `latency` + c cycles after the row.
    """

    row: Signal
    swap: Signal
    weights: Signal
    shift: Signal
    sums: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "row": In(8 * config.rows),
                "swap": In(1),
                "weights": In(8 * config.cols),
                "shift": In(1),
                "sums": Out(SUM_LANE * config.cols),
            }
        )

    @staticmethod
    def latency_of(config: Config) -> int:
        """Cycles from a row to its sum in column 0."""
        return config.rows + LATENCY

    @property
    def latency(self) -> int:
        """Cycles from a row to its sum in column 0."""
        return self.latency_of(self.config)

    @staticmethod
    def sum_bits(row: int) -> int:
        """Bits that a sum of products of rows 0 to ``row`` needs: each is at most 2^14."""
        return PRODUCT_BITS - 1 + (row + 1).bit_length()

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        rows, cols = self.config.rows, self.config.cols
        width = 8 * cols

        variant = VARIANTS[self.config.multiplier]
        by_row = masks_by_row if variant.enable_bits == 8 else bits_by_row
        swaps = by_row(m, "swap", self.swap, rows, cols)
        shifts = by_row(m, "shift", self.shift, rows, cols)

        entering = skewed(m, "skew_row", self.row, rows)
        chain = Cat(*skewed(m, "skew_weights", self.weights, cols))
        above = None
        for r in range(rows):
            row = variant(cols, r)
            m.submodules[f"multipliers_{r}"] = row
            x = Signal(width, name=f"x_{r}")
            used = Signal(width, name=f"used_{r}")
            m.d.comb += [
                x.eq(row.x),
                used.eq(row.used),
                row.a.eq(Cat(entering[r], x)),
                row.chain.eq(chain),
                row.shift.eq(shifts[r]),
                row.swap.eq(swaps[r]),
            ]
            chain = row.pipe

            bits = self.sum_bits(r)
            lanes = []
            for c in range(cols):
                total = Signal(signed(bits), name=f"sum_{r}_{c}")
                product = row.product.word_select(c, PRODUCT_BITS).as_signed()
                if above is None:
                    m.d.comb += total.eq(product)
                else:
                    before = above.word_select(c, SUM_LANE)[: self.sum_bits(r - 1)].as_signed()
                    m.d.comb += total.eq(before + product)
                lanes.append(Cat(total, total[-1].replicate(SUM_LANE - bits)))
            sums = Signal(SUM_LANE * cols, name=f"sums_{r}", reset_less=True)
            m.d.sync += sums.eq(Cat(*lanes))
            above = sums
        assert above is not None
        m.d.comb += self.sums.eq(above)
        return m
