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

from weft.arch.simt import LINE_BYTES

from . import kernel_entry
from .folders import build_root
from .kernel_entry import ENTRY_SECTION, KERNEL_SECTION, Prologue, called, ends_threads, entry
from .kernel_header import HEADER, c_header

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

FRONT_END = ("-S", "-emit-llvm", "-Xclang", "-disable-llvm-passes")
"""C to LLVM's assembly, not optimised yet."""

LINK_SCRIPT = f"""\
/* What is called stands before its callers: threads that call a function run it while the others
   wait behind the call. What the loader needs to know stays outside. */
SECTIONS
{{
    . = 0;
    .text : {{ *(.text .text.*) }}
    {KERNEL_SECTION} : ALIGN({LINE_BYTES}) {{ KEEP(*({ENTRY_SECTION})) KEEP(*({KERNEL_SECTION})) }}
    .rodata : ALIGN(16) {{ *(.rodata .rodata.* .srodata .srodata.*) }}
    .data : ALIGN(16) {{ *(.data .data.* .data.rel.ro .sdata .sdata.* .got .got.*) }}
    .bss : ALIGN(16) {{ *(.bss .bss.* .sbss .sbss.* COMMON) }}
    .rela.dyn : {{ *(.rela.*) }}
    .dynamic : {{ *(.dynamic) }}
    .dynsym : {{ *(.dynsym) }}
    .dynstr : {{ *(.dynstr) }}
    .hash : {{ *(.hash) }}
    .gnu.hash : {{ *(.gnu.hash) }}
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
    """Name of a compiled kernel file: of its text, the flags, this code and the compiler."""
    digest = hashlib.sha256()
    ours = (Path(file).read_text() for file in (__file__, kernel_entry.__file__))
    for part in (text, *C_FLAGS, *ours, version("ziglang")):
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

    Raises
    ------
    CompileError
        With the compiler's message, or because a kernel is called.
    """
    ir, target = folder / "kernels.ll", folder / "kernels.o"
    flags = [*C_FLAGS, *_includes(source, defines)]
    run_zig("cc", [*flags, *FRONT_END, source, "-o", ir], folder)
    text = ir.read_text()
    for name in called(text):
        raise CompileError(
            f"kernel {name} is called: it would end the thread; put what both do into a function"
        )
    ir.write_text(ends_threads(text))
    run_zig("cc", [*C_FLAGS, "-c", ir, "-o", target], folder)
    return target


def link_bare(compiled: Path, folder: Path) -> Path:
    """Link an object by itself: what it lacks stays open, kernels have no entries."""
    return _run_lld([compiled], ["--unresolved-symbols=ignore-all"], folder)


def link(compiled: Path, kernels: dict[str, tuple[int, Prologue]], folder: Path) -> Path:
    """Link an object with an entry for each kernel.

    Parameters
    ----------
    compiled
        What `compile_kernels` made.
    kernels
        Words of arguments and the prologue, by kernel.
    folder
        Where files go.

    Returns
    -------
    Path
        A position-independent executable for address 0.
    """
    parts = {
        "entries.s": "".join(entry(name, *what) for name, what in kernels.items()),
        "runtime.c": RUNTIME,
    }
    objects = [compiled]
    for name, text in parts.items():
        source = folder / name
        source.write_text(text)
        objects.append(source.with_suffix(".o"))
        # With debug information, what the linker drops would claim the first lines of the kernels.
        flags = [*C_FLAGS, "-g0", "-ffunction-sections"]
        run_zig("cc", [*flags, "-c", source, "-o", objects[-1]], folder)
    return _run_lld(objects, [], folder)


def _run_lld(objects: Sequence[Path], more: Sequence[str], folder: Path) -> Path:
    script, target = folder / "weft.ld", folder / "kernels.elf"
    script.write_text(LINK_SCRIPT)
    flags = ["-m", "elf32lriscv", "-pie", "-z", "norelro", "--no-dynamic-linker", "--gc-sections"]
    run_zig("ld.lld", [*flags, *more, "-e", "0", "-T", script, *objects, "-o", target], folder)
    return target


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
