"""The memory port: read and write clients on one AXI4 manager."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .bursts import BURST_BEATS
from .interfaces import Axi4, MemoryRead, MemoryWrite
from .word_fifo import WordFifo


def clients(config: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Clients that read, and clients that write, in order of their AXI IDs."""
    if not config.lanes:
        return ("fetch", "load"), ("store",)
    return ("fetch", "load", "simt_read", "simt_code"), ("store", "simt_write")


OWED_BURSTS = 16
"""Write bursts that may wait for their data inside the port."""

OPEN_BITS = 16
"""Width of the counters of bursts in flight; far beyond what any memory takes."""

INCR = 1
"""AXI4 burst type: addresses ascend."""

OKAY = 0
"""AXI4 response; EXOKAY answers exclusive accesses only, and there are none."""


def _turn_layout() -> data.StructLayout:
    """Whose data are due, and how many beats after the first."""
    return data.StructLayout({"writer": 1, "left": range(BURST_BEATS)})


def _choose(m: Module, name: str, bursts: list, valid: Signal, ready: Signal) -> Signal:
    """Number of the client whose burst is offered, round robin; keeps to it until it is taken.

    Parameters
    ----------
    bursts
        The clients' requests.
    valid, ready
        Handshake of the channel that they share.
    """
    chosen = Signal(range(max(2, len(bursts))), name=f"{name}_chosen")
    if len(bursts) == 1:
        return chosen
    latest = Signal.like(chosen, init=len(bursts) - 1, name=f"{name}_latest")
    locked = Signal(name=f"{name}_locked")
    m.d.sync += locked.eq(valid & ~ready)
    with m.If(valid):
        m.d.sync += latest.eq(chosen)
    m.d.comb += chosen.eq(latest)
    with m.If(~locked), m.Switch(latest):
        for last in range(len(bursts)):
            with m.Case(last):
                # Later assignments win: the client after the latest comes last here.
                for step in range(len(bursts), 0, -1):
                    client = (last + step) % len(bursts)
                    with m.If(bursts[client].valid):
                        m.d.comb += chosen.eq(client)
    return chosen


class MemoryPort(wiring.Component):
    """Shares one AXI4 manager between clients, round robin per burst.

    Requests pass through without a register. Data of reads go to the client by ID. Data of a
    write burst follow its request, at least a cycle later, in order of the requests.

    Members
    -------
    fetch, load, simt_read, simt_code
        Read clients; the last two if there is a SIMT core.
    store, simt_write
        Write clients, likewise.
    axi
        The port.
    outstanding
        A burst is offered or not complete.
    read_beat, read_stall, write_beat, write_stall
        Counters' events.
    """

    data_latency = WordFifo.latency
    """Cycles from an accepted write burst to its first beat, when no other is before it."""

    axi: wiring.PureInterface
    outstanding: Signal
    read_beat: Signal
    read_stall: Signal
    write_beat: Signal
    write_stall: Signal

    def __init__(self, config: Config):
        self.config = config
        self._readers, self._writers = clients(config)
        events = ("outstanding", "read_beat", "read_stall", "write_beat", "write_stall")
        super().__init__(
            {name: In(MemoryRead(config)) for name in self._readers}
            | {name: In(MemoryWrite(config)) for name in self._writers}
            | {"axi": Out(Axi4(config))}
            | {name: Out(1) for name in events}
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        axi = self.axi
        readers = [getattr(self, name) for name in self._readers]
        writers = [getattr(self, name) for name in self._writers]
        bus_size = (self.config.bus_bytes - 1).bit_length()
        m.d.comb += [
            axi.arsize.eq(bus_size),
            axi.arburst.eq(INCR),
            axi.awsize.eq(bus_size),
            axi.awburst.eq(INCR),
            axi.bready.eq(1),
        ]

        # --- reads -----------------------------------------------------------------------------
        chosen = _choose(m, "read", [port.burst for port in readers], axi.arvalid, axi.arready)
        m.d.comb += axi.arid.eq(chosen)
        for i, port in enumerate(readers):
            with m.If(chosen == i):
                m.d.comb += [
                    axi.arvalid.eq(port.burst.valid),
                    axi.araddr.eq(port.burst.payload.addr),
                    axi.arlen.eq(port.burst.payload.more),
                    port.burst.ready.eq(axi.arready),
                ]
            m.d.comb += [
                port.beat.payload.data.eq(axi.rdata),
                port.beat.payload.error.eq(axi.rresp != OKAY),
                port.beat.payload.last.eq(axi.rlast),
                port.beat.valid.eq(axi.rvalid & (axi.rid == i)),
            ]
            with m.If(axi.rid == i):
                m.d.comb += axi.rready.eq(port.beat.ready)

        # --- writes ----------------------------------------------------------------------------
        # Data follow in the order of requests, so whose turn it is waits in a queue.
        m.submodules.owed = owed = WordFifo(_turn_layout(), OWED_BURSTS)
        chosen = _choose(m, "write", [port.burst for port in writers], axi.awvalid, axi.awready)
        m.d.comb += axi.awid.eq(chosen)
        for i, port in enumerate(writers):
            with m.If((chosen == i) & owed.i.ready):
                m.d.comb += [
                    axi.awvalid.eq(port.burst.valid),
                    axi.awaddr.eq(port.burst.payload.addr),
                    axi.awlen.eq(port.burst.payload.more),
                    port.burst.ready.eq(axi.awready),
                ]
            with m.If(owed.o.valid & (owed.o.payload.writer == i)):
                m.d.comb += [
                    axi.wvalid.eq(port.beat.valid),
                    axi.wdata.eq(port.beat.payload.data),
                    axi.wstrb.eq(port.beat.payload.strobe),
                    port.beat.ready.eq(axi.wready),
                ]
            m.d.comb += [
                port.done.payload.error.eq(axi.bresp != OKAY),
                port.done.valid.eq(axi.bvalid & (axi.bid == i)),
            ]
        sent = Signal(range(BURST_BEATS))
        m.d.comb += [
            owed.i.valid.eq(axi.awvalid & axi.awready),
            owed.i.payload.writer.eq(chosen),
            owed.i.payload.left.eq(axi.awlen),
            axi.wlast.eq(sent == owed.o.payload.left),
            owed.o.ready.eq(axi.wvalid & axi.wready & axi.wlast),
        ]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += sent.eq(Mux(axi.wlast, 0, sent + 1))

        # --- what goes on ----------------------------------------------------------------------
        reads, writes = Signal(OPEN_BITS), Signal(OPEN_BITS)
        m.d.sync += [
            reads.eq(reads + (axi.arvalid & axi.arready) - (axi.rvalid & axi.rready & axi.rlast)),
            writes.eq(writes + (axi.awvalid & axi.awready) - (axi.bvalid & axi.bready)),
        ]
        m.d.comb += [
            self.outstanding.eq(
                Cat(reads, writes).any() | Cat(port.burst.valid for port in readers + writers).any()
            ),
            self.read_beat.eq(axi.rvalid & axi.rready),
            self.read_stall.eq((axi.arvalid & ~axi.arready) | (axi.rvalid & ~axi.rready)),
            self.write_beat.eq(axi.wvalid & axi.wready),
            self.write_stall.eq((axi.awvalid & ~axi.awready) | (axi.wvalid & ~axi.wready)),
        ]
        return m
