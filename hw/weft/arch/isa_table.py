"""The rows of the instruction table: the only place where an encoding is written down.

Decoder, simulator, C header, disassembler and docs derive from `INSTRUCTIONS`. Every instruction is
one 32-bit word, and rd, rs1, rs2 stand in the same bits in all of them::

    31      25 24  20 19  15 14  12 11   7 6     0
    | funct7  |  rs2 |  rs1 |funct3|  rd  |opcode |   R: registers; I: imm 11:0 in 31:20
    | imm 11:5|  rs2 |  rs1 |funct3|im 4:0|opcode |   S: stores;    B: branches, imm scrambled
    |         imm 31:12            |  rd  |opcode |   U;            J: jal, imm scrambled

What the compiler may emit and the core refuses is in the table too, with unit ``TRAP`` and the
sentence that a person reads. Encodings of I, M, Zicsr and Zfinx are those of the RISC-V
unprivileged specification; Weft's own use custom-0 (opcode 0x0b): funct3 chooses the unit, funct7
the operation, the format is R.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cached_property

from .isa_fields import FIELDS, FORMATS, Format


class Extension(StrEnum):
    """Where an instruction comes from."""

    I = "I"  # noqa: E741
    M = "M"
    ZICSR = "Zicsr"
    ZFINX = "Zfinx"
    WEFT = "Weft"


class Unit(Enum):
    """Which part of the core executes it."""

    ALU = "alu"
    MULTIPLY = "multiply"
    DIVIDE = "divide"  # iterative
    BRANCH = "branch"
    JUMP = "jump"
    LOAD = "load"
    STORE = "store"
    FENCE = "fence"
    CSR = "csr"
    FLOAT = "float"
    FLOAT_DIVIDE = "float divide"  # iterative
    EXIT = "exit"
    COLLECTIVE = "collective"  # waits for all live threads of the warp
    ATOMIC = "atomic"
    BYTES = "bytes"
    TABLE = "table"
    TRAP = "trap"  # known by name, never executed


@dataclass(frozen=True)
class Instruction:
    """One row of the instruction table.

    Parameters
    ----------
    name
        Mnemonic, as assemblers write it.
    format
        Which bits are operands.
    fixed
        Values of the fields that are not operands, by field name.
    extension, unit, doc
        Where it comes from, what executes it, what it does.
    needs_float
        Executed only by a core with floating point.
    """

    name: str
    format: Format
    fixed: tuple[tuple[str, int], ...]
    extension: Extension
    unit: Unit
    doc: str
    needs_float: bool = False

    @cached_property
    def mask(self) -> int:
        """Bits that tell this instruction from all others."""
        mask = 0
        for name, _ in self.fixed:
            mask |= FIELDS[name].mask
        return mask

    @cached_property
    def match(self) -> int:
        """Value of a word's `mask` bits when it is this instruction."""
        return sum(FIELDS[name].insert(value) for name, value in self.fixed)

    @property
    def operands(self) -> tuple[str, ...]:
        """Names of the operands, in the order in which assemblers write them."""
        return self.format.operands

    @property
    def writes_rd(self) -> bool:
        """Whether it writes register rd."""
        return "rd" in self.operands

    @property
    def reads_rs1(self) -> bool:
        """Whether it reads register rs1."""
        return "rs1" in self.operands

    @property
    def reads_rs2(self) -> bool:
        """Whether it reads register rs2."""
        return "rs2" in self.operands


def _row(name: str, form: str, unit: Unit, doc: str, ext: Extension, **fixed: int) -> Instruction:
    uses_float = ext is Extension.ZFINX or unit is Unit.TABLE
    return Instruction(name, FORMATS[form], tuple(fixed.items()), ext, unit, doc, uses_float)


def _maker(ext: Extension) -> Callable[..., Instruction]:
    def make(name: str, form: str, unit: Unit, doc: str, **fixed: int) -> Instruction:
        return _row(name, form, unit, doc, ext, **fixed)

    return make


_i, _m, _csr, _f, _w = (_maker(ext) for ext in Extension)

_LUI, _AUIPC, _JAL, _JALR, _BRANCH = 0x37, 0x17, 0x6F, 0x67, 0x63
_LOAD, _STORE, _OP_IMM, _OP, _FENCE, _SYSTEM = 0x03, 0x23, 0x13, 0x33, 0x0F, 0x73
_OP_FP, _CUSTOM_0 = 0x53, 0x0B

_FMA_TRAP = "three-operand multiply-add does not exist on this core: compile with -ffp-contract=off"

INSTRUCTIONS: tuple[Instruction, ...] = (
    _i("lui", "U", Unit.ALU, "rd = imm << 12.", opcode=_LUI),
    _i("auipc", "U", Unit.ALU, "rd = pc + (imm << 12).", opcode=_AUIPC),
    _i("jal", "J", Unit.JUMP, "rd = pc + 4; jump to pc + imm.", opcode=_JAL),
    _i(
        "jalr",
        "load",
        Unit.JUMP,
        "rd = pc + 4; jump to rs1 + imm, lowest bit cleared.",
        opcode=_JALR,
        funct3=0,
    ),
    *(
        _i(name, "B", Unit.BRANCH, f"Branch to pc + imm if {what}.", opcode=_BRANCH, funct3=f3)
        for name, f3, what in (
            ("beq", 0, "rs1 == rs2"),
            ("bne", 1, "rs1 != rs2"),
            ("blt", 4, "rs1 < rs2, signed"),
            ("bge", 5, "rs1 >= rs2, signed"),
            ("bltu", 6, "rs1 < rs2, unsigned"),
            ("bgeu", 7, "rs1 >= rs2, unsigned"),
        )
    ),
    *(
        _i(name, "load", Unit.LOAD, f"rd = {what} at rs1 + imm.", opcode=_LOAD, funct3=f3)
        for name, f3, what in (
            ("lb", 0, "byte, sign-extended,"),
            ("lh", 1, "half word, sign-extended,"),
            ("lw", 2, "word"),
            ("lbu", 4, "byte"),
            ("lhu", 5, "half word"),
        )
    ),
    *(
        _i(name, "S", Unit.STORE, f"{what} at rs1 + imm = rs2.", opcode=_STORE, funct3=f3)
        for name, f3, what in (("sb", 0, "Byte"), ("sh", 1, "Half word"), ("sw", 2, "Word"))
    ),
    *(
        _i(name, "I", Unit.ALU, f"rd = {what}.", opcode=_OP_IMM, funct3=f3)
        for name, f3, what in (
            ("addi", 0, "rs1 + imm"),
            ("slti", 2, "rs1 < imm, signed"),
            ("sltiu", 3, "rs1 < imm, unsigned"),
            ("xori", 4, "rs1 ^ imm"),
            ("ori", 6, "rs1 | imm"),
            ("andi", 7, "rs1 & imm"),
        )
    ),
    *(
        _i(name, "shift", Unit.ALU, f"rd = {what}.", opcode=_OP_IMM, funct3=f3, funct7=f7)
        for name, f3, f7, what in (
            ("slli", 1, 0x00, "rs1 << shamt"),
            ("srli", 5, 0x00, "rs1 >> shamt, zeros in"),
            ("srai", 5, 0x20, "rs1 >> shamt, sign in"),
        )
    ),
    *(
        _i(name, "R", Unit.ALU, f"rd = {what}.", opcode=_OP, funct3=f3, funct7=f7)
        for name, f3, f7, what in (
            ("add", 0, 0x00, "rs1 + rs2"),
            ("sub", 0, 0x20, "rs1 - rs2"),
            ("sll", 1, 0x00, "rs1 << rs2[4:0]"),
            ("slt", 2, 0x00, "rs1 < rs2, signed"),
            ("sltu", 3, 0x00, "rs1 < rs2, unsigned"),
            ("xor", 4, 0x00, "rs1 ^ rs2"),
            ("srl", 5, 0x00, "rs1 >> rs2[4:0], zeros in"),
            ("sra", 5, 0x20, "rs1 >> rs2[4:0], sign in"),
            ("or", 6, 0x00, "rs1 | rs2"),
            ("and", 7, 0x00, "rs1 & rs2"),
        )
    ),
    _i(
        "fence",
        "none",
        Unit.FENCE,
        "Wait until every store of the warp is visible and every load has answered; all other "
        "bits are ignored.",
        opcode=_FENCE,
        funct3=0,
    ),
    _i(
        "ecall",
        "none",
        Unit.TRAP,
        "there is nothing to call: a thread ends by `exit`",
        opcode=_SYSTEM,
        rd=0,
        funct3=0,
        rs1=0,
        imm_i=0,
    ),
    _i(
        "ebreak",
        "none",
        Unit.TRAP,
        "the kernel asked to stop (a failed check, or code that cannot be reached)",
        opcode=_SYSTEM,
        rd=0,
        funct3=0,
        rs1=0,
        imm_i=1,
    ),
    *(
        _m(name, "R", unit, f"rd = {what}.", opcode=_OP, funct3=f3, funct7=0x01)
        for name, f3, unit, what in (
            ("mul", 0, Unit.MULTIPLY, "low word of rs1 * rs2"),
            ("mulh", 1, Unit.MULTIPLY, "high word of rs1 * rs2, both signed"),
            ("mulhsu", 2, Unit.MULTIPLY, "high word of rs1 * rs2, rs1 signed, rs2 unsigned"),
            ("mulhu", 3, Unit.MULTIPLY, "high word of rs1 * rs2, both unsigned"),
            ("div", 4, Unit.DIVIDE, "rs1 / rs2 towards zero, signed; -1 for rs2 = 0"),
            ("divu", 5, Unit.DIVIDE, "rs1 / rs2, unsigned; 2^32 - 1 for rs2 = 0"),
            ("rem", 6, Unit.DIVIDE, "rs1 - (rs1 / rs2) * rs2, signed; rs1 for rs2 = 0"),
            ("remu", 7, Unit.DIVIDE, "rs1 modulo rs2, unsigned; rs1 for rs2 = 0"),
        )
    ),
    _csr(
        "csrr",
        "csr",
        Unit.CSR,
        "rd = a control register of `weft.arch.simt`; all are read only (csrrs with rs1 = x0).",
        opcode=_SYSTEM,
        funct3=2,
        rs1=0,
    ),
    *(
        _f(name, "R_rm", unit, f"rd = {what}, rounded by rm.", opcode=_OP_FP, funct7=f7)
        for name, f7, unit, what in (
            ("fadd.s", 0x00, Unit.FLOAT, "rs1 + rs2"),
            ("fsub.s", 0x04, Unit.FLOAT, "rs1 - rs2"),
            ("fmul.s", 0x08, Unit.FLOAT, "rs1 * rs2"),
            ("fdiv.s", 0x0C, Unit.FLOAT_DIVIDE, "rs1 / rs2"),
        )
    ),
    _f(
        "fsqrt.s",
        "R1_rm",
        Unit.FLOAT_DIVIDE,
        "rd = square root of rs1, rounded by rm.",
        opcode=_OP_FP,
        funct7=0x2C,
        rs2=0,
    ),
    *(
        _f(name, "R", Unit.FLOAT, f"rd = {what}.", opcode=_OP_FP, funct3=f3, funct7=f7)
        for name, f3, f7, what in (
            ("fsgnj.s", 0, 0x10, "rs1 with the sign of rs2"),
            ("fsgnjn.s", 1, 0x10, "rs1 with the sign of rs2, inverted"),
            ("fsgnjx.s", 2, 0x10, "rs1 with its sign XOR the sign of rs2"),
            ("fmin.s", 0, 0x14, "the smaller of rs1 and rs2; of a NaN and a number, the number"),
            ("fmax.s", 1, 0x14, "the larger of rs1 and rs2; of a NaN and a number, the number"),
            ("fle.s", 0, 0x50, "rs1 <= rs2; 0 with a NaN"),
            ("flt.s", 1, 0x50, "rs1 < rs2; 0 with a NaN"),
            ("feq.s", 2, 0x50, "rs1 == rs2; 0 with a NaN"),
        )
    ),
    *(
        _f(name, "R1_rm", Unit.FLOAT, f"rd = {what}.", opcode=_OP_FP, funct7=f7, rs2=rs2)
        for name, f7, rs2, what in (
            ("fcvt.w.s", 0x60, 0, "float rs1 as a signed integer, rounded by rm, saturated"),
            ("fcvt.wu.s", 0x60, 1, "float rs1 as an unsigned integer, rounded by rm, saturated"),
            ("fcvt.s.w", 0x68, 0, "signed integer rs1 as a float, rounded by rm"),
            ("fcvt.s.wu", 0x68, 1, "unsigned integer rs1 as a float, rounded by rm"),
        )
    ),
    _f(
        "fclass.s",
        "R1",
        Unit.FLOAT,
        "rd = one of ten bits: what kind of number rs1 is.",
        opcode=_OP_FP,
        funct3=1,
        funct7=0x70,
        rs2=0,
    ),
    *(
        _f(name, "R4_rm", Unit.TRAP, _FMA_TRAP, opcode=opcode, fmt=0)
        for name, opcode in (
            ("fmadd.s", 0x43),
            ("fmsub.s", 0x47),
            ("fnmsub.s", 0x4B),
            ("fnmadd.s", 0x4F),
        )
    ),
    _w(
        "exit",
        "none",
        Unit.EXIT,
        "The thread ends.",
        opcode=_CUSTOM_0,
        rd=0,
        funct3=0,
        rs1=0,
        rs2=0,
        funct7=0,
    ),
    _w(
        "bar",
        "none",
        Unit.COLLECTIVE,
        "Wait until every warp of the block that still has live threads stands at a `bar`; what "
        "its threads have written to shared memory is then visible to all of the block.",
        opcode=_CUSTOM_0,
        rd=0,
        funct3=0,
        rs1=0,
        rs2=0,
        funct7=1,
    ),
    *(
        _w(
            name,
            "R1",
            Unit.COLLECTIVE,
            f"rd = {what}.",
            opcode=_CUSTOM_0,
            funct3=0,
            rs2=0,
            funct7=f7,
        )
        for name, f7, what in (
            ("vote.any", 2, "1 if rs1 != 0 in any live thread of the warp, else 0"),
            ("vote.all", 3, "1 if rs1 != 0 in all live threads of the warp, else 0"),
            ("ballot", 4, "word whose bit i is set if lane i is live and its rs1 != 0"),
        )
    ),
    _w(
        "shfl.xor",
        "shuffle",
        Unit.COLLECTIVE,
        "rd = rs1 of lane (own lane XOR mask) modulo lanes; 0 if that lane is not live.",
        opcode=_CUSTOM_0,
        funct3=0,
        funct7=5,
    ),
    *(
        _w(
            name,
            "amo",
            Unit.ATOMIC,
            f"rd = shared word at rs1, which becomes {what}; threads of a warp one after the "
            "other, lowest lane first.",
            opcode=_CUSTOM_0,
            funct3=1,
            funct7=f7,
        )
        for name, f7, what in (
            ("amoadd", 0, "its sum with rs2"),
            ("amomin", 1, "the smaller of it and rs2, signed"),
            ("amomax", 2, "the larger of it and rs2, signed"),
        )
    ),
    _w(
        "dot4",
        "R",
        Unit.BYTES,
        "rd = sum of the four products of the signed bytes of rs1 and rs2.",
        opcode=_CUSTOM_0,
        funct3=2,
        funct7=0,
    ),
    _w(
        "clip8",
        "R1",
        Unit.BYTES,
        "rd = rs1 clamped to -128 .. 127, signed.",
        opcode=_CUSTOM_0,
        funct3=2,
        rs2=0,
        funct7=1,
    ),
    *(
        _w(name, "R1", Unit.TABLE, f"rd = {what}.", opcode=_CUSTOM_0, funct3=3, rs2=0, funct7=f7)
        for name, f7, what in (
            ("exp2", 0, "2 to the power of float rs1, within the stated error"),
            ("rcp", 1, "1 / float rs1, within the stated error"),
            ("rsqrt", 2, "1 / square root of float rs1, within the stated error"),
        )
    ),
)
"""The instruction table."""
