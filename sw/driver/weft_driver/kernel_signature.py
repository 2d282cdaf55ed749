"""What a kernel's parameters are, from the compiler's debug information."""

import struct
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from weft.arch.simt import ARGUMENTS

from .kernel_entry import KERNEL_SECTION
from .kernel_toolchain import CompileError

# DWARF base type encodings (DWARF 5, table 7.11).
_FLOAT = 4
_SIGNED = (5, 6)
_UNSIGNED = (2, 7, 8)  # boolean and unsigned


class Kind(Enum):
    """What one word of arguments holds."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    FLOAT = "float"
    POINTER = "pointer"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel.

    Parameters
    ----------
    name
        As in the source.
    kind, size
        What it is; bytes, at most 4.
    element
        Of a pointer: numpy's name of what it points to; None for void and structs.
    constant
        Of a pointer: whether the kernel promises not to write there.
    """

    name: str
    kind: Kind
    size: int = 4
    element: str | None = None
    constant: bool = False

    def __str__(self) -> str:
        if self.kind is Kind.POINTER:
            return f"{'const ' if self.constant else ''}{self.element or 'void'} *{self.name}"
        what = {Kind.SIGNED: "int", Kind.UNSIGNED: "uint", Kind.FLOAT: "float"}[self.kind]
        return f"{what}{8 * self.size} {self.name}"

    @property
    def is_pointer(self) -> bool:
        """Whether an array is passed."""
        return self.kind is Kind.POINTER

    def pack(self, value: Any) -> bytes:
        """A value as a word of arguments.

        Raises
        ------
        TypeError, ValueError
            The value is not a number of this kind, or does not fit; names the parameter.
        """
        if self.kind is Kind.FLOAT:
            if isinstance(value, bool) or not isinstance(value, int | float | np.number):
                raise TypeError(f"{self}: {value!r} is not a number")
            try:
                return struct.pack("<f", float(value))
            except OverflowError:
                raise ValueError(f"{self}: {value} does not fit float32") from None
        if not isinstance(value, int | np.integer):
            raise TypeError(f"{self}: {value!r} is not a whole number")
        bits = 8 * self.size
        signed = self.kind is Kind.SIGNED
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        if not low <= value <= high:
            raise ValueError(f"{self}: {value} does not fit: {low} to {high}")
        return struct.pack("<i" if signed else "<I", int(value))

    def check_array(self, dtype: np.dtype) -> None:
        """Refuse an array whose elements the kernel would misread.

        Raises
        ------
        TypeError
            Names the parameter and both types.
        """
        if self.kind is not Kind.POINTER:
            raise TypeError(f"{self}: an array was given")
        wanted = dtype if self.element is None else np.dtype(self.element)
        if wanted != dtype or dtype.hasobject:
            raise TypeError(f"{self}: an array of {dtype} was given")


def signatures(elf: Any) -> dict[str, tuple[Parameter, ...]]:
    """Parameters of every kernel in a linked file, by name.

    Parameters
    ----------
    elf
        An ``elftools.elf.elffile.ELFFile``; linked, because pyelftools does not relocate the debug
        information of RISC-V objects.

    Raises
    ------
    CompileError
        A kernel returns something, or has a parameter that is no word, or too many.
    """
    section = next((i for i, s in enumerate(elf.iter_sections()) if s.name == KERNEL_SECTION), None)
    names = {
        symbol.name
        for symbol in elf.get_section_by_name(".symtab").iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] == section
    }
    found = {}
    for unit in elf.get_dwarf_info().iter_CUs():
        for die in unit.iter_DIEs():
            name = _text(die, "DW_AT_name")
            if name is not None and die.tag == "DW_TAG_subprogram" and name in names:
                found[name] = _parameters(name, die)
    return dict(sorted(found.items()))


def _parameters(name: str, die: Any) -> tuple[Parameter, ...]:
    if "DW_AT_type" in die.attributes:
        raise CompileError(f"kernel {name} returns a value: it must be void")
    parameters = tuple(
        _parameter(name, child)
        for child in die.iter_children()
        if child.tag == "DW_TAG_formal_parameter"
    )
    if len(parameters) > ARGUMENTS:
        raise CompileError(
            f"kernel {name} has {len(parameters)} parameters: at most {ARGUMENTS}; "
            "pass a pointer to a struct"
        )
    return parameters


def _parameter(kernel: str, die: Any) -> Parameter:
    name = _text(die, "DW_AT_name") or "?"
    kind, _ = _bare(die)
    if kind is not None and kind.tag == "DW_TAG_pointer_type":
        target, constant = _bare(kind)
        element = None
        if target is not None and target.tag == "DW_TAG_base_type":
            element = _base(target)[2]
        return Parameter(name, Kind.POINTER, 4, element, constant)
    if kind is not None and kind.tag in ("DW_TAG_base_type", "DW_TAG_enumeration_type"):
        number, size, _ = _base(kind)
        if number is not None and size <= 4:
            return Parameter(name, number, size)
    raise CompileError(
        f"kernel {kernel}, parameter {name}: only pointers and numbers of at most 32 bits can be "
        "passed; pass a pointer to it"
    )


def _bare(die: Any) -> tuple[Any, bool]:
    """The type of an entry without names and qualifiers, and whether it is constant."""
    constant = False
    while "DW_AT_type" in die.attributes:
        die = die.get_DIE_from_attribute("DW_AT_type")
        constant |= die.tag == "DW_TAG_const_type"
        if die.tag not in _QUALIFIERS:
            return die, constant
    return None, constant


_QUALIFIERS = (
    "DW_TAG_typedef",
    "DW_TAG_const_type",
    "DW_TAG_volatile_type",
    "DW_TAG_restrict_type",
)


def _base(die: Any) -> tuple[Kind | None, int, str | None]:
    """Kind, bytes and numpy's name of a base type."""
    size = die.attributes["DW_AT_byte_size"].value
    encoding = die.attributes["DW_AT_encoding"].value if "DW_AT_encoding" in die.attributes else 7
    if encoding == _FLOAT:
        return Kind.FLOAT if size == 4 else None, size, f"float{8 * size}"
    if encoding in _SIGNED:
        return Kind.SIGNED, size, f"int{8 * size}"
    if encoding in _UNSIGNED:
        return Kind.UNSIGNED, size, f"uint{8 * size}"
    return None, size, None


def _text(die: Any, attribute: str) -> str | None:
    found = die.attributes.get(attribute)
    return found.value.decode() if found is not None else None
