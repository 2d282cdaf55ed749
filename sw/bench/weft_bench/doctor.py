"""``weft doctor``: what is installed, what is missing, and how to get it."""

import importlib.metadata
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import Any

import weft
from weft.emit import TOOLS, tool_versions
from weft_sim.toolchain import ToolError, find_compiler, find_verilator

DEBIAN = {"make": "make", "perl": "perl"}
"""Programs beside the compiler, and their Debian packages."""

SHIPPED_EXTRAS = ("hw", "sim", "report", "test")
"""Extras of the package in the order in which they are shown."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked for.

    Parameters
    ----------
    name, needed_for
        What, and which commands need it.
    ok, found
        Whether it can be used, and its version or place.
    advice
        How to get it; empty when it is there.
    """

    name: str
    needed_for: str
    ok: bool
    found: str = ""
    advice: str = ""


def examine() -> list[Check]:
    """Look for everything that Weft uses."""
    return [_python(), _compiler(), *_programs(), _verilator(), _yosys(), *_extras()]


def as_json() -> dict[str, Any]:
    """What `examine` found, as one JSON value."""
    checks = examine()
    return {
        "weft_version": weft.__version__,
        "config_hash": None,
        "device": None,
        "ok": all(check.ok for check in checks),
        "checks": [asdict(check) for check in checks],
    }


def main() -> int:
    """Print what `examine` found on standard error; 1 when something is missing."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    checks = examine()
    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "for", "found"):
        table.add_column(title)
    for check in checks:
        mark = "[green]ok[/]" if check.ok else "[red]missing[/]"
        found = check.found if check.ok else " - ".join(filter(None, (check.found, check.advice)))
        table.add_row(mark, escape(check.name), check.needed_for, escape(found))
    Console(stderr=True, highlight=False).print(table)
    return 0 if all(check.ok for check in checks) else 1


def _python() -> Check:
    number = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    advice = "" if ok else "3.11 or newer is needed: Debian package python3.11 or newer"
    return Check("Python", "everything", ok, f"{number}, {sys.executable}", advice)


def _compiler() -> Check:
    try:
        compiler = find_compiler()
    except ToolError as error:
        return Check("C++ compiler", "make sim", False, advice=str(error))
    return Check("C++ compiler", "make sim", True, compiler.version or compiler.command[0])


def _programs() -> list[Check]:
    needed_for = {"make": "make sim, make test", "perl": "make test"}
    checks = []
    for program, package in DEBIAN.items():
        path = shutil.which(program)
        advice = "" if path else f"install Debian package {package}"
        checks.append(Check(program, needed_for[program], bool(path), path or "", advice))
    return checks


def _verilator() -> Check:
    try:
        found = find_verilator()
    except ToolError as error:
        return Check("Verilator", "make sim", False, advice=str(error))
    where = found.command[0] if found.origin == "system" else "from its wheel"
    text = f"{found.version_text}, {where}"
    return Check("Verilator", "make sim", True, text)


def _yosys() -> Check:
    versions = tool_versions()
    ok = "missing" not in versions.values()
    text = ", ".join(f"{tool} {versions[tool]}" for tool in TOOLS)
    advice = "" if ok else "pip install 'weft[hw]'"
    return Check("Verilog writer", "weft emit, make sim", ok, text, advice)


def _extras() -> list[Check]:
    """Whether each extra of the installed package is complete, from its own metadata."""
    try:
        requirements = importlib.metadata.requires("weft") or []
    except importlib.metadata.PackageNotFoundError:
        return [Check("package weft", "everything", False, advice="run `make env`")]
    checks = []
    for extra in SHIPPED_EXTRAS:
        names = [
            re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
            for requirement in requirements
            if re.search(rf"""extra == ['"]{extra}['"]""", requirement)
        ]
        missing = [name for name in names if not _installed(name)]
        needed_for = "make test" if extra == "test" else "make sim"
        found = f"without {', '.join(missing)}" if missing else f"{len(names)} packages"
        how = f"pip install 'weft[{extra}]', or make env{'-test' * (extra == 'test')}"
        advice = how if missing else ""
        checks.append(Check(f"extra [{extra}]", needed_for, not missing, found, advice))
    return checks


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
