"""Builds simulators: Verilog -> Verilator -> C++ -> a shared library, once per design."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from weft import emit
from weft.config import Config
from weft.gateware.primitives.models import cell_model

from . import compile as tools
from . import harness
from .cache import build_root, cached_library, key_of, write_whole
from .compile import NATIVE
from .progress import Report, progress, silent
from .toolchain import cpu_name, find_compiler, find_verilator

__all__ = [
    "NATIVE",
    "build_chip",
    "build_library",
    "build_native",
    "build_root",
    "build_simulator",
    "cached_text",
    "cached_verilog",
    "progress",
]


def cached_verilog(config: Config, report: Report = silent) -> str:
    """Verilog of the chip, emitted only when a gateware source, the config or a tool changed."""

    def make() -> str:
        report("Verilog", 0, 1)
        return emit.emit_verilog(config, core_clock=True) + cell_model(config.multiplier)

    return cached_text(config.hash_hex, "", make)


def cached_text(name: str, key: str, make: Callable[[], str]) -> str:
    """Verilog that depends on ``name``, ``key``, gateware and tools; ``key`` may change."""
    folder = build_root() / "verilog"
    path = folder / f"{name}-{key_of(key, emit.sources_hash())}.v"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    text = make()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}-*.v"):
        old.unlink(missing_ok=True)
    write_whole(path, text)
    return text


def build_simulator(config: Config, waves: bool = False) -> Path:
    """The shared library of a chip with its memory, built when it is not there.

    Parameters
    ----------
    config
        Which chip.
    waves
        The variant that can record waves; slower.

    Raises
    ------
    ToolError
        Verilator or the compiler is missing, too old, or failed.
    """
    with progress(f"simulator of {_short(config)}{' with waves' if waves else ''}") as report:
        return build_chip(config, cached_verilog(config, report), waves, report)


def build_chip(
    config: Config,
    verilog: str,
    waves: bool = False,
    report: Report = silent,
    fast: str = tools.FAST,
) -> Path:
    """The same for any Verilog with the ports of the chip of this configuration."""
    return build_library(
        harness.TOP,
        verilog + harness.harness_verilog(verilog),
        NATIVE / "device.cpp",
        defines={
            "WEFT_BUS_BYTES": config.bus_bytes,
            "WEFT_CORE_CLOCK": int(harness.has_core_clock(verilog)),
        },
        waves=waves,
        report=report,
        fast=fast,
    )


def build_library(
    top: str,
    verilog: str,
    driver: Path,
    *,
    defines: dict[str, int] | None = None,
    waves: bool = False,
    report: Report = silent,
    fast: str = tools.FAST,
) -> Path:
    """Verilate any design and compile it with a C++ driver into a shared library.

    Parameters
    ----------
    top, verilog
        Top module and its text; the driver includes ``V{top}.h``.
    driver
        C++ source; headers beside it are part of the cache key. ``WEFT_WAVES`` is 0 or 1 in it.
    defines
        Further macros of the driver.
    waves
        Compile tracing in.
    report
        Told about the progress.
    fast
        Optimisation of what runs every cycle; less is for what runs few of them.
    """
    verilator, compiler = find_verilator(), find_compiler()
    macros = {"WEFT_WAVES": int(waves), **(defines or {})}
    macro_flags = tuple(f"-D{name}={value}" for name, value in macros.items())
    more = tools.UNCUT if fast == tools.SLOW else ()
    key = key_of(
        verilog,
        *(path.read_text() for path in _harness(driver)),
        json.dumps([top, verilator.version, verilator.origin, compiler.version, cpu_name()]),
        json.dumps([tools.ALL_FLAGS, fast, macro_flags, driver.name, *more]),
    )

    def make(folder: Path) -> None:
        source = folder / f"{top}.v"
        source.write_text(verilog)
        report("Verilator", 0, 1)
        tools.verilate(verilator, top, source, folder / "obj", waves, more)
        tools.compile_library(compiler, verilator, driver, folder, macro_flags, waves, report, fast)

    return cached_library(f"{top}-{key}", make)


def build_native(driver: Path) -> Path:
    """Compile one C++ file without any Verilog into a shared library."""
    compiler = find_compiler()
    key = key_of(*(p.read_text() for p in _harness(driver)), compiler.version, cpu_name())

    def make(folder: Path) -> None:
        flags = ["-std=gnu++17", "-O2", "-fPIC", "-shared"]
        tools.run([*compiler.command, *flags, str(driver), "-o", str(folder / "library.so")])

    return cached_library(f"{driver.stem}-{key}", make)


def _harness(driver: Path) -> list[Path]:
    return [driver, *sorted(driver.parent.rglob("*.h"))]


def _short(config: Config) -> str:
    return f"{config.rows} x {config.cols}, config {config.hash_hex[:8]}"
