"""DRAIN: accumulator rows to the activation SRAM, requantised or as int32."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config


class AccRead(wiring.Signature):
    """The read port of the accumulators, from DRAIN's side.

    Members
    -------
    valid, row, ready
        Row ``row`` is read in the cycle in which ``valid`` and ``ready`` are high (``ready`` may
        depend on ``valid``).
    data, row_sum
        All columns of the row, 32 bits each, column 0 lowest, and its row sum, in exactly the
        cycle that is ``Accumulators.read_latency`` after the grant; they do not hold.
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "valid": Out(1),
                "row": Out(range(config.acc_total_rows)),
                "ready": In(1),
                "data": In(32 * config.cols),
                "row_sum": In(32),
            }
        )
