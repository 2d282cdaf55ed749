"""Netlists that a simulator can run: what Yosys made of Verilog, and models of an FPGA's cells."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from weft.gateware.primitives.models import cell_model
from weft_driver.folders import build_root

from .families import ECP5, ICE40, Family
from .tools import find_yosys, yosys_library
from .whole import whole
from .yosys import NETLIST, script, synthesise

BACK = f"""\
read_json {NETLIST}
opt_clean -purge
splitnets
opt_clean -purge
rename -hide
rename -enumerate -pattern n%
write_verilog -noattr netlist.v
"""
"""Script that turns the netlist for nextpnr into Verilog, for simulators of tens of thousands of
cells: names, but for the ports, are short, as each of them is copied many times; and every wire is
one bit, as cells that drive different bits of one word would look like a loop."""


@dataclass(frozen=True)
class Models:
    """Where the behaviour of a family's cells is written down.

    Parameters
    ----------
    yosys
        Files that come with Yosys.
    defines
        Macros that these want.
    own
        Ours, of cells that are black boxes there.
    """

    yosys: tuple[str, ...]
    defines: tuple[str, ...]
    own: tuple[str, ...] = ()


MODELS = {
    ECP5.name: Models(
        ("ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"),
        ("NO_INCLUDES",),
        (cell_model(ECP5.multiplier), Path(__file__).with_name("dp16kd.v").read_text()),
    ),
    ICE40.name: Models(("ice40/cells_sim.v",), ("NO_ICE40_DEFAULT_ASSIGNMENTS",)),
}
"""By family."""


def cell_models(family: Family) -> str:
    """Verilog of all cells in a family's netlists.

    Raises
    ------
    ValueError
        There are no models of this family's cells.
    ToolError
        Yosys, whose library it is, is missing.
    """
    if family.name not in MODELS:
        raise ValueError(f"no models of {family.title}'s cells; of: {', '.join(MODELS)}")
    models = MODELS[family.name]
    texts = [f"`define {name}\n" for name in models.defines]
    texts += [(yosys_library() / name).read_text() for name in models.yosys]
    return "\n".join((*texts, *models.own))


def mapped_verilog(text: str, top: str, family: Family) -> str:
    """The netlist of Verilog, as Verilog, with the same ports; made once for each text and tool.

    Raises
    ------
    ToolError
        Yosys is missing or has failed.
    """
    yosys = find_yosys()
    steps = script(family, {}, "", "", top, framed=False) + BACK
    key = hashlib.sha256("\0".join((text, steps, yosys.version)).encode()).hexdigest()[:16]
    folder = build_root() / "synth" / f"netlist-{key}"
    if not (folder / "netlist.v").is_file():
        with whole(folder) as partial:
            synthesise(yosys, family, {}, text, top, partial, framed=False)
            (partial / "back.ys").write_text(BACK)
            yosys.run(["back.ys"], partial / "back.log")
    return (folder / "netlist.v").read_text()
