"""The gateware against the simulator, retire by retire of each warp.

``WEFT_LONG=1`` runs the full counts.
"""

import numpy as np
import pytest

from weft.arch.isa import INSTRUCTIONS, Unit, encode, why_illegal
from weft.arch.simt import CONTROL_REGISTERS, CSR_NUMBERS, MAIN, PORT, SHARED, Launch, Trap
from weft.arch.simt import PRIVATE as PRIVATE_WINDOW
from weft.gateware.simt.sizes import Sizes
from weft.golden.simt import KernelTrap, Simulator
from weft.golden.simt.memory import Memories

from .assembler import Assembler
from .conftest import LONG
from .random_kernels import PRIVATE, RandomKernel
from .rtl import Record, Rtl, core_of, why
from .test_simulator import spin_lock

MEMORY_BYTES = 1 << 16
SHARED_BYTES = 4096
ARGUMENTS = 0x4000
PRIVATE_BASE = 0xC000

TINY = Sizes(
    lanes=1,
    warps=1,
    icache_bytes=128,
    shared_bytes=SHARED_BYTES,
    bus_bytes=4,
    banks=1,
    shared_latency=1,
)
SMALL = Sizes(
    lanes=2, warps=4, icache_bytes=512, shared_bytes=SHARED_BYTES, starvation=5, banks=2, fp="full"
)
BASE = Sizes(lanes=8, warps=16, icache_bytes=4096, shared_bytes=SHARED_BYTES, starvation=20)
WIDE = Sizes(lanes=4, warps=16, icache_bytes=4096, shared_bytes=SHARED_BYTES, banks=4, starvation=1)


def ids(sizes):
    return f"{sizes.lanes}x{sizes.warps}"


CORES = pytest.mark.parametrize(
    "sizes", [TINY, SMALL, WIDE, BASE] if LONG else [TINY, SMALL], ids=ids
)


class Pair:
    """The gateware and the simulator with memories of their own, equal at the start."""

    def __init__(self, sizes: Sizes, seed: int = 0):
        self.sizes, self.core = sizes, core_of(sizes)
        rng = np.random.default_rng(seed)
        self.main = rng.integers(0, 256, MEMORY_BYTES, np.uint8)
        self.shared = rng.integers(0, 256, SHARED_BYTES, np.uint8)
        self.golden_main, self.golden_shared = self.main.copy(), self.shared.copy()
        self.retired = []
        memories = Memories(self.core, self.golden_main, self.golden_shared)
        self.simulator = Simulator(self.core, memories, self.retired.append)
        self.rtl = Rtl(sizes, self.main, self.shared)

    def load(self, code: bytes | Assembler) -> None:
        code = code.code() if isinstance(code, Assembler) else code
        for main in (self.main, self.golden_main):
            main[: len(code)] = np.frombuffer(code, np.uint8)

    def run(self, code, cycles=2_000_000, memory=None, what="", same_memory=True, **launch):
        """Run both; compare what retired and what is in memory. Returns the outcome."""
        if code is not None:
            self.load(code)
        kernel = Launch(entry=0, **launch)
        self.rtl.start(kernel, **(memory or {}))
        outcome = self.rtl.run(cycles)
        self.retired.clear()
        trap = None
        try:
            self.counters = self.simulator.run(
                kernel, limit=200_000, placement=self.rtl.placement(kernel)
            )
        except KernelTrap as caught:
            trap = caught
        self.compare(outcome, trap, what)
        if same_memory and trap is None:
            assert np.array_equal(self.main, self.golden_main), what
            assert np.array_equal(self.shared, self.golden_shared), what
        return outcome

    def compare(self, outcome, trap, what):
        expected = {}
        for r in self.retired:
            expected.setdefault(r.warp, []).append(Record(r.pc, r.active, r.rd, r.values))
        got = self.rtl.retired()
        for warp in range(self.sizes.warps):
            mine, theirs = got.get(warp, []), expected.get(warp, [])
            for i, (a, b) in enumerate(zip(mine, theirs, strict=False)):
                assert a == b, f"{what}: warp {warp}, instruction {i}: {a} is not {b}"
            if trap is None:
                assert len(mine) == len(theirs), f"{what}: warp {warp}; {why(outcome)}"
        if trap is None:
            assert outcome.finished, f"{what}: {why(outcome)}"
            assert outcome.issued == self.counters.issued
            for name, count in outcome.counters().items():
                assert count == getattr(self.counters, name), f"{what}: {name}"
        else:
            assert outcome.trap, f"{what}: {why(outcome)}, not {trap}"
            found = (Trap(outcome.cause), outcome.warp, outcome.lane, outcome.pc)
            assert found == (trap.cause, trap.warp, trap.lane, trap.pc), f"{what}: {trap}"


MEMORIES = (
    {},
    {"latency": 3, "spread": 20, "stall": 64},
    {"latency": 0, "spread": 2, "stall": 200},
)


@CORES
def test_random_kernels(sizes, many):
    for seed in range(many(20, 1000)):
        kernel = RandomKernel(
            seed,
            floats=sizes.fp == "full" and seed % 5 > 1,
            weft=seed % 2 == 1,
            collectives=seed % 3 == 2,
        )
        threads = 1 + seed % sizes.threads
        pair = Pair(sizes, seed)
        pair.run(
            kernel.code,
            what=f"{seed=}",
            memory={"seed": seed, **MEMORIES[seed % len(MEMORIES)]},
            arguments=ARGUMENTS,
            block=(threads, 1, 1),
            private=PRIVATE,
            private_base=PRIVATE_BASE,
        )


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
            arguments=ARGUMENTS,
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
        launch = {"arguments": ARGUMENTS, "private": PRIVATE, "private_base": PRIVATE_BASE}
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
            asm, what=f"{block=} {grid=}", arguments=ARGUMENTS, block=block, grid=grid, shared=32,
            shared_base=48, private=32, memory={"latency": 2, "spread": 30},
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


TRAPS = [
    ("lw", MAIN.base + 2),
    ("lh", MAIN.base + 1),
    ("sw", SHARED.base + 3),
    ("lb", 0),
    ("sw", SHARED.base + SHARED_BYTES),
    ("lw", PRIVATE_WINDOW.base + 32),
    ("lw", PORT.base),
    ("amoadd", MAIN.base),
    ("amoadd", SHARED.base + 2),
    ("amoadd", MAIN.base + 2),
    ("jalr", MAIN.base + 2),
    ("jalr", 0x1000),
    ("jal", 0),
    ("beq", 0),
    ("bgeu", 0),
    ("ebreak", 0),
    ("meet", 0),
]


def trap_in_the_last_lane(lanes: int, name: str, address: int) -> Assembler:
    """The other lanes do the same at a good address if there is one, else go to the end."""
    asm = Assembler()
    asm.put("csrr", "t1", "lane")
    asm.li("t2", lanes - 1)
    asm.put("addi", "t0", "a0", 0)
    alone = name not in ("lw", "lh", "lb", "sw", "meet")
    asm.put("bne", "t1", "t2", "end" if alone else "there")
    if name == "meet":
        asm.put("bar")
    asm.li("t0", address)
    asm.label("there")
    if name == "meet":
        asm.put("ballot", "t4", "t1")
    elif name == "amoadd":
        asm.put(name, "t3", "t3", "t0")
    elif name in ("lw", "lh", "lb", "sw") or name == "jalr":
        asm.put(name, "t3", 0, "t0")
    elif name == "jal":
        asm.put(name, "t3", "odd")
    elif name in ("beq", "bgeu"):
        asm.put(name, "t1", "t2", "odd")
    else:
        asm.put(name)
    asm.label("end")
    asm.put("exit")
    asm._labels["odd"] = asm.here + 2
    return asm


@CORES
@pytest.mark.parametrize(("name", "address"), TRAPS)
def test_traps(sizes, name, address):
    """A trap names the thread, and none of the instruction has been done."""
    asm = trap_in_the_last_lane(sizes.lanes, name, address)
    pair = Pair(sizes)
    outcome = pair.run(
        asm, arguments=ARGUMENTS, block=(sizes.lanes, 1, 1), private=32, private_base=0x8000
    )
    assert outcome.trap or (name == "meet" and sizes.lanes == 1)
    assert np.array_equal(pair.main, pair.golden_main)
    assert np.array_equal(pair.shared, pair.golden_shared)


FADD = encode("fadd.s", rd=1, rs1=1, rs2=1, rm=0)
ILLEGAL = (0, 0x73, 0x00B50543, 0x30002573, 0xCD102573, 0x10500073)


@CORES
@pytest.mark.parametrize("word", [*ILLEGAL, FADD, FADD | 5 << 12], ids=hex)
def test_illegal_instructions(sizes, word):
    if word == FADD and sizes.fp == "full":
        return
    outcome = Pair(sizes).run(word.to_bytes(4, "little"), block=(sizes.lanes, 1, 1))
    assert outcome.cause == Trap.ILLEGAL


def test_words_that_are_nearly_instructions(many):
    """Every instruction with one bit changed: both know it, or both refuse it."""
    rng = np.random.default_rng(5)
    pair = Pair(SMALL)
    for row in INSTRUCTIONS:
        for bit in rng.permutation(32)[: many(1, 32)]:
            word = row.match ^ 1 << int(bit)
            illegal = why_illegal(word, CSR_NUMBERS, SMALL.fp == "full") is not None
            pair.rtl.reset()
            pair.main[:8] = np.array([word, encode("exit")], "<u4").view(np.uint8)
            pair.rtl.start(Launch(entry=0))
            outcome = pair.rtl.run(300)
            refused = bool(outcome.trap) and outcome.cause == Trap.ILLEGAL
            assert (refused and outcome.pc == MAIN.base) == illegal, hex(word)


ACCESSES = {"lb": 1, "lbu": 1, "lh": 2, "lhu": 2, "lw": 4, "sb": 1, "sh": 2, "sw": 4, "amoadd": 4,
            "amomin": 4, "amomax": 4}  # fmt: skip


@CORES
def test_every_lane_goes_elsewhere(sizes, many):
    """Lanes meet in words, lines, banks and memories, in any mixture; counters say how often."""
    count, table = 60, 0x8000
    for seed in range(many(6, 200)):
        rng = np.random.default_rng(seed)
        asm = Assembler()
        asm.put("csrr", "t0", "lane")
        asm.put("slli", "t0", "t0", 2)
        asm.put("add", "t0", "t0", "a0")
        asm.put("lw", "t2", -1024, "t0")  # anything
        rows = []
        room = (8, 64, 256)[seed % 3]  # few bytes: many lanes in one word
        for _ in range(count):
            name = str(rng.choice(list(ACCESSES)))
            size = ACCESSES[name]
            bases = np.array([MAIN.base + 0x6000, SHARED.base + 256, PRIVATE_WINDOW.base])
            which = rng.integers(0, 3, sizes.lanes)
            if name.startswith("amo"):
                which[:] = 1
            elif rng.integers(0, 3):
                which[:] = rng.integers(0, 3)
            limit = np.where(which == 2, min(room, PRIVATE), room)
            offsets = (rng.random(sizes.lanes) * limit).astype(np.int64) // size * size
            if rng.integers(0, 3) == 0:  # in one place, side by side in one word, or in one word
                offsets = offsets[0] & ~3 | offsets & 3
                which[:] = which[0]
            rows.append(bases[which] + offsets)
            asm.put("lw", "t1", 0, "t0")
            asm.put("addi", "t0", "t0", 4 * sizes.lanes)
            if name.startswith("amo"):
                asm.put(name, "t3", "t2", "t1")
            else:
                asm.put(name, "t3" if name[0] == "l" else "t2", 0, "t1")
            asm.put("add", "t2", "t2", "t3")
        asm.put("exit")
        pair = Pair(sizes, seed)
        addresses = np.array(rows, "<u4").ravel().view(np.uint8)
        for main in (pair.main, pair.golden_main):
            main[table : table + len(addresses)] = addresses
        pair.run(
            asm, what=f"{seed=}", memory={"seed": seed, **MEMORIES[seed % len(MEMORIES)]},
            arguments=table, block=(sizes.lanes, 1, 1), private=PRIVATE, private_base=PRIVATE_BASE,
        )  # fmt: skip


DIVIDENDS = (0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000003, 0x20000005, 0x80001234)


@CORES
def test_division(sizes):
    """Corner values; among them some that would be addresses of windows."""
    asm = Assembler()
    for a in DIVIDENDS:
        asm.li("t0", a)
        for b in DIVIDENDS:
            asm.li("t1", b)
            for name in ("div", "divu", "rem", "remu", "mulh", "mulhsu", "mulhu"):
                asm.put(name, "t2", "t0", "t1")
    asm.put("exit")
    Pair(sizes).run(asm, block=(sizes.lanes, 1, 1))


def test_floats(many):
    """Every operation in every rounding mode on corners and random numbers, lanes on and off."""
    operations = [row for row in INSTRUCTIONS if row.needs_float and row.unit is not Unit.TRAP]
    corners = [0, 1, 0x7FFFFF, 0x800000, 0x3F800000, 0x3F800001, 0x7F7FFFFF, 0x7F800000, 0x7FC00000]
    for seed in range(many(2, 60)):
        rng = np.random.default_rng(seed)
        asm = Assembler()
        for row in operations:
            for rm in (0, 1, 2, 3, 4, 7) if "rm" in row.operands else (None,):
                for register in ("t0", "t1"):
                    value = int(rng.choice(corners)) | int(rng.integers(0, 2)) << 31
                    if rng.integers(0, 2):
                        value = int(rng.integers(0, 1 << 32))
                    asm.li(register, value)
                    asm.put("csrr", "t2", "lane")
                    asm.put("add", register, register, "t2")
                asm.put("beq" if rng.integers(0, 2) else "bge", "t2", 0, 8)
                values = {"rd": 7, "rs1": 5, "rs2": 6, "rm": rm}
                word = encode(row.name, **{name: values[name] for name in row.operands})
                asm.words.append(word)
        asm.put("exit")
        threads = 1 + seed % SMALL.threads
        Pair(SMALL).run(asm, what=f"{seed=}", block=(threads, 1, 1))


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
