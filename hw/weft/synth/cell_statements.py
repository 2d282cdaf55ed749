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

_CELL = r"^ *({})(?: #\((.*?)\n *\))? (\S+) \((.*?)\n *\);$"
_TEXT = re.compile(r"\.(\w+)\(([^()]*)\)")


def _lut(contents: str, inputs: tuple[str, ...], output: str) -> Statement:
    """A table of these contents, with the inputs as address, lowest first."""

    def statement(name: str, parameters: Texts, pins: Texts) -> str:
        address = ", ".join(pins[port] for port in reversed(inputs))
        return f"  assign {pins[output]} = {parameters[contents]} >> {{{address}}};"

    return statement


def _register(name: str, initial: str, output: str, clock: str, change: str) -> str:
    """One bit that the statement ``change`` gives its values after this initial one.

    Verilator begins with 0 all that has no initial value (``--x-initial fast``), and takes time
    with the square of how many have one.
    """
    begins = f" = {initial}" if initial != "1'h0" else ""
    return (
        f"  reg {name}{begins};\n"
        f"  assign {output} = {name};\n"
        f"  always @(posedge {clock})\n"
        f"    {change}"
    )


def _trellis_ff(name: str, parameters: Texts, pins: Texts) -> str | None:
    """ECP5's register, where its reset is synchronous and comes before the enable."""
    values = {port: value.strip('"') for port, value in parameters.items()}
    usual = {"CLKMUX": "CLK", "LSRMUX": "LSR", "GSR": "DISABLED", "SRMODE": "LSR_OVER_CE"}
    enables = {"CE": pins.get("CE"), "INV": f"~{pins.get('CE')}", "1": "1'h1"}
    resets = {"SET": "1'h1", "RESET": "1'h0"}
    enable, reset = enables.get(values.pop("CEMUX", "")), resets.get(values.pop("REGSET", ""))
    if usual | values != usual or not enable or not reset:
        return None
    change = f"if ({pins['LSR']}) {name} <= {reset}; else if ({enable}) {name} <= {pins['DI']};"
    return _register(name, reset, pins["Q"], pins["CLK"], change)


def _sb_dff(name: str, parameters: Texts, pins: Texts) -> str:
    """iCE40's registers of the rising edge with a synchronous reset, which the enable holds back.

    They all begin with 0, those that are set by their reset, too.
    """
    change = f"{name} <= {pins['D']};"
    for port, value in (("R", "1'h0"), ("S", "1'h1")):
        if port in pins:
            change = f"if ({pins[port]}) {name} <= {value}; else {change}"
    if "E" in pins:
        change = f"if ({pins['E']}) begin {change} end"
    return _register(name, "1'h0", pins["Q"], pins["C"], change)


def _sb_carry(name: str, parameters: Texts, pins: Texts) -> str:
    """The majority of iCE40's carry chain."""
    one, other, below = (pins[port] for port in ("I0", "I1", "CI"))
    return f"  assign {pins['CO']} = {one} & {other} | ({one} | {other}) & {below};"


_STATEMENTS: dict[str, dict[str, Statement]] = {
    ECP5.name: {"LUT4": _lut("INIT", ("A", "B", "C", "D"), "Z"), "TRELLIS_FF": _trellis_ff},
    ICE40.name: {
        "SB_LUT4": _lut("LUT_INIT", ("I0", "I1", "I2", "I3"), "O"),
        "SB_CARRY": _sb_carry,
        **{f"SB_DFF{enable}{reset}": _sb_dff for enable in ("", "E") for reset in ("", "SR", "SS")},
    },
}


def with_statements(netlist: str, family: Family) -> str:
    """A netlist of `netlist.mapped_verilog` with statements in place of its most frequent cells."""
    statements = _STATEMENTS[family.name]

    def replaced(found: re.Match[str]) -> str:
        kind, parameters, name, pins = found.groups()
        texts = (dict(_TEXT.findall(text or "")) for text in (parameters, pins))
        return statements[kind](name, *texts) or found[0]

    return re.sub(_CELL.format("|".join(statements)), replaced, netlist, flags=re.M | re.S)
