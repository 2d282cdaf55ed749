"""Synthesis for ECP5 with Yosys."""

from pathlib import Path

from .between import INSIDE
from .tools import Tool

SCRIPT = """\
read_verilog {verilog}
hierarchy -check -top {top}
setattr -mod -set keep_hierarchy 1 {top}.{inside}
synth_ecp5 -top {top} -nowidelut
setattr -mod -unset keep_hierarchy {top}.{inside}
flatten
opt_clean
write_json {netlist}
"""
"""The part is synthesised by itself, so that nothing of the frame around it is merged with it, and
flattened within. Without wide multiplexers: what chooses among many is smaller in plain LUTs."""


def script(verilog: str, netlist: str, top: str) -> str:
    """What Yosys is to do; file names are relative to where it runs."""
    return SCRIPT.format(verilog=verilog, netlist=netlist, top=top, inside=INSIDE)


def synthesise(yosys: Tool, text: str, top: str, folder: Path) -> Path:
    """Make a netlist of Verilog, whose top module is a `between.Between`; says where it is."""
    verilog, netlist, steps = (folder / name for name in ("top.v", "netlist.json", "synth.ys"))
    verilog.write_text(text)
    steps.write_text(script(verilog.name, netlist.name, top))
    yosys.run([steps.name], folder / "yosys.log")
    return netlist
