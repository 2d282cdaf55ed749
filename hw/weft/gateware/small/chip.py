"""The small chip with its memories: what stands between the host's link and the FPGA's pins."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.config import Config

from ..block_memory import DECERR, OKAY
from ..interfaces import Axi4, AxiLite
from .bank import Bank
from .controller import Controller
from .mailbox import Mailbox
from .map import ROW_FIRST, WINDOW, WORD_BYTES, Input, Output, Window
from .matrix import Matrix
from .requantiser import Requantiser

_WINDOW_BITS = (WINDOW - 1).bit_length()
"""Width of a byte address in a window."""

_PORT_BITS = max(Output).bit_length()
"""Width of a byte address among the ports for stores."""


class SmallChip(wiring.Component):
    """Controller, matrix unit and both banks of memory.

    Parameters
    ----------
    config
        Sizes of the chip that the firmware is.
    memory_bytes, local_bytes
        Main and local memory, powers of two, at most `WINDOW`.
    code
        Words of the firmware.

    Members
    -------
    s_axil
        The host port.
    memory
        The host's way to main memory: bursts of one beat, answers taken at once.
    irq, running
        The interrupt line; a program runs.
    """

    s_axil: wiring.PureInterface
    memory: wiring.PureInterface
    irq: Signal
    running: Signal

    def __init__(self, config: Config, memory_bytes: int, local_bytes: int, code: Sequence[int]):
        for name, size in (("memory_bytes", memory_bytes), ("local_bytes", local_bytes)):
            if size > WINDOW:
                raise ValueError(f"{name} = {size} is not valid: at most {WINDOW}")
        self._config, self._code = config, code
        self._memory_bytes, self._local_bytes = memory_bytes, local_bytes
        super().__init__(
            {
                "s_axil": In(AxiLite()),
                "memory": In(Axi4(config)),
                "irq": Out(1),
                "running": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Connect the controller to its windows."""
        m = Module()
        local_bits = (self._local_bytes - 1).bit_length()
        m.submodules.controller = controller = Controller(self._code)
        m.submodules.matrix = matrix = Matrix(self._config, local_bits)
        m.submodules.mailbox = mailbox = Mailbox()
        m.submodules.main = main = Bank(self._memory_bytes)
        m.submodules.local = local = Bank(self._local_bytes)
        connect(m, flipped(self.s_axil), mailbox.host)
        bus = controller.bus
        window = bus.address[_WINDOW_BITS:]
        before = Signal.like(window)
        with m.If(bus.valid):
            m.d.sync += before.eq(window)
        for port, which in ((main.first, Window.MAIN), (local.second, Window.LOCAL)):
            m.d.comb += [
                port.valid.eq(bus.valid & (window == which)),
                port.write.eq(bus.write),
                port.word.eq(bus.address[2:]),
                port.data.eq(bus.data),
                port.strobe.eq(bus.strobe),
            ]
        self._host_memory(m, main)
        m.d.comb += [
            local.first.valid.eq(matrix.read),
            local.first.word.eq(matrix.word),
            matrix.data.eq(local.value),
        ]
        heard = self._ports(m, bus, window, matrix, mailbox)
        with m.Switch(before):
            with m.Case(Window.MAIN):
                m.d.comb += bus.answer.eq(main.value)
            with m.Case(Window.LOCAL):
                m.d.comb += bus.answer.eq(local.value)
            with m.Default():
                m.d.comb += bus.answer.eq(heard)
        return m

    def _ports(self, m: Module, bus, window, matrix: Matrix, mailbox: Mailbox):
        """What loads and stores of the last window do; gives what is loaded."""
        said = bus.valid & (window == Window.PORTS) & bus.write
        m.submodules.requantiser = requantiser = Requantiser()
        place = bus.address[2:_PORT_BITS]
        begun, busy = Signal(), Signal()  # what this store waits for
        starts = said & ((place == Output.START >> 2) | (place == Output.MAGNITUDE >> 2))
        loads, heard_it = Signal(), Signal()
        m.d.comb += loads.eq((window == Window.PORTS) & ~bus.write)
        m.d.sync += heard_it.eq(bus.valid & loads & ~heard_it)
        before = Signal(8 * (self._config.cols - WORD_BYTES))  # words of weights, oldest lowest
        cycles = Signal(32)
        state = Signal(2)
        m.d.sync += [cycles.eq(cycles + 1), begun.eq(starts & (~begun | busy))]
        m.d.comb += [
            bus.ready.eq(Mux(loads, heard_it, ~starts | (begun & ~busy))),
            busy.eq(matrix.busy | requantiser.busy),
            matrix.at.eq(bus.data),
            requantiser.scale.eq(bus.data),
            requantiser.magnitude.eq(bus.data),
            matrix.weights.eq(Cat(before, bus.data)),
            matrix.row.eq(bus.data),
            matrix.first.eq(bus.data[ROW_FIRST.bit_length() - 1]),
            mailbox.value.eq(bus.data),
            self.irq.eq(state[0]),
            self.running.eq(state[1]),
        ]
        with m.If(said), m.Switch(place):
            with m.Case(Output.WEIGHTS >> 2):
                m.d.comb += matrix.shift.eq(1)
            if len(before):
                with m.Case(Output.WEIGHTS_BEFORE >> 2):
                    m.d.sync += before.eq(Cat(before, bus.data)[32:])
            with m.Case(Output.ROW >> 2):
                m.d.comb += matrix.set_row.eq(1)
            with m.Case(Output.STRIDE >> 2):
                m.d.sync += matrix.stride.eq(bus.data)
            with m.Case(Output.COUNT >> 2):
                m.d.sync += matrix.count.eq(bus.data)
            with m.Case(Output.START >> 2):
                m.d.comb += matrix.start.eq(~begun)
            with m.Case(Output.SCALE >> 2):
                m.d.comb += requantiser.set_scale.eq(1)
            with m.Case(Output.MAGNITUDE >> 2):
                m.d.comb += requantiser.start.eq(~begun)
            with m.Case(Output.ANSWER >> 2):
                m.d.comb += mailbox.answer.eq(1)
            with m.Case(Output.REFUSE >> 2):
                m.d.comb += mailbox.refuse.eq(1)
            with m.Case(Output.STATE >> 2):
                m.d.sync += state.eq(bus.data)
        heard = Signal(32)
        places = (Input.SUMS >> 2) + self._config.cols
        with m.Switch(bus.address[2 : 2 + (places - 1).bit_length()]):
            for c in range(self._config.cols):
                with m.Case((Input.SUMS >> 2) + c):
                    m.d.sync += heard.eq(matrix.sums.word_select(c, 32))
            with m.Case(Input.HOST >> 2):
                m.d.sync += heard.eq(mailbox.request)
            with m.Case(Input.HOST_DATA >> 2):
                m.d.sync += heard.eq(mailbox.data)
            with m.Case(Input.CYCLES >> 2):
                m.d.sync += heard.eq(cycles)
            with m.Default():
                m.d.sync += heard.eq(requantiser.value)
        return heard

    def _host_memory(self, m: Module, main: Bank) -> None:
        """The host's accesses, one beat each, where the controller leaves room."""
        axi, port = self.memory, main.second
        # The way from the host's address to here is long: it is looked at a cycle later.
        waits, writes, outside, done = Signal(), Signal(), Signal(), Signal()
        address = Mux(writes, axi.awaddr, axi.araddr)
        m.d.comb += [
            port.valid.eq(waits),
            port.write.eq(writes & ~outside),
            port.word.eq(address[2:]),
            port.data.eq(axi.wdata),
            port.strobe.eq(axi.wstrb),
            done.eq(waits & port.ready),
            axi.awready.eq(done & writes),
            axi.wready.eq(done & writes),
            axi.arready.eq(done & ~writes),
            axi.bresp.eq(Mux(outside, DECERR, OKAY)),
            axi.rresp.eq(Mux(outside, DECERR, OKAY)),
            axi.rlast.eq(1),
            axi.rdata.eq(main.value),
        ]
        m.d.sync += [axi.bvalid.eq(done & writes), axi.rvalid.eq(done & ~writes)]
        with m.If(done):
            m.d.sync += waits.eq(0)
        with m.Elif(~waits & ~axi.bvalid & ~axi.rvalid):
            write = axi.awvalid & axi.wvalid
            beyond = (self._memory_bytes - 1).bit_length()
            m.d.sync += [
                waits.eq(write | axi.arvalid),
                writes.eq(write),
                outside.eq(Mux(write, axi.awaddr, axi.araddr)[beyond:].any()),
            ]
