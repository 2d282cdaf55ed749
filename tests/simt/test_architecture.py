"""The official architecture tests, on every thread, against unicorn and what they state."""

import numpy as np
import pytest

from weft.arch.simt import PRIVATE, Core
from weft.golden.simt import Simulator
from weft.golden.simt.memory import Memories

from .arch_suite import EveryThread, in_unicorn
from .conftest import LONG

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")
pytest.importorskip("unicorn", reason="extra test is missing: unicorn")

CORES = [(8, 16), (1, 1), (2, 4)] if LONG else [(8, 1)]

I_NAMES = """
add addi and andi auipc beq bge bgeu blt bltu bne fence jal jalr lb-align lbu-align lh-align
lhu-align lui lw-align or ori sb-align sh-align sll slli slt slti sltiu sltu sra srai srl srli sub
sw-align xor xori
"""
M_NAMES = "div divu mul mulh mulhsu mulhu rem remu"
NAMES = [
    f"{part}/{name}-01" for part, all in (("I", I_NAMES), ("M", M_NAMES)) for name in all.split()
]


def test_the_suite_is_complete(suite):
    assert suite.names == sorted(NAMES)
    assert len(NAMES) == 46


@pytest.mark.parametrize("name", NAMES)
def test_architecture(suite, name):
    test = suite.build(name)
    data = np.frombuffer(test.section(".data").ljust(4), "<u4", len(test.section(".data")) // 4)
    expected = in_unicorn(test)
    signature = test.signature
    assert not np.array_equal(expected[signature], data[signature]), "the reference did nothing"
    for address, value in test.stated.items():
        assert expected[address - PRIVATE.base >> 2] == value, f"unicorn at {address:#x}"

    for lanes, warps in CORES:
        core = Core(lanes=lanes, warps=warps)
        placed = EveryThread(test, core)
        memories = Memories(core, placed.main, np.zeros(core.shared_bytes, np.uint8))
        Simulator(core, memories).run(placed.launch, limit=2_000_000)
        placed.check(expected)
