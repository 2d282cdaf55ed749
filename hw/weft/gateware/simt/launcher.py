"""Places the blocks of a grid on free slots of warps, and starts their threads.

A slot is as many consecutive warps as a block needs, which is found out by placing the first one.
Threads get their indices one in a cycle, or a warp's all at once where blocks extend along x alone,
while the warps before theirs already run.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.simt import MAIN, STACK_ALIGN

from .control_registers import block_layout, thread_layout
from .interfaces import launch_layout
from .selection import PC_BITS, state_layout
from .sizes import Sizes

SHARED_LSB = (STACK_ALIGN - 1).bit_length()


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
    waiting, free
        A warp is to begin, which it does in a cycle with ``free``.
    start, warp, slot
        A warp begins, in this slot.
    filling
        A block is being placed: warps of it are still to begin.
    pc, state
        With ``start``: all lanes' program counter and the state of the warp.
    thread_write, thread_data, thread_row, block_write, block_data
        To the control registers, for ``warp``.
    """

    busy: Signal
    alive: Signal
    waiting: Signal
    free: Signal
    start: Signal
    warp: Signal
    slot: Signal
    filling: Signal
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
                "waiting": Out(1),
                "free": In(1),
                "start": Out(1),
                "warp": Out(warp),
                "slot": Out(warp),
                "filling": Out(1),
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
        more = Signal()  # blocks are left to be placed
        settling = Signal()  # the scheduler has not yet looked at the block as a whole

        # Threads of the block from this one on. Where it extends along x alone they are counted
        # warp by warp, else one by one.
        thread = Signal(thread_layout(sizes))
        flat, live = Signal(), Signal(lanes)
        # How many there are along each axis from this one on, and whether it is one.
        left = Signal(data.StructLayout({axis: launch[f"block_{axis}"].shape() for axis in "xyz"}))
        at_last = Signal(data.StructLayout(dict.fromkeys("xyz", 1)))
        ended, counted = Signal(), Signal(lanes)  # of threads one by one
        m.d.comb += self.thread_data.eq(thread)

        def begin_axis(axis):
            size = launch[f"block_{axis}"]
            return [thread[axis].eq(0), left[axis].eq(size), at_last[axis].eq(size == 1)]

        def step_axis(axis):
            return [
                thread[axis].eq(thread[axis] + 1),
                left[axis].eq(left[axis] - 1),
                at_last[axis].eq(left[axis] == 2),
            ]

        last = Signal()  # the block ends with this warp
        low, high = left.x[: lanes.bit_length()], left.x[lanes.bit_length() :].any()
        with m.If(flat):
            m.d.comb += [
                live.eq(Cat(high | (low > number) for number in range(lanes))),
                last.eq(~high & (low <= lanes)),
            ]
        with m.Else():
            m.d.comb += [live.eq(counted), last.eq(ended)]

        # A block stands for longer than two cycles.
        next_block, block_ends = Signal.like(block), Signal(3)
        m.d.sync += [
            *(next_block[axis].eq(block[axis] + 1) for axis in "xyz"),
            block_ends.eq(Cat(next_block[axis] == launch[f"grid_{axis}"] for axis in "xyz")),
        ]
        m.d.comb += [
            self.pc.eq((launch.entry >> 2) | (MAIN.base >> 2)),
            self.state.live.eq(live),
            self.state.turn.eq(lanes - 1),
        ]

        # Where the next slot begins, and whether there is one behind it.
        behind = Signal(range(2 * warps + 1))
        m.d.comb += behind.eq(first + (needed << 1))

        def to_slot(number, warp, shared):
            m.d.sync += [self.slot.eq(number), self.warp.eq(warp), first.eq(warp)]
            m.d.sync += [block.shared.eq(shared), block.number.eq(0)]

        def begin():  # the next warp
            m.next = "THREADS"
            with m.If(flat):
                m.next = "START"

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [launch.eq(self.i.payload), needed.eq(0), more.eq(1)]
                m.d.sync += [block[axis].eq(0) for axis in "xyz"]
                with m.If(self.i.valid):
                    m.next = "FIRST"

            with m.State("FIRST"):  # the first slot again
                m.d.sync += flat.eq((launch.block_y == 1) & (launch.block_z == 1))
                to_slot(0, 0, launch.shared_base[SHARED_LSB:])
                m.next = "FIND"

            with m.State("FIND"):  # is this warp of the slot free, and was it the last one?
                m.d.sync += [lane.eq(0), counted.eq(0), *(begin_axis(axis) for axis in "xyz")]
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
                with m.If(behind <= warps):
                    shared = block.shared + launch.shared[SHARED_LSB:]
                    to_slot(self.slot + 1, first + needed, shared)
                    m.next = "FIND"
                with m.Else():
                    m.next = "FIRST"

            with m.State("THREADS"):
                m.d.comb += [self.filling.eq(1), self.thread_write.eq(1 << lane)]
                m.d.sync += [
                    counted.eq(counted | (1 << lane)),
                    lane.eq(lane + 1),
                    ended.eq(at_last.as_value().all()),
                ]
                with m.If(~at_last.x):
                    m.d.sync += step_axis("x")
                with m.Else():
                    m.d.sync += begin_axis("x")
                    with m.If(~at_last.y):
                        m.d.sync += step_axis("y")
                    with m.Else():
                        m.d.sync += [begin_axis("y"), step_axis("z")]
                with m.If(at_last.as_value().all() | (lane == lanes - 1)):
                    m.next = "START"

            with m.State("START"):
                m.d.comb += [
                    self.filling.eq(1),
                    self.waiting.eq(1),
                    self.start.eq(self.free),
                    self.block_write.eq(1),
                    self.thread_row.eq(flat),
                    self.thread_write.eq(flat.replicate(lanes)),
                ]
                with m.If(self.free):
                    m.d.sync += [lane.eq(0), counted.eq(0)]
                    with m.If(flat):
                        m.d.sync += [thread.x.eq(thread.x + lanes), left.x.eq(left.x - lanes)]
                    begin()
                    with m.If(last):
                        m.d.sync += [more.eq(~block_ends.all()), settling.eq(1)]
                        with m.If(needed == 0):
                            m.d.sync += needed.eq(block.number + 1)
                        m.d.sync += block.x.eq(Mux(block_ends[0], 0, block.x + 1))
                        with m.If(block_ends[0]):
                            m.d.sync += block.y.eq(Mux(block_ends[1], 0, block.y + 1))
                            with m.If(block_ends[1]):
                                m.d.sync += block.z.eq(block.z + 1)
                        m.next = "NEXT"
                    with m.Else():
                        m.d.sync += [
                            self.warp.eq(self.warp + 1),
                            block.number.eq(block.number + 1),
                        ]
        return m
