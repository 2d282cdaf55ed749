"""The systolic array: R x C multiply-accumulators, weight-stationary, described row by row.

Activations flow right, partial sums flow down, one register per element. Element (r, c) works r + c
cycles behind element (0, 0), so one diagonal delay line carries the swap and shift bits of all of
them. Each row's activations, weights and sums are packed signals that move as a whole, and the
diagonal bits are kept a byte wide as masks: both make the Verilated model several times faster than
one submodule per element, and synthesis merges the copies.

Weights pass through three registers per element: ``ready`` and ``pipe`` form the chain down the
rows (two registers a row, so that the shift window travels with the wavefront); ``used``
multiplies.

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

from .primitives.multiplier import LATENCY, PRODUCT_BITS, VARIANTS

SUM_LANE = 32
"""Bits from one partial sum to the next in a packed row: a machine word, for the simulator. The
bits above ``psum_bits`` repeat the sign and cost no register."""


def skewed(m, name: str, source, lanes: int) -> list:
    """Delay byte i of ``source`` by i cycles, as one packed triangle.

    Returns
    -------
    list
        ``lanes`` byte-wide values.
    """
    out = [source[:8]]
    for i in range(1, lanes):
        stage = Signal(8 * (lanes - i), name=f"{name}_{i}")
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
        return config.rows + 1 + LATENCY

    @property
    def latency(self) -> int:
        """Cycles from a row to its sum in column 0."""
        return self.latency_of(self.config)

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        rows, cols = self.config.rows, self.config.cols
        width, bits = 8 * cols, self.config.psum_bits

        # Byte d of a diagonal is the mask of all elements with r + c = d.
        diagonals = {}
        for name, source in (("swap", self.swap), ("shift", self.shift)):
            line = Signal(8 * (rows + cols - 1), name=f"{name}_diagonal")
            if rows + cols > 2:
                later = Signal(8 * (rows + cols - 2), name=f"{name}_later")
                m.d.sync += later.eq(line)
                m.d.comb += line.eq(Cat(source.replicate(8), later))
            else:
                m.d.comb += line.eq(source.replicate(8))
            diagonals[name] = line

        entering = skewed(m, "skew_row", self.row, rows)
        chain = Cat(*skewed(m, "skew_weights", self.weights, cols))
        above = None
        for r in range(rows):
            swap = diagonals["swap"][8 * r : 8 * r + width]
            shift = diagonals["shift"][8 * r : 8 * r + width]

            x = Signal(width, name=f"x_{r}")
            m.d.sync += x.eq(Cat(entering[r], x))

            ready = Signal(width, name=f"ready_{r}")
            pipe = Signal(width, name=f"pipe_{r}")
            used = Signal(width, name=f"used_{r}")
            m.d.sync += [
                ready.eq((ready & ~shift) | (chain & shift)),
                pipe.eq(ready),
                used.eq((used & ~swap) | (ready & swap)),
            ]
            chain = pipe

            multipliers = VARIANTS[self.config.multiplier](cols)
            m.submodules[f"multipliers_{r}"] = multipliers
            m.d.comb += [multipliers.a.eq(x), multipliers.b.eq(used)]

            lanes = []
            for c in range(cols):
                total = Signal(signed(bits), name=f"sum_{r}_{c}")
                product = multipliers.product.word_select(c, PRODUCT_BITS).as_signed()
                if above is None:
                    m.d.comb += total.eq(product)
                else:
                    before = above.word_select(c, SUM_LANE)[:bits].as_signed()
                    m.d.comb += total.eq(before + product)
                lanes.append(Cat(total, total[-1].replicate(SUM_LANE - bits)))
            sums = Signal(SUM_LANE * cols, name=f"sums_{r}")
            m.d.sync += sums.eq(Cat(*lanes))
            above = sums
        assert above is not None
        m.d.comb += self.sums.eq(above)
        return m
