"""The pipeline of the SIMT core: a barrel of warps, one instruction of each under way.

Nothing in it can stop. What cannot go on is forgotten, and its warp picked again; what takes longer
leaves the pipeline for the `RowUnit`, and its row is written when the last stage has none to write.

::

    stage  0     1 ...       s           s + 1        s + 2    s + 3      s + 4 ...  s + 7
           warp  lowest pc   cache read  group, line  word,    registers, lanes      commit
           picked                        compared     decoded  operands              write
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.config import SEMAPHORES

from ..fp32.pipeline import later
from ..interfaces import MemoryRead, MemoryWrite, kernel_events_layout
from .commit import Commit
from .control_registers import ControlRegisters, block_layout
from .decode import Decoder, controls_layout, field
from .events import Events
from .execute import Execute
from .floats import FloatRows
from .icache import InstructionCache
from .interfaces import Retire, TrapReport, launch_layout, token_layout
from .launcher import Launcher
from .leaving import Requests, Traps
from .registers import Registers
from .returns import Returns
from .row_unit import RowUnit
from .scheduler import Scheduler
from .selection import Selection
from .shared_access import SharedAccess, SharedPort
from .sizes import Sizes


class Core(wiring.Component):
    """One SIMT core.

    Members
    -------
    launch
        Kernels.
    busy
        From taking a kernel until its last thread has ended.
    trap
        A thread could not go on; nothing issues any more. Reset when ``open`` is low.
    trap_block
        Its block.
    abort
        Issue nothing, begin no access to memory, write nothing. Reset when ``open`` is low.
    open
        Accesses to memory are under way.
    fetch, read, write
        Clients of the memory port: code, loads, stores.
    shared
        Shared memory.
    push, take, semaphore, taken
        The command port, see `PortAccess`.
    retire
        What has been done.
    events
        What its counters count.
    running
        A kernel is in progress, for the counters: ``busy``, and whatever belongs to it outside.
    started, start_warp, start_block_x, start_block_y, start_block_z
        A warp begins with a block.
    """

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "launch": In(stream.Signature(launch_layout())),
                "busy": Out(1),
                "trap": Out(TrapReport(sizes)),
                "trap_block": Out(block_layout(sizes)),
                "abort": In(1),
                "open": Out(1),
                "fetch": Out(MemoryRead(sizes)),
                "read": Out(MemoryRead(sizes)),
                "write": Out(MemoryWrite(sizes)),
                "shared": Out(SharedPort(sizes)),
                "push": Out(stream.Signature(8 * sizes.bus_bytes)),
                "take": Out(1),
                "semaphore": Out(range(SEMAPHORES)),
                "taken": In(1),
                "retire": Out(Retire(sizes)),
                "events": Out(kernel_events_layout(sizes.lanes)),
                "running": In(1),
                "started": Out(1),
                "start_warp": Out(range(max(2, sizes.warps))),
                "start_block_x": Out(16),
                "start_block_y": Out(16),
                "start_block_z": Out(16),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes, warps = self.sizes, self.sizes.lanes, self.sizes.warps
        m.submodules.scheduler = scheduler = Scheduler(sizes)
        m.submodules.selection = selection = Selection(sizes)
        m.submodules.icache = icache = InstructionCache(sizes)
        m.submodules.decoder = decoder = Decoder(sizes)
        m.submodules.registers = registers = Registers(sizes)
        m.submodules.csrs = csrs = ControlRegisters(sizes)
        m.submodules.execute = execute = Execute(sizes)
        m.submodules.commit = commit = Commit(sizes)
        m.submodules.launcher = launcher = Launcher(sizes)
        m.submodules.rows = rows = RowUnit(sizes)
        # Lines that a kernel did not live to see may still come.
        m.d.comb += [
            launcher.i.payload.eq(self.launch.payload),
            launcher.i.valid.eq(self.launch.valid & icache.ready),
            self.launch.ready.eq(launcher.i.ready & icache.ready),
        ]
        wiring.connect(m, icache.memory, wiring.flipped(self.fetch))
        wiring.connect(m, rows.read, wiring.flipped(self.read))
        wiring.connect(m, rows.write, wiring.flipped(self.write))
        wiring.connect(m, rows.shared, wiring.flipped(self.shared))
        wiring.connect(m, rows.push, wiring.flipped(self.push))
        wiring.connect(m, execute.o, commit.i)

        # 0: pick. A launcher that waits for a free last stage gets every other one, and so does an
        # answer in several parts.
        gap = Signal(8)
        m.d.sync += gap.eq(Mux(launcher.busy, gap + 1, 0))
        waits = (launcher.waiting & gap[0]) | (rows.o.valid & ~rows.o.ready & (gap == 0))
        stopped = Signal()  # by a trap at once, by an abort a cycle late, which no kernel can tell
        m.d.comb += [
            scheduler.hold.eq(stopped | later(m, waits, 1, "waits", reset_less=False)),
            selection.valid.eq(scheduler.valid),
            selection.warp.eq(scheduler.warp),
        ]

        # s: look the instruction up.
        in_main = selection.pc[-1]  # the upper half of all addresses
        m.d.comb += [
            icache.valid.eq(selection.pc_valid & in_main),
            icache.warp.eq(selection.pc_warp),
            icache.pc.eq(selection.pc),
            icache.flush.eq(launcher.i.valid & launcher.i.ready),
            icache.onward.eq(launcher.busy & ~stopped),
            icache.idle.eq(~launcher.busy),
        ]

        # s + 2: decode, read registers.
        fetched = Signal(token_layout(sizes))
        m.d.comb += [
            fetched.warp.eq(later(m, selection.pc_warp, 2, "warp")),
            fetched.pc.eq(later(m, selection.pc, 2, "pc")),
            fetched.group.eq(later(m, selection.group, 1, "group")),
            fetched.state.eq(later(m, selection.state.as_value(), 1, "state")),
            fetched.starved.eq(later(m, selection.starved, 1, "starved")),
            fetched.no_code.eq(~fetched.pc[-1] | icache.fault),
            decoder.word.eq(icache.word),
            registers.warp.eq(fetched.warp),
            registers.rs1.eq(field(icache.word, "rs1")),
            registers.rs2.eq(field(icache.word, "rs2")),
            # Behind a trap nothing comes any more that would read a control register.
            csrs.warp.eq(Mux(self.trap.valid, self.trap.warp, fetched.warp)),
            csrs.csr.eq(field(icache.word, "csr")),
            self.trap_block.eq(csrs.block),
            csrs.launch.eq(launcher.launch),
        ]
        too_early = Signal()
        valid = later(m, selection.pc_valid, 2, "valid", reset_less=False)
        goes = valid & (icache.hit | fetched.no_code) & ~too_early

        # A warp whose row is still to be written when it gets here was woken too early.
        handed, picked, answered = Signal(warps), Signal(warps), Signal(warps)
        pending, asleep, dropped = Signal(warps), Signal(warps), Signal(warps)
        m.d.comb += [
            picked.eq(scheduler.picks),
            too_early.eq(pending.bit_select(fetched.warp, 1)),
            dropped.eq(
                Mux(valid & (icache.hit | fetched.no_code) & too_early, 1 << fetched.warp, 0)
            ),
        ]
        m.d.sync += [
            pending.eq((pending & ~answered) | handed),
            asleep.eq(((asleep & ~picked) | dropped | handed) & ~answered),
        ]

        # s + 3: operands.
        controls = data.View(
            controls_layout(), later(m, decoder.controls.as_value(), 1, "controls")
        )
        token = data.View(token_layout(sizes), later(m, fetched.as_value(), 1, "token"))
        rs1_there = later(m, registers.rs1.any(), 1, "rs1_there")
        rs2_there = later(m, registers.rs2.any(), 1, "rs2_there")
        # What goes to the row unit takes rs2 with it, and rs1 as a sum.
        by_imm = ~controls.reads_rs2 | controls.store | controls.atomic
        by_imm = by_imm | controls.divide | controls.slow_float
        takes_rs2 = rs2_there & ~by_imm
        addend = Signal(32 * lanes)  # 0 where the second operand is rs2
        with m.If(controls.b_is_csr):
            m.d.comb += addend.eq(csrs.row)
        with m.Elif(by_imm):
            m.d.comb += addend.eq(controls.imm.replicate(lanes))
        m.d.comb += [
            execute.valid.eq(later(m, goes, 1, "goes", reset_less=False)),
            execute.token.eq(token),
            execute.controls.eq(controls),
            execute.private.eq(launcher.launch.private),
            execute.first.eq(Mux(rs1_there, registers.a, 0)),
            execute.stored.eq(Mux(rs2_there, registers.b, 0)),
            execute.second.eq((registers.b & takes_rs2.replicate(32 * lanes)) | addend),
        ]

        # s + 7: commit.
        done = execute.o
        m.submodules.returns = returns = Returns(sizes)
        wiring.connect(m, rows.o, returns.i)
        self._write_rows(m, registers, returns, execute, commit)
        start, warp = launcher.start, done.token.warp
        m.d.comb += [
            commit.stopped.eq(stopped),
            selection.write_warp.eq(Mux(start, launcher.warp, warp)),
            selection.pc_write.eq(Mux(start, ~0, Mux(commit.moves, done.token.group, 0))),
            commit.start.eq(start),
            commit.start_pc.eq(launcher.pc),
            selection.pc_data.eq(commit.pcs),
            selection.state_write.eq(start | (done.valid & ~commit.stopped)),
            selection.state_data.eq(Mux(start, launcher.state.as_value(), commit.state)),
            scheduler.start.eq(start),
            scheduler.start_warp.eq(launcher.warp),
            scheduler.start_slot.eq(launcher.slot),
            scheduler.filling.eq(launcher.filling),
            scheduler.ready.eq(Mux(commit.again, 1 << warp, 0)),
            answered.eq(
                Mux(returns.answered, 1 << returns.warp, 0)
                | Mux(rows.stored, 1 << rows.port_warp, 0)
            ),
            handed.eq(Mux(commit.handed, 1 << warp, 0)),
            scheduler.wake.eq(icache.wake | (answered & ((asleep & ~picked) | dropped))),
            scheduler.ended.eq(commit.ends),
            scheduler.arrived.eq(commit.arrives),
            scheduler.event_warp.eq(warp),
            launcher.alive.eq(scheduler.alive),
            launcher.free.eq(~done.valid),
            csrs.write_warp.eq(launcher.warp),
            csrs.thread_write.eq(launcher.thread_write),
            csrs.thread_data.eq(launcher.thread_data),
            csrs.thread_row.eq(launcher.thread_row),
            csrs.block_write.eq(launcher.block_write),
            csrs.block_data.eq(launcher.block_data),
        ]

        # While a warp comes from picking to registers, the row it waits for is written.
        to_registers = Scheduler.latency + selection.levels + 3

        def soon(comes, who, latency: int, name: str):
            delay = max(0, latency + Returns.latency + 1 - to_registers)
            comes = later(m, comes, delay, name, reset_less=False)
            return Mux(comes, 1 << later(m, who, delay, f"{name}_warp"), 0)

        m.d.comb += scheduler.early.eq(
            soon(rows.coming, rows.next_warp, SharedAccess.answer_latency(sizes), "coming")
            | soon(commit.floats, warp, FloatRows.answer_latency, "float_coming")
        )

        # What leaves the pipeline.
        m.submodules.requests = requests = Requests(sizes)
        wiring.connect(m, requests.access, rows.access)
        wiring.connect(m, requests.serial, rows.serial)
        if sizes.fp == "full":
            m.submodules.floats = floats = FloatRows(sizes)
            wiring.connect(m, floats.o, rows.floats)
            m.d.comb += [
                floats.op.eq(execute.early.float_op),
                floats.mode.eq(execute.early.mode),
                floats.a.eq(execute.a),
                floats.b.eq(execute.b),
                floats.does.eq(commit.floats),
                floats.rd.eq(done.controls.rd),
                floats.token.eq(done.token),
            ]
        m.d.comb += [
            requests.launch.eq(launcher.launch),
            requests.running.eq(launcher.busy),
            requests.early_warp.eq(token.warp),
            requests.does_access.eq(commit.access),
            requests.does_serial.eq(commit.serial),
            requests.sums.eq(done.sums),
            requests.stored.eq(done.stored),
            requests.shared.eq(done.shared),
            requests.private.eq(done.private),
            requests.port.eq(done.port),
            requests.token.eq(done.token),
            requests.controls.eq(done.controls),
        ]
        m.submodules.traps = traps = Traps(sizes)
        wiring.connect(m, traps.o, wiring.flipped(self.trap))
        m.d.sync += stopped.eq(traps.comes | self.abort)
        m.d.comb += [
            traps.trapped.eq(commit.trapped),
            traps.cause.eq(done.cause),
            traps.guilty.eq(done.guilty),
            traps.token.eq(done.token),
            traps.handed.eq(commit.handed),
            traps.answer.eq(rows.o.payload),
            traps.answered.eq(rows.o.valid & rows.o.ready),
        ]

        retire = self.retire
        m.d.comb += [
            # A command that is on its way out is not left behind.
            self.busy.eq(launcher.busy | icache.busy | (rows.push.valid & ~self.abort)),
            self.open.eq(icache.busy | rows.busy),
            rows.abort.eq(self.abort),
            self.take.eq(rows.take),
            self.semaphore.eq(rows.semaphore),
            rows.taken.eq(self.taken),
            retire.valid.eq(commit.does),
            retire.warp.eq(warp),
            retire.pc.eq(done.token.pc),
            retire.mask.eq(done.token.group),
            retire.rd.eq(Mux(done.controls.store, 0, done.controls.rd)),
            retire.deferred.eq(commit.handed),
            retire.answered.eq(answered),
            self.started.eq(start),
            self.start_warp.eq(launcher.warp),
            self.start_block_x.eq(launcher.block_data.x),
            self.start_block_y.eq(launcher.block_data.y),
            self.start_block_z.eq(launcher.block_data.z),
        ]

        m.submodules.events = events = Events(sizes)
        group = done.token.group
        in_shared, at_port = ((mask | ~group).all() for mask in (done.shared, done.port))
        m.d.comb += [
            events.busy.eq(self.running),
            events.came.eq(done.valid & ~stopped),
            events.does.eq(commit.does),
            events.starved.eq(done.valid & ~stopped & done.token.starved),
            events.group.eq(done.token.group),
            events.live.eq(done.token.state.live),
            events.warp.eq(warp),
            events.to_memory.eq(commit.access & (group & ~done.shared & ~done.port).any()),
            events.to_shared.eq(commit.access & in_shared),
            events.to_units.eq(commit.handed & (~commit.access | at_port)),
            events.answered.eq(answered),
            events.code.eq(icache.waits),
            events.barrier.eq(scheduler.at_barrier),
            events.alive.eq(scheduler.alive.any()),
            events.missed.eq(icache.missed),
            events.counts.eq(rows.counts),
            events.beats.eq(rows.beats),
            self.events.eq(events.o),
        ]
        return m

    def _write_rows(self, m, registers, returns, execute, commit):
        """One row in a cycle: the last stage's, or an answer's.

        Whoever does not write gives zeros, so that one LUT for each bit chooses.
        """
        row, done, answer = self.retire.row, execute.o, returns.row
        m.d.comb += [
            # Answers choose their cycle the one before. Behind a trap they go nowhere, but nothing
            # may stay under way.
            returns.free.eq(~execute.next_writes),
            registers.write_mask.eq(row.mask),
            registers.write_warp.eq(row.warp),
            registers.write_rd.eq(row.rd),
            registers.write_data.eq(row.data),
            row.data.eq(done.row | answer.data | done.common.replicate(self.sizes.lanes)),
        ]
        with m.If(commit.writes):
            m.d.comb += [
                row.mask.eq(done.token.group),
                row.warp.eq(done.token.warp),
                row.rd.eq(done.controls.rd),
            ]
        with m.Else():
            m.d.comb += [
                row.mask.eq(answer.mask),
                row.warp.eq(answer.warp),
                row.rd.eq(answer.rd),
            ]
