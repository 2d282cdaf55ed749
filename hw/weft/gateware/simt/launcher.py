"""Places the blocks of a grid on free slots of warps, and starts their threads.

A slot is as many consecutive warps as a block needs, which is found out by placing the first one.
Threads get their indices one in a cycle, or a warp's all at once where blocks extend along x alone,
while the warps before theirs already run.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.simt import A0, GP, MAIN, PRIVATE, SHARED, SP

from .control_registers import block_layout, thread_layout
from .interfaces import launch_layout
from .selection import PC_BITS, state_layout
from .sizes import Sizes


class Launcher(wiring.Component):
    """Runs a kernel's grid.

    Members
    -------
    i
        Kernels, one at a time; the payload is copied to ``launch``.
    launch
        The kernel that runs.
    busy
        From taking a kernel until its last thread has ended.
    alive
        Warps with live threads.
    start, warp, slot
        A warp begins, in this slot.
    filling
        A block is being placed: warps of it are still to begin.
    rd, value, row_valid, row_ready
        Writes to registers of ``warp``, the same value in all lanes.
    pc, state
        With ``start``: all lanes' program counter and the state of the warp.
    thread_write, thread_data, thread_row, block_write, block_data
        To the control registers, for ``warp``.
    """

    busy: Signal
    alive: Signal
    start: Signal
    warp: Signal
    slot: Signal
    filling: Signal
    rd: Signal
    value: Signal
    row_valid: Signal
    row_ready: Signal
    pc: Signal
    thread_write: Signal
    thread_row: Signal
    block_write: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        warp = range(max(2, sizes.warps))
        super().__init__(
            {
                "i": In(stream.Signature(launch_layout())),
                "launch": Out(launch_layout()),
                "busy": Out(1),
                "alive": In(sizes.warps),
                "start": Out(1),
                "warp": Out(warp),
                "slot": Out(warp),
                "filling": Out(1),
                "rd": Out(5),
                "value": Out(32),
                "row_valid": Out(1),
                "row_ready": In(1),
                "pc": Out(PC_BITS),
                "state": Out(state_layout(sizes)),
                "thread_write": Out(sizes.lanes),
                "thread_data": Out(thread_layout(sizes)),
                "thread_row": Out(1),
                "block_write": Out(1),
                "block_data": Out(block_layout(sizes)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes, warps = self.sizes, self.sizes.lanes, self.sizes.warps
        launch, block = self.launch, self.block_data
        first = Signal(range(max(2, warps)))  # warp of the slot that is looked at
        needed = Signal(range(warps + 1))  # warps of a slot; 0: not known yet
        lane = Signal(range(max(2, lanes)))
        live = Signal(lanes)
        slot_shared = Signal(24)
        more = Signal()  # blocks are left to be placed
        last_thread, last_block = Signal(), Signal()
        ended = Signal()  # the last thread of the block has been placed
        settling = Signal()  # the scheduler has not yet looked at the block as a whole

        def at_end(what, prefix):
            return {axis: what[axis] + 1 == launch[f"{prefix}_{axis}"] for axis in "xyz"}

        def advance(what, ends):
            m.d.sync += what.x.eq(Mux(ends["x"], 0, what.x + 1))
            with m.If(ends["x"]):
                m.d.sync += what.y.eq(Mux(ends["y"], 0, what.y + 1))
                with m.If(ends["y"]):
                    m.d.sync += what.z.eq(what.z + 1)

        value = self.value
        thread = Signal(thread_layout(sizes))
        thread_ends, block_ends = at_end(thread, "block"), at_end(block, "grid")
        m.d.comb += [
            last_thread.eq(Cat(thread_ends.values()).all()),
            last_block.eq(Cat(block_ends.values()).all()),
            self.thread_data.eq(thread),
            self.pc.eq((launch.entry >> 2) | (MAIN.base >> 2)),
            self.state.live.eq(live),
            self.state.turn.eq(lanes - 1),
            self.rd.eq(SP.number),
        ]

        # Blocks along x alone: a warp's threads are counted at once.
        flat, left = Signal(), Signal(launch.block_x.shape())
        m.d.comb += left.eq(launch.block_x - thread.x)

        # Where the next slot begins, and whether there is one behind it.
        behind = Signal(range(2 * warps + 1))
        m.d.comb += behind.eq(first + (needed << 1))

        def to_slot(number, warp, shared):
            m.d.sync += [self.slot.eq(number), self.warp.eq(warp), first.eq(warp)]
            m.d.sync += [slot_shared.eq(shared), block.number.eq(0)]

        def begin():  # the next warp
            m.next = "THREADS"
            with m.If(flat):
                m.next = "SP"

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [launch.eq(self.i.payload), needed.eq(0), block.eq(0), more.eq(1)]
                m.d.sync += flat.eq((self.i.payload.block_y == 1) & (self.i.payload.block_z == 1))
                to_slot(0, 0, self.i.payload.shared_base)
                with m.If(self.i.valid):
                    m.next = "FIND"

            with m.State("FIND"):  # is this warp of the slot free, and was it the last one?
                m.d.sync += [lane.eq(0), live.eq(0), thread.eq(0)]
                with m.If(~more), m.If(~self.alive.any()):
                    m.next = "IDLE"
                with m.Elif(self.alive.bit_select(self.warp, 1)):
                    m.next = "NEXT"
                with m.Elif(block.number + 1 < needed):
                    m.d.sync += [self.warp.eq(self.warp + 1), block.number.eq(block.number + 1)]
                with m.Else():
                    m.d.sync += [self.warp.eq(first), block.number.eq(0)]
                    begin()

            with m.State("NEXT"):
                m.d.comb += self.filling.eq(settling)
                m.d.sync += settling.eq(0)
                m.next = "FIND"
                with m.If(behind <= warps):
                    to_slot(self.slot + 1, first + needed, slot_shared + launch.shared)
                with m.Else():
                    to_slot(0, 0, launch.shared_base)

            with m.State("THREADS"):
                m.d.comb += [self.filling.eq(1), self.thread_write.eq(1 << lane)]
                m.d.sync += [
                    live.eq(live | (1 << lane)),
                    lane.eq(lane + 1),
                    ended.eq(last_thread),
                ]
                advance(thread, thread_ends)
                with m.If(last_thread | (lane == lanes - 1)):
                    m.next = "SP"

            with m.State("SP"):
                m.d.comb += [
                    self.filling.eq(1),
                    self.block_write.eq(1),
                    self.row_valid.eq(1),
                    self.rd.eq(SP.number),
                    value.eq(launch.private + PRIVATE.base),
                ]
                with m.If(self.row_ready):
                    m.next = "GP"
                with m.If(flat):
                    m.d.comb += [self.thread_row.eq(1), self.thread_write.eq(~0)]
                    with m.If(self.row_ready):
                        m.d.sync += [
                            live.eq(Cat(left > lane for lane in range(lanes))),
                            ended.eq(left <= lanes),
                            thread.x.eq(thread.x + lanes),
                        ]
            with m.State("GP"):
                m.d.comb += [
                    self.filling.eq(1),
                    self.row_valid.eq(1),
                    self.rd.eq(GP.number),
                    value.eq(slot_shared + SHARED.base),
                ]
                with m.If(self.row_ready):
                    m.next = "A0"
            with m.State("A0"):
                m.d.comb += [
                    self.filling.eq(1),
                    self.row_valid.eq(1),
                    self.rd.eq(A0.number),
                    value.eq(launch.arguments + MAIN.base),
                ]
                with m.If(self.row_ready):
                    m.d.comb += self.start.eq(1)
                    m.d.sync += [lane.eq(0), live.eq(0)]
                    begin()
                    with m.If(ended):
                        m.d.sync += more.eq(~last_block)
                        with m.If(needed == 0):
                            m.d.sync += needed.eq(block.number + 1)
                        advance(block, block_ends)
                        m.d.sync += settling.eq(1)
                        m.next = "NEXT"
                    with m.Else():
                        m.d.sync += [
                            self.warp.eq(self.warp + 1),
                            block.number.eq(block.number + 1),
                        ]
        return m
