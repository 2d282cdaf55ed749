"""Random structured kernels: every thread works on memory of its own, so there are no races.

A kernel reads its registers from the thread's own memory, runs nested ifs, loops with early exits,
calls and accesses, and writes the registers back. All of it derives from one seed.
"""

from dataclasses import dataclass

import numpy as np

from weft.arch.isa import BY_NAME, INSTRUCTIONS, Unit

from .assembler import Assembler

REGISTERS = tuple(range(5, 26))
"""Registers of the random code; the others hold addresses, counts and the return address."""

MAIN_BASE, SHARED_BASE = 26, 27
COUNTS = (28, 29, 30)
"""Loop counts, by depth."""
ADDRESS = 31

AREA = 256
"""Bytes of main memory of each thread: initial registers first, then data."""
SHARED_AREA = 32
PRIVATE = 64

_FLOAT_FREE = [row for row in INSTRUCTIONS if not row.needs_float]
_REGISTER_ONLY = [
    row.name for row in _FLOAT_FREE if row.unit in (Unit.ALU, Unit.MULTIPLY, Unit.DIVIDE)
]
_BYTES_UNIT = [row.name for row in _FLOAT_FREE if row.unit is Unit.BYTES]
_FLOAT = [
    row.name for row in INSTRUCTIONS if row.unit in (Unit.FLOAT, Unit.FLOAT_DIVIDE, Unit.TABLE)
]
_ACCESS = [row.name for row in _FLOAT_FREE if row.unit in (Unit.LOAD, Unit.STORE)]
_BRANCH = [row.name for row in _FLOAT_FREE if row.unit is Unit.BRANCH]


@dataclass
class RandomKernel:
    """Generates one kernel.

    Parameters
    ----------
    seed
        Of everything.
    floats
        With floating point.
    weft
        With dot4 and clip8, and atomics on the thread's own words.
    collectives
        With votes, ballots, shuffles and barriers where all threads of a block are together.
    size
        About how many blocks of straight code.
    """

    seed: int
    floats: bool = False
    weft: bool = False
    collectives: bool = False
    size: int = 12

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        self.asm = Assembler()
        self.budget = self.size
        self.functions = [f"function_{i}" for i in range(self.number(1, 3))]
        self.asm.begin("sp", "gp", "a0")
        self.asm.put("csrr", "t0", "thread")
        self.start = self.asm.here
        self.asm.put("jal", 0, "begin")
        for name in self.functions:  # what is called stands before its callers, as in C
            self.asm.label(name)
            for _ in range(self.number(2, 6)):
                self.straight()
            self.asm.put("jalr", 0, 0, 1)
        self.asm.label("begin")
        self.prologue()
        while self.budget > 0:
            self.block(0)
            if self.collectives:
                self.collective()
        self.epilogue()
        self.code = self.asm.code()

    def number(self, low: int, high: int) -> int:
        """A random whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, items):
        """One of some items."""
        return items[self.number(0, len(items) - 1)]

    def register(self) -> int:
        """A register of the random code."""
        return self.pick(REGISTERS)

    # --- parts ---------------------------------------------------------------------------------

    def prologue(self) -> None:
        put = self.asm.put
        self.asm.li("t1", AREA)
        put("mul", "t1", "t1", "t0")
        put("add", MAIN_BASE, "a0", "t1")
        put("slli", "t1", "t0", SHARED_AREA.bit_length() - 1)
        put("add", SHARED_BASE, "gp", "t1")
        for i, register in enumerate(REGISTERS):
            put("lw", register, 4 * i, MAIN_BASE)
        for offset in range(0, PRIVATE, 4):
            put("sw", self.register(), offset - PRIVATE, "sp")
        for offset in range(0, SHARED_AREA, 4):
            put("sw", self.register(), offset, SHARED_BASE)

    def epilogue(self) -> None:
        for i, register in enumerate(REGISTERS):
            self.asm.put("sw", register, 4 * i, MAIN_BASE)
        self.asm.label("end")
        self.asm.put("exit")

    def block(self, depth: int) -> None:
        self.budget -= 1
        choice = self.number(0, 9)
        if depth >= len(COUNTS) or choice < 3:
            for _ in range(self.number(1, 6)):
                self.straight()
        elif choice < 6:
            self.condition(depth)
        elif choice < 8:
            self.loop(depth)
        elif choice < 9:
            self.call()
        else:
            self.block(depth + 1)
            self.block(depth + 1)

    def branch(self, label: str) -> None:
        self.asm.put(self.pick(_BRANCH), self.register(), self.register(), label)

    def condition(self, depth: int) -> None:
        other, end = self.asm.fresh("else"), self.asm.fresh("end_if")
        self.branch(other)
        self.block(depth + 1)
        self.asm.put("jal", 0, end)
        self.asm.label(other)
        if self.number(0, 1):
            self.block(depth + 1)
        self.asm.label(end)

    def loop(self, depth: int) -> None:
        top, end = self.asm.fresh("loop"), self.asm.fresh("end_loop")
        count = COUNTS[depth]
        self.asm.put("andi", count, self.register(), self.pick((1, 3, 5)))
        self.asm.label(top)
        self.block(depth + 1)
        if self.number(0, 1):
            self.branch(end)
        self.asm.put("addi", count, count, -1)
        self.asm.put("bge", count, 0, top)
        self.asm.label(end)

    def call(self) -> None:
        name = self.pick(self.functions)
        if self.number(0, 1):
            self.asm.put("jal", 1, name)
        else:  # an address that every thread computes
            there = self.asm.fresh("there")
            self.asm.put("jal", 1, there)
            self.asm.label(there)
            # ra is the address of this instruction; the function is a known distance away.
            self.asm.put("addi", 1, 1, f"{name}~{there}")
            self.asm.put("jalr", 1, 0, 1)

    def collective(self) -> None:
        name = self.pick(("vote.any", "vote.all", "ballot", "shfl.xor", "bar"))
        if name == "bar":
            self.asm.put("bar")
        elif name == "shfl.xor":
            self.asm.put(name, self.register(), self.register(), self.number(0, 31))
        else:
            self.asm.put(name, self.register(), self.register())

    def straight(self) -> None:
        choice = self.number(0, 9)
        if choice < 3:
            self.access()
        elif choice < 6 and self.floats:
            self.operation(self.pick(_FLOAT))
        elif choice < 7 and self.weft:
            if self.number(0, 1):
                self.operation(self.pick(_BYTES_UNIT))
            else:
                self.atomic()
        else:
            self.operation(self.pick(_REGISTER_ONLY))

    def operation(self, name: str) -> None:
        values = []
        for operand in BY_NAME[name].operands:
            if operand in ("rd", "rs1", "rs2"):
                values.append(self.register())
            elif operand == "shamt":
                values.append(self.number(0, 31))
            elif operand == "imm_i":
                values.append(self.number(-2048, 2047))
            elif operand == "imm_u":
                values.append(self.number(0, (1 << 20) - 1))
        self.asm.put(name, *values)

    def place(self) -> tuple[int, int, int]:
        """Base register, first offset and size of an area of the thread's own."""
        data = 4 * len(REGISTERS)
        return self.pick(
            (
                (MAIN_BASE, data, AREA - data),
                (SHARED_BASE, 0, SHARED_AREA),
                (2, -PRIVATE, PRIVATE),
            )
        )

    def access(self) -> None:
        base, first, room = self.place()
        name = self.pick(_ACCESS)
        size = {"b": 1, "h": 2, "w": 4}[name[1]]
        if self.number(0, 1):  # at an address that depends on data
            address = ADDRESS
            mask = (1 << (room // 2).bit_length() - 1) - size
            self.asm.put("andi", address, self.register(), mask)
            self.asm.put("add", address, address, base)
            base, room = address, room // 2
        offset = first + self.number(0, room // size - 1) // 2 * size
        self.asm.put(name, self.register(), offset, base)

    def atomic(self) -> None:
        address = ADDRESS
        self.asm.put("addi", address, SHARED_BASE, 4 * self.number(0, SHARED_AREA // 4 - 1))
        name = self.pick(("amoadd", "amomin", "amomax"))
        self.asm.put(name, self.register(), self.register(), address)
