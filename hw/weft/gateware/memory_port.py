"""The memory port: read and write clients on one AXI4 manager."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .bursts import BURST_BEATS
from .interfaces import Axi4, MemoryRead, MemoryWrite
from .keep import KEEP
from .one_hot import encode
from .word_fifo import ReadyFifo


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
    """Whose burst is offered, as a bit for each client; round robin, and kept until it is taken.

    Who yields to whom stands in registers, so that little is between requests and the port.

    Parameters
    ----------
    bursts
        The clients' requests.
    valid, ready
        Handshake of the channel that they share.
    """
    count = len(bursts)
    grant = Signal(count, name=f"{name}_grant")
    latest = Signal(count, init=1 << count - 1, name=f"{name}_latest")
    may = Signal(count, init=(1 << count) - 1, name=f"{name}_may")
    keeps = Signal(name=f"{name}_keeps")
    m.d.comb += keeps.eq(valid & ~ready)
    m.d.sync += may.eq(grant | (~keeps).replicate(count))
    with m.If(valid):
        m.d.sync += latest.eq(grant)

    def turns(client: int, last: int) -> int:
        """How many come before a client when this was the latest."""
        return (client - last - 1) % count

    for i in range(count):
        ahead = []
        for j in (*range(i), *range(i + 1, count)):
            yields = Signal(init=j < i, name=f"{name}_{i}_yields_to_{j}")
            lasts = [k for k in range(count) if turns(j, k) < turns(i, k)]
            still = Signal(name=f"{name}_{i}_still_yields_to_{j}", attrs=KEEP)
            m.d.comb += still.eq(~valid & Cat(latest[k] for k in lasts).any())
            others = Cat(grant[k] for k in lasts if k != i).any()
            m.d.sync += yields.eq(still | (valid & (others | (grant[i] & ready))))
            ahead.append(bursts[j].valid & yields)
        # No chain through all of them: two by two.
        behind, asks = (
            Signal(name=f"{name}_{i}_{what}", attrs=KEEP) for what in ("behind", "asks")
        )
        m.d.comb += [
            behind.eq(Cat(ahead[:2]).any()),
            asks.eq(bursts[i].valid & may[i] & ~Cat(ahead[2:]).any()),
            grant[i].eq(asks & ~behind),
        ]
    return grant


def _chosen(grant: Signal, clients: list) -> Value:
    """Address and length of the burst that is offered."""
    bursts = [Cat(port.burst.payload.addr, port.burst.payload.more) for port in clients]
    return reduce(or_, (Mux(bit, burst, 0) for bit, burst in zip(grant, bursts, strict=True)))


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
        A burst is not complete, or was offered in the last cycle.
    read_beat, read_stall, write_beat, write_stall
        Counters' events.
    """

    data_latency = ReadyFifo.latency
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
        grant = _choose(m, "read", [port.burst for port in readers], axi.arvalid, axi.arready)
        m.d.comb += [
            axi.arvalid.eq(Cat(port.burst.valid for port in readers).any()),
            Cat(axi.araddr, axi.arlen).eq(_chosen(grant, readers)),
            axi.arid.eq(encode(grant, len(readers))),
        ]
        for i, port in enumerate(readers):
            m.d.comb += [
                port.burst.ready.eq(grant[i] & axi.arready),
                port.beat.payload.data.eq(axi.rdata),
                port.beat.payload.error.eq(axi.rresp != OKAY),
                port.beat.payload.last.eq(axi.rlast),
                port.beat.valid.eq(axi.rvalid & (axi.rid == i)),
            ]
            with m.If(axi.rid == i):
                m.d.comb += axi.rready.eq(port.beat.ready)

        # --- writes ----------------------------------------------------------------------------
        # Data follow in the order of requests, so whose turn it is waits in a queue.
        m.submodules.owed = owed = ReadyFifo(_turn_layout(), OWED_BURSTS)
        grant = _choose(m, "write", [port.burst for port in writers], axi.awvalid, axi.awready)
        m.d.comb += [
            axi.awvalid.eq(owed.i.ready & Cat(port.burst.valid for port in writers).any()),
            Cat(axi.awaddr, axi.awlen).eq(_chosen(grant, writers)),
            axi.awid.eq(encode(grant, len(writers))),
        ]
        for i, port in enumerate(writers):
            m.d.comb += port.burst.ready.eq(grant[i] & axi.awready & owed.i.ready)
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
            owed.i.payload.writer.eq(axi.awid),
            owed.i.payload.left.eq(axi.awlen),
            axi.wlast.eq(sent == owed.o.payload.left),
            owed.o.ready.eq(axi.wvalid & axi.wready & axi.wlast),
        ]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += sent.eq(Mux(axi.wlast, 0, sent + 1))

        # --- what goes on ----------------------------------------------------------------------
        # What begins and what ends, a cycle late: they are the last things known in a cycle.
        reads, writes = Signal(OPEN_BITS), Signal(OPEN_BITS)
        read_begins, read_ends, write_begins, write_ends = (
            Signal(name=name) for name in ("read_begins", "read_ends", "write_begins", "write_ends")
        )
        m.d.sync += [
            read_begins.eq(axi.arvalid & axi.arready),
            read_ends.eq(axi.rvalid & axi.rready & axi.rlast),
            write_begins.eq(axi.awvalid & axi.awready),
            write_ends.eq(axi.bvalid & axi.bready),
            reads.eq(reads + read_begins - read_ends),
            writes.eq(writes + write_begins - write_ends),
        ]
        offered = Signal()
        m.d.sync += offered.eq(Cat(port.burst.valid for port in readers + writers).any())
        m.d.comb += [
            self.outstanding.eq(Cat(reads, writes, read_begins, write_begins).any() | offered),
            self.read_beat.eq(axi.rvalid & axi.rready),
            self.read_stall.eq((axi.arvalid & ~axi.arready) | (axi.rvalid & ~axi.rready)),
            self.write_beat.eq(axi.wvalid & axi.wready),
            self.write_stall.eq((axi.awvalid & ~axi.awready) | (axi.wvalid & ~axi.wready)),
        ]
        return m
