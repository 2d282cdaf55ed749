"""Two AXI4 managers, the chip and the host's link, on one memory."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .interfaces import Axi4
from .memory_port import OWED_BURSTS
from .word_fifo import ReadyFifo

CHIP_ID_BITS = 2
"""Width of a manager's IDs; behind the share there is one bit more, which says whose it is."""

_PAYLOADS = {
    "aw": ("addr", "len", "size", "burst"),
    "ar": ("addr", "len", "size", "burst"),
    "w": ("data", "strb", "last"),
}


class AxiShare(wiring.Component):
    """Passes requests on in turn, responses back by the highest bit of their ID.

    Nothing is registered on the way. Data of write bursts go out in the order of their requests, at
    least a cycle later; a manager's data wait until its request was accepted.

    Members
    -------
    chip, host
        The managers.
    axi
        The memory.
    """

    chip: wiring.PureInterface
    host: wiring.PureInterface
    axi: wiring.PureInterface

    def __init__(self, config: Config):
        one = Axi4(config, CHIP_ID_BITS)
        super().__init__(
            {"chip": In(one), "host": In(one), "axi": Out(Axi4(config, CHIP_ID_BITS + 1))}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the arbiters, and the queue of those who owe data."""
        m = Module()
        axi, managers = self.axi, (self.chip, self.host)
        m.submodules.owed = owed = ReadyFifo(1, OWED_BURSTS)
        reader = self._choose(m, "ar", room=1)
        writer = self._choose(m, "aw", room=owed.i.ready)
        m.d.comb += [
            axi.arid.eq(Cat(Mux(reader, self.host.arid, self.chip.arid), reader)),
            axi.awid.eq(Cat(Mux(writer, self.host.awid, self.chip.awid), writer)),
            owed.i.valid.eq(axi.awvalid & axi.awready),
            owed.i.payload.eq(writer),
            owed.o.ready.eq(axi.wvalid & axi.wready & axi.wlast),
        ]
        for who, manager in enumerate(managers):
            with m.If(owed.o.valid & (owed.o.payload == who)):
                m.d.comb += [
                    axi.wvalid.eq(manager.wvalid),
                    *self._payload("w", manager),
                    manager.wready.eq(axi.wready),
                ]
            for channel in "rb":
                mine = getattr(axi, f"{channel}id")[-1] == who
                valid, ready = (f"{channel}{name}" for name in ("valid", "ready"))
                m.d.comb += getattr(manager, valid).eq(getattr(axi, valid) & mine)
                with m.If(mine):
                    m.d.comb += getattr(axi, ready).eq(getattr(manager, ready))
            m.d.comb += [
                manager.rid.eq(axi.rid),
                manager.rdata.eq(axi.rdata),
                manager.rresp.eq(axi.rresp),
                manager.rlast.eq(axi.rlast),
                manager.bid.eq(axi.bid),
                manager.bresp.eq(axi.bresp),
            ]
        return m

    def _payload(self, channel: str, manager: wiring.PureInterface) -> list:
        names = [f"{channel}{name}" for name in _PAYLOADS[channel]]
        return [getattr(self.axi, name).eq(getattr(manager, name)) for name in names]

    def _choose(self, m: Module, channel: str, room: Signal | int) -> Signal:
        """Whose request is offered: in turn, and the same until it is taken."""
        axi, managers = self.axi, (self.chip, self.host)
        valid, ready = f"{channel}valid", f"{channel}ready"
        chosen, latest, locked = (
            Signal(name=f"{channel}_{name}") for name in ("chosen", "latest", "locked")
        )
        asking = [getattr(manager, valid) for manager in managers]
        m.d.comb += chosen.eq(Mux(latest, ~asking[0], asking[1]))
        with m.If(locked):
            m.d.comb += chosen.eq(latest)
        m.d.sync += locked.eq(getattr(axi, valid) & ~getattr(axi, ready))
        with m.If(getattr(axi, valid)):
            m.d.sync += latest.eq(chosen)
        for who, manager in enumerate(managers):
            with m.If((chosen == who) & room):
                m.d.comb += [
                    getattr(axi, valid).eq(asking[who]),
                    *self._payload(channel, manager),
                    getattr(manager, ready).eq(getattr(axi, ready)),
                ]
        return chosen
