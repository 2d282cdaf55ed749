"""Kernels in C: compiled, kept, and made ready for an address in device memory.

The compiler is PyPI's ziglang, the extra ``simt``; see `kernel_toolchain` for its flags.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from weft.arch.isa import decode, disassemble
from weft.arch.simt import MAIN

from .kernel_entry import ENTRY_PREFIX, KERNEL_SECTION, Prologue, returns
from .kernel_signature import Kind, Parameter, signatures
from .kernel_toolchain import (
    C_FLAGS,
    CompileError,
    cache_root,
    compile_kernels,
    keep,
    key_of,
    link,
    link_bare,
    need,
    preprocessed,
    working_folder,
)

__all__ = ["C_FLAGS", "CompileError", "Kernel", "KernelFile", "Kind", "Parameter", "load_kernels"]

_RELATIVE = 3
"""R_RISCV_RELATIVE: the word is its addend plus the load address (RISC-V ELF specification)."""


_CODE = (".text", KERNEL_SECTION)
"""Sections with instructions."""


@dataclass(frozen=True)
class Kernel:
    """A function that can be launched.

    Parameters
    ----------
    name, parameters
        As in the source.
    entry
        Offset in the image of the code that makes a thread its caller.
    """

    name: str
    parameters: tuple[Parameter, ...]
    entry: int

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.parameters))})"

    def words(self, values: Sequence[Any]) -> tuple[int, ...]:
        """Arguments as they stand in registers, for `weft.arch.simt.Launch`.

        Parameters
        ----------
        values
            A number for each parameter; a kernel's address (`kernel_address`) for pointers.

        Raises
        ------
        TypeError, ValueError
            Too many or too few, of a wrong kind, or too large; says what the kernel takes.
        """
        if len(values) != len(self.parameters):
            raise TypeError(f"{self} takes {len(self.parameters)} arguments, not {len(values)}")
        try:
            words = [p.pack(value) for p, value in zip(self.parameters, values, strict=True)]
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self.name}: {error}") from None
        return tuple(int.from_bytes(word, "little") for word in words)


def kernel_address(memory_address: int) -> int:
    """What a kernel uses as a pointer to a byte of main memory."""
    return MAIN.base + memory_address


class KernelFile:
    """A compiled C file.

    Parameters
    ----------
    elf
        The linked program, as `kernel_toolchain.link` makes it.

    Attributes
    ----------
    parameters
        Of each function that is marked as a kernel, by name.
    kernels
        Those that have an entry, by name.
    """

    def __init__(self, elf: bytes):
        need("elftools")
        from elftools.elf.elffile import ELFFile

        self._elf: Any = ELFFile(BytesIO(elf))
        symbols = {
            symbol.name: symbol
            for symbol in self._elf.get_section_by_name(".symtab").iter_symbols()
        }
        self._functions = sorted(
            (symbol["st_value"], symbol["st_value"] + symbol["st_size"], name)
            for name, symbol in symbols.items()
            if symbol["st_info"]["type"] == "STT_FUNC"
        )
        self.parameters = signatures(self._elf)
        self.kernels = {
            name: Kernel(name, of_name, symbols[ENTRY_PREFIX + name]["st_value"])
            for name, of_name in self.parameters.items()
            if ENTRY_PREFIX + name in symbols
        }

    def __getitem__(self, name: str) -> Kernel:
        if name not in self.kernels:
            raise KeyError(f"there is no kernel {name!r}; kernels: {', '.join(self.kernels)}")
        return self.kernels[name]

    @cached_property
    def _parts(self) -> list[tuple[int, bytes]]:
        """Address and contents of what is loaded."""
        return [
            (s["sh_addr"], bytes(s["sh_size"]) if s["sh_type"] == "SHT_NOBITS" else s.data())
            for s in self._elf.iter_sections()
            if s.name in (*_CODE, ".rodata", ".data", ".bss")
        ]

    @property
    def size(self) -> int:
        """Bytes of the image."""
        return max(address + len(data) for address, data in self._parts)

    def image(self, memory_address: int) -> bytes:
        """Code and data, ready for an address in device memory.

        Parameters
        ----------
        memory_address
            Where the image will stand; a multiple of 64.
        """
        image = bytearray(self.size)
        for address, data in self._parts:
            image[address : address + len(data)] = data
        relocations = self._elf.get_section_by_name(".rela.dyn")
        for relocation in relocations.iter_relocations() if relocations else ():
            if relocation["r_info_type"] != _RELATIVE:
                raise CompileError(f"relocation {relocation['r_info_type']} is not known")
            value = kernel_address(memory_address) + relocation["r_addend"] & 0xFFFFFFFF
            struct.pack_into("<I", image, relocation["r_offset"], value)
        return bytes(image)

    @cached_property
    def lines(self) -> dict[int, tuple[str, int]]:
        """File and line of the instruction at each offset of the code; gaps belong to the last."""
        table: dict[int, tuple[str, int]] = {}
        for unit in self._elf.get_dwarf_info().iter_CUs():
            program = self._elf.get_dwarf_info().line_program_for_CU(unit)
            if program is None:
                continue
            files = program["file_entry"]
            first = 1 if program["version"] < 5 else 0
            for entry in program.get_entries():
                state = entry.state
                if state is not None and not state.end_sequence and state.line:
                    table[state.address] = (files[state.file - first].name.decode(), state.line)
        return dict(sorted(table.items()))

    def prologue(self, name: str) -> Prologue:
        """What a kernel begins with; `CompileError` if it returns, which `exit` should replace."""
        section = self._elf.get_section_by_name(KERNEL_SECTION)
        low, high = next((low, high) for low, high, found in self._functions if found == name)
        code = section.data()[low - section["sh_addr"] : high - section["sh_addr"]]
        words = [word for (word,) in struct.iter_unpack("<I", code)]
        if returns(words):
            raise CompileError(
                f"kernel {name} returns to nobody: this ziglang writes LLVM's assembly as "
                "weft_driver.kernel_entry does not know it"
            )
        return Prologue.of(words)

    def function_at(self, offset: int) -> str | None:
        """Name of the function that an offset of the code lies in."""
        return next((name for low, high, name in self._functions if low <= offset < high), None)

    @cached_property
    def needs_float(self) -> bool:
        """Whether some instruction needs a core with floating point."""
        words = [
            word
            for name in _CODE
            if (section := self._elf.get_section_by_name(name))
            for (word,) in struct.iter_unpack("<I", section.data()[: section["sh_size"] & ~3])
        ]
        found = map(decode, words)
        return any(each is not None and each.instruction.needs_float for each in found)

    def disassembly(self, memory_address: int = 0) -> str:
        """The code as text, with names of functions and lines of the source."""
        base = kernel_address(memory_address)
        starts = {low: name for low, _, name in self._functions}
        starts |= {kernel.entry: ENTRY_PREFIX + name for name, kernel in self.kernels.items()}
        text, shown = [], None
        for name in _CODE:
            section = self._elf.get_section_by_name(name)
            code = section.data() if section else b""
            for at in range(0, len(code) & ~3, 4):
                offset = section["sh_addr"] + at
                if offset in starts:
                    text.append(f"\n{starts[offset]}:")
                line = self.lines.get(offset)
                if line is not None and line != shown:
                    text.append(f"; {Path(line[0]).name}:{line[1]}")
                    shown = line
                (word,) = struct.unpack_from("<I", code, at)
                text.append(
                    f"  {base + offset:08x}  {word:08x}  {disassemble(word, base + offset)}"
                )
        return "\n".join(text).lstrip("\n") + "\n"


def load_kernels(source: str | Path, defines: Sequence[str] = ()) -> KernelFile:
    """Compile a C file, or find it compiled.

    Parameters
    ----------
    source
        Path of the file; it includes ``weft.h`` and marks kernels with ``WEFT_KERNEL``.
    defines
        Macros, as ``NAME`` or ``NAME=value``.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ModuleNotFoundError
        The extra ``simt`` is not installed.
    CompileError
        What the compiler says, with file and line; or a file without kernels, or a kernel whose
        parameters cannot be passed.
    """
    path = Path(source).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"kernel file {str(source)!r} does not exist")
    need("ziglang")
    with working_folder() as name:
        folder = Path(name)
        cached = cache_root() / f"{key_of(preprocessed(path, defines, folder))}.elf"
        if not cached.is_file():
            compiled = compile_kernels(path, defines, folder)
            # Linked twice: what a kernel's parameters are stands in the debug information.
            bare = KernelFile(link_bare(compiled, folder).read_bytes())
            if not bare.parameters:
                raise CompileError(f"{source}: no function is marked WEFT_KERNEL")
            entries = {name: (len(p), bare.prologue(name)) for name, p in bare.parameters.items()}
            linked = link(compiled, entries, folder)
            keep(cached, linked.read_bytes())
    return KernelFile(cached.read_bytes())
