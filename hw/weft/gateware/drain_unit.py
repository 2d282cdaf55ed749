"""One drain unit: bias, row-sum correction and requantiser of one column."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .requantise import Requantiser


class DrainUnit(wiring.Component):
    """One accumulator in each cycle in which ``en`` is high.

    Members
    -------
    en
        Clock enable.
    acc, bias, add_bias
        The accumulator, and its bias where ``add_bias`` is set.
    correction
        What is subtracted, one cycle after ``acc``; nothing on a chip without row sums.
    total
        Their sum modulo 2^32, `sum_latency` cycles after ``acc``.
    scale, zero_point, qmin, qmax
        As `Requantiser` takes them, its delays counted from ``total``.
    value
        The requantised byte.
    """

    en: Signal
    acc: Signal
    bias: Signal
    add_bias: Signal
    correction: Signal
    total: Signal
    scale: Signal
    zero_point: Signal
    qmin: Signal
    qmax: Signal
    value: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "en": In(1),
                "acc": In(32),
                "bias": In(32),
                "add_bias": In(1),
                "correction": In(32),
                "total": Out(signed(32)),
                "scale": In(32),
                "zero_point": In(signed(16)),
                "qmin": In(signed(16)),
                "qmax": In(signed(16)),
                "value": Out(8),
            }
        )

    @staticmethod
    def sum_latency(config: Config) -> int:
        """Cycles from ``acc`` to ``total``."""
        return 2 if config.row_sum else 1

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        m.submodules.requantiser = requantiser = Requantiser()

        # A bias comes late, from a memory: the sum is made, wanted or not.
        biased, plain = Signal(32, reset_less=True), Signal(32, reset_less=True)
        add_bias, chosen = Signal(reset_less=True), Signal(32)
        with m.If(self.en):
            m.d.sync += [
                biased.eq(self.acc + self.bias),
                plain.eq(self.acc),
                add_bias.eq(self.add_bias),
            ]
        m.d.comb += [chosen.eq(Mux(add_bias, biased, plain)), self.total.eq(chosen)]
        if self.config.row_sum:
            corrected = Signal(32, reset_less=True)
            with m.If(self.en):
                m.d.sync += corrected.eq(chosen - self.correction)
            m.d.comb += self.total.eq(corrected)

        m.d.comb += [
            requantiser.en.eq(self.en),
            requantiser.acc.eq(self.total),
            requantiser.scale.eq(self.scale),
            requantiser.zero_point.eq(self.zero_point),
            requantiser.qmin.eq(self.qmin),
            requantiser.qmax.eq(self.qmax),
            self.value.eq(requantiser.value),
        ]
        return m
