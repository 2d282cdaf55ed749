"""A serial line: bytes from and to two pins, 8 bits, no parity, one stop bit."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

BITS = 8
"""Data bits of a byte on the line; they come least significant first."""

LEAST_DIVISOR = 2
"""Fewest cycles of a bit: one to see its edge, one to sample it."""


def _checked(divisor: int) -> int:
    if divisor < LEAST_DIVISOR:
        raise ValueError(f"divisor = {divisor} is not valid: {LEAST_DIVISOR} cycles a bit or more")
    return divisor


class UartReceiver(wiring.Component):
    """Bytes from a line, sampled in the middle of their bits::

        line  ‾‾‾‾\\___/ 0 X 1 X ... X 7 /‾‾‾
                  start                stop
        sample      ^    ^   ^       ^    ^

    A start bit that is over in its middle was a glitch and is ignored. A byte whose stop bit is
    low is dropped; the next begins after the line was high.

    Parameters
    ----------
    divisor
        Cycles of a bit.

    Members
    -------
    rx
        The line; it may change at any time.
    o
        Bytes.
    framing
        Strobe: a byte had no stop bit.
    """

    rx: Signal
    o: stream.Interface
    framing: Signal

    def __init__(self, divisor: int):
        self._divisor = _checked(divisor)
        super().__init__(
            {
                "rx": In(1, init=1),
                "o": Out(stream.Signature(BITS, always_ready=True)),
                "framing": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the receiver."""
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronise = FFSynchronizer(self.rx, line, init=1)
        until = Signal(range(self._divisor))  # cycles to the next sample
        sample = Signal()
        place = Signal(range(BITS))
        m.d.comb += sample.eq(until == 0)
        m.d.sync += until.eq(Mux(sample, self._divisor - 1, until - 1))
        with m.FSM(name="receive"):
            with m.State("idle"):
                m.d.sync += until.eq(self._divisor // 2 - 1)
                with m.If(~line):
                    m.next = "start"
            with m.State("start"), m.If(sample):
                m.d.sync += place.eq(0)
                m.next = "data"
                with m.If(line):
                    m.next = "idle"
            with m.State("data"), m.If(sample):
                m.d.sync += [
                    self.o.payload.eq(Cat(self.o.payload[1:], line)),
                    place.eq(place + 1),
                ]
                with m.If(place == BITS - 1):
                    m.next = "stop"
            with m.State("stop"), m.If(sample):
                m.d.comb += [self.o.valid.eq(line), self.framing.eq(~line)]
                m.next = "idle"
                with m.If(~line):
                    m.next = "high"
            with m.State("high"), m.If(line):
                m.next = "idle"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a line, one right after the other as long as there are some.

    Parameters
    ----------
    divisor
        Cycles of a bit.

    Members
    -------
    i
        Bytes.
    tx
        The line, high when idle.
    """

    i: stream.Interface
    tx: Signal

    def __init__(self, divisor: int):
        self._divisor = _checked(divisor)
        super().__init__({"i": In(stream.Signature(BITS)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        """Build the transmitter."""
        m = Module()
        rest = Signal(BITS + 1)  # of the byte and its stop bit
        left = Signal(range(BITS + 2))
        until = Signal(range(self._divisor))  # cycles to the next change of the line
        m.d.comb += self.i.ready.eq((until == 0) & (left == 0))
        with m.If(until != 0):
            m.d.sync += until.eq(until - 1)
        with m.Elif(left != 0):
            m.d.sync += [
                Cat(self.tx, rest).eq(rest),
                left.eq(left - 1),
                until.eq(self._divisor - 1),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += [
                self.tx.eq(0),
                rest.eq(Cat(self.i.payload, Const(1, 1))),
                left.eq(BITS + 1),
                until.eq(self._divisor - 1),
            ]
        return m
