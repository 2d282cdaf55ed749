"""LAUNCH on the golden chip: kernels between other engines' commands, races, traps, counters."""

from dataclasses import fields

import numpy as np
import pytest
from simt.assembler import Assembler

from weft.arch.commands import Engine, encode
from weft.arch.errors import Cause
from weft.arch.registers import BY_NAME, CORE_REGISTERS, KERNEL_COUNTERS
from weft.arch.simt import MAIN, PORT, SHARED, PortWord, Trap
from weft.config import Config
from weft.golden.chip import GoldenChip
from weft.golden.faults import ChipFault, RaceError
from weft.golden.simt import Counters
from weft_sim.golden import GoldenTransport
from weft_sim.options import parse_options

from .programs import END, PROGRAM, chip_for, get, load_act, put, run, sems, signal, store

TINY = Config.parse("tiny,lanes=4,warps=2,fp=full")
HOLES = Config.parse("tiny,lanes=4,warps=2,fp=full,act_regions=3,act_kib=9,wgt_kib=0.5")
assert HOLES.act_region_bytes < HOLES.act_region_span

CODE, DATA, OUT, STACKS = 0x1000, 0x2000, 0x3000, 0x8000
THREADS = 8
LOADED, DONE, STORED = range(3)


def launch(**values: int) -> bytes:
    ones = {f"{what}_{axis}": 1 for what in ("grid", "block") for axis in "xyz"}
    return encode("LAUNCH", {**ones, "block_x": THREADS, "entry": CODE, **values})


def copies(source: int, target: int) -> Assembler:
    """Thread i writes word i of source, plus i, to word i of target; kernel's addresses."""
    asm = Assembler()
    asm.put("csrr", "t3", "thread")
    asm.put("slli", "t0", "t3", 2)
    asm.li("t1", source)
    asm.put("add", "t1", "t1", "t0")
    asm.put("lw", "t2", 0, "t1")
    asm.put("add", "t2", "t2", "t3")
    asm.li("t1", target)
    asm.put("add", "t1", "t1", "t0")
    asm.put("sw", "t2", 0, "t1")
    asm.put("exit")
    return asm


def chip_with(kernel: Assembler, config: Config = TINY) -> GoldenChip:
    chip = chip_for(config)
    put(chip, CODE, np.frombuffer(kernel.code(), np.uint8))
    return chip


@pytest.mark.parametrize("config", [TINY, HOLES], ids=["tiny", "holes"])
def test_between_load_and_store(config):
    """Through the last region of the shared window, which in act addresses lies above a hole."""
    region = config.act_regions - 1
    window, act = region * config.act_region_bytes, region * config.act_region_span
    chip = chip_with(copies(SHARED.base + window, SHARED.base + window + 64), config)
    words = get(chip, DATA, (THREADS,), "<u4").copy()
    run(
        chip,
        load_act(src=DATA, dst=act, len=4 * THREADS, post=sems(LOADED)),
        launch(wait=sems(LOADED), post=sems(DONE)),
        store(src=act + 64, dst=OUT, len=4 * THREADS, wait=sems(DONE)),
        END,
    )
    expected = words + np.arange(THREADS, dtype=np.uint32)
    assert (get(chip, OUT, (THREADS,), "<u4") == expected).all()


# --- races ---------------------------------------------------------------------------------------

IN_MEMORY = copies(MAIN.base + DATA, MAIN.base + OUT)
IN_SHARED = copies(SHARED.base, SHARED.base + 64)
LAST = 4 * THREADS - 1


@pytest.mark.parametrize("kernel_first", [True, False])
@pytest.mark.parametrize(
    ("kernel", "other", "touches", "beside", "what"),
    [
        (IN_MEMORY, store, {"dst": DATA + LAST}, {"dst": DATA + LAST + 1}, "memory bytes 0x201f"),
        (IN_MEMORY, store, {"dst": OUT}, {"dst": OUT - 1}, "memory bytes 0x3000"),
        (IN_MEMORY, load_act, {"src": OUT + LAST}, {"src": OUT + LAST + 1}, "memory bytes 0x301f"),
        (IN_SHARED, load_act, {"dst": LAST}, {"dst": LAST + 1}, "act bytes 0x1f"),
        (IN_SHARED, store, {"src": 64}, {"src": 63}, "act bytes 0x40"),
    ],
)
def test_a_race_is_found_to_the_byte(kernel, other, touches, beside, what, kernel_first):
    engine = Engine.LOAD if other is load_act else Engine.STORE
    elsewhere = {"src": 0x9000, "dst": 0x200} if other is load_act else {"src": 0, "dst": 0x9000}

    def program(where: dict[str, int], *, ordered: bool) -> list[bytes]:
        values = {"len": 1, **elsewhere, **where}
        waits = {"wait": sems(DONE)} if ordered else {}
        if kernel_first:
            pair = [launch(post=sems(DONE)), other(**values, **waits, post=sems(STORED))]
        else:
            pair = [other(**values, post=sems(DONE)), launch(**waits, post=sems(STORED))]
        # The SIGNAL that ends the program waits for both, if they are not its own engine's.
        ends = {DONE, STORED} - ({DONE} if ordered else set())
        if engine is Engine.STORE:
            ends -= {STORED} if kernel_first else {DONE}
        return [*pair, signal(*ends, end=1)]

    with pytest.raises(RaceError, match=f"{what} to"):
        run(chip_with(kernel), *program(touches, ordered=False))
    run(chip_with(kernel), *program(touches, ordered=True))
    run(chip_with(kernel), *program(beside, ordered=False))


def test_atomics_write():
    asm = Assembler()
    asm.li("t0", SHARED.base + 32)
    asm.put("amoadd", "t1", 0, "t0")
    asm.put("exit")
    program = [launch(post=sems(DONE)), load_act(src=DATA, dst=35, len=1, post=sems(LOADED))]
    with pytest.raises(RaceError, match=r"act bytes 0x23 to 0x23, which .* writes"):
        run(chip_with(asm), *program, signal(DONE, LOADED, end=1))


def test_code_is_read():
    program = [launch(post=sems(DONE)), store(src=0, dst=CODE + 4, len=1)]
    with pytest.raises(RaceError, match=r"memory bytes 0x1004 to 0x1004, which .*LAUNCH.* reads"):
        run(chip_with(IN_MEMORY), *program, signal(DONE, end=1))


def test_the_end_waits_for_the_kernel():
    with pytest.raises(RaceError, match=r"retires with .*SIGNAL.* before .*LAUNCH"):
        run(chip_with(IN_MEMORY), launch(), END)


def test_private_memory_is_main_memory():
    asm = Assembler()
    asm.begin("sp")
    asm.put("sw", 0, -4, "sp")
    asm.put("exit")
    stack = {"private": 16, "private_base": STACKS}
    inside = store(src=0, dst=STACKS + 16 * THREADS - 1, len=1)
    with pytest.raises(RaceError, match="memory bytes 0x807f to 0x807f"):
        run(chip_with(asm), launch(**stack, post=sems(DONE)), inside, signal(DONE, end=1))
    beyond = store(src=0, dst=STACKS + 16 * THREADS, len=1)
    run(chip_with(asm), launch(**stack, post=sems(DONE)), beyond, signal(DONE, end=1))


# --- what stops a kernel -------------------------------------------------------------------------


def fault_of(chip: GoldenChip, *commands: bytes) -> ChipFault:
    with pytest.raises(ChipFault) as caught:
        run(chip, *commands)
    return caught.value


def trapping() -> Assembler:
    """Thread 5 of a block reads where there is nothing; its block says so first, as lane 1."""
    asm = Assembler()
    asm.put("csrr", "t0", "thread")
    asm.put("addi", "t0", "t0", -5)
    asm.put("bne", "t0", 0, "fine")
    asm.label("bad")
    asm.put("lw", "t1", 0, 0)
    asm.label("fine")
    asm.put("exit")
    return asm


def test_a_trap_halts_the_chip():
    kernel = trapping()
    pc = MAIN.base + CODE + kernel.offset("bad")
    chip = chip_with(kernel)
    fault = fault_of(chip, signal(), launch(grid_x=2, post=sems(DONE)), signal(DONE, end=1))
    assert (fault.cause, fault.engine, fault.index) == (Cause.TRAP, Engine.SIMT, 1)
    assert "a kernel trapped: in thread (5, 0, 0) of block (0, 0, 0)" in str(fault)
    assert f"at pc {pc:#010x} (warp 1, lane 1)" in str(fault)
    assert chip.simt is not None
    assert chip.simt.trap is not None
    chip.clear()
    assert chip.simt.trap is None
    run(chip, launch(block_x=4, post=sems(DONE)), signal(DONE, end=1))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"block_x": 9}, r"a block of 9 threads \(9, 1, 1\) does not fit"),
        ({"block_y": 0}, "LAUNCH.block_y = 0, must be at least 1"),
        ({"shared": 4096}, "shared memory of 1 blocks x 4096 bytes"),
        ({"private": 8}, "private = 8 is not a multiple of 16"),
    ],
)
def test_launches_that_are_refused(values, says):
    fault = fault_of(chip_with(IN_MEMORY), launch(**values, post=sems(DONE)), END)
    assert (fault.cause, fault.engine, fault.index) == (Cause.BAD_COMMAND, Engine.SIMT, 0)
    with pytest.raises(ChipFault, match=says):
        raise fault


def test_no_kernels_without_a_core():
    chip = chip_for(Config.parse("tiny,lanes=0"))
    assert chip.simt is None
    fault = fault_of(chip, launch(), END)
    assert (fault.cause, fault.engine) == (Cause.BAD_COMMAND, Engine.CONTROL)


def commander(words: bytes) -> Assembler:
    """The first thread pushes a command and stores what `PortWord.TAKE` of `LOADED` then says."""
    asm = Assembler()
    asm.put("csrr", "t3", "thread")
    asm.put("bne", "t3", 0, "end")
    asm.li("t0", PORT.base)
    for i in range(0, len(words), 4):
        asm.li("t1", int.from_bytes(words[i : i + 4], "little"))
        asm.put("sw", "t1", PortWord.WORDS + i, "t0")
    asm.put("sw", 0, PortWord.PUSH, "t0")
    asm.put("lw", "t1", PortWord.TAKE + 4 * LOADED, "t0")
    asm.li("t2", MAIN.base + OUT)
    asm.put("sw", "t1", 0, "t2")
    asm.label("end")
    asm.put("exit")
    return asm


@pytest.mark.parametrize("posts", [0, sems(LOADED)])
def test_a_pushed_command_runs_and_posts(posts):
    load = load_act(len=4, src=DATA, post=posts)
    chip = chip_with(commander(load))
    put(chip, DATA, np.arange(4, dtype=np.uint8))
    if not posts:  # nobody learns that it is over
        with pytest.raises(RaceError, match="the program retires with"):
            run(chip, launch(post=sems(DONE), pushes=1), signal(DONE, end=1))
        return
    run(chip, launch(post=sems(DONE), pushes=1), signal(DONE, end=1))
    assert chip.state.act[:4].tolist() == [0, 1, 2, 3]
    assert get(chip, OUT, (1,), "<u4").tolist() == [1]


@pytest.mark.parametrize("command", [bytes(64), END, launch()], ids=["opcode", "signal", "launch"])
def test_commands_that_kernels_must_not_push(command):
    fault = fault_of(
        chip_with(commander(command)), launch(post=sems(DONE), pushes=1), signal(DONE, end=1)
    )
    assert (fault.cause, fault.engine, fault.index) == (Cause.BAD_COMMAND, Engine.CONTROL, 0)
    assert "its kernel pushes a command" in str(fault)


def test_a_pushed_command_that_waits_for_nothing():
    load = load_act(len=4, src=DATA, wait=sems(STORED), post=sems(LOADED))
    fault = fault_of(
        chip_with(commander(load)), launch(post=sems(DONE), pushes=1), signal(DONE, end=1)
    )
    assert (fault.cause, fault.engine) == (Cause.DEADLOCK, Engine.LOAD)


def test_a_launch_says_that_its_kernel_pushes():
    chip = chip_with(commander(load_act(len=4, src=DATA)))
    fault = fault_of(chip, launch(post=sems(DONE)), signal(DONE, end=1))
    assert fault.cause is Cause.BAD_COMMAND
    assert "does not say that it pushes" in str(fault)


# --- registers -----------------------------------------------------------------------------------


def test_counters_are_those_of_the_simulator():
    assert [name for name, _ in KERNEL_COUNTERS] == [field.name for field in fields(Counters)]


def test_registers_of_a_core():
    device = GoldenTransport(parse_options("tiny,lanes=4,warps=2,fp=full?memory_mib=1"), "golden:")

    def start(kernel: Assembler, **values: int) -> None:
        device.write(CODE, kernel.code())
        device.write(PROGRAM, launch(**values, post=sems(DONE)) + signal(DONE, end=1))
        device.write_register(BY_NAME["PROGRAM"].offset, PROGRAM)
        device.write_register(BY_NAME["DOORBELL"].offset, 2)
        device.wait_irq()

    def read() -> dict[str, int]:
        return {r.name: device.read_register(r.offset) for r in CORE_REGISTERS}

    assert not any(read().values())
    start(IN_MEMORY)
    once = read()
    assert (once["KERNEL_ISSUED"], once["KERNEL_ACTIVE_LANES"]) == (2 * 12, THREADS * 12)
    assert (once["KERNEL_MEMORY_ACCESSES"], once["TRAP"]) == (4, 0)
    start(IN_MEMORY)
    assert read() == {name: 2 * value for name, value in once.items()}
    kernel = trapping()
    start(kernel, grid_x=3, grid_y=2)
    trap = read()
    assert trap["TRAP"] == Trap.DATA_UNMAPPED | 1 << 8 | 1 << 16
    assert trap["TRAP_PC"] == MAIN.base + CODE + kernel.offset("bad")
    assert trap["KERNEL_ISSUED"] > 2 * once["KERNEL_ISSUED"]
    device.write_register(BY_NAME["CTRL"].offset, 1)
    assert not any(value for name, value in read().items() if name.startswith("TRAP"))


def test_a_trap_names_its_block():
    """The last of 3 x 2 x 2 blocks traps: what the registers say of it."""
    asm = Assembler()
    for axis, last in zip("xyz", (2, 1, 1), strict=True):
        asm.put("csrr", "t0", f"block_{axis}")
        asm.put("addi", "t0", "t0", -last)
        asm.put("bne", "t0", 0, "fine")
    asm.begin("a0")
    asm.put("lw", "t1", 1, "a0")
    asm.label("fine")
    asm.put("exit")
    device = GoldenTransport(parse_options("tiny,lanes=4,warps=2,fp=full?memory_mib=1"), "golden:")
    device.write(CODE, asm.code())
    device.write(PROGRAM, launch(grid_x=3, grid_y=2, grid_z=2, post=sems(DONE)) + END)
    device.write_register(BY_NAME["DOORBELL"].offset, 2)
    device.wait_irq()
    read = {r.name: device.read_register(r.offset) for r in CORE_REGISTERS}
    assert read["TRAP"] == Trap.DATA_MISALIGNED
    assert (read["TRAP_BLOCK"], read["TRAP_BLOCK_Z"]) == (2 | 1 << 16, 1)


def test_no_such_registers_without_a_core():
    device = GoldenTransport(parse_options("tiny,lanes=0?memory_mib=1"), "golden:")
    with pytest.raises(RuntimeError, match="0x030: no such register"):
        device.read_register(BY_NAME["TRAP"].offset)
