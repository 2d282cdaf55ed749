"""The host port of the small chip: every access waits until the firmware has answered it."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.arch.registers import ADDRESS_BITS

from ..host_port import OKAY, SLVERR
from ..interfaces import AxiLite
from .map import WAITS_BIT


class Mailbox(wiring.Component):
    """AXI4-Lite subordinate without registers of its own; one access at a time.

    Members
    -------
    host
        The port. An access is accepted in the cycle behind its answer.
    request, data
        As `Input.HOST` and `Input.HOST_DATA`.
    answer, value, refuse
        Strobe: the access is over, with this value; or it is refused.
    """

    host: wiring.PureInterface
    request: Signal
    data: Signal
    answer: Signal
    value: Signal
    refuse: Signal

    def __init__(self):
        super().__init__(
            {
                "host": In(AxiLite()),
                "request": Out(32),
                "data": Out(32),
                "answer": In(1),
                "value": In(32),
                "refuse": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the states of an access."""
        m = Module()
        host = self.host
        # The way from the host's address to here is long: it is looked at a cycle later.
        waits, writes = Signal(), Signal()
        refused, accepting = Signal(), Signal()
        address = Mux(writes, host.awaddr, host.araddr)[:ADDRESS_BITS]
        m.d.comb += [
            self.request.eq(Cat(address, Const(0, WAITS_BIT - ADDRESS_BITS), waits, writes)),
            self.data.eq(host.wdata),
            host.awready.eq(accepting & writes),
            host.wready.eq(accepting & writes),
            host.arready.eq(accepting & ~writes),
            host.bresp.eq(Mux(refused, SLVERR, OKAY)),
            host.rresp.eq(Mux(refused, SLVERR, OKAY)),
        ]
        m.d.sync += accepting.eq(self.answer | self.refuse)
        with m.If(self.answer | self.refuse):
            m.d.sync += [waits.eq(0), refused.eq(self.refuse), host.rdata.eq(self.value)]
        with m.Elif(~waits & ~accepting & ~host.bvalid & ~host.rvalid):
            write = host.awvalid & host.wvalid
            m.d.sync += [waits.eq(write | host.arvalid), writes.eq(write)]
        with m.If(host.bready):
            m.d.sync += host.bvalid.eq(0)
        with m.If(host.rready):
            m.d.sync += host.rvalid.eq(0)
        with m.If(accepting):
            m.d.sync += [host.bvalid.eq(writes), host.rvalid.eq(~writes)]
        return m
