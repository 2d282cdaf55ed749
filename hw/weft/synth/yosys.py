"""Synthesis with Yosys."""

from pathlib import Path

from .between import INSIDE
from .families import Family
from .floorplan import Floorplan
from .tools import Tool

SCRIPT = """\
read_verilog {verilog}
hierarchy -top {top}
setattr -mod -set keep_hierarchy 1 {top}.{inside} *_enables_*
{synthesis} -top {top}
setattr -mod -unset keep_hierarchy {top}.{inside} *_enables_*
flatten
opt_clean
{finish}
{places}
write_json {netlist}
"""
"""The part is synthesised by itself, so that nothing of the frame around it is merged with it, and
flattened within. So is each line of enables in the array: they are equal, and stay near what they
drive."""


def script(family: Family, places: Floorplan, verilog: str, netlist: str, top: str) -> str:
    """What Yosys is to do; file names are relative to where it runs."""
    lines = [f'setattr -set BEL "{place}" {top}/{INSIDE}.{cell}' for cell, place in places.items()]
    text = SCRIPT.format(
        verilog=verilog,
        netlist=netlist,
        top=top,
        inside=INSIDE,
        synthesis=family.synthesis,
        finish="\n".join(family.finish).format(top=top),
        places="\n".join(lines),
    )
    return "\n".join(filter(None, text.splitlines())) + "\n"


def maps(family: Family) -> dict[str, str]:
    """Files that the script reads, by their names."""
    return {name: Path(__file__).with_name(name).read_text() for name in family.maps}


def synthesise(
    yosys: Tool, family: Family, places: Floorplan, text: str, top: str, folder: Path
) -> Path:
    """Make a netlist of Verilog, whose top module is a `between.Between`; says where it is."""
    verilog, netlist, steps = (folder / name for name in ("top.v", "netlist.json", "synth.ys"))
    verilog.write_text(text)
    for name, content in maps(family).items():
        (folder / name).write_text(content)
    steps.write_text(script(family, places, verilog.name, netlist.name, top))
    yosys.run([steps.name], folder / "yosys.log")
    return netlist
