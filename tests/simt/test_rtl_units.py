"""The gateware against the simulator: accesses of every kind, division, floating point."""

import numpy as np

from weft.arch.isa import INSTRUCTIONS, Unit, encode
from weft.arch.simt import MAIN, SHARED
from weft.arch.simt import PRIVATE as PRIVATE_WINDOW

from .assembler import Assembler, pointer
from .pair import (
    CORES,
    MEMORIES,
    PRIVATE_BASE,
    SMALL,
    Pair,
)
from .random_kernels import PRIVATE

ACCESSES = {"lb": 1, "lbu": 1, "lh": 2, "lhu": 2, "lw": 4, "sb": 1, "sh": 2, "sw": 4, "amoadd": 4,
            "amomin": 4, "amomax": 4}  # fmt: skip


@CORES
def test_every_lane_goes_elsewhere(sizes, many):
    """Lanes meet in words, lines, banks and memories, in any mixture; counters say how often."""
    count, table = 60, 0x8000
    for seed in range(many(6, 200)):
        rng = np.random.default_rng(seed)
        asm = Assembler()
        asm.begin("a0")
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
            arguments=pointer(table), block=(sizes.lanes, 1, 1), private=PRIVATE,
            private_base=PRIVATE_BASE,
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
