"""Yosys, nextpnr and packers: installed ones when they are on the path, else those of PyPI."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .families import Family, Packer

HOW = "pip install 'weft[fpga]'"

_PYOSYS = (
    "import sys; from pyosys import libyosys; "
    "libyosys.run_pass(f'script {sys.argv[1]}', libyosys.Design())"
)


Watch = Callable[[str], str | None]
"""Why a tool with this output will never end well; None while it may."""

POLL_SECONDS = 2


class ToolError(RuntimeError):
    """A tool is missing or has failed; the message says what to do."""


@dataclass(frozen=True)
class Tool:
    """A program that can be run.

    Parameters
    ----------
    command
        What to write before its arguments.
    version
        As it names itself.
    """

    command: tuple[str, ...]
    version: str

    def run(self, arguments: list[str], log: Path, hopeless: Watch = lambda text: None) -> None:
        """Run it in the folder of ``log``, its output; `ToolError` with its error if it fails.

        Files in its arguments are relative to that folder: WebAssembly tools see little else.
        ``hopeless`` reads the log now and then; with a reason from it the tool is stopped.
        """
        command, reason = [*self.command, *arguments], None
        with (
            log.open("w") as output,
            subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent
            ) as tool,
        ):
            try:
                while tool.poll() is None and reason is None:
                    with suppress(subprocess.TimeoutExpired):
                        tool.wait(POLL_SECONDS)
                    reason = hopeless(log.read_text(errors="replace"))
            finally:
                tool.kill()
        if reason or tool.returncode:
            reason = reason or last_error(log.read_text())
            raise ToolError(f"{self.version} failed: {reason}; see {log}")


def last_error(text: str) -> str:
    """The line of a log that says what went wrong: the last error, or just the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["it said nothing"])[-1]


def find_yosys() -> Tool:
    """``yosys`` on the path, else the package pyosys; it takes a script as its argument."""
    if path := shutil.which("yosys"):
        said = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stdout
        return Tool((path, "-q", "-s"), _version(said, "Yosys"))
    if importlib.util.find_spec("pyosys"):
        version = f"Yosys {importlib.metadata.version('pyosys')}"
        return Tool((sys.executable, "-c", _PYOSYS), version)
    raise ToolError(f"Yosys is missing: {HOW}, or install Yosys 0.40 or newer")


def yosys_library() -> Path:
    """Folder of the files that come with the Yosys of `find_yosys`, such as models of cells."""
    if path := shutil.which("yosys"):
        return Path(path).resolve().parents[1] / "share" / "yosys"
    if (spec := importlib.util.find_spec("pyosys")) and spec.origin:
        return Path(spec.origin).with_name("share")
    raise ToolError(f"Yosys is missing: {HOW}, or install Yosys 0.40 or newer")


def find_nextpnr(family: Family) -> Tool:
    """A family's nextpnr on the path, else that of the package ``yowasp-nextpnr-...``."""
    path = _found(family.nextpnr)
    if path is None:
        raise ToolError(f"{family.nextpnr} is missing: {HOW}, or install nextpnr 0.7 or newer")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return Tool((path,), _version(said.stdout + said.stderr, "nextpnr"))


def find_packer(packer: Packer) -> Tool:
    """What makes a family's bitstreams, on the path or from PyPI."""
    path = _found(packer.program)
    if path is None:
        raise ToolError(f"{packer.program} is missing: {HOW}, or install it")
    return Tool((path,), packer.program)


def _found(program: str) -> str | None:
    """Path of a program: the system's own, else one beside our Python, the latter from PyPI."""
    if path := shutil.which(program):
        return path
    for name in (f"yowasp-{program}", program):
        beside = Path(sys.executable).with_name(name)
        if beside.is_file():
            return str(beside)
    return None


def _version(said: str, name: str) -> str:
    found = re.search(r"\d+\.\d+[\w.+-]*", said)
    return f"{name} {found.group()}" if found else name
