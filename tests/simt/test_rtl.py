"""The gateware against the simulator: memories, grids, collectives, resets, its speed.

``WEFT_LONG=1`` runs the full counts.
"""

import numpy as np

from weft.arch.simt import CONTROL_REGISTERS, Launch

from .assembler import Assembler, pointer
from .pair import (
    ARGUMENTS,
    CORES,
    MEMORIES,
    PRIVATE_BASE,
    WIDE,
    Pair,
)
from .random_kernels import PRIVATE, RandomKernel
from .test_simulator import spin_lock


@CORES
def test_all_memories_give_the_same(sizes):
    """The same kernel three times, other latencies each time; the registers stay."""
    kernel = RandomKernel(77, weft=True, collectives=True)
    pair = Pair(sizes)
    pair.load(kernel.code)
    for seed, memory in enumerate(MEMORIES):
        pair.run(
            None,
            what=f"{seed=}",
            memory={"seed": seed, **memory},
            arguments=pointer(ARGUMENTS),
            block=(sizes.threads, 1, 1),
            private=PRIVATE,
            private_base=PRIVATE_BASE,
        )


@CORES
def test_reset_in_the_middle(sizes, many):
    """A kernel is cut off anywhere; the next one knows nothing of it but registers and memory."""
    kernel = RandomKernel(78, weft=True)
    for seed in range(many(5, 100)):
        pair = Pair(sizes, seed)
        pair.load(kernel.code)
        launch = {"arguments": pointer(ARGUMENTS), "private": PRIVATE, "private_base": PRIVATE_BASE}
        memory = {"seed": seed, "latency": 5, "spread": 9, "stall": 50}
        pair.rtl.start(Launch(entry=0, block=(sizes.threads, 1, 1), **launch), **memory)
        pair.rtl.run(37 + 211 * seed)
        pair.rtl.reset()
        again = Pair(sizes, seed)
        pair.main[:], pair.shared[:] = again.main, again.shared
        code = clear_registers() + kernel.code  # what is left in registers differs
        pair.run(code, what=f"{seed=}", memory=memory, block=(sizes.threads, 1, 1), **launch)


def clear_registers() -> bytes:
    asm = Assembler()
    for register in range(1, 32):
        if register not in (2, 3, 10):
            asm.put("addi", register, 0, 0)
    return asm.code()


@CORES
def test_grids(sizes):
    """More blocks than fit; every control register of every thread."""
    asm = Assembler()
    asm.begin("gp")
    asm.put("csrr", "t0", "block_x")
    for axis, before in (("y", "x"), ("z", "y")):
        asm.put("csrr", "t1", f"block_{axis}")
        asm.put("csrr", "t2", f"grid_dim_{before}")
        if axis == "z":
            asm.put("csrr", "t3", "grid_dim_x")
            asm.put("mul", "t2", "t2", "t3")
        asm.put("mul", "t1", "t1", "t2")
        asm.put("add", "t0", "t0", "t1")
    for register in CONTROL_REGISTERS:
        asm.put("csrr", "t1", register.name)
    asm.put("amoadd", 0, "t1", "gp")  # what it was depends on who comes first
    asm.put("exit")
    blocks = [((1, 1, 1), (3, 2, 2)), ((sizes.threads, 1, 1), (2, 1, 1))]
    if sizes.threads >= 8:
        blocks += [((3, 1, 2), (5, 1, 1)), ((2, 3, 1), (1, 1, 4)), ((1, 1, 3), (1, 5, 1))]
    for block, grid in blocks:
        pair = Pair(sizes)
        pair.run(
            asm, what=f"{block=} {grid=}", arguments=tuple(range(77, 85)), block=block, grid=grid,
            shared=32, shared_base=48, private=32, memory={"latency": 2, "spread": 30},
        )  # fmt: skip


@CORES
def test_spin_lock(sizes):
    """The threads of one warp contend; the starvation timer lets the holder go on."""
    pair = Pair(sizes)
    for shared in (pair.shared, pair.golden_shared):
        shared[:8] = 0
    pair.run(spin_lock(), block=(sizes.lanes, 1, 1), shared=16)
    assert pair.shared[:8].view(np.uint32).tolist() == [0, sizes.lanes]


@CORES
def test_barriers(sizes, many):
    """Threads read what their neighbours in other warps have written, barrier by barrier."""
    for threads in range(1, sizes.threads + 1, 1 if sizes.threads <= 8 else 19):
        asm = Assembler()
        asm.begin("gp")
        asm.put("csrr", "t6", "thread")
        asm.put("slli", "t0", "t6", 2)
        asm.put("add", "t0", "t0", "gp")
        asm.put("addi", "t1", "t6", 1)
        asm.li("t2", threads)
        asm.put("remu", "t1", "t1", "t2")
        asm.put("slli", "t1", "t1", 2)
        asm.put("add", "t1", "t1", "gp")
        asm.put("sw", "t6", 0, "t0")
        asm.put("addi", "t3", 0, 10)
        asm.put("sltiu", "t5", "t6", threads // 2)
        asm.label("loop")
        asm.put("bar")
        asm.put("lw", "t4", 0, "t1")
        asm.put("bar")
        asm.put("sw", "t4", 0, "t0")
        asm.put("addi", "t3", "t3", -1)
        asm.put("bne", "t3", 0, "loop")
        asm.put("beq", "t5", 0, "end")  # the upper half does not come to the last barriers
        asm.put("bar")
        asm.put("bar")
        asm.label("end")
        asm.put("exit")
        pair = Pair(sizes)
        pair.run(
            asm, what=f"{threads=}", block=(threads, 1, 1), shared=512, grid=(3, 1, 1),
            memory={"latency": 1, "spread": 12, "stall": 40},
        )  # fmt: skip


def test_issue_rate():
    """Sixteen warps whose data are there at once keep the pipeline full."""
    asm = Assembler()
    asm.put("addi", "t0", 0, 100)
    asm.label("loop")
    for _ in range(6):
        asm.put("addi", "t1", "t1", 1)
    asm.put("addi", "t0", "t0", -1)
    asm.put("bne", "t0", 0, "loop")
    asm.put("exit")
    outcome = Pair(WIDE).run(asm, block=(WIDE.threads, 1, 1))
    assert outcome.issued / outcome.cycles >= 0.95
