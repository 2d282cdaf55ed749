"""The whole chip: control, engines, SRAMs and the memory port."""

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Module,
    Mux,
    ResetSignal,
    Signal,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.commands import Engine
from weft.arch.registers import BINS
from weft.config import Config

from .accumulator import Accumulators
from .act_sram import ActSram
from .control import Control
from .drain import Drain
from .interfaces import Axi4, AxiLite
from .load import Load
from .matmul import Matmul
from .memory_port import MemoryPort
from .param_sram import ParamSram
from .simt.engine import Simt
from .store import Store
from .wgt_sram import WgtSram

NOT_RUNNING = (1 << 3) - 1
"""Bin number on `Chip.activity` while no program is in flight."""


class Chip(wiring.Component):
    """Weft.

    Members
    -------
    s_axil
        Host port.
    m_axi
        Memory port.
    irq
        Interrupt, level.
    activity
        For observers: bits 0..3 LOAD, MATMUL, DRAIN, STORE busy; bits 4..6 the cycle's bin (index
        in `BINS`), `NOT_RUNNING` when no program is in flight; bit 7 SIMT busy.
    core_clk, core_active
        With ``core_clock``: the SIMT core's clock, whose edges are those of the other one in all
        cycles in which ``core_active`` is high; in others it may stand still.

    Parameters
    ----------
    config
        Sizes.
    core_clock
        For simulators, which then need not compute what a core does that has nothing to do.
    """

    def __init__(self, config: Config, *, core_clock: bool = False):
        self.config = config
        self.core_clock = core_clock and bool(config.lanes)
        clock = {"core_clk": In(1), "core_active": Out(1)} if self.core_clock else {}
        super().__init__(
            {
                "s_axil": In(AxiLite()),
                "m_axi": Out(Axi4(config)),
                "irq": Out(1),
                "activity": Out(8),
                **clock,
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config

        control = Control(config)
        port = MemoryPort(config)
        act, wgt, params = ActSram(config, "core"), WgtSram(config), ParamSram(config)
        engines = {
            Engine.LOAD: Load(config),
            Engine.MATMUL: Matmul(config),
            Engine.DRAIN: Drain(config, read_latency=Accumulators.read_latency),
            Engine.STORE: Store(config, read_latency=ActSram.read_latency),
        }
        load, matmul, drain, store = engines.values()
        simt = Simt(config, ActSram.bank_latency) if config.lanes else None
        if simt is not None:
            engines[Engine.SIMT] = simt
            connect(m, simt.read, port.simt_read)
            connect(m, simt.code, port.simt_code)
            connect(m, simt.write, port.simt_write)
            connect(m, simt.shared, act.simt)
            connect(m, simt.push, control.push)
            m.domains += ClockDomain("core")
            m.d.comb += [
                ClockSignal("core").eq(self.core_clk if self.core_clock else ClockSignal()),
                ResetSignal("core").eq(control.clear),
                control.trap.eq(simt.trap),
                control.push_index.eq(simt.index),
                control.pushes.eq(simt.pushes),
                control.take.eq(simt.take),
                control.semaphore.eq(simt.semaphore),
                simt.taken.eq(control.taken),
            ]
            if self.core_clock:
                m.d.comb += self.core_active.eq(simt.active | control.clear)
            # A cycle late, all of them: counters are where block RAM is.
            kernel_events = Signal.like(simt.events)
            m.d.sync += kernel_events.eq(simt.events)
            for name in simt.events.shape().members:
                m.d.comb += control.events[f"kernel_{name}"].eq(kernel_events[name])
        m.domains += ClockDomain("cleared")
        m.d.comb += [
            ClockSignal("cleared").eq(ClockSignal()),
            ResetSignal("cleared").eq(control.clear),  # and by nothing else: see `Control`
        ]
        m.submodules.control = control
        m.submodules.memory_port = port
        m.submodules.act_sram = act
        m.submodules.wgt_sram = wgt
        m.submodules.param_sram = params

        m.d.comb += self.irq.eq(control.irq)
        connect(m, flipped(self.s_axil), control.host)
        connect(m, port.axi, flipped(self.m_axi))
        connect(m, control.fetch, port.fetch)
        connect(m, load.memory, port.load)
        connect(m, store.memory, port.store)
        connect(m, load.act, act.load)
        connect(m, load.wgt, wgt.write)
        connect(m, load.params, params.write)
        connect(m, load.act_fence, matmul.act_fence)
        connect(m, load.wgt_fence, matmul.wgt_fence)
        connect(m, matmul.act, act.matmul)
        connect(m, matmul.drain, drain.acc)
        connect(m, drain.act, act.drain)
        connect(m, drain.params, params.read)
        connect(m, store.act, act.store)

        for engine, part in engines.items():
            name = engine.name.lower()
            if part is simt:  # its clock domain has the reset
                m.submodules[name] = DomainRenamer("core")(part)
            else:
                m.submodules[name] = DomainRenamer("cleared")(part)
            connect(m, getattr(control, f"{name}_cmd"), part.cmd)
            connect(m, part.post, getattr(control, f"{name}_post"))
            connect(m, part.fault, getattr(control, f"{name}_fault"))
            m.d.comb += [
                getattr(control, f"{name}_busy").eq(part.busy),
                part.abort.eq(control.abort),
            ]

        m.d.comb += [
            wgt.read.eq(matmul.wgt_read),
            wgt.row.eq(matmul.wgt_row),
            matmul.wgt_data.eq(wgt.data),
            matmul.weights_ready.eq(control.matmul_weights),
            matmul.waiting_weights.eq(control.matmul_waiting.weights),
            matmul.waiting_operands.eq(control.matmul_waiting.operands),
            matmul.waiting_accumulator.eq(control.matmul_waiting.accumulator),
            control.end.eq(store.end),
            control.message.eq(store.message),
            control.memory_outstanding.eq(port.outstanding),
            control.events.act_lost.eq(act.lost),
            control.events.read_beats.eq(port.read_beat),
            control.events.read_stall.eq(port.read_stall),
            control.events.write_beats.eq(port.write_beat),
            control.events.write_stall.eq(port.write_stall),
        ]
        for number, name in enumerate(BINS):
            m.d.comb += control.events[name].eq(matmul.bin == number)

        number = Signal(3)
        m.d.comb += [
            number.eq(Mux(control.running, matmul.bin, NOT_RUNNING)),
            self.activity.eq(
                Cat(
                    *(part.busy for part in (load, matmul, drain, store)),
                    number,
                    0 if simt is None else simt.busy,
                )
            ),
        ]
        return m
