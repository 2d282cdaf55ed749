"""The host's side of a board: a serial line that reaches the chip's registers and main memory."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.link import (
    CHECK_ROTATION,
    CHIP_BASE,
    LINK_BASE,
    LINK_BY_NAME,
    LINK_ID,
    LINK_REGISTERS,
    WINDOW_BYTES,
)
from weft.config import Config

from .host_port import OKAY, layout_of
from .interfaces import Axi4, AxiLite
from .memory_port import INCR
from .uart import UartReceiver, UartTransmitter
from .uartbone import ADDRESS_BITS, UartBone
from .word_fifo import WordFifo

FIFO_BYTES = 32
"""Bytes from the host that may wait: what follows a frame that is being answered."""

_WORD_SHIFT = 2
_PAGE = (WINDOW_BYTES - 1).bit_length() - _WORD_SHIFT
"""First bit of a word address that chooses a window."""


def _single(m: Module, name: str, chosen: Value, bus: wiring.PureInterface, port) -> Signal:
    """Do the chosen accesses of a word bus on an AXI port; gives the strobe behind an answer."""
    begun, done = Signal(name=f"{name}_begun"), Signal(name=f"{name}_done")
    answered = Mux(bus.write, port.bvalid, port.rvalid)
    m.d.comb += [port.rready.eq(1), port.bready.eq(1)]
    with m.If(chosen & ~begun):
        m.d.sync += begun.eq(1)
    with m.Elif(done):
        m.d.sync += begun.eq(0)
    for channel, wanted in (("ar", ~bus.write), ("aw", bus.write), ("w", bus.write)):
        valid = Signal(name=f"{name}_{channel}")
        m.d.comb += getattr(port, f"{channel}valid").eq(valid)
        with m.If(chosen & ~begun):
            m.d.sync += valid.eq(wanted)
        with m.Elif(getattr(port, f"{channel}ready")):
            m.d.sync += valid.eq(0)
    m.d.sync += done.eq(answered & begun & ~done)
    return done


class HostLink(wiring.Component):
    """Serial line to AXI: the windows of `weft.arch.link`, and the link's own registers.

    Parameters
    ----------
    config
        The chip's.
    memory_bytes, clock_hz
        What the link's registers say.
    divisor
        Cycles of a bit on the line.
    patience
        Cycles after which a frame that does not go on is forgotten.

    Members
    -------
    rx, tx
        The line.
    chip
        To the chip's host port.
    memory
        To main memory; one beat at a time.
    irq
        The chip's interrupt line.
    """

    rx: Signal
    tx: Signal
    irq: Signal
    chip: wiring.PureInterface
    memory: wiring.PureInterface

    def __init__(
        self, config: Config, *, memory_bytes: int, clock_hz: int, divisor: int, patience: int
    ):
        self._config = config
        self._constants = {
            "LINK_ID": LINK_ID,
            "LINK_MEMORY": memory_bytes,
            "LINK_CLOCK": clock_hz,
        }
        self._divisor, self._patience = divisor, patience
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "chip": Out(AxiLite()),
                "memory": Out(Axi4(config)),
                "irq": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the line and the bridge, then the three windows."""
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self._divisor)
        m.submodules.fifo = fifo = WordFifo(8, FIFO_BYTES)
        m.submodules.bone = bone = UartBone(self._patience)
        m.submodules.transmitter = transmitter = UartTransmitter(self._divisor)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            fifo.i.valid.eq(receiver.o.valid),
            fifo.i.payload.eq(receiver.o.payload),
            self.tx.eq(transmitter.tx),
        ]
        connect(m, fifo.o, bone.i)
        connect(m, bone.o, transmitter.i)

        bus = bone.bus
        page = bus.address[_PAGE:]
        # An access begins a cycle after the bus has it, when registers say whom it concerns.
        here, to_chip, to_link = Signal(), Signal(), Signal()
        m.d.sync += [
            here.eq(bus.valid & ~bus.ready),
            to_chip.eq(page == _page_of(CHIP_BASE)),
            to_link.eq(page == _page_of(LINK_BASE)),
        ]
        chip, memory = flipped(self.chip), flipped(self.memory)
        chip_done = _single(m, "chip", here & to_chip, bus, chip)
        memory_done = _single(m, "memory", here & ~to_chip & ~to_link, bus, memory)
        self._chip_pins(m, bus, chip)
        lane = self._memory_pins(m, bus, memory)
        own = here & to_link
        link_value, writable = self._registers(m, bus, receiver.framing, bone.forgotten, own)
        m.d.comb += bus.ready.eq(own | chip_done | memory_done)
        # What answers stands here for a cycle, for it comes from far.
        answer, failed = Signal(32), Signal()
        with m.If(to_chip):
            refused = Mux(bus.write, chip.bresp, chip.rresp) != OKAY
            m.d.sync += [answer.eq(chip.rdata), failed.eq(refused)]
        with m.Else():
            refused = Mux(bus.write, memory.bresp, memory.rresp) != OKAY
            m.d.sync += [answer.eq(lane), failed.eq(refused)]
        with m.If(to_link):
            m.d.comb += [bus.answer.eq(link_value), bus.error.eq(bus.write & ~writable)]
        with m.Else():
            m.d.comb += [bus.answer.eq(answer), bus.error.eq(failed)]
        return m

    def _chip_pins(self, m: Module, bus, chip) -> None:
        """Address and data of an access to the chip's registers."""
        m.d.comb += [
            chip.araddr.eq(bus.address << _WORD_SHIFT),
            chip.awaddr.eq(bus.address << _WORD_SHIFT),
            chip.wdata.eq(bus.data),
            chip.wstrb.eq(~0),
        ]

    def _memory_pins(self, m: Module, bus, memory):
        """Address and data of an access to memory; gives the word of a beat that was read."""
        words = self._config.bus_bytes // 4
        lane_bits = (words - 1).bit_length()
        lane, beat = bus.address[:lane_bits], bus.address[lane_bits:]
        size = lane_bits + _WORD_SHIFT
        for channel in ("ar", "aw"):
            pins = {"addr": beat << size, "len": 0, "size": size, "burst": INCR}
            m.d.comb += [getattr(memory, f"{channel}{name}").eq(v) for name, v in pins.items()]
        m.d.comb += [
            memory.wdata.eq(bus.data.replicate(words)),
            memory.wstrb.eq(0b1111 << (lane << _WORD_SHIFT)),
            memory.wlast.eq(1),
        ]
        return memory.rdata.word_select(lane, 32) if lane_bits else memory.rdata

    def _registers(self, m: Module, bus, framing, forgotten, chosen):
        """Registers of the link; gives the one at the bus's address, and if it can be written."""
        status = Signal(layout_of(LINK_BY_NAME["LINK_STATUS"]))
        count = Signal(layout_of(LINK_BY_NAME["LINK_COUNT"]))
        cycles, check = Signal(32), Signal(32)
        session = next(b for b in LINK_BY_NAME["LINK_STATUS"].bits if b.name == "session")
        writable = bus.address[:_PAGE] == LINK_BY_NAME["LINK_STATUS"].offset >> _WORD_SHIFT
        m.d.comb += status.irq.eq(self.irq)
        m.d.sync += [
            cycles.eq(cycles + 1),
            status.refused.eq(status.refused + (bus.valid & bus.ready & bus.error)),
            status.framing.eq(status.framing + framing),
            status.forgotten.eq(status.forgotten + forgotten),
        ]
        with m.If(bus.write & chosen & writable):
            m.d.sync += status.session.eq(bus.data[session.lsb :])
        # A cycle later than the access; no other is done by then.
        counted, folded = Signal(), Signal(32)
        m.d.sync += [
            counted.eq(bus.valid & bus.ready & ~chosen),
            folded.eq(Mux(bus.write, bus.data, bus.answer) ^ bus.address),
        ]
        with m.If(counted):
            m.d.sync += [
                count.words.eq(count.words + 1),
                check.eq(check.rotate_left(CHECK_ROTATION) ^ folded),
            ]
        values = self._constants | {
            "LINK_CYCLES": cycles,
            "LINK_STATUS": status,
            "LINK_COUNT": count,
            "LINK_CHECK": check,
        }
        value = Signal(32)
        with m.Switch(bus.address[:_PAGE]):
            for register in LINK_REGISTERS:
                with m.Case(register.offset >> _WORD_SHIFT):
                    m.d.comb += value.eq(values[register.name])
        return value, writable


def _page_of(address: int) -> int:
    return address >> _PAGE + _WORD_SHIFT & (1 << ADDRESS_BITS - _PAGE) - 1


assert _page_of(CHIP_BASE) != _page_of(LINK_BASE) != 0, "windows must not overlap"
