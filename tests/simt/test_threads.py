"""Race-free kernels: a warp of diverging threads does what each thread does alone.

Alone is another emulator altogether (unicorn: QEMU's RISC-V), or a core of one lane and one warp.
"""

import numpy as np
import pytest

from weft.arch.isa import Unit, decode
from weft.arch.simt import MAIN, PRIVATE, SHARED, Core

from .assembler import Machine, pointer
from .random_kernels import AREA, SHARED_AREA, RandomKernel
from .random_kernels import PRIVATE as PRIVATE_BYTES

ARGUMENTS = 0x4000
PRIVATE_BASE = 0xC000


def run(kernel: RandomKernel, core: Core, block: tuple[int, int, int], grid=(1, 1, 1)) -> Machine:
    machine = Machine(core, seed=kernel.seed)
    machine.run(
        kernel.code,
        limit=1_000_000,
        arguments=pointer(ARGUMENTS),
        block=block,
        grid=grid,
        private=PRIVATE_BYTES,
        private_base=PRIVATE_BASE,
    )
    return machine


def areas(machine: Machine, thread: int) -> list[bytes]:
    """What a thread leaves behind in main, shared and private memory."""
    core = machine.core
    warp, lane = divmod(thread, core.lanes)
    words = PRIVATE_BASE + (warp * PRIVATE_BYTES // 4 + np.arange(PRIVATE_BYTES // 4)) * (
        4 * core.lanes
    )
    private = machine.main.view(np.uint32)[words // 4 + lane]
    return [
        machine.main[ARGUMENTS + thread * AREA :][:AREA].tobytes(),
        machine.shared[thread * SHARED_AREA :][:SHARED_AREA].tobytes(),
        private.tobytes(),
    ]


def alone(kernel: RandomKernel, thread: int) -> list[bytes]:
    """The same from unicorn, which begins after the thread's index has been read."""
    unicorn = pytest.importorskip("unicorn", reason="extra simt is missing: unicorn")
    from unicorn import riscv_const as riscv

    start = Machine(seed=kernel.seed)
    emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    emulator.mem_map(MAIN.base, len(start.main))
    emulator.mem_write(MAIN.base, start.main.tobytes())
    emulator.mem_write(MAIN.base, kernel.code)
    emulator.mem_map(SHARED.base, 4096)
    emulator.mem_map(PRIVATE.base, 4096)
    registers = {
        riscv.UC_RISCV_REG_T0: thread,
        riscv.UC_RISCV_REG_SP: PRIVATE.base + PRIVATE_BYTES,
        riscv.UC_RISCV_REG_GP: SHARED.base,
        riscv.UC_RISCV_REG_A0: MAIN.base + ARGUMENTS,
    }
    for register, value in registers.items():
        emulator.reg_write(register, value)
    emulator.emu_start(MAIN.base + kernel.start, MAIN.base + kernel.asm.offset("end"))
    return [
        bytes(emulator.mem_read(MAIN.base + ARGUMENTS + thread * AREA, AREA)),
        bytes(emulator.mem_read(SHARED.base + thread * SHARED_AREA, SHARED_AREA)),
        bytes(emulator.mem_read(PRIVATE.base, PRIVATE_BYTES)),
    ]


def test_threads_do_what_unicorn_does(many):
    core = Core(lanes=8, warps=4, shared_bytes=4096)
    for seed in range(many(30, 1000)):
        kernel = RandomKernel(seed)
        threads = 1 + seed % core.threads
        machine = run(kernel, core, (threads, 1, 1))
        for thread in range(threads):
            assert areas(machine, thread) == alone(kernel, thread), f"{seed=} {thread=}"
        diverged = [r for r in machine.retired if r.active.bit_count() < core.lanes]
        assert diverged or threads % core.lanes == 0 or threads < 2


@pytest.mark.parametrize(("lanes", "warps"), [(2, 4), (4, 2), (8, 1)])
def test_lanes_do_not_matter(lanes, warps, many):
    for seed in range(many(10, 500)):
        kernel = RandomKernel(10_000 + seed, floats=True, weft=True)
        threads = lanes * warps - seed % 3
        machine = run(kernel, Core(lanes=lanes, warps=warps, shared_bytes=4096), (threads, 1, 1))
        one = run(kernel, Core(lanes=1, warps=8, shared_bytes=4096), (threads, 1, 1))
        for thread in range(threads):
            assert areas(machine, thread) == areas(one, thread), f"{seed=} {thread=}"


def test_the_timer_does_not_matter(many):
    for seed in range(many(15, 500)):
        kernel = RandomKernel(20_000 + seed, weft=True)
        results = []
        for starvation in (1, 3, 4096):
            core = Core(lanes=8, warps=1, starvation=starvation, shared_bytes=4096)
            machine = run(kernel, core, (8, 1, 1))
            results.append([areas(machine, thread) for thread in range(8)])
        assert results[0] == results[1] == results[2], f"{seed=}"


def test_collectives_hold_threads_together(many):
    """Where all threads meet, the timer cannot change what they exchange."""
    met = 0
    for seed in range(many(15, 500)):
        kernel = RandomKernel(40_000 + seed, floats=True, weft=True, collectives=True)
        results = []
        for starvation in (1, 4096):
            core = Core(lanes=8, warps=2, starvation=starvation, shared_bytes=4096)
            machine = run(kernel, core, (13, 1, 1))
            results.append([areas(machine, thread) for thread in range(13)])
            words = {r.word for r in machine.retired if r.active in (0xFF, 0x1F)}
            met += any(decode(word).instruction.unit is Unit.COLLECTIVE for word in words)
        assert results[0] == results[1], f"{seed=}"
    assert met > many(15, 500)


def test_a_short_timer_gives_turns(many):
    turns = 0
    for seed in range(many(10, 50)):
        machine = Machine(Core(lanes=8, warps=1, starvation=1, shared_bytes=4096))
        counters = machine.run(
            RandomKernel(30_000 + seed, size=25).code,
            arguments=pointer(ARGUMENTS),
            block=(8, 1, 1),
            private=PRIVATE_BYTES,
            private_base=PRIVATE_BASE,
        )
        turns += counters.turns
    assert turns > 10
