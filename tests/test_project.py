"""The project itself: tracked Verilog, entry points, Makefile, manifest."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from weft import emit
from weft.config import PRESETS, Config

ROOT = Path(__file__).parents[1]
TRACKED = ROOT / "hw" / "rtl" / "tiny"


@pytest.fixture(scope="module")
def tiny() -> str:
    return emit.emit_verilog(PRESETS["tiny"])


def test_tracked_verilog_is_what_the_sources_say(tiny):
    assert (TRACKED / "weft.v").read_bytes() == tiny.encode(), "run `make rtl`"
    tracked = json.loads((TRACKED / "manifest.json").read_text())
    assert tracked == emit.manifest(PRESETS["tiny"], tiny), "run `make rtl`"
    beside = emit.beside(PRESETS["tiny"])
    assert {name: (TRACKED / name).read_text() for name in beside} == beside, "run `make rtl`"


def test_verilog_does_not_depend_on_the_hash_seed(tiny):
    script = "from weft import emit, config; print(emit.emit_verilog(config.PRESETS['tiny']))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.rstrip("\n") == tiny.rstrip("\n")


def test_verilog_names_no_path_or_date(tiny):
    assert not re.search(r"/(home|root|tmp|usr)/|\.py\b|\b20\d\d-\d\d-\d\d\b", tiny)


def test_manifest_names_every_port(tiny):
    manifest = emit.manifest(PRESETS["tiny"], tiny)
    ports = {port["name"]: port for port in manifest["ports"]}
    assert ports["clk"] == {"name": "clk", "direction": "input", "width": 1}
    bus = PRESETS["tiny"].bus_bytes
    assert ports["m_axi_rdata"] == {"name": "m_axi_rdata", "direction": "input", "width": 8 * bus}
    assert ports["m_axi_wstrb"] == {"name": "m_axi_wstrb", "direction": "output", "width": bus}
    assert ports["irq"]["direction"] == ports["s_axil_rvalid"]["direction"] == "output"
    assert not [name for name in ports if "__" in name]
    header = re.search(r"^module weft\((.*?)\);", tiny, re.MULTILINE | re.DOTALL)
    assert header is not None
    assert set(ports) == set(re.findall(r"\w+", header[1])), "the Verilog has exactly these"
    assert manifest["config_hash"] == PRESETS["tiny"].hash_hex
    assert manifest["derived"]["act_row_bytes"] == PRESETS["tiny"].act_row_bytes


def test_emit_writes_all_files(tmp_path):
    paths = emit.emit(Config.parse("tiny,rows=1,cols=1"), tmp_path / "new")
    names = ["weft.v", "manifest.json", "weft_host.h", "weft.core", "weft.vlt"]
    assert [path.name for path in paths] == names
    assert "module weft(" in paths[0].read_text()


def test_transports_are_installed():
    points = entry_points(group="weft.transports")
    assert {point.name for point in points} == {"golden", "uart", "verilator"}
    for point in points:
        assert callable(point.load())


def test_ports_of_a_module_that_is_not_there():
    with pytest.raises(ValueError, match="no module 'weft'"):
        emit.verilog_ports("module other(); endmodule")


# --- the Makefile on machines that lack something ------------------------------------------------


@pytest.fixture
def bare_machine(tmp_path):
    """Runs `make env` in a copy of the project, with only the named programs on PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    project = tmp_path / "project"
    project.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, project)

    def run(*available: str, scripts: dict[str, str] | None = None) -> str:
        for name in ("sh", "env", "nproc", "touch", *available):
            path = shutil.which(name)
            assert path, name
            (programs / name).symlink_to(path)
        for name, text in (scripts or {}).items():
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)
        make = shutil.which("make")
        assert make
        done = subprocess.run(
            [make, "env"],
            cwd=project,
            env={"PATH": str(programs), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0
        assert not (project / ".venv").exists()
        lines = [line for line in done.stderr.splitlines() if "***" not in line]
        assert len(lines) == 1, done.stderr
        return lines[0]

    return run


def test_make_names_the_compiler(bare_machine):
    message = bare_machine()
    assert message == "make: a C++ compiler is missing: install Debian package g++"


def test_make_names_python(bare_machine):
    message = bare_machine(scripts={"g++": "exit 0"})
    assert message == "make: Python is missing: install Debian packages python3 and python3-venv"


def test_make_names_the_python_version(bare_machine):
    message = bare_machine(scripts={"g++": "exit 0", "python3": "exit 1"})
    assert message.startswith("make: Python is too old: 3.11 or newer is needed")


def test_make_names_venv(bare_machine):
    # A Python that is new enough, and cannot import ensurepip: Debian without python3-venv.
    script = 'case "$2" in *ensurepip*) exit 1;; esac; exit 0'
    message = bare_machine(scripts={"g++": "exit 0", "python3": script})
    assert message.endswith("install Debian package python3-venv")
