"""Main memory in memories of the FPGA, behind an AXI4 port."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In

from weft.config import Config

from .axi_share import CHIP_ID_BITS
from .interfaces import Axi4

OKAY, DECERR = 0, 3
"""AXI4 responses: fine, and nothing at this address."""

ID_BITS = CHIP_ID_BITS + 1


class _Bursts:
    """Bursts of one direction: the one that goes on, and one that waits."""

    def __init__(self, m: Module, name: str, axi: wiring.PureInterface, word_bits: int, low: int):
        request = data.StructLayout({"id": ID_BITS, "left": 8, "word": word_bits, "outside": 1})
        self.now = Signal(request, name=f"{name}_now")
        self.active = Signal(name=f"{name}_active")
        self.step = Signal(name=f"{name}_step")
        """A beat of the burst is done."""
        self.last = Signal(name=f"{name}_last")
        waiting = Signal(request, name=f"{name}_waiting")
        waits, over = Signal(name=f"{name}_waits"), Signal(name=f"{name}_over")
        incoming = Signal(request, name=f"{name}_incoming")
        address = getattr(axi, f"{name}addr")
        taken = getattr(axi, f"{name}valid") & ~waits
        m.d.comb += [
            getattr(axi, f"{name}ready").eq(~waits),
            incoming.id.eq(getattr(axi, f"{name}id")),
            incoming.left.eq(getattr(axi, f"{name}len")),
            incoming.word.eq(address[low:]),
            incoming.outside.eq(address[low + word_bits :].any()),
            self.last.eq(self.now.left == 0),
            over.eq(~self.active | (self.step & self.last)),
        ]
        with m.If(self.step):
            m.d.sync += [self.now.word.eq(self.now.word + 1), self.now.left.eq(self.now.left - 1)]
        with m.If(over):
            m.d.sync += [
                self.active.eq(waits | taken),
                self.now.eq(Mux(waits, waiting, incoming)),
                waits.eq(0),
            ]
        with m.Elif(taken):
            m.d.sync += [waits.eq(1), waiting.eq(incoming)]


class BlockMemory(wiring.Component):
    """A memory that takes and gives a beat a cycle; addresses beyond it answer DECERR.

    A read's first beat comes `read_latency` cycles after its address was accepted (its blocks stand
    all over a device: there is a register behind them), a write's response one cycle after its last
    beat. A beat that was written is seen by reads whose address
    is accepted when its response is there.

    Parameters
    ----------
    config
        Width of the port.
    size
        Bytes, a power of two.

    Members
    -------
    axi
        The port.
    """

    axi: wiring.PureInterface

    read_latency = 3

    def __init__(self, config: Config, size: int):
        if size.bit_count() != 1 or size < 2 * config.bus_bytes:
            raise ValueError(
                f"size = {size} is not valid: a power of two, at least {2 * config.bus_bytes} bytes"
            )
        self._config, self._size = config, size
        super().__init__({"axi": In(Axi4(config, ID_BITS))})

    def elaborate(self, platform: object) -> Module:
        """Build the memory, and what steps through bursts on either side."""
        m = Module()
        axi, width = self.axi, self._config.bus_bytes
        words = self._size // width
        word_bits, low = (words - 1).bit_length(), (width - 1).bit_length()
        m.submodules.storage = storage = memory.Memory(
            # What is read of a word that is being written is nobody's, as the class says.
            shape=unsigned(8 * width),
            depth=words,
            init=[],
            attrs={"no_rw_check": 1},
        )
        write_port = storage.write_port(granularity=8)
        read_port = storage.read_port()
        reads, writes = (_Bursts(m, name, axi, word_bits, low) for name in ("ar", "aw"))

        read, write = Signal(), Signal()  # what is done in this cycle
        found, gives = Signal(), Signal()  # a beat has been read; it goes to the port
        answer = data.StructLayout({"id": ID_BITS, "last": 1, "outside": 1})
        its = Signal(answer)
        m.d.comb += [
            read.eq(reads.active & (~found | gives)),
            gives.eq(~axi.rvalid | axi.rready),
            write.eq(writes.active & axi.wvalid & (~axi.bvalid | axi.bready)),
            reads.step.eq(read),
            writes.step.eq(write),
        ]
        m.d.comb += [
            read_port.addr.eq(reads.now.word),
            read_port.en.eq(read),
            axi.wready.eq(write),
        ]
        # Who writes is known late, and blocks are far: a cycle for each.
        m.d.sync += [
            write_port.addr.eq(writes.now.word),
            write_port.data.eq(axi.wdata),
            write_port.en.eq(axi.wstrb & (write & ~writes.now.outside).replicate(width)),
        ]

        with m.If(gives):
            m.d.sync += [
                axi.rvalid.eq(found),
                axi.rdata.eq(read_port.data),
                axi.rid.eq(its.id),
                axi.rlast.eq(its.last),
                axi.rresp.eq(Mux(its.outside, DECERR, OKAY)),
                found.eq(0),
            ]
        with m.If(read):
            m.d.sync += [
                found.eq(1),
                its.id.eq(reads.now.id),
                its.last.eq(reads.last),
                its.outside.eq(reads.now.outside),
            ]
        with m.If(axi.bready):
            m.d.sync += axi.bvalid.eq(0)
        with m.If(write & writes.last):
            m.d.sync += [
                axi.bvalid.eq(1),
                axi.bid.eq(writes.now.id),
                axi.bresp.eq(Mux(writes.now.outside, DECERR, OKAY)),
            ]
        return m
