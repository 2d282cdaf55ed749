"""What tools of integrators want beside the Verilog: a FuseSoC core, and waivers for lint."""

from dataclasses import dataclass

import weft

from .config import Config

WAIVERS_FILE = "weft.vlt"
"""Verilator's waivers."""

CORE_FILE = "weft.core"
"""FuseSoC's core description."""


@dataclass(frozen=True)
class Waiver:
    """A kind of message of ``verilator --lint-only -Wall`` that says nothing about this Verilog.

    Members
    -------
    rule
        Verilator's name.
    reason
        Why it is waived.
    match
        Text of the message, with wildcards; all when empty.
    """

    rule: str
    reason: str
    match: str = ""


WAIVERS = (
    Waiver("DECLFILENAME", "All modules are in one file on purpose: one file is easy to carry."),
    Waiver(
        "PROCASSINIT",
        "Registers have an initial value and are assigned in always blocks: the value after "
        "configuration of an FPGA, the same as after reset.",
    ),
    Waiver(
        "UNUSEDSIGNAL",
        "Fields of structures are named one by one, also those that a block does not read; they "
        "cost nothing in hardware.",
    ),
    Waiver(
        "WIDTHEXPAND",
        "Operands of different widths: the generator computes widths that lose nothing, and "
        "Verilog extends operands as the generator means it.",
    ),
    Waiver("WIDTHTRUNC", "`!` of several bits: the generator writes `x == 0` so."),
    Waiver(
        "CASEINCOMPLETE",
        "Signals have a value before each case, which stays where no branch is taken.",
    ),
    Waiver("CMPCONST", "A comparison with the largest value of a size that is a parameter."),
    Waiver("UNSIGNED", "A comparison with the smallest value of a size that is a parameter."),
    Waiver("ALWNEVER", "An always block whose inputs are constants for this size."),
    Waiver("ASCRANGE", "A signal of no bits, where a size is 1."),
    Waiver("VARHIDDEN", "A port named as a class of SystemVerilog's library.", "*'semaphore'*"),
    Waiver("UNDRIVEN", "Bits of the register ERROR that no field has.", "*'first'[15:8]*"),
)
"""All waivers; a test holds that no other message appears, and that each of these does."""


def waivers_file() -> str:
    """The text of `WAIVERS_FILE`."""
    lines = ["`verilator_config", "// Made by `weft emit`; do not edit.", ""]
    for waiver in WAIVERS:
        match = f' -match "{waiver.match}"' if waiver.match else ""
        where = f' -file "*weft.v"{match}'
        lines += [f"// {waiver.reason}", f"lint_off -rule {waiver.rule}{where}", ""]
    return "\n".join(lines)


def core_file(config: Config, header: str) -> str:
    """The text of `CORE_FILE`: CAPI 2, one core for each configuration."""
    name = f"weft:chips:weft_{config.hash_hex[:8]}:{weft.__version__}"
    lanes = f", {config.lanes} lanes x {config.warps} warps" if config.lanes else ""
    return f"""\
CAPI=2:
# Made by `weft emit`; do not edit.

name: {name}
description: Weft, a systolic array of {config.rows} x {config.cols}{lanes}

filesets:
  rtl:
    files:
      - weft.v: {{file_type: verilogSource}}
  waivers:
    files:
      - {WAIVERS_FILE}: {{file_type: vlt}}
  software:
    files:
      - {header}: {{file_type: user}}

targets:
  default:
    filesets: [rtl, software]

  lint:
    filesets: [rtl, waivers]
    toplevel: weft
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
"""
