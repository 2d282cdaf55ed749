"""The small chip's firmware: C to words of its code memory, with zig's clang and lld."""

import hashlib
import importlib.util
from importlib.metadata import version
from pathlib import Path

import weft
from weft.arch.layouts import PARAM_BYTES
from weft.config import Config
from weft.gateware.small.map import ROW_FIRST, WINDOW, WORD_BYTES, Window
from weft_driver.folders import build_root
from weft_driver.kernel_toolchain import keep, run_zig, working_folder

from .firmware_layout import layout

SOURCES = Path(weft.__file__).parent / "firmware"
"""Its C files."""

CODE_BYTES = 8192
"""Room for it: 16 of the 30 block RAMs of an iCE40 UP5K."""

STACK_BYTES = 2048
"""Room for variables and stack, in local memory behind the SRAMs."""

FLAGS = (
    *("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32"),
    *("-std=gnu2x", "-Os", "-g0", "-Wall", "-Wextra", "-Werror"),
    *("-ffreestanding", "-fno-builtin", "-fno-pic", "-fno-sanitize=all", "-fno-stack-protector"),
    *("-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fomit-frame-pointer"),
    *("-ffunction-sections", "-fno-strict-aliasing", "-fno-jump-tables"),
)

SCRIPT = """\
SECTIONS
{{
    . = 0;
    .text : {{ KEEP(*(.start)) *(.text .text.*) *(.rodata .rodata.* .srodata .srodata.*) }}
    . = {local} + {sram_bytes};
    .bss (NOLOAD) : ALIGN(4) {{
        __bss_start = .; *(.bss .bss.* .sbss .sbss.* COMMON) . = ALIGN(4); __bss_end = .;
    }}
    __stack = {local} + {local_bytes};
    /DISCARD/ : {{ *(.comment) *(.riscv.attributes) *(.eh_frame) }}
    .bad : {{ *(.data .data.* .sdata .sdata.*) }}
    ASSERT(SIZEOF(.bad) == 0, "variables with initial values are not possible")
}}
"""
"""Code and constants first, variables behind the SRAMs in local memory, the stack at its end."""


def firmware(config: Config, memory_bytes: int) -> tuple[int, ...]:
    """Words of the code memory, compiled when they are not in the cache.

    Parameters
    ----------
    config
        The chip that the firmware is.
    memory_bytes
        Main memory.

    Raises
    ------
    ValueError
        It would not fit, or is not for this kind of chip.
    ModuleNotFoundError
        The compiler is missing; names the extra.
    """
    check(config)
    header = layout(config, memory_bytes)
    files = sorted(SOURCES.glob("*.[ch]"))
    if importlib.util.find_spec("ziglang") is None:
        raise ModuleNotFoundError(
            "Python package ziglang is missing, the small chip's firmware cannot be compiled: "
            "pip install 'weft[simt]'"
        )
    digest = hashlib.sha256("\0".join([header, *FLAGS, SCRIPT, version("ziglang")]).encode())
    for file in files:
        digest.update(file.read_bytes())
    kept = build_root() / "firmware" / f"{digest.hexdigest()[:24]}.bin"
    if not kept.is_file():
        keep(kept, _compiled(config, header, [f for f in files if f.suffix == ".c"]))
    image = kept.read_bytes()
    return tuple(int.from_bytes(image[i : i + 4], "little") for i in range(0, len(image), 4))


def sram_bytes(config: Config) -> int:
    """Bytes of local memory that activations, weights and parameters take."""
    act = config.act_regions * config.act_region_span
    return act + config.wgt_rows * config.cols + config.param_blocks * config.cols * PARAM_BYTES


def local_bytes(config: Config) -> int:
    """Bytes of local memory: those, and what the firmware needs, as a power of two."""
    return 1 << (sram_bytes(config) + STACK_BYTES - 1).bit_length()


_NEEDED: dict[str, tuple[int, ...]] = {
    "rows": (WORD_BYTES,),
    "cols": (4, 8, 16),
    "bus_bytes": (WORD_BYTES,),
    "lanes": (0,),
    "transpose": (False,),
    "row_sum": (False,),
}
"""Values that fields of a small chip's configuration may have."""


def check(config: Config) -> None:
    """Refuse a chip that is no small one; `ValueError` says why."""
    wrong = [
        f"{name} = {getattr(config, name)!r}, must be {' or '.join(map(repr, valid))}"
        for name, valid in _NEEDED.items()
        if getattr(config, name) not in valid
    ]
    if config.acc_total_rows > ROW_FIRST:
        wrong.append(f"acc_rows = {config.acc_rows}, must be at most {ROW_FIRST // 2}")
    size, room = sram_bytes(config), WINDOW - STACK_BYTES
    if size > room:
        wrong.append(f"its SRAMs have {size:,} bytes, at most {room:,}")
    if wrong:
        raise ValueError(f"not a small chip: {'; '.join(wrong)}")


def _compiled(config: Config, header: str, sources: list[Path]) -> bytes:
    with working_folder() as name:
        folder = Path(name)
        (folder / "layout.h").write_text(header)
        objects = []
        for source in sources:
            objects.append(folder / f"{source.stem}.o")
            run_zig("cc", [*FLAGS, "-I", name, "-c", source, "-o", objects[-1]], folder)
        script = folder / "firmware.ld"
        script.write_text(
            SCRIPT.format(
                local=Window.LOCAL.base,
                sram_bytes=sram_bytes(config),
                local_bytes=local_bytes(config),
            )
        )
        image = folder / "firmware.bin"
        flags = ["-m", "elf32lriscv", "--gc-sections", "--oformat", "binary"]
        run_zig("ld.lld", [*flags, "-e", "start", "-T", script, *objects, "-o", image], folder)
        code = image.read_bytes()
    if len(code) > CODE_BYTES:
        raise ValueError(f"the firmware has {len(code):,} bytes, {CODE_BYTES:,} are there")
    return code.ljust(CODE_BYTES, b"\0")
