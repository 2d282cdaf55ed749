"""The official RISC-V architecture tests, fetched from PyPI when they are wanted.

They are in the source distribution of riscof (BSD-3-Clause, RISC-V International); nothing of it
is kept in this project. Data and signature are linked into the private window, so that every
thread has its own.
"""

import hashlib
import os
import re
import shutil
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin

import numpy as np

from weft.arch.isa import encode
from weft.arch.simt import MAIN, PRIVATE, Core, Launch
from weft_driver.kernel_toolchain import run_zig
from weft_sim.cache import build_root

INDEX = "https://pypi.org/simple/riscof/"
NAME = "riscof-1.20.3"
SHA256 = "343a60f2ab20f7640691c940d97a7b07b62c1018144d90871b02c1467ca73f09"

MODEL_HEADER = f"""\
#define RVMODEL_BOOT
#define RVMODEL_HALT .word {encode("exit"):#x}
#define RVMODEL_DATA_BEGIN .balign 16; .global begin_signature; begin_signature:
#define RVMODEL_DATA_END .global end_signature; end_signature:
#define RVMODEL_IO_INIT
#define RVMODEL_IO_WRITE_STR(_R, _STR)
#define RVMODEL_IO_CHECK()
#define RVMODEL_IO_ASSERT_GPR_EQ(_S, _R, _I)
#define RVMODEL_SET_MSW_INT
#define RVMODEL_CLEAR_MSW_INT
#define RVMODEL_CLEAR_MTIMER_INT
#define RVMODEL_CLEAR_MEXT_INT
"""

LINK_SCRIPT = f"""\
SECTIONS
{{
    . = {MAIN.base:#x};
    .text : {{ *(.text.init) *(.text) }}
    . = {PRIVATE.base:#x};
    .data : {{ *(.data) *(.data.*) *(.bss) }}
}}
"""

FLAGS = ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m+zicsr", "-DXLEN=32")


class NoNetwork(Exception):
    """The suite could not be fetched."""


@dataclass(frozen=True)
class Suite:
    """The unpacked suite.

    Parameters
    ----------
    folder
        Where it is.
    """

    folder: Path

    @classmethod
    def fetch(cls) -> "Suite":
        """Fetch it, or find it fetched; raises `NoNetwork`."""
        folder = build_root() / NAME
        if not folder.is_dir():
            partial = folder.with_name(f"{NAME}.partial-{os.getpid()}")
            _unpack(_download(), partial)
            try:
                partial.rename(folder)
            except OSError:  # another process was first
                shutil.rmtree(partial)
        return cls(folder)

    @property
    def names(self) -> list[str]:
        """Names of the tests, as ``I/add-01``."""
        tests = (self.folder / "rv32i_m").glob("*/*.S")
        return sorted(f"{path.parent.name}/{path.stem}" for path in tests)

    def build(self, name: str) -> "ArchitectureTest":
        """Assemble and link a test; raises `CompileError`."""
        source = self.folder / "rv32i_m" / f"{name}.S"
        elf = self.folder / "built" / f"{name}.elf"
        if not elf.is_file():
            elf.parent.mkdir(parents=True, exist_ok=True)
            env, own = self.folder / "env", os.getpid()
            made, partial = elf.with_suffix(f".o-{own}"), elf.with_suffix(f".partial-{own}")
            flags = [*FLAGS, "-w", "-I", env, "-DTEST_CASE_1=True"]
            run_zig("cc", [*flags, "-c", source, "-o", made], elf.parent)
            script = ["-e", "rvtest_entry_point", "-T", env / "link.ld"]
            run_zig("ld.lld", ["-m", "elf32lriscv", *script, made, "-o", partial], elf.parent)
            made.unlink()
            partial.rename(elf)
        return ArchitectureTest(name, elf, source.read_text())


@dataclass(frozen=True)
class ArchitectureTest:
    """One test program.

    Parameters
    ----------
    name, elf, source
        What it is called, what was linked, what it was made from.
    """

    name: str
    elf: Path
    source: str

    @cached_property
    def _file(self):
        from elftools.elf.elffile import ELFFile

        return ELFFile(BytesIO(self.elf.read_bytes()))

    def section(self, name: str) -> bytes:
        """Contents of a section."""
        return self._file.get_section_by_name(name).data()

    def symbol(self, name: str) -> int:
        """Value of a symbol."""
        return self._file.get_section_by_name(".symtab").get_symbol_by_name(name)[0]["st_value"]

    @property
    def signature(self) -> slice:
        """Where the signature lies in the data, in words."""
        first, last = (self.symbol(f"{end}_signature") - PRIVATE.base for end in ("begin", "end"))
        return slice(first // 4, last // 4)

    @property
    def stated(self) -> dict[int, int]:
        """Results that the source itself states, by address in the private window."""
        results, base = {}, 0
        for line in self.source.splitlines():
            if found := re.match(r"RVTEST_SIGBASE\(\s*x\d+,\s*(\w+)\)", line):
                base = self.symbol(found[1])
            # instruction, rd, operands..., correct value, ..., base register, offset, scratch
            if found := re.match(r"TEST_(RR|IMM)_OP\((.*)\)", line):
                fields = [field.strip() for field in found[2].split(",")]
                value, offset = int(fields[4 if found[1] == "RR" else 3], 0), int(fields[-2], 0)
                results[base + offset] = value & 0xFFFFFFFF
        return results


def in_unicorn(test: ArchitectureTest) -> np.ndarray:
    """The data that a single thread leaves, as unicorn runs it; words."""
    import unicorn

    code, data = test.section(".text"), test.section(".data")
    emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    emulator.mem_map(MAIN.base, len(code) + 4095 & ~4095)
    emulator.mem_write(MAIN.base, code)
    emulator.mem_map(PRIVATE.base, PRIVATE.size)
    emulator.mem_write(PRIVATE.base, data)
    end = code.rindex(encode("exit").to_bytes(4, "little"))
    emulator.emu_start(MAIN.base, MAIN.base + end)
    return np.frombuffer(bytes(emulator.mem_read(PRIVATE.base, len(data) & ~3)), "<u4")


@dataclass
class EveryThread:
    """A test in the memory of a core, with data and signature of its own for every thread.

    Parameters
    ----------
    test, core
        What runs, and on how many threads.
    """

    test: ArchitectureTest
    core: Core

    def __post_init__(self):
        code, data = self.test.section(".text"), self.test.section(".data")
        private, base = len(data) + 15 & ~15, len(code) + 4095 & ~4095
        threads, lanes = self.core.threads, self.core.lanes
        self.main = np.zeros(base + private * threads + 63 & ~63, np.uint8)
        self.main[: len(code)] = np.frombuffer(code, np.uint8)
        words = np.frombuffer(data.ljust(private, b"\0"), "<u4")
        area = self.main[base : base + private * threads].view(np.uint32)
        self._area = area.reshape(self.core.warps, private // 4, lanes)
        self._area[:] = words[None, :, None]
        self.launch = Launch(entry=0, block=(threads, 1, 1), private=private, private_base=base)

    def check(self, expected: np.ndarray) -> None:
        """Compare every thread's signature with that in a single thread's data."""
        signature = self.test.signature
        for thread in range(self.core.threads):
            warp, lane = divmod(thread, self.core.lanes)
            got = self._area[warp, : len(expected), lane]
            wrong = np.flatnonzero(got[signature] != expected[signature])
            assert not len(wrong), f"{self.test.name}: {thread=}, word {wrong[0]} of the signature"


def _unpack(data: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        for member in archive.getmembers():
            path = member.name.partition("/riscof/suite/")[2]
            if member.isfile() and re.fullmatch(r"env/.*|rv32i_m/[IM]/.*\.S", path):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(archive.extractfile(member).read())
    header = folder / "env" / "arch_test.h"
    # Operands are compared as text: only GNU as can compare labels that come later.
    text = re.sub(r"\.if label == (3f|1b)", r".ifc label, \1", header.read_text())
    header.write_text(text)
    (folder / "env" / "model_test.h").write_text(MODEL_HEADER)
    (folder / "env" / "link.ld").write_text(LINK_SCRIPT)


def _download() -> bytes:
    try:
        with urllib.request.urlopen(INDEX, timeout=30) as page:
            links = re.findall(r'href="([^"#]*)', page.read().decode())
        (link,) = [link for link in links if link.endswith(f"/{NAME}.tar.gz")]
        with urllib.request.urlopen(urljoin(INDEX, link), timeout=60) as file:
            data = file.read()
    except (urllib.error.URLError, OSError) as error:
        raise NoNetwork(f"{INDEX}: {error}") from None
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ValueError(f"{link}: SHA-256 is {found}, not {SHA256}")
    return data
