"""The instruction table: no two rows overlap, encode and decode are each other's inverse."""

import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.arch.isa import (
    BY_NAME,
    FIELDS,
    INSTRUCTIONS,
    REGISTER_FIELDS,
    ROUNDINGS,
    Extension,
    Instruction,
    Unit,
    decode,
    disassemble,
    encode,
    why_illegal,
)
from weft.arch.simt import CONTROL_REGISTERS, Trap
from weft_bench.simt_page import simt_page


def operands_of(row: Instruction):
    def value(name: str):
        field = FIELDS[name]
        step = 1 << field.shift
        steps = st.integers(field.low // step, field.high // step)
        return st.one_of(steps, st.sampled_from([field.low // step, field.high // step])).map(
            lambda n: n * step
        )

    return st.fixed_dictionaries({name: value(name) for name in row.operands})


instructions = st.sampled_from(INSTRUCTIONS).flatmap(
    lambda row: st.tuples(st.just(row), operands_of(row))
)


def test_no_word_is_two_instructions():
    for first, second in combinations(INSTRUCTIONS, 2):
        differs = (first.match ^ second.match) & first.mask & second.mask
        assert differs, f"{first.name} and {second.name}"


@pytest.mark.parametrize("row", INSTRUCTIONS, ids=lambda row: row.name)
def test_every_bit_belongs_to_one_field(row):
    used = row.mask
    for name, _ in row.fixed:
        assert not FIELDS[name].mask & ~row.mask
    for name in row.operands:
        assert not used & FIELDS[name].mask, name
        used |= FIELDS[name].mask
    # A fence's other bits mean nothing; no other instruction has such bits.
    assert used == 0xFFFFFFFF or row.name == "fence"


@given(instructions)
def test_round_trip(case):
    row, operands = case
    word = encode(row.name, **operands)
    found = decode(word)
    assert found is not None
    assert found.instruction is row
    assert found.values == operands


@given(st.one_of(st.integers(0, 0xFFFFFFFF), instructions.map(lambda c: encode(c[0].name, **c[1]))))
def test_whatever_decodes_encodes_to_itself(word):
    found = decode(word)
    if found is not None and found.name != "fence":
        assert encode(found.name, **found.values) == word


def test_registers_stand_in_the_same_bits_everywhere():
    places = {"rd": 7, "rs1": 15, "rs2": 20}
    for name, lsb in places.items():
        assert FIELDS[name].parts == ((lsb, 5),)


def test_what_is_refused_says_why():
    def why(word: int, has_float: bool = True) -> str:
        return why_illegal(word, frozenset({0xCC0}), has_float) or ""

    fma = encode("fmadd.s", rd=1, rs1=2, rs2=3, rs3=4)
    assert "-ffp-contract=off" in why(fma)
    assert "exit" in why(0x73)
    assert "asked to stop" in why(0x00100073)
    add = encode("fadd.s", rd=1, rs1=2, rs2=3)
    assert why(add) == ""
    assert "fp=full" in why(add, has_float=False)
    assert why(encode("fadd.s", rd=1, rs1=2, rs2=3, rm=4)) == ""
    assert "rounding mode 5" in why(encode("fadd.s", rd=1, rs1=2, rs2=3, rm=5))
    assert why(encode("csrr", rd=1, csr=0xCC0)) == ""
    assert "control register 0xc00" in why(encode("csrr", rd=1, csr=0xC00))
    assert "no instruction" in why(0)
    assert "no instruction" in why(0xFFFFFFFF)


@pytest.mark.parametrize(
    ("operands", "message"),
    [
        ({"rd": 1, "rs1": 2}, "has operands"),
        ({"rd": 1, "rs1": 2, "imm_i": 2048}, "imm_i = 2048 does not fit: -2048 to 2047"),
        ({"rd": 32, "rs1": 2, "imm_i": 0}, "rd = 32 does not fit"),
    ],
)
def test_encode_refuses(operands, message):
    with pytest.raises(ValueError, match=message):
        encode("addi", **operands)


def test_encode_refuses_odd_offsets_and_unknown_names():
    with pytest.raises(ValueError, match="in steps of 2"):
        encode("beq", rs1=0, rs2=0, imm_b=3)
    with pytest.raises(ValueError, match="unknown instruction 'addq'"):
        encode("addq")


def test_disassembly():
    assert disassemble(encode("lw", rd=10, rs1=2, imm_i=-4)) == "lw a0, -4(sp)"
    assert disassemble(encode("amoadd", rd=0, rs1=10, rs2=11)) == "amoadd zero, a1, (a0)"
    assert disassemble(encode("shfl.xor", rd=5, rs1=6, lane_mask=4)) == "shfl.xor t0, t1, 4"
    assert disassemble(encode("bne", rs1=1, rs2=0, imm_b=-8), 0x80000010) == (
        "bne ra, zero, 0x80000008"
    )
    assert disassemble(encode("fcvt.w.s", rd=1, rs1=2, rm=1)) == "fcvt.w.s ra, sp, rtz"
    assert disassemble(0) == ".word 0x00000000"


def test_clang_assembles_the_same_words(tmp_path):
    """Every instruction, with operands at their limits and between, against clang's assembler."""
    pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")
    from elftools.elf.elffile import ELFFile

    from weft_driver.kernel_toolchain import TARGET, run_zig

    rng = np.random.default_rng(1)
    lines, words = [], []
    for row in INSTRUCTIONS:
        for _ in range(20):
            values = {}
            for name in row.operands:
                field = FIELDS[name]
                step = 1 << field.shift
                choice = (field.low, field.high, int(rng.integers(field.low, field.high + 1)))
                values[name] = int(rng.choice(choice)) // step * step
            if "rm" in values:
                values["rm"] = int(rng.choice(list(ROUNDINGS)))
            words.append(encode(row.name, **values))
            lines.append(assembly(row, values))
    source, made = tmp_path / "all.s", tmp_path / "all.o"
    source.write_text("\n".join(lines) + "\n")
    cpu = [flag.replace("+relax", "") for flag in TARGET]
    run_zig("cc", [*cpu, "-c", source, "-o", made], tmp_path)
    with made.open("rb") as file:
        code = ELFFile(file).get_section_by_name(".text").data()
    assembled = np.frombuffer(code, "<u4").tolist()
    assert len(assembled) == len(words)
    for line, ours, theirs in zip(lines, words, assembled, strict=True):
        if line == "fence":
            assert decode(theirs).name == "fence"
        else:
            assert ours == theirs, f"{line}: {ours:#010x}, clang says {theirs:#010x}"


def assembly(row: Instruction, values: dict[str, int]) -> str:
    """An instruction as clang reads it: Weft's own by their numbers."""
    shown = {
        name: f"x{value}" if name in REGISTER_FIELDS else str(value)
        for name, value in values.items()
    }
    if row.extension is Extension.WEFT:
        fixed = dict(row.fixed)
        rs2 = shown.get("rs2") or f"x{values.get('lane_mask', 0)}"
        numbers = ", ".join(str(fixed[name]) for name in ("opcode", "funct3", "funct7"))
        return f".insn r {numbers}, {shown.get('rd', 'x0')}, {shown.get('rs1', 'x0')}, {rs2}"
    if "rm" in values:
        shown["rm"] = f", {ROUNDINGS[values['rm']]}"
    return f"{row.name} {row.format.syntax.format(**shown)}".rstrip()


def test_only_units_of_the_table_need_floating_point():
    for row in INSTRUCTIONS:
        expected = row.unit in (Unit.FLOAT, Unit.FLOAT_DIVIDE, Unit.TABLE)
        assert row.needs_float == (expected or row.name.startswith(("fm", "fnm")))
    assert BY_NAME["dot4"].needs_float is False


def test_the_page_shows_every_table():
    page = simt_page()
    for row in INSTRUCTIONS:
        (line,) = re.findall(rf"^\| `{re.escape(row.name)}(?: [^`]*)?` \|.*$", page, re.MULTILINE)
        pattern = re.search(r"`([01. ]{37})`", line)
        assert pattern, line
        bits = pattern[1].replace(" ", "")
        assert int(bits.replace(".", "0"), 2) == row.match, row.name
        assert int("".join("0" if bit == "." else "1" for bit in bits), 2) == row.mask, row.name
    for register in CONTROL_REGISTERS:
        assert f"| `{register.number:#05x}` | `{register.name}` |" in page
    for trap in Trap:
        assert (f"| {int(trap)} | `{trap.name}` |" in page) == bool(trap)
