"""The pipeline of the SIMT core: a barrel of warps, one instruction of each under way.

Nothing in it can stop. What cannot go on is forgotten, and its warp picked again; what takes longer
leaves the pipeline for the `RowUnit`, and its row is written when the last stage has none to write.

::

    stage  0     1 ...       s           s + 1        s + 2    s + 3      s + 4 ...  s + 6
           warp  lowest pc   cache read  group, line  word,    registers, lanes      commit
           picked                        compared     decoded  operands
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.arch.simt import MAIN, PRIVATE, SHARED, Trap, Window

from ..fp32.pipeline import later
from ..interfaces import MemoryRead, MemoryWrite
from .collectives import Collectives
from .control_registers import ControlRegisters
from .decode import Decoder, Meet, controls_layout
from .icache import InstructionCache
from .interfaces import RowWrite, TrapReport, launch_layout
from .lane import Lane
from .launcher import Launcher
from .passes import COUNTS
from .registers import Registers
from .requests import KINDS
from .row_unit import RowUnit
from .scheduler import Scheduler, encode, lowest
from .selection import PC_BITS, Selection, state_layout
from .shared_access import SharedPort
from .sizes import Sizes


def within(address, window: Window):
    """Whether an address lies in a window, whose size is a power of two."""
    bits = window.size.bit_length() - 1
    return address[bits:] == window.base >> bits


class Retire(wiring.Signature):
    """What the last stage has done, for benches and counters.

    Members
    -------
    valid
        A group of threads has done an instruction, or handed it to the row unit (``deferred``).
    warp, pc, mask, rd, deferred
        Which; ``rd`` is 0 where nothing is written.
    answered, answer_warp
        The instruction that a warp had handed over is done.
    row
        What is written to the register file in this cycle: by either of the two.
    """

    def __init__(self, sizes: Sizes):
        warp = range(max(2, sizes.warps))
        super().__init__(
            {
                "valid": Out(1),
                "warp": Out(warp),
                "pc": Out(PC_BITS),
                "mask": Out(sizes.lanes),
                "rd": Out(5),
                "deferred": Out(1),
                "answered": Out(1),
                "answer_warp": Out(warp),
                "row": Out(RowWrite(sizes)),
            }
        )


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
    open
        Accesses to memory are under way.
    fetch, read, write
        Clients of the memory port: code, loads, stores.
    shared
        Shared memory.
    retire
        What has been done.
    counts, beats
        Events of memory, see `passes`.
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
                "open": Out(1),
                "fetch": Out(MemoryRead(sizes)),
                "read": Out(MemoryRead(sizes)),
                "write": Out(MemoryWrite(sizes)),
                "shared": Out(SharedPort(sizes)),
                "retire": Out(Retire(sizes)),
                "counts": Out(len(COUNTS)),
                "beats": Out(5),
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
        sizes, lanes = self.sizes, self.sizes.lanes
        m.submodules.scheduler = scheduler = Scheduler(sizes)
        m.submodules.selection = selection = Selection(sizes)
        m.submodules.icache = icache = InstructionCache(sizes)
        m.submodules.decoder = decoder = Decoder(sizes)
        m.submodules.registers = registers = Registers(sizes)
        m.submodules.csrs = csrs = ControlRegisters(sizes)
        m.submodules.collectives = collectives = Collectives(sizes)
        m.submodules.launcher = launcher = Launcher(sizes)
        m.submodules.rows = rows = RowUnit(sizes)
        wiring.connect(m, wiring.flipped(self.launch), launcher.i)
        wiring.connect(m, icache.memory, wiring.flipped(self.fetch))
        wiring.connect(m, rows.read, wiring.flipped(self.read))
        wiring.connect(m, rows.write, wiring.flipped(self.write))
        wiring.connect(m, rows.shared, wiring.flipped(self.shared))
        trap, retire = self.trap, self.retire

        # 0: pick. A launcher that waits for a free last stage gets one now and then, and so does an
        # answer in several parts.
        gap = Signal(4)
        m.d.sync += gap.eq(gap + 1)
        waits = (launcher.row_valid & (gap[:2] == 0)) | (rows.o.valid & ~rows.o.ready & (gap == 0))
        m.d.comb += [
            scheduler.hold.eq(trap.valid | waits),
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
        ]

        # s + 2: decode, read registers.
        word = icache.word
        warp_e = later(m, selection.pc_warp, 2, "warp_fetched")
        pc_e = later(m, selection.pc, 2, "pc_fetched")
        no_code = ~pc_e[-1] | icache.fault
        go = later(m, selection.pc_valid, 2, "fetched", reset_less=False) & (icache.hit | no_code)
        m.d.comb += [
            decoder.word.eq(word),
            registers.warp.eq(warp_e),
            registers.rs1.eq(word[15:20]),
            registers.rs2.eq(word[20:25]),
            csrs.warp.eq(warp_e),
            csrs.launch.eq(launcher.launch),
        ]
        group_e = later(m, selection.group, 1, "group_fetched")
        state_e = later(m, selection.state.as_value(), 1, "state_fetched")
        starved_e = later(m, selection.starved, 1, "starved_fetched")

        # s + 3: operands.
        controls_f = data.View(
            controls_layout(), later(m, decoder.controls.as_value(), 1, "controls")
        )
        pc_f = later(m, pc_e, 1, "pc_operand")
        rs1_there = later(m, registers.rs1.any(), 1, "rs1_there")
        rs2_there = later(m, registers.rs2.any(), 1, "rs2_there")
        first = Signal(32 * lanes)
        second, stored = Signal(32 * lanes), Signal(32 * lanes)
        by_imm = ~controls_f.reads_rs2 | controls_f.store | controls_f.atomic | controls_f.divide
        m.d.comb += [
            csrs.csr.eq(controls_f.csr),
            first.eq(Mux(rs1_there & ~controls_f.a_is_zero, registers.a, 0)),
            stored.eq(Mux(rs2_there, registers.b, 0)),
            second.eq(Mux(by_imm, controls_f.imm.replicate(lanes), stored)),
        ]
        with m.If(controls_f.a_is_pc):
            m.d.comb += first.eq(Cat(Const(0, 2), pc_f).replicate(lanes))
        with m.If(controls_f.b_is_csr):
            m.d.comb += second.eq(csrs.row)

        # s + 4, s + 5: lanes.
        a, b = later(m, first, 1, "a"), later(m, second, 1, "b")
        controls_g = data.View(controls_layout(), later(m, controls_f.as_value(), 1, "controls_g"))
        state_g = data.View(state_layout(sizes), later(m, state_e, 2, "state_g"))
        units = []
        for lane in range(lanes):
            unit = Lane()
            m.submodules[f"lane_{lane}"] = unit
            m.d.comb += [
                unit.controls.eq(controls_g),
                unit.a.eq(a.word_select(lane, 32)),
                unit.b.eq(b.word_select(lane, 32)),
            ]
            units.append(unit)
        m.d.comb += [
            collectives.meet.eq(controls_g.meet),
            collectives.lane_mask.eq(controls_g.imm[:5]),
            collectives.live.eq(state_g.live),
            collectives.a.eq(a),
        ]
        pc_g = later(m, pc_f, 1, "pc_g")
        link = later(m, (pc_g + 1)[:PC_BITS], Lane.latency, "link")
        target = later(m, (pc_g + controls_g.imm[2:])[:PC_BITS], Lane.latency, "target")
        not_positive = later(
            m, controls_g.imm[-1] | ~controls_g.imm.any(), Lane.latency, "not_positive"
        )

        # s + 5: where addresses lead.
        controls_h = data.View(controls_layout(), later(m, controls_g.as_value(), 1, "controls_h"))
        sums = Signal(32 * lanes)
        m.d.comb += sums.eq(Cat(unit.sum for unit in units))
        crooked, nowhere, odd_jump, in_shared, in_private = [], [], [], [], []
        for lane in range(lanes):
            address = sums.word_select(lane, 32)
            shared, private, main = (within(address, w) for w in (SHARED, PRIVATE, MAIN))
            too_far = address[: SHARED.size.bit_length() - 1] >= sizes.shared_bytes
            not_private = address[: PRIVATE.size.bit_length() - 1] >= launcher.launch.private
            odd = (controls_h.word & address[:2].any()) | (controls_h.half & address[0])
            lost = ~((shared & ~too_far) | (~controls_h.atomic & (main | (private & ~not_private))))
            crooked.append(odd & ~(controls_h.atomic & ~shared))
            nowhere.append(lost)
            odd_jump.append(address[1])
            in_shared.append(shared)
            in_private.append(private)
        crooked_i = later(m, Cat(crooked), 1, "crooked")
        nowhere_i = later(m, Cat(nowhere), 1, "nowhere")
        odd_jump_i = later(m, Cat(odd_jump), 1, "odd_jump")
        in_shared_i = later(m, Cat(in_shared), 1, "in_shared")
        in_private_i = later(m, Cat(in_private), 1, "in_private")

        # s + 6: commit.
        controls = data.View(controls_layout(), later(m, controls_h.as_value(), 1, "controls_i"))
        state = data.View(
            state_layout(sizes), later(m, state_g.as_value(), Lane.latency, "state_i")
        )
        valid = Signal()
        group = later(m, group_e, 2 + Lane.latency, "group")
        starved = later(m, starved_e, 2 + Lane.latency, "starved")
        warp = later(m, warp_e, 2 + Lane.latency, "warp")
        pc = later(m, pc_g, Lane.latency, "pc_i")
        lost_code = later(m, no_code, 2 + Lane.latency, "lost_code")
        taken = Signal(lanes)
        whole = group == state.live
        access = controls.load | controls.store | controls.atomic
        m.d.comb += [
            valid.eq(later(m, go, 2 + Lane.latency, "going", reset_less=False) & ~trap.valid),
            taken.eq(Cat(unit.taken for unit in units) & group & controls.branch.replicate(lanes)),
        ]

        cause, guilty = Signal(Trap), Signal(lanes)
        bad = group & (crooked_i | nowhere_i)
        m.d.comb += guilty.eq(group)
        with m.If(lost_code):
            m.d.comb += cause.eq(Trap.FETCH_UNMAPPED)
        with m.Elif(controls.illegal):
            m.d.comb += cause.eq(Trap.ILLEGAL)
        with m.Elif(controls.branch & taken.any() & controls.imm[1]):
            m.d.comb += [cause.eq(Trap.JUMP_MISALIGNED), guilty.eq(taken)]
        with m.Elif(controls.jump & ~controls.indirect & controls.imm[1]):
            m.d.comb += cause.eq(Trap.JUMP_MISALIGNED)
        with m.Elif(controls.indirect & (group & odd_jump_i).any()):
            m.d.comb += [cause.eq(Trap.JUMP_MISALIGNED), guilty.eq(group & odd_jump_i)]
        with m.Elif(access & bad.any()):
            m.d.comb += [
                guilty.eq(bad),
                cause.eq(
                    Mux((lowest(bad) & crooked_i).any(), Trap.DATA_MISALIGNED, Trap.DATA_UNMAPPED)
                ),
            ]
        with m.Elif(controls.collective & ~whole & ~(state.live & ~state.waiting).any()):
            m.d.comb += cause.eq(Trap.COLLECTIVE)

        does, trapped, deferred = Signal(), Signal(), Signal()
        backward = Signal()
        is_trap = cause != Trap.NONE
        m.d.comb += [
            trapped.eq(valid & ~starved & is_trap),
            does.eq(valid & ~starved & ~is_trap & ~(controls.collective & ~whole)),
            deferred.eq(access | controls.divide),
            backward.eq(
                (controls.branch & taken.any() & not_positive)
                | (controls.jump & (controls.indirect | not_positive))
            ),
        ]

        after = Signal(state_layout(sizes))
        m.d.comb += after.eq(state)
        with m.If(does):
            m.d.comb += [
                after.waiting.eq(state.waiting & ~group),
                after.live.eq(state.live & ~(group & controls.exit.replicate(lanes))),
            ]
            with m.If(backward):
                m.d.comb += after.turning.eq(0)
                with m.If(~state.turning):
                    m.d.comb += after.timer.eq(state.timer + 1)
        with m.Elif(~starved):
            m.d.comb += after.waiting.eq(state.waiting | group)

        next_pcs = []
        sums_i = later(m, sums, 1, "sums")
        for lane in range(lanes):
            own = sums_i.word_select(lane, 32)[2:]
            jumps = taken[lane] | (controls.jump & ~controls.indirect)
            next_pcs.append(Mux(controls.indirect, own, Mux(jumps, target, link)))

        # Writes: this stage first, then the launcher, then what the row unit has done.
        answer = rows.o.payload
        results = Signal(32 * lanes)
        writes, free = Signal(), Signal()
        m.d.comb += [
            results.eq(Cat(unit.result for unit in units)),
            writes.eq(does & ~deferred & controls.rd.any()),
            free.eq(~valid),
            launcher.row_ready.eq(free),
            rows.o.ready.eq(~writes & ~(launcher.row_valid & free) & ~trap.valid),
        ]
        with m.If(controls.collective):
            m.d.comb += results.eq(collectives.row)
        with m.If(controls.jump):
            m.d.comb += results.eq(Cat(Const(0, 2), link).replicate(lanes))
        taken_up = rows.o.valid & rows.o.ready
        answered = taken_up & answer.last
        with m.If(writes):
            m.d.comb += [
                retire.row.mask.eq(group),
                retire.row.warp.eq(warp),
                retire.row.rd.eq(controls.rd),
                retire.row.data.eq(results),
            ]
        with m.Elif(launcher.row_valid & free):
            m.d.comb += [
                retire.row.mask.eq(launcher.row.mask),
                retire.row.warp.eq(launcher.row.warp),
                retire.row.rd.eq(launcher.row.rd),
                retire.row.data.eq(launcher.row.data),
            ]
        with m.Else():
            m.d.comb += [
                retire.row.mask.eq(Mux(taken_up & answer.rd.any(), answer.mask, 0)),
                retire.row.warp.eq(answer.warp),
                retire.row.rd.eq(answer.rd),
                retire.row.data.eq(answer.row),
            ]
        m.d.comb += [
            registers.write_mask.eq(retire.row.mask),
            registers.write_warp.eq(retire.row.warp),
            registers.write_rd.eq(retire.row.rd),
            registers.write_data.eq(retire.row.data),
            selection.write_warp.eq(Mux(launcher.start, launcher.warp, warp)),
            selection.pc_write.eq(Mux(launcher.start, ~0, Mux(does, group, 0))),
            selection.pc_data.eq(Mux(launcher.start, launcher.pc.replicate(lanes), Cat(next_pcs))),
            selection.state_write.eq(launcher.start | (valid & ~trapped)),
            selection.state_data.eq(Mux(launcher.start, launcher.state.as_value(), after)),
        ]

        # Who can issue again.
        is_bar = controls.collective & (controls.meet == Meet.BAR)
        ends = does & controls.exit & ~after.live.any()
        stays = does & (deferred | is_bar)
        m.d.comb += [
            scheduler.start.eq(launcher.start),
            scheduler.start_warp.eq(launcher.warp),
            scheduler.start_slot.eq(launcher.slot),
            scheduler.filling.eq(launcher.filling),
            scheduler.ready.eq(Mux(valid & ~trapped & ~stays & ~ends, 1 << warp, 0)),
            scheduler.wake.eq(icache.wake | Mux(answered, 1 << answer.warp, 0)),
            scheduler.ended.eq(ends),
            scheduler.arrived.eq(does & is_bar),
            scheduler.event_warp.eq(warp),
            launcher.alive.eq(scheduler.alive),
        ]

        # What leaves the pipeline. Words of private memory lie side by side, lane by lane.
        lane_bits = (lanes - 1).bit_length()
        launch = launcher.launch
        warp_g = later(m, warp_e, 2, "warp_g")
        before = later(m, warp_g * launch.private, 1, "private_before")
        area = later(m, ((before << lane_bits) + launch.private_base)[:32], 1, "private_area")
        offsets = []
        for lane in range(lanes):
            address = sums_i.word_select(lane, 32)
            own = address[: PRIVATE.size.bit_length() - 1]
            offset = Signal(32, name=f"offset_{lane}")
            with m.If(in_private_i[lane]):
                m.d.comb += offset.eq(area + Cat(own[:2], Const(lane, lane_bits), own[2:]))
            with m.Elif(in_shared_i[lane]):
                m.d.comb += offset.eq(address[: SHARED.size.bit_length() - 1])
            with m.Elif(controls.divide):
                m.d.comb += offset.eq(address)
            with m.Else():
                m.d.comb += offset.eq(address[: MAIN.size.bit_length() - 1])
            offsets.append(offset)
        data_i = later(m, stored, 1 + Lane.latency, "stored")
        for request in (rows.access.payload, rows.divide.payload):
            m.d.comb += [
                *(request[kind].eq(controls[kind]) for kind in KINDS),
                request.amo.eq(controls.amo),
                request.rd.eq(controls.rd),
                request.warp.eq(warp),
                request.mask.eq(group),
                request.shared.eq(in_shared_i),
                request.a.eq(Cat(offsets)),
                request.b.eq(data_i),
            ]
        m.d.comb += [
            rows.access.valid.eq(does & access),
            rows.divide.valid.eq(does & controls.divide),
            self.counts.eq(rows.counts),
            self.beats.eq(rows.beats),
            csrs.write_warp.eq(launcher.warp),
            csrs.thread_write.eq(launcher.thread_write),
            csrs.thread_data.eq(launcher.thread_data),
            csrs.block_write.eq(launcher.block_write),
            csrs.block_data.eq(launcher.block_data),
        ]
        m.submodules.handed = handed = Memory(
            shape=PC_BITS, depth=max(2, sizes.warps), init=[]
        )  # program counters of what the row unit does
        handed_write = handed.write_port()
        handed_read = handed.read_port(domain="sync", transparent_for=())
        m.d.comb += [
            handed_write.en.eq(does & deferred),
            handed_write.addr.eq(warp),
            handed_write.data.eq(pc),
            handed_read.en.eq(1),
            handed_read.addr.eq(answer.warp),
        ]

        # The first trap stops the core.
        failed = later(m, taken_up & answer.error, 1, "failed", reset_less=False)
        failed_warp = later(m, answer.warp, 1, "failed_warp")
        failed_mask = later(m, answer.mask, 1, "failed_mask")
        with m.If(trapped):
            m.d.sync += [
                trap.valid.eq(1),
                trap.cause.eq(cause),
                trap.warp.eq(warp),
                trap.lane.eq(encode(lowest(guilty), lanes)),
                trap.pc.eq(pc),
            ]
        with m.Elif(failed & ~trap.valid):
            m.d.sync += [
                trap.valid.eq(1),
                trap.cause.eq(Trap.MEMORY_ERROR),
                trap.warp.eq(failed_warp),
                trap.lane.eq(encode(lowest(failed_mask), lanes)),
                trap.pc.eq(handed_read.data),
            ]
        m.d.comb += [
            self.busy.eq(launcher.busy),
            self.open.eq(icache.busy | rows.busy),
            retire.valid.eq(does),
            retire.warp.eq(warp),
            retire.pc.eq(pc),
            retire.mask.eq(group),
            retire.rd.eq(Mux(controls.store, 0, controls.rd)),
            retire.deferred.eq(deferred),
            retire.answered.eq(answered),
            retire.answer_warp.eq(answer.warp),
            self.started.eq(launcher.start),
            self.start_warp.eq(launcher.warp),
            self.start_block_x.eq(launcher.block_data.x),
            self.start_block_y.eq(launcher.block_data.y),
            self.start_block_z.eq(launcher.block_data.z),
        ]
        return m
