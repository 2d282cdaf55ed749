"""Registers on an AXI4 port, so that neither side's logic reaches into the other's cycle."""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .interfaces import Axi4
from .skid import Slice

CHANNELS = {"aw": "from", "w": "from", "ar": "from", "b": "to", "r": "to"}
"""Channels of the port, and whether they come from the manager or go to it."""


class AxiSlice(wiring.Component):
    """A `Slice` in each channel: a cycle more each way, a beat a cycle as before.

    Members
    -------
    manager
        Who asks.
    axi
        The same, a cycle later.
    """

    manager: wiring.PureInterface
    axi: wiring.PureInterface

    latency = 2 * Slice.latency
    """Cycles that an answer comes later."""

    def __init__(self, config: Config, id_bits: int):
        port = Axi4(config, id_bits)
        super().__init__({"manager": In(port), "axi": Out(port)})

    def elaborate(self, platform: object) -> Module:
        """Build the five channels."""
        m = Module()
        for channel, direction in CHANNELS.items():
            source, sink = self.manager, self.axi
            if direction == "to":
                source, sink = sink, source
            handshake = (f"{channel}valid", f"{channel}ready")
            names = [
                name
                for name in self.axi.signature.members
                if name.startswith(channel) and name not in handshake
            ]
            valid, ready = handshake
            layout = data.StructLayout({name: len(getattr(source, name)) for name in names})
            m.submodules[channel] = part = Slice(layout)
            m.d.comb += [
                part.i.valid.eq(getattr(source, valid)),
                getattr(source, ready).eq(part.i.ready),
                getattr(sink, valid).eq(part.o.valid),
                part.o.ready.eq(getattr(sink, ready)),
            ]
            for name in names:
                m.d.comb += [
                    part.i.payload[name].eq(getattr(source, name)),
                    getattr(sink, name).eq(part.o.payload[name]),
                ]
        return m
