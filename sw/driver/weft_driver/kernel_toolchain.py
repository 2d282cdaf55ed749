"""clang and lld for riscv32, from the Python package ziglang: C to a linked image.

The flags that lay out code are what makes lowest-program-counter selection as good as a
reconvergence stack: blocks stay in the order of the source, so that the lowest program counter is
the group that is furthest behind. `-fconvergent-functions` keeps the compiler from copying a
collective into two branches, where threads of a warp would wait for each other for ever.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from weft.arch.isa import encode
from weft.arch.simt import A0

from .folders import build_root
from .kernel_header import HEADER, c_header

MAX_ARGUMENTS = 8
"""Words of arguments, which the calling convention passes in a0 to a7."""

KERNEL_SECTION, ENTRY_SECTION = ".weft.kernels", ".weft.entry"
ENTRY_PREFIX = "weft_entry."

TARGET = ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+zfinx+zicsr+relax")

LAYOUT = (
    *("-mllvm", "-disable-block-placement"),
    *("-mllvm", "-tail-dup-size=0"),
    *("-mllvm", "-enable-tail-merge=0"),  # would move a loop's last block behind what follows it
    *("-mllvm", "-disable-phi-elim-edge-splitting"),  # would put copies behind the function
    *("-Xclang", "-disable-lifetime-markers"),  # would put a loop's exit before its body
)
"""Blocks of code in the order of the source, and none twice."""

SCHEDULING = ("-mllvm", "-enable-misched=false")
"""Instructions in the order of the source: a warp waits for every one of its loads, so that loads
ahead of their use win nothing, and cost registers, which are saved on the stack."""

C_FLAGS = (
    *TARGET,
    *("-std=gnu2x", "-O2", "-g", "-ffreestanding", "-fpie", "-fvisibility=hidden"),
    *LAYOUT,
    *SCHEDULING,
    "-fconvergent-functions",
    "-ffp-contract=off",  # there is no three-operand multiply-add
    "-fno-math-errno",  # sqrtf is an instruction
    *("-fomit-frame-pointer", "-fno-sanitize=all", "-fno-stack-protector"),
    *("-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
    *("-fno-strict-aliasing", "-Wall", "-Wdouble-promotion"),
)

LINK_SCRIPT = f"""\
/* What is called stands before its callers: threads that call a function run it while the others
   wait behind the call. What the loader needs to know stays outside. */
SECTIONS
{{
    . = 0;
    .text : {{ KEEP(*({ENTRY_SECTION})) *(.text .text.*) }}
    {KERNEL_SECTION} : ALIGN(4) {{ KEEP(*({KERNEL_SECTION})) }}
    .rodata : ALIGN(16) {{ *(.rodata .rodata.* .srodata .srodata.*) }}
    .data : ALIGN(16) {{ *(.data .data.* .data.rel.ro .sdata .sdata.* .got .got.*) }}
    .bss : ALIGN(16) {{ *(.bss .bss.* .sbss .sbss.* COMMON) }}
    .rela.dyn : {{ *(.rela.*) }}
    .dynamic : {{ *(.dynamic) }}
    /DISCARD/ : {{ *(.eh_frame) }}
}}
"""

RUNTIME = """\
typedef __SIZE_TYPE__ size_t;

void *memset(void *to, int value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if (to < from)
        return memcpy(to, from, size);
    for (size_t i = size; i > 0; i--)
        ((volatile char *)to)[i - 1] = ((const char *)from)[i - 1];
    return to;
}
"""
"""What clang calls for large copies, whatever the flags say."""


class CompileError(ValueError):
    """The compiler refuses a kernel; the message is its own, with file and line."""


def need(module: str) -> None:
    """Complain about a missing package of the extra ``simt``.

    Raises
    ------
    ModuleNotFoundError
        Naming the extra.
    """
    if importlib.util.find_spec(module) is None:
        raise ModuleNotFoundError(
            f"Python package {module} is missing, kernels cannot be compiled: "
            "pip install 'weft[simt]'"
        )


def run_zig(tool: str, arguments: Sequence[str | Path], folder: Path) -> str:
    """Run one of zig's tools and return its standard output.

    Raises
    ------
    CompileError
        With what the tool wrote, paths as the caller gave them.
    """
    need("ziglang")
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", tool, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
    )
    if done.returncode:
        raise CompileError(done.stderr.strip() or f"{tool} failed with code {done.returncode}")
    return done.stdout


def preprocessed(source: Path, defines: Sequence[str], folder: Path) -> str:
    """A kernel file with all that it includes: what decides whether the cache has it."""
    return run_zig("cc", [*C_FLAGS, *_includes(source, defines), "-E", source], folder)


def key_of(text: str) -> str:
    """Name of a compiled kernel file: of its text, the flags, this file and the compiler."""
    digest = hashlib.sha256()
    for part in (text, *C_FLAGS, Path(__file__).read_text(), version("ziglang")):
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:24]


def compile_kernels(source: Path, defines: Sequence[str], folder: Path) -> Path:
    """Compile one C file to an object.

    Parameters
    ----------
    source
        The C file.
    defines
        Macros, as ``NAME`` or ``NAME=value``.
    folder
        Where files go.

    Returns
    -------
    Path
        The object.
    """
    target = folder / "kernels.o"
    flags = [*C_FLAGS, *_includes(source, defines)]
    run_zig("cc", [*flags, "-c", source, "-o", target], folder)
    return target


def link_bare(compiled: Path, folder: Path) -> Path:
    """Link an object by itself: what it lacks stays open, kernels have no entries."""
    return _run_lld([compiled], ["--unresolved-symbols=ignore-all"], folder)


def link(compiled: Path, argument_words: dict[str, int], folder: Path) -> Path:
    """Link an object with an entry for each kernel.

    Parameters
    ----------
    compiled
        What `compile_kernels` made.
    argument_words
        Words of arguments, by kernel.
    folder
        Where files go.

    Returns
    -------
    Path
        A position-independent executable for address 0.
    """
    source, extra = folder / "runtime.c", folder / "runtime.o"
    entries = "\n".join(_entry(name, words) for name, words in argument_words.items())
    source.write_text(f"{RUNTIME}\n{entries}\n")
    # With debug information, what the linker drops would claim the first lines of the kernels.
    run_zig("cc", [*C_FLAGS, "-g0", "-ffunction-sections", "-c", source, "-o", extra], folder)
    return _run_lld([compiled, extra], [], folder)


def _run_lld(objects: Sequence[Path], more: Sequence[str], folder: Path) -> Path:
    script, target = folder / "weft.ld", folder / "kernels.elf"
    script.write_text(LINK_SCRIPT)
    flags = ["-m", "elf32lriscv", "-pie", "-z", "norelro", "--no-dynamic-linker", "--gc-sections"]
    run_zig("ld.lld", [*flags, *more, "-e", "0", "-T", script, *objects, "-o", target], folder)
    return target


def _entry(name: str, words: int) -> str:
    """Code that loads a kernel's arguments, calls it, and ends the thread."""
    first = A0.number
    lines = [
        f'.section {ENTRY_SECTION}, \\"ax\\"',
        ".p2align 2",
        f".globl {ENTRY_PREFIX}{name}",
        f"{ENTRY_PREFIX}{name}:",
        *(f"lw x{first + i}, {4 * i}(x{first})" for i in reversed(range(words))),
        f"call {name}",
        f".word {encode('exit'):#010x}",
    ]
    return "__asm__(" + "\n    ".join(f'"{line}\\n"' for line in lines) + ");"


def _includes(source: Path, defines: Sequence[str]) -> list[str]:
    """Where weft.h is found: at a place of its own for each text, so that compilers name it."""
    text = c_header()
    folder = cache_root() / f"include-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not (folder / HEADER).is_file():
        keep(folder / HEADER, text.encode())
    return ["-I", str(folder), "-iquote", str(source.parent), *(f"-D{name}" for name in defines)]


def keep(path: Path, data: bytes) -> None:
    """Write a file of the cache, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def cache_root() -> Path:
    """Where compiled kernels are kept."""
    return build_root() / "kernels"


def working_folder() -> tempfile.TemporaryDirectory:
    """A folder for files in between, which goes away by itself."""
    return tempfile.TemporaryDirectory(prefix="weft-kernels-")
