"""A small stand-in with the ports of the chip: it copies bursts, and breaks AXI when asked to.

It is built in seconds, so that the simulated device is tested without the chip.
"""

from functools import cache

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft import emit
from weft.config import Config
from weft.gateware.interfaces import Axi4, AxiLite

ID, SOURCE, TARGET, BEATS, BURSTS, ERRORS, ACK, BREAK = range(0, 32, 4)
"""Registers; writing BURSTS starts a copy, ACK lowers the interrupt, offset 0x40 is refused."""

BREAK_LAST, BREAK_STABLE = 1, 2
"""Bits of BREAK: WLAST with the first beat, ARADDR changes while it waits."""

LEAVE = 8
"""First bit of BREAK that leaves out a byte of each beat written."""


class Copier(wiring.Component):
    """Copies BURSTS bursts of BEATS beats from SOURCE to TARGET, one after the other."""

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "s_axil": In(AxiLite()),
                "m_axi": Out(Axi4(config)),
                "irq": Out(1),
                "activity": Out(8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        host, axi, width = self.s_axil, self.m_axi, 8 * self.config.bus_bytes
        registers = [Signal(32, name=f"register_{i}") for i in range(8)]
        _, source, target, beats, bursts, errors, _, broken = registers

        write = Signal()
        m.d.comb += [
            write.eq(host.awvalid & host.wvalid & ~host.bvalid),
            host.awready.eq(write),
            host.wready.eq(write),
            host.arready.eq(~host.rvalid),
        ]
        m.d.sync += [host.bvalid.eq(write | (host.bvalid & ~host.bready))]
        with m.If(write):
            m.d.sync += host.bresp.eq(Mux(host.awaddr == 0x40, 2, 0))
            for i, register in enumerate(registers[1:], start=1):
                with m.If(host.awaddr == 4 * i):
                    m.d.sync += register.eq(host.wdata)
            with m.If(host.awaddr == ACK):
                m.d.sync += self.irq.eq(0)
        with m.If(host.rvalid & host.rready):
            m.d.sync += host.rvalid.eq(0)
        with m.If(host.arvalid & host.arready):
            m.d.sync += host.rvalid.eq(1)
            with m.Switch(host.araddr):
                with m.Case(ID):
                    m.d.sync += host.rdata.eq(0x12345678)
                for i, register in enumerate(registers[1:], start=1):
                    with m.Case(4 * i):
                        m.d.sync += host.rdata.eq(register)

        buffer = m.submodules.buffer = Memory(shape=width, depth=256, init=[])
        fill, drain = buffer.write_port(), buffer.read_port()
        beat, next_beat, flip = Signal(8), Signal(8), Signal()
        m.d.sync += flip.eq(~flip)
        for name in ("aw", "ar"):
            m.d.comb += [
                getattr(axi, f"{name}len").eq(beats - 1),
                getattr(axi, f"{name}size").eq((self.config.bus_bytes - 1).bit_length()),
                getattr(axi, f"{name}burst").eq(1),
            ]
        m.d.comb += [
            axi.araddr.eq(source ^ Cat(0, 0, 0, 0, 0, 0, 0, (flip & broken[1]))),
            axi.awaddr.eq(target),
            fill.addr.eq(beat),
            fill.data.eq(axi.rdata),
            drain.addr.eq(next_beat),
            next_beat.eq(beat),
            axi.wdata.eq(drain.data),
            axi.wstrb.eq(~(broken[LEAVE:] | Const(0, self.config.bus_bytes))),
        ]
        state = Signal(3)
        m.d.comb += self.activity.eq(state)
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.comb += state.eq(7)
                with m.If((bursts != 0) & ~self.irq):
                    m.next = "AR"
            with m.State("AR"):
                m.d.comb += axi.arvalid.eq(1)
                with m.If(axi.arready):
                    m.d.sync += beat.eq(0)
                    m.next = "R"
            with m.State("R"):
                m.d.comb += [state.eq(1), axi.rready.eq(1), fill.en.eq(axi.rvalid)]
                with m.If(axi.rvalid):
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(axi.rresp != 0):
                        m.d.sync += errors.eq(errors + 1)
                    with m.If(axi.rlast):
                        m.d.sync += beat.eq(0)
                        m.next = "AW"
            with m.State("AW"):
                m.d.comb += [state.eq(2), axi.awvalid.eq(1)]
                with m.If(axi.awready):
                    m.next = "W"
            with m.State("W"):
                last = beat == beats - 1
                m.d.comb += [
                    state.eq(3),
                    axi.wvalid.eq(1),
                    axi.wlast.eq(last | (broken[0] & (beat == 0))),
                ]
                with m.If(axi.wready):
                    m.d.comb += next_beat.eq(beat + 1)
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(last):
                        m.next = "B"
            with m.State("B"):
                m.d.comb += [state.eq(4), axi.bready.eq(1)]
                with m.If(axi.bvalid):
                    m.d.sync += [
                        source.eq(source + beats * self.config.bus_bytes),
                        target.eq(target + beats * self.config.bus_bytes),
                        bursts.eq(bursts - 1),
                    ]
                    with m.If(axi.bresp != 0):
                        m.d.sync += errors.eq(errors + 1)
                    m.next = "AR"
                    with m.If(bursts == 1):
                        m.d.sync += self.irq.eq(1)
                        m.next = "IDLE"
        del fsm
        return m


@cache
def copier_verilog(config: Config) -> str:
    """Verilog of the stand-in, named and shaped as the chip's."""
    return emit.component_verilog(Copier(config), emit.TOP)
