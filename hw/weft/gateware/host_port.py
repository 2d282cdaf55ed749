"""The host's AXI4-Lite port: every register of the table, interrupts and the doorbell."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.errors import Cause
from weft.arch.registers import (
    BY_NAME,
    ID_VALUE,
    INTERFACE_VERSION,
    Access,
    Register,
    registers_of,
)
from weft.config import PROGRAM_QUEUE, Config

from .counters import COUNTER_BITS, Counters, counter_places
from .error_control import error_layout
from .fetcher import COMMAND_SHIFT, program_layout
from .interfaces import INDEX_BITS, AxiLite, trap_layout
from .one_hot import selected

OKAY = 0
SLVERR = 2


def register_layout(name: str) -> data.FlexibleLayout:
    """Fields of a register by name."""
    return layout_of(BY_NAME[name])


def layout_of(register: Register) -> data.FlexibleLayout:
    """The same, of a register of any table."""
    bits = register.bits
    return data.FlexibleLayout(32, {b.name: data.Field(b.bits, b.lsb) for b in bits})


class HostPort(wiring.Component):
    """AXI4-Lite subordinate with the registers of `weft.arch.registers`.

    The low two address bits are ignored; bytes without a strobe are written as they were (RW) or as
    zero (others). SLVERR answers an address without a register, a write to a read-only register, a
    doorbell that rings in vain and a clear that is refused; such an access has no effect. A write
    is done in the cycle in which its address and data are accepted together. A read takes 3 cycles,
    that of a counter up to `Counters.period` + `Counters.latency` more.

    Parameters
    ----------
    config
        Its hash is a register; with a SIMT core there are further ones.

    Members
    -------
    host, irq
        The port and its interrupt line.
    ring, program, room
        In a cycle with ``ring``, ``program`` starts or queues; only while ``room``.
    queued, busy, halted, error
        Shown in STATUS and ERROR. While ``refuse``, the doorbell rings in vain.
    clear, clearable
        One-cycle pulse of CTRL.clear; given only while ``clearable``. High behind reset, too.
    stop
        One-cycle pulse of CTRL.stop.
    done, halt, message
        Strobes that set an interrupt; ``done`` counts RETIRED.
    trap
        The thread that trapped, if there is a SIMT core.
    counter, counter_valid, counter_total
        The port of `Counters`.
    """

    irq: Signal
    ring: Signal
    room: Signal
    refuse: Signal
    queued: Signal
    busy: Signal
    halted: Signal
    clear: Signal
    stop: Signal
    clearable: Signal
    done: Signal
    halt: Signal
    message: Signal
    counter: Signal
    counter_valid: Signal
    counter_total: Signal

    def __init__(self, config: Config):
        self._config = config
        self._registers = registers_of(config)
        self._places = counter_places(config)
        super().__init__(
            ({"trap": In(trap_layout())} if config.lanes else {})
            | {
                "host": In(AxiLite()),
                "irq": Out(1),
                "ring": Out(1),
                "program": Out(program_layout()),
                "room": In(1),
                "refuse": In(1),
                "queued": In(range(PROGRAM_QUEUE + 1)),
                "busy": In(1),
                "halted": In(1),
                "error": In(error_layout()),
                "clear": Out(1, init=1),
                "stop": Out(1),
                "clearable": In(1),
                "done": In(1),
                "halt": In(1),
                "message": In(1),
                "counter": Out(range(len(self._places))),
                "counter_valid": In(1),
                "counter_total": In(COUNTER_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the registers, then the two channels that reach them."""
        m = Module()
        me: Any = self
        status = Signal(register_layout("STATUS"))
        irq_status = Signal(register_layout("IRQ_STATUS"))
        irq_enable = Signal(
            register_layout("IRQ_ENABLE"), init={"done": 1, "error": 1, "message": 1}
        )
        program = Signal(32)
        retired = Signal(32)
        m.d.comb += [
            status.busy.eq(self.busy),
            status.halted.eq(self.halted),
            status.queued.eq(self.queued),
            self.irq.eq((irq_status.as_value() & irq_enable.as_value()).any()),
        ]
        # Counted a cycle later: that a program is done is found out far away.
        done = Signal()
        m.d.sync += [done.eq(self.done), retired.eq(retired + done)]

        self._write_channel(m, irq_status, irq_enable, program)
        # An event in the cycle in which its bit is cleared is kept.
        for name, strobe in (("done", self.done), ("error", self.halt), ("message", self.message)):
            with m.If(strobe):
                m.d.sync += irq_status[name].eq(1)

        readable = {
            "ID": ID_VALUE,
            "VERSION": INTERFACE_VERSION,
            "HASH_LO": self._config.hash & 0xFFFFFFFF,
            "HASH_HI": self._config.hash >> 32,
            "STATUS": status.as_value(),
            "CTRL": 0,
            "IRQ_STATUS": irq_status.as_value(),
            "IRQ_ENABLE": irq_enable.as_value(),
            "ERROR": me.error.as_value(),
            "PROGRAM": program,
            "DOORBELL": 0,
            "RETIRED": retired,
        }
        if self._config.lanes:
            readable |= self._trap_values(m)
        self._read_channel(m, readable)
        return m

    def _trap_values(self, m: Module) -> dict[str, ValueLike]:
        """Who trapped, while that is the error."""
        me: Any = self
        trap, trapped = me.trap, me.error.cause == Cause.TRAP
        values = {name: Signal(register_layout(name)) for name in ("TRAP", "TRAP_BLOCK")}
        m.d.comb += [
            *(values["TRAP"][name].eq(trap[name]) for name in ("cause", "lane", "warp")),
            *(values["TRAP_BLOCK"][axis].eq(trap[axis]) for axis in "xy"),
        ]
        every = {**values, "TRAP_PC": trap.pc, "TRAP_BLOCK_Z": trap.z}
        return {name: Mux(trapped, Value.cast(value), 0) for name, value in every.items()}

    def _write_channel(self, m: Module, irq_status: Any, irq_enable: Any, program: Signal) -> None:
        """Address, data and response of writes."""
        host: Any = getattr(self, "host")  # noqa: B009
        accept = Signal()
        okay = Signal()
        m.d.comb += [
            accept.eq(host.awvalid & host.wvalid & ~host.bvalid),
            host.awready.eq(accept),
            host.wready.eq(accept),
        ]
        with m.If(accept):
            m.d.sync += [host.bvalid.eq(1), host.bresp.eq(Mux(okay, OKAY, SLVERR))]
        with m.Elif(host.bready):
            m.d.sync += host.bvalid.eq(0)

        strobes = Cat(bit.replicate(8) for bit in host.wstrb)
        written = Signal(32)  # zero where there is no strobe
        m.d.comb += written.eq(host.wdata & strobes)

        def merged(old: ValueLike) -> ValueLike:
            return (old & ~strobes) | written

        def write(register: Register) -> None:
            match register.name:
                case "CTRL":
                    ask = Signal(register_layout("CTRL"))
                    m.d.comb += [
                        ask.as_value().eq(written),
                        okay.eq(~ask.clear | self.clearable),
                        clear.eq(ask.clear & self.clearable),
                        self.stop.eq(ask.stop & okay),
                    ]
                case "IRQ_STATUS":
                    m.d.sync += irq_status.as_value().eq(irq_status.as_value() & ~written)
                    m.d.comb += okay.eq(1)
                case "IRQ_ENABLE":
                    used = sum((1 << b.bits) - 1 << b.lsb for b in register.bits)
                    m.d.sync += irq_enable.as_value().eq(merged(irq_enable.as_value()) & used)
                    m.d.comb += okay.eq(1)
                case "PROGRAM":
                    m.d.sync += program.eq(merged(program))
                    m.d.comb += okay.eq(1)
                case "DOORBELL":
                    fits = (written != 0) & (written[INDEX_BITS:] == 0)
                    m.d.comb += [
                        okay.eq(fits & self.room & ~self.refuse),
                        self.ring.eq(okay),
                    ]
                case name:
                    raise NotImplementedError(f"no hardware writes register {name}")

        clear = Signal()
        m.d.sync += self.clear.eq(clear)
        payload: Any = getattr(self, "program")  # noqa: B009
        m.d.comb += [
            payload.address.eq(program[COMMAND_SHIFT:]),
            payload.aligned.eq(program[:COMMAND_SHIFT] == 0),
            payload.count.eq(written[:INDEX_BITS]),
        ]
        with m.If(accept), m.Switch(host.awaddr[2:]):
            for register in self._registers:
                if register.access is not Access.RO:
                    with m.Case(register.offset >> 2):
                        write(register)

    def _read_channel(self, m: Module, readable: dict[str, ValueLike]) -> None:
        """Address and data of reads."""
        host: Any = getattr(self, "host")  # noqa: B009
        word = Signal(len(host.araddr) - 2)
        looking = Signal()
        # For so many cycles: what `Counters` says is of this one, and of a visit since.
        looked = Signal(Counters.latency)
        is_counter = Signal()  # the address is that of a counter
        counter, value, known = Signal(), Signal(32), Signal()  # a cycle later
        m.d.comb += host.arready.eq(~looking & ~host.rvalid)
        with m.If(host.arvalid & host.arready):
            m.d.sync += [word.eq(host.araddr[2:]), looking.eq(1)]

        with m.Switch(word):
            for register in self._registers:
                with m.Case(register.offset >> 2):
                    m.d.sync += known.eq(1)
                    if register.counter:
                        place = self._places[register.name.lower()]
                        m.d.comb += [is_counter.eq(1), self.counter.eq(place)]
            with m.Default():
                m.d.sync += known.eq(0)
        # Which register it is, and what that says, one cycle after the other.
        plain = [register for register in self._registers if not register.counter]
        which = Signal(len(plain))
        m.d.sync += [
            which.eq(Cat(word == register.offset >> 2 for register in plain)),
            value.eq(
                selected(
                    (bit, readable[register.name])
                    for bit, register in zip(which, plain, strict=True)
                )
            ),
            counter.eq(is_counter),
            looked.eq(Cat(looking, looked)),
        ]
        with m.If(looking & Mux(counter, looked.all() & self.counter_valid, looked[1])):
            m.d.sync += [
                looking.eq(0),
                host.rvalid.eq(1),
                host.rdata.eq(Mux(counter, self.counter_total, value)),
                host.rresp.eq(Mux(known, OKAY, SLVERR)),
            ]
        with m.Elif(host.rready):
            m.d.sync += host.rvalid.eq(0)
