"""Cells of netlists as plain statements of Verilog.

A simulator makes a module for each set of parameters of a cell, hundreds for look-up tables, and
for each cell a copy of one with all its wires, which takes most of its time. What is not known
here stays a cell, for its model to say.
"""

import re
from collections.abc import Callable

from .families import ECP5, ICE40, Family

Texts = dict[str, str]
"""Parameters or connections of a cell, by name."""

Statement = Callable[[str, Texts, Texts], str | None]
"""What a cell of this name with these parameters and connections does; None: see its model."""

_CELL = r"^ *({}) #\((.*?)\n *\) (\S+) \((.*?)\n *\);$"
_TEXT = re.compile(r"\.(\w+)\(([^()]*)\)")


def _lut(contents: str, inputs: tuple[str, ...], output: str) -> Statement:
    """A table of these contents, with the inputs as address, lowest first."""

    def statement(name: str, parameters: Texts, pins: Texts) -> str:
        address = ", ".join(pins[port] for port in reversed(inputs))
        return f"  assign {pins[output]} = {parameters[contents]} >> {{{address}}};"

    return statement


def _trellis_ff(name: str, parameters: Texts, pins: Texts) -> str | None:
    """ECP5's register, where its reset is synchronous and comes before the enable."""
    values = {port: value.strip('"') for port, value in parameters.items()}
    usual = {"CLKMUX": "CLK", "LSRMUX": "LSR", "GSR": "DISABLED", "SRMODE": "LSR_OVER_CE"}
    enables = {"CE": pins.get("CE"), "INV": f"~{pins.get('CE')}", "1": "1'h1"}
    resets = {"SET": "1'h1", "RESET": "1'h0"}
    enable, reset = enables.get(values.pop("CEMUX", "")), resets.get(values.pop("REGSET", ""))
    if usual | values != usual or not enable or not reset:
        return None
    return (
        f"  reg {name} = {reset};\n"
        f"  assign {pins['Q']} = {name};\n"
        f"  always @(posedge {pins['CLK']})\n"
        f"    if ({pins['LSR']}) {name} <= {reset}; else if ({enable}) {name} <= {pins['DI']};"
    )


_STATEMENTS: dict[str, dict[str, Statement]] = {
    ECP5.name: {"LUT4": _lut("INIT", ("A", "B", "C", "D"), "Z"), "TRELLIS_FF": _trellis_ff},
    ICE40.name: {"SB_LUT4": _lut("LUT_INIT", ("I0", "I1", "I2", "I3"), "O")},
}


def with_statements(netlist: str, family: Family) -> str:
    """A netlist of `netlist.mapped_verilog` with statements in place of its most frequent cells."""
    statements = _STATEMENTS[family.name]

    def replaced(found: re.Match[str]) -> str:
        kind, parameters, name, pins = found.groups()
        texts = (dict(_TEXT.findall(text)) for text in (parameters, pins))
        return statements[kind](name, *texts) or found[0]

    return re.sub(_CELL.format("|".join(statements)), replaced, netlist, flags=re.M | re.S)
