"""From an instruction word to what the pipeline does with it; encodings come from the table."""

from collections.abc import Iterable

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import Op, Rounding
from weft.arch.fp32_special import Special
from weft.arch.isa import BY_NAME, FIELDS, INSTRUCTIONS, ROUNDINGS, Unit, rounding
from weft.arch.simt import CONTROL_REGISTERS, CSR_BASE

from .sizes import Sizes


class Alu(enum.Enum, shape=3):
    """What the ALU gives."""

    SUM = 0
    LESS = 1
    XOR = 2
    OR = 3
    AND = 4
    CLIP = 5


class Meet(enum.Enum, shape=3):
    """What a collective does."""

    BAR = 0
    ANY = 1
    ALL = 2
    BALLOT = 3
    SHUFFLE = 4


class Amo(enum.Enum, shape=2):
    """What an atomic does."""

    ADD = 0
    MIN = 1
    MAX = 2


_ALU = {
    Alu.LESS: ("slt", "sltu", "slti", "sltiu"),
    Alu.XOR: ("xor", "xori"),
    Alu.OR: ("or", "ori"),
    Alu.AND: ("and", "andi"),
    Alu.CLIP: ("clip8",),
}
_MEET = {
    Meet.ANY: ("vote.any",),
    Meet.ALL: ("vote.all",),
    Meet.BALLOT: ("ballot",),
    Meet.SHUFFLE: ("shfl.xor",),
}
_AMO = {Amo.MIN: ("amomin",), Amo.MAX: ("amomax",)}

_FLOAT = {op: (f"f{op.name.lower().replace('_', '.')}.s",) for op in Op if op is not Op.CLASS}
_FLOAT |= {
    Op.CLASS: ("fclass.s",),
    Op.CVT_W_S: ("fcvt.w.s",),
    Op.CVT_WU_S: ("fcvt.wu.s",),
    Op.CVT_S_W: ("fcvt.s.w",),
    Op.CVT_S_WU: ("fcvt.s.wu",),
}
_FUNCTION = {function: (function.name.lower(),) for function in Special}


def _of(*units: Unit) -> tuple[str, ...]:
    return tuple(row.name for row in INSTRUCTIONS if row.unit in units)


_LEFT = ("sll", "slli")
_RIGHT = ("srl", "sra", "srli", "srai")

FLAGS: dict[str, tuple[str, ...]] = {
    "upper": ("lui",),
    "upper_pc": ("auipc",),
    "b_is_csr": _of(Unit.CSR),
    "subtract": ("sub", "slt", "sltu", "slti", "sltiu", *_of(Unit.BRANCH)),
    "unsigned": ("sltu", "sltiu", "bltu", "bgeu", "divu", "remu", "lbu", "lhu"),
    "shift": (*_LEFT, *_RIGHT),
    "right": _RIGHT,
    "multiply": _of(Unit.MULTIPLY),
    "high": ("mulh", "mulhsu", "mulhu"),
    "a_unsigned": ("mulhu", "srl", "srli"),
    "b_unsigned": ("mulhu", "mulhsu", *_LEFT, *_RIGHT),
    "divide": _of(Unit.DIVIDE),
    "remainder": ("rem", "remu"),
    "branch": _of(Unit.BRANCH),
    "by_order": ("blt", "bge", "bltu", "bgeu"),
    "inverted": ("bne", "bge", "bgeu"),
    "jump": _of(Unit.JUMP),
    "indirect": ("jalr",),
    "load": _of(Unit.LOAD),
    "store": _of(Unit.STORE),
    "atomic": _of(Unit.ATOMIC),
    "exit": _of(Unit.EXIT),
    "collective": _of(Unit.COLLECTIVE),
    "dot4": ("dot4",),
    "byte": ("lb", "lbu", "sb"),
    "half": ("lh", "lhu", "sh"),
    "word": ("lw", "sw", *_of(Unit.ATOMIC)),
    "float": _of(Unit.FLOAT),
    "slow_float": _of(Unit.FLOAT_DIVIDE, Unit.TABLE),
    "table": _of(Unit.TABLE),
    "root": ("fsqrt.s",),
    "rounds": tuple(row.name for row in INSTRUCTIONS if "rm" in row.operands),
    "writes": tuple(row.name for row in INSTRUCTIONS if row.writes_rd),
    "reads_rs2": tuple(row.name for row in INSTRUCTIONS if row.reads_rs2),
}
"""Bits of a decoded instruction, and the instructions that set them."""

# The places of a shift are the low bits of an immediate, whose others nobody looks at.
_IMMEDIATES = {name: {name} for name in ("imm_s", "imm_b", "imm_u", "imm_j", "lane_mask")}
_IMMEDIATES["imm_i"] = {"imm_i", "shamt"}


def controls_layout() -> data.StructLayout:
    """A decoded instruction: a bit for each of `FLAGS`, and its operands.

    ``imm`` is in bytes and signed; ``rd`` is 0 when nothing is written. ``illegal``: no such
    instruction on this core.
    """
    return data.StructLayout(
        {
            **dict.fromkeys(FLAGS, 1),
            "alu": Alu,
            "meet": Meet,
            "amo": Amo,
            "float_op": Op,
            "function": Special,
            "mode": Rounding,
            "rd": 5,
            "imm": 32,
            "illegal": 1,
        }
    )


def field(word: Value, name: str) -> Value:
    """The bits of a field in a word, without its shift and sign."""
    return Cat(word[lsb : lsb + size] for lsb, size in FIELDS[name].parts)


def immediate(word: Value, name: str) -> Value:
    """An immediate in bytes, 32 bits."""
    entry = FIELDS[name]
    shift = 12 if name == "imm_u" else entry.shift  # the table gives lui's operand as it is written
    value = Cat(Const(0, shift), field(word, name))
    return value.as_signed() if entry.signed else value


class Decoder(wiring.Component):
    """Decodes one word; there is no state.

    Members
    -------
    word
        The instruction.
    controls
        What it says.
    """

    word: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__({"word": In(32), "controls": Out(controls_layout())})

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        word, controls = self.word, self.controls
        executed = [
            row
            for row in INSTRUCTIONS
            if row.unit is not Unit.TRAP and (self.sizes.fp == "full" or not row.needs_float)
        ]
        matches = {row.name: Signal(name=f"is_{row.name.replace('.', '_')}") for row in executed}
        for row in executed:
            m.d.comb += matches[row.name].eq((word & row.mask) == row.match)

        def among(names: Iterable[str]) -> Value:
            return Cat(matches[name] for name in names if name in matches).any()

        for flag, names in FLAGS.items():
            m.d.comb += controls[flag].eq(among(names))
        chosen = {
            "alu": _ALU,
            "meet": _MEET,
            "amo": _AMO,
            "float_op": _FLOAT,
            "function": _FUNCTION,
        }
        for target, choices in chosen.items():
            for choice, names in choices.items():
                with m.If(among(names)):
                    m.d.comb += controls[target].eq(choice)

        # Where all instructions of an opcode have the same immediate, the opcode says enough.
        opcode, imm = field(word, "opcode"), Const(0, 32)
        for name, operands in _IMMEDIATES.items():
            codes: dict[int, list[str]] = {}
            for row in executed:
                if operands.intersection(row.operands):
                    codes.setdefault(FIELDS["opcode"].extract(row.match), []).append(row.name)
            for code, names in codes.items():
                rows = [r for r in executed if FIELDS["opcode"].extract(r.match) == code]
                wanted = opcode == code if len(rows) == len(names) else among(names)
                imm = imm | (immediate(word, name) & wanted.replicate(32))
        m.d.comb += controls.imm.eq(imm)

        csr, rm = field(word, "csr"), field(word, "rm")
        with m.Switch(rm):
            for value in ROUNDINGS:
                with m.Case(value):
                    m.d.comb += controls.mode.eq(rounding(value))
        # Fewer write nothing than something.
        with m.If(~among(name for name in matches if name not in FLAGS["writes"])):
            m.d.comb += controls.rd.eq(field(word, "rd"))
        m.d.comb += [
            controls.illegal.eq(
                ~among(matches)
                | (controls.rounds & ~Cat(rm == value for value in ROUNDINGS).any())
                | (controls.b_is_csr & ~Cat(csr == r.number for r in CONTROL_REGISTERS).any())
            ),
        ]
        return m


assert BY_NAME.keys() >= {
    name
    for table in (FLAGS, _ALU, _MEET, _AMO, _FLOAT, _FUNCTION)
    for names in table.values()
    for name in names
}
assert all(0 <= register.number - CSR_BASE < 32 for register in CONTROL_REGISTERS)
