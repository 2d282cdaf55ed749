"""UARTBone: frames of bytes become accesses to words."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.link import WORD_BYTES, Frame

ADDRESS_BITS = 30
"""Width of an address on the word bus; the two highest bits of a frame's are ignored."""


class WordBus(wiring.Signature):
    """Access to one word at a time; done in the cycle with ``valid`` and ``ready``.

    Members
    -------
    valid, write, address, data
        The access; it stays until it is done. Addresses count words.
    ready, answer, error
        Its end: what was read, and whether it was refused.
    """

    def __init__(self):
        super().__init__(
            {
                "valid": Out(1),
                "write": Out(1),
                "address": Out(ADDRESS_BITS),
                "data": Out(32),
                "ready": In(1),
                "answer": In(32),
                "error": In(1),
            }
        )


class UartBone(wiring.Component):
    """Frames of `weft.arch.link` to accesses, one word after the other.

    A byte that begins no frame is skipped. A frame whose next byte does not come within
    ``patience`` cycles is forgotten, so that any silence of that length ends all confusion.

    Parameters
    ----------
    patience
        Cycles.

    Members
    -------
    i, o
        Bytes from and to the host.
    bus
        Accesses.
    forgotten
        Strobe: a frame was forgotten.
    """

    i: stream.Interface
    o: stream.Interface
    bus: wiring.PureInterface
    forgotten: Signal

    def __init__(self, patience: int):
        if patience < 1:
            raise ValueError(f"patience = {patience} cycles is not valid: 1 or more")
        self._patience = patience
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(8)),
                "bus": Out(WordBus()),
                "forgotten": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the bridge: one state for each part of a frame."""
        m = Module()
        bus = self.bus
        word = Signal(32)  # address or data, as it comes and goes: highest byte first
        place = Signal(range(WORD_BYTES))
        left = Signal(8)
        fixed, write = Signal(), Signal()
        last_byte, last_word = Signal(), Signal()
        patience = Signal(range(self._patience + 1))
        shifted = Cat(self.i.payload, word[:-8])
        m.d.comb += [
            last_byte.eq(place == WORD_BYTES - 1),
            last_word.eq(left == 1),
            bus.write.eq(write),
            bus.data.eq(word),
            self.o.payload.eq(word[-8:]),
        ]
        with m.If(patience != 0):
            m.d.sync += patience.eq(patience - 1)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += patience.eq(self._patience)

        def wait() -> None:
            m.d.comb += self.i.ready.eq(1)
            with m.If(~self.i.valid & (patience == 0)):
                m.d.comb += self.forgotten.eq(1)
                m.next = "command"

        with m.FSM(name="bone"):
            with m.State("command"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += place.eq(0)
                with m.If(self.i.valid):
                    for code in Frame:
                        with m.If(self.i.payload == code):
                            m.d.sync += [
                                write.eq(code in (Frame.WRITE, Frame.WRITE_FIXED)),
                                fixed.eq(code in (Frame.READ_FIXED, Frame.WRITE_FIXED)),
                            ]
                            m.next = "words"
            with m.State("words"):
                wait()
                m.d.sync += left.eq(self.i.payload)
                with m.If(self.i.valid):
                    m.next = "address"
            with m.State("address"):
                wait()
                with m.If(self.i.valid):
                    m.d.sync += [word.eq(shifted), place.eq(place + 1)]
                    with m.If(last_byte):
                        m.d.sync += bus.address.eq(shifted)
                        m.next = "access"
                        with m.If(write):
                            m.next = "data"
                        with m.If(left == 0):
                            m.next = "command"
            with m.State("data"):
                wait()
                with m.If(self.i.valid):
                    m.d.sync += [word.eq(shifted), place.eq(place + 1)]
                    with m.If(last_byte):
                        m.next = "access"
            with m.State("access"):
                m.d.comb += bus.valid.eq(1)
                # It is the bus that takes its time, not the host.
                m.d.sync += patience.eq(self._patience)
                with m.If(bus.ready):
                    m.d.sync += [
                        word.eq(bus.answer),
                        left.eq(left - 1),
                        bus.address.eq(bus.address + ~fixed),
                    ]
                    m.next = "send"
                    with m.If(write):
                        m.next = "data"
                        with m.If(last_word):
                            m.next = "command"
            with m.State("send"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += [word.eq(Cat(Const(0, 8), word[:-8])), place.eq(place + 1)]
                    with m.If(last_byte):
                        m.next = "access"
                        with m.If(left == 0):
                            m.next = "command"
        return m
