"""LOAD: strided copies from memory to the activation, weight and parameter SRAMs."""

from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from weft.config import Config


class WgtWrite(wiring.Signature):
    """The write port of the weight SRAM, from the engine's side; cannot stall.

    Members
    -------
    valid, row, data
        While ``valid``: write the C bytes of ``data`` to SRAM row ``row``. A read requested in a
        later cycle sees it.
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "valid": Out(1),
                "row": Out(range(max(2, config.wgt_rows))),
                "data": Out(8 * config.cols),
            }
        )
