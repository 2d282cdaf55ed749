"""Statements in place of an FPGA's cells do what the models of the cells do: Yosys proves it."""

import importlib.util
import itertools
import re

import pytest

from weft.synth.cell_statements import with_statements
from weft.synth.families import ECP5, FAMILIES, ICE40
from weft.synth.netlist import MODELS, cell_models
from weft.synth.tools import ToolError, find_yosys

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("pyosys"), reason="extra [fpga] is not installed"
)

TABLES = ("1ac7", "8ff3", "0a40")
TRELLIS_FF = (
    'TRELLIS_FF #(.CEMUX("{}"), .CLKMUX("CLK"), .GSR("DISABLED"), .LSRMUX("LSR"), .REGSET("{}"),'
    ' .SRMODE("{}")) {{}} (.CE(a), .CLK(clk), .DI(b), .LSR(c), .Q({{}}));'
)
PINS = {"E": ".E(a), ", "SR": ".R(c), ", "SS": ".S(c), ", "": ""}
CELLS = {
    ECP5.name: [
        *(f"LUT4 #(.INIT(16'h{t})) {{}} (.A(a), .B(b), .C(c), .D(d), .Z({{}}));" for t in TABLES),
        *(
            TRELLIS_FF.format(enable, reset, "LSR_OVER_CE")
            for enable, reset in itertools.product(("CE", "INV", "1"), ("SET", "RESET"))
        ),
    ],
    ICE40.name: [
        *(
            f"SB_LUT4 #(.LUT_INIT(16'h{t})) {{}} (.I0(a), .I1(b), .I2(c), .I3(d), .O({{}}));"
            for t in TABLES
        ),
        "SB_CARRY {} (.I0(a), .I1(b), .CI(c), .CO({}));",
        *(
            f"SB_DFF{enable}{reset} {{}} (.C(clk), {PINS[enable]}{PINS[reset]}.D(b), .Q({{}}));"
            for enable, reset in itertools.product(("", "E"), ("", "SR", "SS"))
        ),
    ],
}
"""Cells with a name and an output to be filled in."""

WRITE = """\
read_verilog -lib models.v
read_verilog top.v
write_verilog -noattr netlist.v
"""
PROVE = """\
read_verilog -defer models.v
read_verilog cells.v
prep -flatten -top cells
design -stash cells
read_verilog statements.v
prep -flatten -top statements
design -copy-from cells cells
miter -equiv -flatten statements cells miter
clk2fflogic miter
sat -verify -tempinduct -set-init-zero -prove trigger 0 miter
"""
"""Registers begin with 0 where nothing is said, as in Verilator."""


def run(folder, **texts: str) -> None:
    """Run the script ``steps`` in a folder of these files."""
    for name, text in texts.items():
        (folder / f"{name}.v").write_text(text)
    find_yosys().run(["steps.v"], folder / "log")


def netlist(folder, family, cells: list[str]) -> str:
    """A module of these cells as Yosys writes it."""
    outputs = len(cells)
    lines = [cell.format(f"n{number}", f"q[{number}]") for number, cell in enumerate(cells)]
    head = f"module top(input clk, a, b, c, d, output [{outputs - 1}:0] q);"
    text = "\n".join([head, *lines, "endmodule\n"])
    run(folder, models=cell_models(family), top=text, steps=WRITE)
    return (folder / "netlist.v").read_text()


def prove(folder, cells: str, statements: str) -> None:
    """That two texts of module ``top`` do the same; `ToolError` if not."""
    texts = {"cells": cells, "statements": statements}
    named = {name: text.replace("module top", f"module {name}") for name, text in texts.items()}
    run(folder, steps=PROVE, **named)


@pytest.mark.parametrize("name", MODELS)
def test_statements_do_what_cells_do(name, tmp_path):
    family = FAMILIES[name]
    cells = netlist(tmp_path, family, CELLS[name])
    statements = with_statements(cells, family)
    assert not re.search(r"^ *(LUT4|TRELLIS|SB)", statements, re.MULTILINE), "statements only"
    prove(tmp_path, cells, statements)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "change",
    [(">> {d, c", ">> {c, d"), ("else", "else if (d)"), ("<= 1'h1", "<= 1'h0"), ("(pos", "(neg")],
)
def test_what_differs_is_found(name, change, tmp_path):
    cells = netlist(tmp_path, FAMILIES[name], CELLS[name])
    changed = with_statements(cells, FAMILIES[name]).replace(*change, 1)
    with pytest.raises(ToolError, match="proof did fail"):
        prove(tmp_path, cells, changed)


def test_what_is_not_known_stays_a_cell(tmp_path):
    """A register whose enable comes before its reset."""
    odd = TRELLIS_FF.format("CE", "SET", "CE_OVER_LSR")
    cells = netlist(tmp_path, ECP5, [odd])
    assert with_statements(cells, ECP5) == cells
