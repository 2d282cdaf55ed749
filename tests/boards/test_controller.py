"""The small chip's controller against another RISC-V: random programs, register by register."""

import random

import pytest

from weft.arch.isa import BY_NAME, FIELDS, Unit, encode
from weft.gateware.small.controller import Controller
from weft.gateware.small.map import WINDOW, Window

from .conftest import LONG
from .simulating import simulate

unicorn = pytest.importorskip("unicorn", reason="extra test is missing: unicorn")

DATA = Window.LOCAL.base
BYTES = 128
"""Of memory that programs touch."""

BASE = 31
"""Register that points to its middle and is not written."""

ALU = [row for row in BY_NAME.values() if row.unit is Unit.ALU and "csr" not in row.operands]
BRANCHES = [row for row in BY_NAME.values() if row.unit is Unit.BRANCH]
MOVES = [row for row in BY_NAME.values() if row.unit in (Unit.LOAD, Unit.STORE)]
SIZES = {"b": 1, "h": 2, "w": 4}
END = encode("jal", rd=0, imm_j=0)


def random_program(rng: random.Random, length: int) -> list[int]:
    """Instructions that end at the last one: jumps and branches go forward."""

    def operand(name: str) -> int:
        field = FIELDS[name]
        if name == "rd":
            return rng.randrange(BASE)
        if name in ("rs1", "rs2"):
            return rng.randrange(BASE + 1)
        return rng.choice([field.low, field.high, 0, rng.randint(field.low, field.high)])

    words = [
        encode("lui", rd=BASE, imm_u=DATA >> 12),
        encode("addi", rd=BASE, rs1=BASE, imm_i=BYTES // 2),
    ]
    while len(words) < length:
        kind, ahead = rng.random(), 4 * rng.randint(1, min(4, length + 1 - len(words)))
        if kind < 0.6:
            row = rng.choice(ALU)
            words.append(encode(row.name, **{name: operand(name) for name in row.operands}))
        elif kind < 0.75:
            row = rng.choice(BRANCHES)
            one = operand("rs1")
            other = rng.choice([one, operand("rs2")])
            words.append(encode(row.name, rs1=one, rs2=other, imm_b=ahead))
        elif kind < 0.8:
            words.append(encode("jal", rd=operand("rd"), imm_j=ahead))
        elif kind < 0.85 and len(words) + 2 < length:
            here = rng.randrange(1, BASE)
            words.append(encode("auipc", rd=here, imm_u=0))
            words.append(encode("jalr", rd=operand("rd"), rs1=here, imm_i=8))
        else:
            row = rng.choice(MOVES)
            size = SIZES[row.name[1]]
            offset = rng.randrange(-BYTES // 2, BYTES // 2, size)
            values = {name: operand(name) for name in row.operands}
            values |= {name: offset for name in row.operands if name.startswith("imm")}
            words.append(encode(row.name, **values | {"rs1": BASE}))
    return [*words, *[END] * 6]


def in_unicorn(words: list[int], data: bytes) -> tuple[list[int], bytes]:
    """Registers and data in the end."""
    from unicorn.riscv_const import UC_RISCV_REG_X0

    emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    emulator.mem_map(0, WINDOW)
    emulator.mem_map(DATA, WINDOW)
    emulator.mem_write(0, b"".join(word.to_bytes(4, "little") for word in words))
    emulator.mem_write(DATA, data)
    emulator.emu_start(0, 4 * words.index(END), count=len(words))
    registers = [emulator.reg_read(UC_RISCV_REG_X0 + i) for i in range(32)]
    return registers, bytes(emulator.mem_read(DATA, BYTES))


@pytest.mark.parametrize("seed", range(200 if LONG else 4))
def test_random_programs(seed):
    rng = random.Random(seed)
    words = random_program(rng, 250)
    data = bytearray(rng.randbytes(BYTES))
    registers, expected = in_unicorn(words, bytes(data))
    # The registers go to memory behind the data, all but the pointer.
    end = words.index(END)
    dump = [encode("sw", rs1=BASE, rs2=i, imm_s=BYTES // 2 + 4 * i) for i in range(BASE)]
    words = [*words[:end], *[encode("addi", rd=0, rs1=0, imm_i=0)] * 6, *dump, END]
    data += bytes(4 * BASE)
    controller = Controller(words)
    bus = controller.bus

    async def memory(ctx):
        left = BASE
        while left:
            ctx.set(bus.ready, 0)
            while not ctx.get(bus.valid) or rng.random() < 0.3:
                await ctx.tick()
            ctx.set(bus.ready, 1)
            at = ctx.get(bus.address) - DATA
            word = int.from_bytes(data[at & ~3 : (at & ~3) + 4], "little")
            if ctx.get(bus.write):
                value, strobe = ctx.get(bus.data), ctx.get(bus.strobe)
                for i in range(4):
                    if strobe >> i & 1:
                        data[(at & ~3) + i] = value >> 8 * i & 0xFF
                left -= at >= BYTES
            await ctx.tick()
            ctx.set(bus.answer, word)

    simulate(controller, memory)
    assert bytes(data[:BYTES]) == expected
    found = [int.from_bytes(data[BYTES + 4 * i :][:4], "little") for i in range(BASE)]
    assert found == registers[:BASE]
