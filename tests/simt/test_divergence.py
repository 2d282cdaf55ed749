"""Lowest program counter against a reconvergence stack: as few instructions, timer on."""

from pathlib import Path

import numpy as np
import pytest

from weft.arch.simt import MAIN, Core, Launch
from weft_bench.reconvergence import END, paths, post_dominators, stack_issues
from weft_driver.kernels import kernel_address, load_kernels

from .assembler import Assembler, Machine, pointer
from .random_kernels import PRIVATE, RandomKernel

KERNELS = ("trips", "nested", "loops", "exits", "choices", "parts", "collatz", "search")
CODE, X, Y, PRIVATE_BASE = 0x1000, 0x8000, 0x9000, 0xA000

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEFT_BUILD", str(tmp_path_factory.getbasetemp() / "kernels"))
        yield load_kernels(Path(__file__).with_name("divergence.c"))


def issues(machine: Machine, code: dict[int, int]) -> tuple[int, int]:
    """Instructions of warp 0: as run, and on a stack."""
    retired = [record for record in machine.retired if record.warp == 0]
    threads = paths(retired, machine.core.lanes)
    stack = stack_issues(code, threads, post_dominators(code, threads))
    assert stack >= max(map(len, threads))
    return len(retired), stack


def words_at(pc: int, image: bytes) -> dict[int, int]:
    words = np.frombuffer(image[: len(image) & ~3], "<u4").tolist()
    return {pc + 4 * i: word for i, word in enumerate(words)}


@pytest.mark.parametrize("name", KERNELS)
def test_no_more_than_a_stack(kernels, name):
    """The bar is 1 % more; loops of up to 1,000 trips, with the timer on."""
    worst = 0.0
    for seed, most in ((1, 20), (2, 50), (3, 200), (4, 1000), (5, 1000)):
        machine = Machine(Core(lanes=8, warps=1))
        image = kernels.image(CODE)
        machine.load(image, CODE)
        x = np.random.default_rng(seed).integers(0, 1 << 30, 256, np.int32)
        machine.load(x.tobytes(), X)
        values = [most, kernel_address(X), kernel_address(Y)]
        launch = Launch(
            arguments=kernels[name].words(values),
            entry=CODE + kernels[name].entry,
            block=(8, 1, 1),
            private=256,
            private_base=PRIVATE_BASE,
        )
        machine.simulator.run(launch, limit=1_000_000)
        code = words_at(MAIN.base + CODE, image)
        ours, stack = issues(machine, code)
        worst = max(worst, ours / stack)
    assert worst <= 1.01, f"{name}: {worst:.3f} times a stack's instructions"


def test_post_dominators_of_a_loop_with_an_exit():
    asm = Assembler()
    asm.put("addi", 5, 0, 3)  # 0
    asm.label("top")
    asm.put("beq", 5, 6, "skip")  # 4
    asm.put("beq", 5, 7, "out")  # 8
    asm.label("skip")
    asm.put("addi", 5, 5, -1)  # 12
    asm.put("bne", 5, 0, "top")  # 16
    asm.label("out")
    asm.put("beq", 5, 0, "end")  # 20
    asm.put("exit")  # 24
    asm.label("end")
    asm.put("jalr", 0, 0, 1)  # 28
    code = words_at(0, asm.code())
    expected = {0: 4, 4: 20, 8: 20, 12: 16, 16: 20, 20: END, 24: END, 28: END}
    assert post_dominators(code, []) == expected


def test_a_stack_runs_both_sides_of_a_condition_once():
    asm = Assembler()
    asm.put("csrr", "t0", "lane")
    asm.put("andi", "t1", "t0", 1)
    asm.put("beq", "t1", 0, "even")
    asm.put("addi", "t2", 0, 1)
    asm.put("jal", 0, "meet")
    asm.label("even")
    asm.put("addi", "t2", 0, 2)
    asm.label("meet")
    asm.put("exit")
    machine = Machine(Core(lanes=8, warps=1))
    machine.run(asm, block=(8, 1, 1))
    assert issues(machine, words_at(MAIN.base, asm.code())) == (7, 7)


def test_random_kernels_fit_the_stack(many):
    """Threads' paths are paths of the graph, and meet where it says."""
    worse = 0
    for seed in range(many(30, 1000)):
        kernel = RandomKernel(50_000 + seed)
        machine = Machine(Core(lanes=8, warps=1, shared_bytes=4096), seed=seed)
        machine.run(
            kernel.code,
            arguments=pointer(0x4000),
            block=(8, 1, 1),
            private=PRIVATE,
            private_base=0xC000,
        )
        ours, stack = issues(machine, words_at(MAIN.base, kernel.code))
        threads = paths(machine.retired, 8)
        assert stack <= sum(map(len, threads)), f"{seed=}"
        worse += ours > 1.01 * stack
    assert worse == 0
