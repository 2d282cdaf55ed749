"""The instruction set of the SIMT core: decode, encode, disassemble, explain.

All of it follows from the table in `weft.arch.isa_table`.
"""

from dataclasses import dataclass
from functools import lru_cache

from .fp32 import Rounding
from .isa_fields import FIELDS, FORMATS, OFFSET_FIELDS, REGISTER_FIELDS, Format, WordField
from .isa_table import INSTRUCTIONS, Extension, Instruction, Unit

__all__ = [
    "BY_NAME",
    "FIELDS",
    "FORMATS",
    "INSTRUCTIONS",
    "ISA_VERSION",
    "OFFSET_FIELDS",
    "REGISTER_FIELDS",
    "REGISTER_NAMES",
    "ROUNDINGS",
    "Decoded",
    "Extension",
    "Format",
    "Instruction",
    "Unit",
    "WordField",
    "decode",
    "disassemble",
    "encode",
    "rounding",
    "why_illegal",
]

ISA_VERSION = 1
"""Version of the custom-0 instructions; grows when one changes meaning, which none should."""

BY_NAME = {row.name: row for row in INSTRUCTIONS}
"""Instructions by name."""

REGISTER_NAMES = (
    *("zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1"),
    *(f"a{i}" for i in range(8)),
    *(f"s{i}" for i in range(2, 12)),
    *(f"t{i}" for i in range(3, 7)),
)
"""Names of registers x0 to x31 in the standard calling convention."""

_DYNAMIC = 7
"""Value of operand rm for "as register frm says"; there is no frm: it is nearest even."""

ROUNDINGS = {**{int(mode): mode.name.lower() for mode in Rounding}, _DYNAMIC: "dyn"}
"""Names of rounding modes by value of operand rm; others trap."""


def rounding(rm: int) -> Rounding:
    """The rounding mode that a legal value of operand rm stands for."""
    return Rounding.RNE if rm == _DYNAMIC else Rounding(rm)


_BY_OPCODE: dict[int, list[Instruction]] = {}
for _row in INSTRUCTIONS:
    _BY_OPCODE.setdefault(FIELDS["opcode"].extract(_row.match), []).append(_row)


@dataclass(frozen=True)
class Decoded:
    """An instruction word, decoded.

    Parameters
    ----------
    word
        The word.
    instruction
        Its row in the table.
    values
        Operands by field name; immediates signed and in bytes, as `WordField.extract` gives them.
    """

    word: int
    instruction: Instruction
    values: dict[str, int]

    @property
    def name(self) -> str:
        """The instruction's name."""
        return self.instruction.name

    @property
    def rd(self) -> int:
        """The register that is written, 0 for none."""
        return self.values.get("rd", 0)

    @property
    def imm(self) -> int:
        """The immediate (shift amounts and lane masks too), 0 for none."""
        for name, value in self.values.items():
            if name.startswith("imm_") or name in ("shamt", "lane_mask"):
                return value
        return 0


@lru_cache(maxsize=1 << 16)
def decode(word: int) -> Decoded | None:
    """Find a word's row in the table.

    Parameters
    ----------
    word
        32 bits.

    Returns
    -------
    Decoded or None
        None for a word that is in no row. A row found is not yet a legal instruction: see
        `why_illegal`.
    """
    for row in _BY_OPCODE.get(FIELDS["opcode"].extract(word), ()):
        if word & row.mask == row.match:
            return Decoded(word, row, {name: FIELDS[name].extract(word) for name in row.operands})
    return None


def encode(name: str, **operands: int) -> int:
    """Encode one instruction.

    Parameters
    ----------
    name
        A name in the table.
    operands
        Every operand of its format by field name; rm may be left out and is then 7 (dynamic).

    Raises
    ------
    ValueError
        Unknown instruction or operand, one missing, or a value that does not fit.
    """
    row = BY_NAME.get(name)
    if row is None:
        raise ValueError(f"unknown instruction {name!r}")
    if "rm" in row.operands:
        operands.setdefault("rm", _DYNAMIC)
    if set(operands) != set(row.operands):
        raise ValueError(f"{name} has operands {row.operands}, not {tuple(operands)}")
    return row.match | sum(FIELDS[key].insert(value) for key, value in operands.items())


def why_illegal(word: int, csrs: frozenset[int], has_float: bool) -> str | None:
    """Why a core refuses a word.

    Parameters
    ----------
    word
        32 bits.
    csrs
        Numbers of the control registers that exist.
    has_float
        Whether the core has floating point.

    Returns
    -------
    str or None
        The sentence for a person; None when the core executes it.
    """
    found = decode(word)
    if found is None:
        return f"{word:#010x} is no instruction of this core"
    row = found.instruction
    if row.unit is Unit.TRAP:
        return f"{row.name}: {row.doc}"
    if row.needs_float and not has_float:
        return f"{row.name}: this core has no floating point: choose a configuration with fp=full"
    if "csr" in found.values and found.values["csr"] not in csrs:
        return f"{row.name}: there is no control register {found.values['csr']:#05x}"
    if found.values.get("rm", 0) not in ROUNDINGS:
        return f"{row.name}: there is no rounding mode {found.values['rm']}"
    return None


def disassemble(word: int, pc: int = 0) -> str:
    """A word as text.

    Parameters
    ----------
    word
        32 bits.
    pc
        Its address: branch targets are written as addresses.
    """
    found = decode(word)
    if found is None:
        return f".word {word:#010x}"
    shown: dict[str, str | int] = {}
    for name, value in found.values.items():
        if name in REGISTER_FIELDS:
            shown[name] = REGISTER_NAMES[value]
        elif name in OFFSET_FIELDS:
            shown[name] = hex(pc + value & 0xFFFFFFFF)
        elif name == "rm":
            shown[name] = "" if value == _DYNAMIC else f", {ROUNDINGS.get(value, value)}"
        elif name in ("csr", "imm_u"):
            shown[name] = hex(value)
        else:
            shown[name] = value
    return f"{found.name} {found.instruction.format.syntax.format(**shown)}".rstrip()
