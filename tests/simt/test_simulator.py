"""The simulator: who runs next, where threads meet, what traps, how a grid lies on the core."""

import numpy as np
import pytest

from weft.arch.commands import BY_NAME as COMMANDS_BY_NAME
from weft.arch.commands import decode as decode_command
from weft.arch.commands import encode as encode_command
from weft.arch.simt import (
    CONTROL_REGISTERS,
    MAIN,
    PORT,
    PRIVATE,
    SHARED,
    Core,
    Launch,
    PortWord,
    Trap,
)
from weft.golden.simt import Counters, KernelTrap
from weft.golden.simt.memory import Memories
from weft.golden.simt.traps import LaunchRefused

from .assembler import Assembler, Machine, pointer

OUT = 0x4000


def core(lanes: int = 4, warps: int = 2, **more) -> Core:
    return Core(lanes=lanes, warps=warps, shared_bytes=4096, region_bytes=2048, **more)


def store_word(asm: Assembler, value: str, index: str = "t6") -> None:
    """The register into word `index` after the first argument."""
    asm.begin("a0")
    asm.put("slli", "s11", index, 2)
    asm.put("add", "s11", "s11", "a0")
    asm.put("sw", value, 0, "s11")


def trap_of(machine: Machine, asm: Assembler, **launch) -> KernelTrap:
    with pytest.raises(KernelTrap) as caught:
        machine.run(asm, **launch)
    return caught.value


# --- ids, grids, blocks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "grid"), [((3, 2, 1), (2, 1, 3)), ((1, 1, 1), (1, 1, 1)), ((2, 2, 2), (5, 2, 1))]
)
def test_every_thread_knows_who_it_is(block, grid):
    asm = Assembler()
    asm.put("csrr", "t0", "block_x")
    for axis in "yz":  # t0 = linear block index
        asm.put("csrr", "t1", f"grid_dim_{'x' if axis == 'y' else 'y'}")
        asm.put("csrr", "t2", f"block_{axis}")
        if axis == "z":
            asm.put("csrr", "t3", "grid_dim_x")
            asm.put("mul", "t1", "t1", "t3")
        asm.put("mul", "t1", "t1", "t2")
        asm.put("add", "t0", "t0", "t1")
    threads = block[0] * block[1] * block[2]
    asm.put("addi", "t1", 0, threads)
    asm.put("mul", "t0", "t0", "t1")
    asm.put("csrr", "t1", "thread")
    asm.put("add", "t0", "t0", "t1")
    asm.put("addi", "t1", 0, 4 * len(CONTROL_REGISTERS))
    asm.put("mul", "t0", "t0", "t1")
    asm.begin("a0")
    asm.put("add", "t0", "t0", "a0")
    for i, register in enumerate(CONTROL_REGISTERS):
        asm.put("csrr", "t1", register.name)
        asm.put("sw", "t1", 4 * i, "t0")
    asm.put("exit")
    machine = Machine(core())
    machine.run(asm, arguments=pointer(OUT), block=block, grid=grid)
    blocks = grid[0] * grid[1] * grid[2]
    count = len(CONTROL_REGISTERS)
    table = machine.words(OUT, blocks * threads * count).reshape(blocks, threads, count)
    for b in range(blocks):
        for t in range(threads):
            seen = dict(zip([r.name for r in CONTROL_REGISTERS], table[b, t].tolist(), strict=True))
            bx, by, bz = b % grid[0], b // grid[0] % grid[1], b // (grid[0] * grid[1])
            tx, ty, tz = t % block[0], t // block[0] % block[1], t // (block[0] * block[1])
            assert [seen[f"block_{a}"] for a in "xyz"] == [bx, by, bz]
            assert [seen[f"thread_{a}"] for a in "xyz"] == [tx, ty, tz]
            assert [seen[f"block_dim_{a}"] for a in "xyz"] == list(block)
            assert [seen[f"grid_dim_{a}"] for a in "xyz"] == list(grid)
            assert (seen["thread"], seen["lane"]) == (t, t % 4)
            assert (seen["lanes"], seen["warps"]) == (4, 2)
            first = seen["warp"] - t // 4
            assert 0 <= first < 2
            assert first % (1 + (threads > 4)) == 0


def test_stacks_and_shared_memory():
    asm = Assembler()
    asm.begin("sp", "gp")
    asm.put("csrr", "t6", "thread")
    asm.put("csrr", "t5", "block_x")
    asm.put("slli", "t5", "t5", 3)
    asm.put("add", "t6", "t6", "t5")
    asm.put("slli", "t6", "t6", 1)
    store_word(asm, "sp")
    asm.put("sw", "gp", 4, "s11")
    asm.put("exit")
    machine = Machine(core(warps=4))
    machine.run(
        asm, arguments=pointer(OUT), block=(8, 1, 1), grid=(3, 1, 1), shared=64, shared_base=256,
        private=32, private_base=0x8000,
    )  # fmt: skip
    words = machine.words(OUT, 48).reshape(3, 8, 2)
    assert (words[:, :, 0] == PRIVATE.base + 32).all()
    # Two blocks at a time; the third has the slot that was free first.
    assert words[:, 0, 1].tolist() == [SHARED.base + 256, SHARED.base + 320, SHARED.base + 256]
    assert {r.warp for r in machine.retired if r.block == 1} == {2, 3}


def test_placement_is_followed():
    asm = Assembler()
    asm.put("exit")
    machine = Machine(core())
    machine.load(asm.code())
    machine.simulator.run(Launch(entry=0, grid=(4, 1, 1)), placement=[1, 1, 0, 1])
    assert {r.block: r.warp for r in machine.retired} == {0: 1, 1: 1, 2: 0, 3: 1}


@pytest.mark.parametrize(
    ("launch", "message"),
    [
        ({"block": (9, 1, 1)}, "a block of 9 threads .* 4 lanes x 2 warps = 8 threads"),
        ({"block": (3, 3, 1)}, "does not fit"),
        ({"block": (0, 1, 1)}, "at least 1"),
        ({"private": 24}, "private = 24 is not a multiple of 16"),
        ({"shared": 4096, "shared_base": 16}, "ends beyond 0x1000"),
        ({"shared": 2064, "grid": (2, 1, 1)}, "2 blocks x 2064 bytes"),
    ],
)
def test_launches_that_are_refused(launch, message):
    asm = Assembler()
    asm.put("exit")
    with pytest.raises(LaunchRefused, match=message):
        Machine(core()).run(asm, **launch)


def test_a_launch_is_what_its_command_says():
    fields = COMMANDS_BY_NAME["LAUNCH"].own_fields
    own = [field.name for field in fields if field.name != "pushes"]  # that is the dispatcher's
    values = {name: 8 * i for i, name in enumerate(own, 1)}
    launch = Launch.of(decode_command(encode_command("LAUNCH", values)).values)
    assert launch.fields() == values
    assert launch.block == tuple(values[f"block_{axis}"] for axis in "xyz")
    assert launch.arguments[7] == values["argument_7"]


def test_registers_stay_from_launch_to_launch():
    asm = Assembler()
    store_word(asm, "s5", "zero")
    asm.put("addi", "s5", "s5", 7)
    asm.put("exit")
    machine = Machine(core())
    machine.run(asm, arguments=pointer(OUT))
    assert machine.words(OUT, 1) == 0
    machine.run(asm, arguments=pointer(OUT))
    assert machine.words(OUT, 1) == 7


# --- collectives ---------------------------------------------------------------------------------


def test_votes_ballots_and_shuffles_count_live_threads_only():
    asm = Assembler()
    asm.put("csrr", "t6", "thread")
    asm.put("addi", "t1", 0, 2)
    asm.put("addi", "t4", 0, 77)  # which nobody may see
    asm.put("beq", "t6", "t1", "end")  # thread 2 ends
    asm.put("andi", "t0", "t6", 1)
    asm.put("slli", "t6", "t6", 3)
    for i, name in enumerate(("vote.any", "vote.all", "ballot")):
        asm.put(name, "t1", "t0")
        asm.put("addi", "t2", "t6", i)
        store_word(asm, "t1", "t2")
    asm.put("sltiu", "t3", "t0", 2)
    asm.put("vote.all", "t1", "t3")
    asm.put("addi", "t2", "t6", 3)
    store_word(asm, "t1", "t2")
    asm.put("addi", "t4", "t6", 100)
    for i, mask in enumerate((1, 2, 7)):  # 7 is 3 modulo four lanes
        asm.put("shfl.xor", "t1", "t4", mask)
        asm.put("addi", "t2", "t6", 4 + i)
        store_word(asm, "t1", "t2")
    asm.label("end")
    asm.put("exit")
    machine = Machine(core())
    machine.run(asm, arguments=pointer(OUT), block=(7, 1, 1))
    out = machine.words(OUT, 64).reshape(8, 8)
    for thread, ballot, live in ((0, 0b1010, 0b1011), (1, 0b1010, 0b1011), (3, 0b1010, 0b1011),
                                 (4, 0b010, 0b111), (6, 0b010, 0b111)):  # fmt: skip
        first = thread & ~3

        def of(lane, live=live, first=first):
            return 8 * (first + lane) + 100 if live >> lane & 1 else 0

        lane = thread % 4
        expected = [1, 0, ballot, 1, of(lane ^ 1), of(lane ^ 2), of(lane ^ 3)]
        assert out[thread, :7].tolist() == expected, thread


def test_threads_wait_for_each_other_at_a_collective():
    """The group with the lower program counter comes first and must wait for the other."""
    asm = Assembler()
    asm.put("csrr", "t6", "thread")
    asm.put("andi", "t0", "t6", 1)
    asm.put("bne", "t0", 0, "late")
    asm.label("meet")
    asm.put("ballot", "t1", "t6")
    store_word(asm, "t1")
    asm.put("exit")
    asm.label("late")
    for _ in range(5):
        asm.put("addi", "t2", "t2", 1)
    asm.put("jal", 0, "meet")
    machine = Machine(core())
    machine.run(asm, arguments=pointer(OUT), block=(4, 1, 1))
    assert machine.words(OUT, 4).tolist() == [0b1110] * 4
    ballots = [r for r in machine.retired if r.pc == MAIN.base + asm.offset("meet")]
    assert [r.active for r in ballots] == [0b1111]


def test_different_collectives_trap():
    asm = Assembler()
    asm.put("csrr", "t0", "thread")
    asm.put("beq", "t0", 0, "one")
    asm.put("bar")
    asm.put("exit")
    asm.label("one")
    asm.put("ballot", "t1", "t0")
    asm.put("exit")
    trap = trap_of(Machine(core()), asm, block=(4, 1, 1))
    assert trap.cause is Trap.COLLECTIVE
    assert (trap.thread, trap.pc) == ((1, 0, 0), MAIN.base + 8)


@pytest.mark.parametrize("threads", [1, 5, 12, 16])
def test_barriers_order_the_warps_of_a_block(threads):
    """Each thread writes a shared word and reads its neighbour's, ten times."""
    asm = Assembler()
    put = asm.put
    asm.begin("gp")
    put("csrr", "t6", "thread")
    put("slli", "t0", "t6", 2)
    put("add", "t0", "t0", "gp")
    asm.put("addi", "t1", "t6", 1)
    asm.li("t2", threads)
    put("remu", "t1", "t1", "t2")
    put("slli", "t1", "t1", 2)
    put("add", "t1", "t1", "gp")
    put("sw", "t6", 0, "t0")
    put("addi", "t3", 0, 10)
    asm.label("loop")
    put("bar")
    put("lw", "t4", 0, "t1")
    put("bar")
    put("sw", "t4", 0, "t0")
    put("addi", "t3", "t3", -1)
    put("bne", "t3", 0, "loop")
    store_word(asm, "t4")
    put("exit")
    machine = Machine(core(warps=4))
    machine.run(asm, arguments=pointer(OUT), block=(threads, 1, 1), shared=64)
    expected = [(t + 10) % threads for t in range(threads)]
    assert machine.words(OUT, threads).tolist() == expected


def test_a_barrier_does_not_wait_for_warps_that_have_ended():
    asm = Assembler()
    asm.put("csrr", "t6", "thread")
    asm.put("sltiu", "t0", "t6", 4)
    asm.put("beq", "t0", 0, "end")
    asm.put("bar")
    store_word(asm, "t6")
    asm.label("end")
    asm.put("exit")
    machine = Machine(core())
    machine.run(asm, arguments=pointer(OUT), block=(8, 1, 1))
    assert machine.words(OUT, 4).tolist() == [0, 1, 2, 3]


# --- starvation ----------------------------------------------------------------------------------


def spin_lock() -> Assembler:
    """Every thread adds 1 to a shared word that a lock guards, by load and store."""
    asm = Assembler()
    asm.begin("gp")
    asm.put("addi", "t0", 0, 1)
    asm.label("spin")
    asm.put("amomax", "t1", "t0", "gp")
    asm.put("bne", "t1", 0, "spin")
    asm.put("lw", "t2", 4, "gp")
    asm.put("addi", "t2", "t2", 1)
    asm.put("sw", "t2", 4, "gp")
    asm.put("sw", 0, 0, "gp")
    asm.put("exit")
    return asm


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
@pytest.mark.parametrize("starvation", [1, 20, 4096])
def test_spin_lock_finishes(lanes, starvation):
    machine = Machine(core(lanes=lanes, warps=2, starvation=starvation))
    machine.shared[:8] = 0
    counters = machine.run(spin_lock(), limit=300_000, block=(2 * lanes, 1, 1), shared=16)
    assert machine.shared[:8].view(np.uint32).tolist() == [0, 2 * lanes]
    assert lanes == 1 or counters.turns >= lanes - 2


def test_nothing_finishes_a_spin_lock_without_the_timer():
    machine = Machine(core(lanes=4, starvation=1 << 30))
    machine.shared[:8] = 0
    with pytest.raises(TimeoutError, match="not ended after 10,000 rounds"):
        machine.run(spin_lock(), limit=10_000, block=(4, 1, 1), shared=16)


def test_turns_come_as_the_rule_says():
    """Lane 0 spins; lanes 1 and 2 wait at different places and take turns, one instruction each."""
    asm = Assembler()
    asm.put("csrr", "t0", "lane")
    asm.put("addi", "t1", 0, 1)
    asm.put("beq", "t0", "t1", "one")
    asm.put("blt", "t1", "t0", "two")
    asm.label("spin")
    asm.put("beq", 0, 0, "spin")
    asm.label("one")
    asm.put("addi", "t2", "t2", 1)
    asm.put("jal", 0, "one")
    asm.label("two")
    asm.put("addi", "t2", "t2", 1)
    asm.put("jal", 0, "two")
    machine = Machine(core(lanes=4, starvation=3))
    with pytest.raises(TimeoutError):
        machine.run(asm, limit=24, block=(3, 1, 1))
    order = [(r.pc - MAIN.base) // 4 for r in machine.retired]
    start, spins, one, two = [0, 1, 2, 3], [4] * 3, [5, 6], [7, 8]
    assert order == [*start, *spins, *one, *spins, *two, *spins, *one, *spins, *two]


def test_the_first_turn_is_lane_0s():
    asm = Assembler()
    asm.put("csrr", "t0", "lane")
    asm.put("addi", "t1", 0, 2)
    asm.put("bne", "t0", "t1", "wait")
    asm.label("spin")
    asm.put("beq", 0, 0, "spin")
    asm.label("wait")
    asm.put("beq", "t0", 0, "zero")
    asm.put("exit")
    asm.label("zero")
    asm.put("jal", 0, "zero")
    machine = Machine(core(lanes=4, starvation=2))
    with pytest.raises(TimeoutError):
        machine.run(asm, limit=20, block=(3, 1, 1))
    turns = [r for r in machine.retired if r.pc != MAIN.base + asm.offset("spin")][3:]
    # Lanes 0 and 1 wait at the same branch; the turn stays with lane 0, then it is lane 1's.
    assert [r.active for r in turns[:3]] == [0b011, 0b001, 0b010]


def test_counters_follow_from_what_retires():
    asm = Assembler()
    asm.put("csrr", "t6", "thread")
    asm.put("sltiu", "t0", "t6", 3)
    asm.put("beq", "t0", 0, "end")
    asm.put("addi", "t1", "t1", 1)  # three threads of the first warp
    asm.label("end")
    asm.begin("a0")
    asm.put("slli", "t1", "t6", 6)
    asm.put("add", "t1", "t1", "a0")
    asm.put("sw", "t6", 0, "t1")  # each in a line of its own
    asm.put("lw", "t6", 0, "a0")
    asm.put("exit")
    machine = Machine(core())
    counters = machine.run(asm, arguments=pointer(OUT), block=(6, 1, 1))
    assert counters.issued == len(machine.retired) == 8 + 1 + 10
    assert counters.active_lanes == sum(r.active.bit_count() for r in machine.retired) == 9 * 6 + 3
    assert counters.diverged == 1
    assert counters.lane_utilization(4) == pytest.approx(51 / 68)
    assert counters.memory_accesses == 4
    assert counters.memory_split == 2
    assert counters.memory_bursts == 6 + 2
    assert counters.memory_beats == 6 + 2
    (odd,) = [r for r in machine.retired if r.active == 0b0111]
    assert (odd.rd, odd.values[:3], odd.block, odd.warp) == (6, (1, 1, 1), 0, 0)


def test_shared_memory_has_no_holes():
    """Where regions of the SRAM lie apart, the window does not show it."""
    one = Core(lanes=2, warps=1, shared_bytes=3072, region_bytes=1536)
    flat = np.zeros(4096, np.uint8)  # two regions of 1536 bytes, 2048 apart
    memories = Memories(one, np.zeros(64, np.uint8), flat, span=2048)
    counters = Counters()
    at = SHARED.base + 1532
    memories.store({0: at, 1: at + 4}, [0x11223344, 0x55667788], 0, 4, counters)
    assert flat[1532:1536].tolist() == [0x44, 0x33, 0x22, 0x11]
    assert flat[2048:2052].tolist() == [0x88, 0x77, 0x66, 0x55]
    assert memories.load({0: at + 6, 1: at}, 0, 2, counters) == [0x5566, 0x3344]
    assert counters.bank_conflicts == 2  # two regions, two passes
    memories.load({0: SHARED.base, 1: SHARED.base + 32}, 0, 4, counters)
    assert counters.bank_conflicts == 3  # one bank
    memories.load({0: at + 4, 1: at + 4 + 1028}, 0, 4, counters)
    assert counters.bank_conflicts == 3  # one region, two banks


def test_memory_of_a_size_that_is_no_word():
    with pytest.raises(ValueError, match="65 bytes"):
        Memories(core(), np.zeros(65, np.uint8), np.zeros(64, np.uint8))


def test_calls_that_go_forward_count_as_backward():
    """`jalr` always counts: a loop closed by returns cannot starve anybody either."""
    asm = Assembler()
    asm.put("csrr", "t0", "lane")
    asm.put("auipc", "t1", 0)
    asm.put("bne", "t0", 0, "late")
    asm.label("again")
    asm.put("jalr", 0, 8, "t1")
    asm.label("late")
    asm.put("exit")
    machine = Machine(core(lanes=2, starvation=4))
    with pytest.raises(TimeoutError):
        machine.run(asm, limit=20, block=(2, 1, 1))
    assert [r.active for r in machine.retired if r.pc == MAIN.base + asm.offset("late")] == [0b10]


# --- memory and traps ----------------------------------------------------------------------------


def put_address(asm: Assembler, address: int) -> None:
    """t0 = address in lane 1, the arguments elsewhere."""
    asm.put("csrr", "t1", "lane")
    asm.li("t0", address)
    asm.put("addi", "t2", 0, 1)
    asm.put("beq", "t1", "t2", "there")
    asm.put("csrr", "t0", "argument_0")
    asm.label("there")


@pytest.mark.parametrize(
    ("name", "address", "cause"),
    [
        ("lw", MAIN.base + 2, Trap.DATA_MISALIGNED),
        ("lh", MAIN.base + 1, Trap.DATA_MISALIGNED),
        ("sw", SHARED.base + 3, Trap.DATA_MISALIGNED),
        ("lb", MAIN.base + (1 << 16), Trap.MEMORY_ERROR),
        ("lb", 0, Trap.DATA_UNMAPPED),
        ("sw", SHARED.base + 4096, Trap.DATA_UNMAPPED),
        ("lw", PRIVATE.base + 32, Trap.DATA_UNMAPPED),
        ("lw", PORT.base + PortWord.TAKE, Trap.DATA_UNMAPPED),
        ("amoadd", MAIN.base, Trap.DATA_UNMAPPED),
    ],
)
def test_bad_addresses_trap(name, address, cause):
    asm = Assembler()
    put_address(asm, address)
    pc = asm.here
    if name == "amoadd":
        asm.put("bne", "t1", "t2", "skip")
        asm.put(name, "t3", "t3", "t0")
        asm.label("skip")
        pc += 4
    else:
        asm.put(name, "t3", 0, "t0")
    asm.put("exit")
    machine = Machine(core())
    before = machine.main.copy()
    trap = trap_of(
        machine, asm, block=(3, 2, 1), arguments=pointer(OUT), private=32, private_base=0x8000
    )
    # The end of memory shows in an answer to all lanes at once, which names the lowest.
    thread = (0, 0, 0) if cause is Trap.MEMORY_ERROR else (1, 0, 0)
    assert (trap.cause, trap.thread, trap.pc) == (cause, thread, MAIN.base + pc)
    assert f"{address:#010x}" in str(trap)
    assert np.array_equal(machine.main[OUT:], before[OUT:])  # no lane has done anything


def test_the_thread_of_a_trap_is_named_in_three_dimensions():
    asm = Assembler()
    asm.put("csrr", "t0", "thread")
    asm.put("addi", "t1", 0, 5)
    asm.put("bne", "t0", "t1", "end")
    asm.put("ebreak")
    asm.label("end")
    asm.put("exit")
    trap = trap_of(Machine(core()), asm, block=(2, 2, 2), grid=(1, 2, 1))
    assert (trap.cause, trap.thread, trap.warp, trap.lane) == (Trap.ILLEGAL, (1, 0, 1), 1, 1)
    assert "asked to stop" in str(trap)
    assert f"thread (1, 0, 1) of block {trap.block}, at pc 0x8000000c (warp 1, lane 1)" in str(trap)


@pytest.mark.parametrize(
    ("word", "has_float", "message"),
    [
        (0, True, "no instruction"),
        (0x00000073, True, "ecall"),
        (0x00B50543, True, "-ffp-contract=off"),
        (0x00B50553, False, "fp=full"),
        (0x30002573, True, "control register 0x300"),
    ],
)
def test_illegal_instructions(word, has_float, message):
    machine = Machine(core(has_float=has_float))
    with pytest.raises(KernelTrap, match=message) as caught:
        machine.run(word.to_bytes(4, "little"))
    assert caught.value.cause is Trap.ILLEGAL


def test_jumps_to_nowhere():
    for target, cause in ((MAIN.base + 2, Trap.JUMP_MISALIGNED), (0x1000, Trap.FETCH_UNMAPPED)):
        asm = Assembler()
        asm.li("t0", target)
        asm.put("jalr", 0, 0, "t0")
        trap = trap_of(Machine(core()), asm)
        assert trap.cause is cause
        assert trap.pc == (MAIN.base + 8 if cause is Trap.JUMP_MISALIGNED else target)


def test_private_memory_is_interleaved():
    asm = Assembler()
    asm.begin("sp")
    asm.put("csrr", "t6", "thread")
    for offset in (-4, -16):
        asm.put("addi", "t6", "t6", 16)
        asm.put("sw", "t6", offset, "sp")
    asm.put("sb", "t6", -15, "sp")
    asm.put("exit")
    machine = Machine(core())
    machine.main[0x8000:] = 0
    counters = machine.run(asm, block=(8, 1, 1), private=16, private_base=0x8000)
    words = machine.words(0x8000, 32).reshape(2, 4, 4)  # warp, word, lane
    thread = np.arange(8).reshape(2, 4)
    assert np.array_equal(words[:, 3], thread + 16)
    assert np.array_equal(words[:, 0], (thread + 32) * 0x0101)
    assert counters.memory_accesses == counters.memory_bursts == 6


def test_atomics_of_one_word_go_lane_by_lane():
    asm = Assembler()
    asm.put("csrr", "t6", "thread")
    asm.put("addi", "t0", "t6", -2)
    asm.begin("gp")
    for i, name in enumerate(("amoadd", "amomin", "amomax")):
        asm.put("addi", "t2", "gp", 4 * i)
        asm.put(name, "t1", "t0", "t2")
        asm.put("slli", "t3", "t6", 2)
        asm.put("addi", "t3", "t3", i)
        store_word(asm, "t1", "t3")
    asm.put("exit")
    machine = Machine(core())
    machine.shared[:12].view(np.uint32)[:] = (10, 0, -1 & 0xFFFFFFFF)
    counters = machine.run(asm, arguments=pointer(OUT), block=(4, 1, 1))
    old = machine.words(OUT, 16).view(np.int32).reshape(4, 4)[:, :3]
    assert old.T.tolist() == [[10, 8, 7, 7], [0, -2, -2, -2], [-1, -1, -1, 0]]
    assert machine.shared[:12].view(np.int32).tolist() == [8, -2, 1]
    assert counters.bank_conflicts == 3 * 3


def test_the_highest_lane_wins_a_store():
    asm = Assembler()
    asm.begin("a0", "gp")
    asm.put("csrr", "t6", "thread")
    asm.put("sw", "t6", 0, "a0")
    asm.put("sb", "t6", 0, "gp")
    asm.put("exit")
    machine = Machine(core())
    machine.run(asm, arguments=pointer(OUT), block=(4, 1, 1))
    assert machine.words(OUT, 1) == 3
    assert machine.shared[0] == 3


class Port:
    """A chip that remembers commands and has one semaphore above zero for a while."""

    def __init__(self):
        self.commands: list[bytes] = []
        self.tries = 0

    def push(self, command: bytes) -> None:
        self.commands.append(command)

    def take(self, semaphore: int) -> bool:
        self.tries += 1
        return semaphore == 5 and self.tries > 3


def test_command_port():
    asm = Assembler()
    asm.li("t0", PORT.base)
    for i in range(16):
        asm.put("addi", "t1", 0, 100 + i)
        asm.put("sw", "t1", PortWord.WORDS + 4 * i, "t0")
    asm.put("sw", 0, PortWord.PUSH, "t0")
    asm.label("wait")
    asm.put("lw", "t1", PortWord.TAKE + 4 * 5, "t0")
    asm.put("beq", "t1", 0, "wait")
    asm.put("sw", "t1", PortWord.TAKE, "t0")
    port = Port()
    machine = Machine(core(), port=port)
    trap = trap_of(machine, asm)
    assert port.commands == [np.arange(100, 116, dtype="<u4").tobytes()]
    assert port.tries == 4
    assert trap.cause is Trap.DATA_UNMAPPED
    assert "no word to write there" in str(trap)
