"""What goes on a board: the chip, its main memory and the host's link, between pins."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect

from weft.arch.link import BAUD, RESYNC_SECONDS
from weft.config import Config
from weft.gateware.axi_share import CHIP_ID_BITS, AxiShare
from weft.gateware.axi_slice import AxiSlice
from weft.gateware.block_memory import BlockMemory
from weft.gateware.chip import NOT_RUNNING, Chip
from weft.gateware.host_link import HostLink
from weft.gateware.primitives.pll import PLLS
from weft.gateware.small.chip import SmallChip

from .firmware import firmware, local_bytes
from .table import Board, divisor

TOP = "board"
"""Name of the top Verilog module."""

RESET_CYCLES = 15
"""Cycles of the first reset, once the clock has settled; memories of iCE40 read zeros before."""

BLINK_BIT = 23
"""Bit of a counter of cycles that the first LED shows."""


class System(wiring.Component):
    """A whole board.

    LEDs from the first on: alive (blinks), a program runs, interrupt, the host sends. A board with
    fewer has the first ones.

    Parameters
    ----------
    board
        Its pins, clock and memory.
    config
        Chip, if it is not the board's.
    baud
        Speed of the line.
    patience
        Cycles after which a frame that does not go on is forgotten, if not `RESYNC_SECONDS`.

    Members
    -------
    clk
        The oscillator.
    reset
        A button; it may change at any time.
    uart_rx, uart_tx
        The line from and to the host.
    leds
        As the board's LEDs want them.
    """

    clk: Signal
    reset: Signal
    uart_rx: Signal
    uart_tx: Signal
    leds: Signal

    def __init__(
        self,
        board: Board,
        config: Config | None = None,
        *,
        baud: int = BAUD,
        patience: int | None = None,
    ):
        self._board, self._config = board, config or board.config
        self._divisor = divisor(board.clock_hz, baud)
        self._patience = patience or round(RESYNC_SECONDS * board.clock_hz)
        super().__init__(
            {
                "clk": In(1),
                "reset": In(1),
                "uart_rx": In(1, init=1),
                "uart_tx": Out(1, init=1),
                "leds": Out(board.leds),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect chip, memory and link; make the reset."""
        m = Module()
        board = self._board
        self._reset(m)
        m.submodules.link = link = HostLink(
            self._config,
            memory_bytes=board.memory_bytes,
            clock_hz=board.clock_hz,
            divisor=self._divisor,
            patience=self._patience,
        )
        running, irq = self._small_chip(m, link) if board.small else self._chip(m, link)

        blink = Signal(BLINK_BIT + 1)
        lights = [blink[-1], running, irq, ~self.uart_rx, *[Const(0)] * board.leds]
        m.d.sync += blink.eq(blink + 1)
        m.d.comb += [
            link.irq.eq(irq),
            link.rx.eq(self.uart_rx),
            self.uart_tx.eq(link.tx),
        ]
        m.d.comb += self.leds.eq(Cat(light ^ board.leds_low for light in lights[: board.leds]))
        return m

    def _chip(self, m: Module, link: HostLink) -> tuple[Value, Value]:
        """The chip and its memory; gives whether a program runs, and the interrupt line."""
        config, board = self._config, self._board
        m.submodules.chip = chip = Chip(config)
        m.submodules.share = share = AxiShare(config)
        m.submodules.memory = memory = BlockMemory(config, board.memory_bytes)
        m.submodules.slice = registers = AxiSlice(config, CHIP_ID_BITS)
        connect(m, chip.m_axi, registers.manager)
        connect(m, registers.axi, share.chip)
        connect(m, link.memory, share.host)
        connect(m, share.axi, memory.axi)
        connect(m, link.chip, chip.s_axil)
        return chip.activity[4:7] != NOT_RUNNING, chip.irq

    def _small_chip(self, m: Module, link: HostLink) -> tuple[Value, Value]:
        """The same with a small chip, which has its memory inside."""
        config, memory_bytes = self._config, self._board.memory_bytes
        code = firmware(config, memory_bytes)
        m.submodules.chip = chip = SmallChip(config, memory_bytes, local_bytes(config), code)
        connect(m, link.memory, chip.memory)
        connect(m, link.chip, chip.s_axil)
        return chip.running, chip.irq

    def _reset(self, m: Module) -> None:
        """Clock from the pin or a PLL; reset until it has settled, and by the button."""
        m.domains += [ClockDomain("sync"), ClockDomain("always", reset_less=True)]
        board, clock = self._board, Signal()
        button, pressed = Signal(), Signal()
        m.d.comb += button.eq(self.reset ^ board.reset_low)
        if board.clock_hz == board.oscillator_hz:
            m.d.comb += clock.eq(self.clk)
        else:
            m.submodules.pll = pll = PLLS[board.family](board.oscillator_hz, board.clock_hz)
            m.d.comb += [pll.i.eq(self.clk), clock.eq(pll.o)]
            button = button | ~pll.locked
        m.submodules.button = FFSynchronizer(button, pressed, o_domain="always")
        left = Signal(range(RESET_CYCLES + 1), init=RESET_CYCLES)
        with m.If(pressed):
            m.d.always += left.eq(RESET_CYCLES)
        with m.Elif(left != 0):
            m.d.always += left.eq(left - 1)
        resets = Signal(init=1)  # goes to every register, which is far enough
        m.d.always += resets.eq(left != 0)
        m.d.comb += [
            ClockSignal("sync").eq(clock),
            ClockSignal("always").eq(clock),
            ResetSignal("sync").eq(resets),
        ]
