"""What `csrr` reads: who a thread is, how large its block and the grid are, and its arguments."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.arch.simt import ARGUMENTS, CONTROL_REGISTERS, CSR_BASE, PRIVATE, SHARED, STACK_ALIGN

from .crossbar import chosen
from .interfaces import launch_layout
from .sizes import Sizes


def thread_bits(sizes: Sizes) -> int:
    """Bits of a thread's index in its block."""
    return max(1, (sizes.threads - 1).bit_length())


def thread_layout(sizes: Sizes) -> data.StructLayout:
    """Index of a thread in its block."""
    return data.StructLayout(dict.fromkeys("xyz", thread_bits(sizes)))


def block_layout(sizes: Sizes) -> data.StructLayout:
    """What a warp knows about its block.

    Index in the grid; how manieth warp it is in it; where in the shared window the block's memory
    begins, in units of `STACK_ALIGN`.
    """
    launch = launch_layout()
    axes = {axis: launch[f"grid_{axis}"].width for axis in "xyz"}
    shared = range(sizes.shared_bytes // STACK_ALIGN + 1)
    return data.StructLayout({**axes, "number": range(max(2, sizes.warps)), "shared": shared})


class ControlRegisters(wiring.Component):
    """The control registers of all threads.

    Members
    -------
    launch
        The kernel that runs.
    warp, csr
        What to read: the place in the table, with the warp.
    row
        Its value in all lanes, one cycle later.
    block
        What ``warp`` knows about its block, one cycle later.
    thread_write, thread_data, thread_row
        Lanes of ``write_warp`` whose index is written; with ``thread_row`` that of lane 0, which is
        a multiple of the lanes along x: the others follow.
    block_write, block_data
        Write what ``write_warp`` knows about its block.
    """

    read_latency = 1

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        warp = range(max(2, sizes.warps))
        super().__init__(
            {
                "launch": In(launch_layout()),
                "warp": In(warp),
                "csr": In(5),
                "row": Out(32 * sizes.lanes),
                "block": Out(block_layout(sizes)),
                "write_warp": In(warp),
                "thread_write": In(sizes.lanes),
                "thread_data": In(thread_layout(sizes)),
                "thread_row": In(1),
                "block_write": In(1),
                "block_data": In(block_layout(sizes)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes = self.sizes, self.sizes.lanes
        depth = max(2, sizes.warps)
        each = thread_layout(sizes)
        m.submodules.threads = threads = Memory(shape=each.size * lanes, depth=depth, init=[])
        m.submodules.blocks = blocks = Memory(shape=block_layout(sizes), depth=depth, init=[])
        thread_write = threads.write_port(granularity=each.size)
        thread_read = threads.read_port(domain="sync", transparent_for=())
        block_write = blocks.write_port()
        block_read = blocks.read_port(domain="sync", transparent_for=())
        warp, argument = Signal.like(self.warp), Signal(32)
        arguments = Array(self.launch[f"argument_{word}"] for word in range(ARGUMENTS))
        m.d.sync += [
            warp.eq(self.warp),
            argument.eq(arguments[self.csr[: (ARGUMENTS - 1).bit_length()]]),
        ]
        others = [r for r in CONTROL_REGISTERS if not r.name.startswith("argument_")]
        with m.If(Cat(self.csr == r.number - CSR_BASE for r in others).any()):
            m.d.sync += argument.eq(0)
        indices = []
        for lane in range(lanes):
            index = Signal(each, name=f"index_{lane}")
            m.d.comb += [
                index.eq(self.thread_data),
                index.x.eq(self.thread_data.x | Mux(self.thread_row, lane, 0)),
            ]
            indices.append(index)
        m.d.comb += [
            thread_read.en.eq(1),
            thread_read.addr.eq(self.warp),
            block_read.en.eq(1),
            block_read.addr.eq(self.warp),
            thread_write.en.eq(self.thread_write),
            thread_write.addr.eq(self.write_warp),
            thread_write.data.eq(Cat(indices)),
            block_write.en.eq(self.block_write),
            block_write.addr.eq(self.write_warp),
            block_write.data.eq(self.block_data),
            self.block.eq(block_read.data),
        ]

        common = {
            "warp": warp,
            "lanes": lanes,
            "warps": sizes.warps,
            "stack": PRIVATE.base | self.launch.private,
            "block_shared": SHARED.base
            | Cat(Const(0, (STACK_ALIGN - 1).bit_length()), block_read.data.shared),
        }
        for axis in "xyz":
            common[f"block_{axis}"] = block_read.data[axis]
            common[f"block_dim_{axis}"] = self.launch[f"block_{axis}"]
            common[f"grid_dim_{axis}"] = self.launch[f"grid_{axis}"]
        lane_bits = (lanes - 1).bit_length()
        common["thread"] = block_read.data.number << lane_bits
        numbers = [Const(lane, thread_bits(sizes)) for lane in range(lanes)]
        lowest = {"thread": numbers, "lane": numbers}
        for axis in "xyz":
            words = (thread_read.data.word_select(lane, each.size) for lane in range(lanes))
            lowest[f"thread_{axis}"] = [data.View(each, word)[axis] for word in words]

        # What all lanes have in common, and what the lowest bits of each have beside: most bits of
        # a row are the same in all lanes, and need no logic of their own.
        shared, own = argument, [[] for _ in range(lanes)]
        for register in others:
            name = register.name
            wanted = Signal(name=f"is_{name}")
            m.d.sync += wanted.eq(self.csr == register.number - CSR_BASE)
            value = Value.cast(common.get(name, 0))
            shared = shared | (value & wanted.replicate(len(value)))
            for choices, value in zip(own, lowest.get(name, ()), strict=False):
                choices.append((wanted, value))
        m.d.comb += self.row.eq(
            Cat(
                (shared | chosen(m, choices, f"own_{lane}"))[:32]
                for lane, choices in enumerate(own)
            )
        )
        return m
