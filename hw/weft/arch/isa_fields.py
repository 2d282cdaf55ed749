"""Fields and formats of the SIMT core's instruction words: which bits are which operand."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class WordField:
    """A field of an instruction word.

    Parameters
    ----------
    name
        Name of the field, which is also the operand's.
    parts
        From the field's lowest bit upwards: (lowest bit in the word, number of bits).
    shift
        Zero bits below the field in its value: 1 for branch offsets.
    signed
        Two's complement.
    """

    name: str
    parts: tuple[tuple[int, int], ...]
    shift: int = 0
    signed: bool = False

    @cached_property
    def bits(self) -> int:
        """Bits in the word."""
        return sum(size for _, size in self.parts)

    @cached_property
    def mask(self) -> int:
        """The bits of the word that the field takes."""
        return sum((1 << size) - 1 << lsb for lsb, size in self.parts)

    @property
    def low(self) -> int:
        """Smallest value."""
        return -(1 << self.bits + self.shift - 1) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest value."""
        return (1 << self.bits + self.shift - self.signed) - (1 << self.shift)

    def extract(self, word: int) -> int:
        """The field's value in a word."""
        value, at = 0, self.shift
        for lsb, size in self.parts:
            value |= (word >> lsb & (1 << size) - 1) << at
            at += size
        return value - (1 << at) if self.signed and value >> at - 1 else value

    def insert(self, value: int) -> int:
        """The word's bits that hold a value.

        Raises
        ------
        ValueError
            The value does not fit, or is not a multiple of ``2**shift``.
        """
        if not self.low <= value <= self.high or value & (1 << self.shift) - 1:
            step = f" in steps of {1 << self.shift}" if self.shift else ""
            raise ValueError(f"{self.name} = {value} does not fit: {self.low} to {self.high}{step}")
        word, at = 0, self.shift
        for lsb, size in self.parts:
            word |= (value >> at & (1 << size) - 1) << lsb
            at += size
        return word


FIELDS = {
    field.name: field
    for field in (
        WordField("opcode", ((0, 7),)),
        WordField("rd", ((7, 5),)),
        WordField("funct3", ((12, 3),)),
        WordField("rm", ((12, 3),)),
        WordField("rs1", ((15, 5),)),
        WordField("rs2", ((20, 5),)),
        WordField("rs3", ((27, 5),)),
        WordField("fmt", ((25, 2),)),
        WordField("funct7", ((25, 7),)),
        WordField("shamt", ((20, 5),)),
        WordField("lane_mask", ((20, 5),)),
        WordField("csr", ((20, 12),)),
        WordField("imm_i", ((20, 12),), signed=True),
        WordField("imm_s", ((7, 5), (25, 7)), signed=True),
        WordField("imm_b", ((8, 4), (25, 6), (7, 1), (31, 1)), shift=1, signed=True),
        WordField("imm_u", ((12, 20),)),
        WordField("imm_j", ((21, 10), (20, 1), (12, 8), (31, 1)), shift=1, signed=True),
    )
}
"""Fields by name; operands of different formats that share bits have different names."""

REGISTER_FIELDS = ("rd", "rs1", "rs2", "rs3")
"""Operands that name a register."""

OFFSET_FIELDS = ("imm_b", "imm_j")
"""Operands relative to the instruction's own address."""


@dataclass(frozen=True)
class Format:
    """Operands of an instruction.

    Parameters
    ----------
    name
        As in the table.
    syntax
        How assemblers write the operands, with the fields in braces.
    operands
        Fields that are operands, in the order of ``syntax``.
    """

    name: str
    syntax: str
    operands: tuple[str, ...]


FORMATS = {
    form.name: form
    for form in (
        Format("R", "{rd}, {rs1}, {rs2}", ("rd", "rs1", "rs2")),
        Format("R1", "{rd}, {rs1}", ("rd", "rs1")),
        Format("R_rm", "{rd}, {rs1}, {rs2}{rm}", ("rd", "rs1", "rs2", "rm")),
        Format("R1_rm", "{rd}, {rs1}{rm}", ("rd", "rs1", "rm")),
        Format("R4_rm", "{rd}, {rs1}, {rs2}, {rs3}{rm}", ("rd", "rs1", "rs2", "rs3", "rm")),
        Format("amo", "{rd}, {rs2}, ({rs1})", ("rd", "rs2", "rs1")),
        Format("I", "{rd}, {rs1}, {imm_i}", ("rd", "rs1", "imm_i")),
        Format("load", "{rd}, {imm_i}({rs1})", ("rd", "imm_i", "rs1")),
        Format("shift", "{rd}, {rs1}, {shamt}", ("rd", "rs1", "shamt")),
        Format("shuffle", "{rd}, {rs1}, {lane_mask}", ("rd", "rs1", "lane_mask")),
        Format("csr", "{rd}, {csr}", ("rd", "csr")),
        Format("S", "{rs2}, {imm_s}({rs1})", ("rs2", "imm_s", "rs1")),
        Format("B", "{rs1}, {rs2}, {imm_b}", ("rs1", "rs2", "imm_b")),
        Format("U", "{rd}, {imm_u}", ("rd", "imm_u")),
        Format("J", "{rd}, {imm_j}", ("rd", "imm_j")),
        Format("none", "", ()),
    )
}
"""Formats by name."""
