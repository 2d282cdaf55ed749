"""Synthesis with Yosys."""

from pathlib import Path

from .between import INSIDE
from .families import Family
from .floorplan import Floorplan
from .tools import Tool

NETLIST = "netlist.json"
"""What is made, for nextpnr."""

SCRIPT = """\
read_verilog {verilog}
hierarchy -top {top}
setattr -mod -set keep_hierarchy 1 {apart}
{prepare}
{synthesis} -top {top}
setattr -mod -unset keep_hierarchy {apart}
flatten
opt_clean
{finish}
{places}
write_json {netlist}
"""
"""A part in a frame is synthesised by itself, so that nothing of the frame is merged with it, and
flattened within. So is each line of enables in the array: they are equal, and stay near what they
drive."""


def script(
    family: Family, places: Floorplan, verilog: str, netlist: str, top: str, framed: bool = True
) -> str:
    """What Yosys is to do; file names are relative to where it runs.

    Parameters
    ----------
    family
        Of the FPGA.
    places
        ``BEL`` by names of cells, or patterns of them, from the part on; one cell each.
    verilog, netlist
        Files that are read and written.
    top
        Name of the top module.
    framed
        It is a `between.Between`; else it is the part itself.
    """
    within = f"{INSIDE}." if framed else ""
    kind = " ".join(f"{top}/t:{family.available[name]}" for name in ("multipliers", "brams"))
    kind += " %u %i"
    lines = [
        f'setattr -set BEL "{at}" {top}/c:{within}{cell} {kind}' for cell, at in places.items()
    ]
    lines += [f"select -assert-count {len(places)} {top}/a:BEL=* {kind}"] * bool(places)
    text = SCRIPT.format(
        verilog=verilog,
        netlist=netlist,
        top=top,
        apart=" ".join([f"{top}.{INSIDE}"] * framed + ["*_enables_*"]),
        prepare="\n".join(family.prepare),
        synthesis=family.synthesis,
        finish="\n".join(family.finish).format(top=top),
        places="\n".join(lines),
    )
    return "\n".join(filter(None, text.splitlines())) + "\n"


def maps(family: Family) -> dict[str, str]:
    """Files that the script reads, by their names."""
    return {name: Path(__file__).with_name(name).read_text() for name in family.maps}


def synthesise(
    yosys: Tool,
    family: Family,
    places: Floorplan,
    text: str,
    top: str,
    folder: Path,
    framed: bool = True,
) -> Path:
    """Make a netlist of Verilog; says where it is. See `script`."""
    verilog, netlist, steps = (folder / name for name in ("top.v", NETLIST, "synth.ys"))
    verilog.write_text(text)
    for name, content in maps(family).items():
        (folder / name).write_text(content)
    steps.write_text(script(family, places, verilog.name, netlist.name, top, framed))
    yosys.run([steps.name], folder / "yosys.log")
    return netlist
