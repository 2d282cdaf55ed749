"""The official architecture tests, on every thread, against unicorn and what they state."""

import numpy as np
import pytest

from weft.arch.simt import PRIVATE, Core, Launch

from .arch_suite import NoNetwork, Suite, in_unicorn
from .assembler import Machine
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


@pytest.fixture(scope="module")
def suite() -> Suite:
    try:
        return Suite.fetch()
    except NoNetwork as error:
        pytest.skip(f"the architecture tests cannot be fetched: {error}")


def test_the_suite_is_complete(suite):
    assert suite.names == sorted(NAMES)
    assert len(NAMES) == 46


@pytest.mark.parametrize("name", NAMES)
def test_architecture(suite, name):
    test = suite.build(name)
    code, data = test.section(".text"), test.section(".data")
    private = len(data) + 15 & ~15
    words = np.frombuffer(data.ljust(private, b"\0"), "<u4")
    expected = in_unicorn(test)
    signature = test.signature
    assert not np.array_equal(expected[signature], words[signature]), "the reference did nothing"
    for address, value in test.stated.items():
        assert expected[address - PRIVATE.base >> 2] == value, f"unicorn at {address:#x}"

    for lanes, warps in CORES:
        core = Core(lanes=lanes, warps=warps)
        base = len(code) + 4095 & ~4095
        machine = Machine(core, memory_bytes=base + private * core.threads)
        machine.load(code)
        area = machine.main[base:].view(np.uint32).reshape(warps, private // 4, lanes)
        area[:] = words[None, :, None]
        machine.simulator.on_retired = None
        threads = core.threads
        machine.simulator.run(
            Launch(entry=0, block=(threads, 1, 1), private=private, private_base=base),
            limit=2_000_000,
        )
        for thread in range(threads):
            got = area[thread // lanes, : len(expected), thread % lanes]
            assert np.array_equal(got[signature], expected[signature]), f"{thread=} {lanes=}"
