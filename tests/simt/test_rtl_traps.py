"""The gateware against the simulator: what a kernel must not do."""

import numpy as np
import pytest

from weft.arch.isa import INSTRUCTIONS, encode, why_illegal
from weft.arch.simt import CSR_NUMBERS, MAIN, PORT, SHARED, Launch, Trap
from weft.arch.simt import PRIVATE as PRIVATE_WINDOW

from .assembler import Assembler, pointer
from .pair import (
    ARGUMENTS,
    CORES,
    SHARED_BYTES,
    SMALL,
    Pair,
)

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
    asm.begin("a0")
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
        asm,
        arguments=pointer(ARGUMENTS),
        block=(sizes.lanes, 1, 1),
        private=32,
        private_base=0x8000,
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
