"""What a netlist takes, before placement: Yosys' cells in the columns of nextpnr's.

On ECP5 the numbers are those that nextpnr packs: a carry cell is two LUTs, and so is each end of a
chain at which the fabric has to do with it.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .blocks import block_of
from .families import COLUMNS, ECP5, GOWIN, GOWIN_BRAMS, ICE40, NEXUS

Cells = Mapping[str, Any]
"""Cells of a netlist by name, as Yosys writes them."""

_LUT = Counter(luts=1)
_FF = Counter(ffs=1)
_LUT_RAM = Counter(luts=6, lut_rams=1)
"""Four LUTs that are its bits, and two places for its write port."""

MAPPED: dict[str, dict[str, Counter[str]]] = {
    ECP5.name: {
        "LUT4": _LUT,
        "CCU2C": Counter(luts=2),
        "TRELLIS_DPR16X4": _LUT_RAM,
        "TRELLIS_FF": _FF,
        "MULT18X18D": Counter(multipliers=1),
        "DP16KD": Counter(brams=1),
    },
    ICE40.name: {
        "SB_LUT4": _LUT,
        **{
            f"SB_DFF{edge}{kind}": _FF
            for edge in ("", "N")
            for kind in ("", "E", "SR", "R", "SS", "S", "ESR", "ER", "ESS", "ES")
        },
        "SB_MAC16": Counter(multipliers=1),
        "SB_RAM40_4K": Counter(brams=1),
    },
    GOWIN.name: {
        **{f"LUT{inputs}": _LUT for inputs in range(1, 5)},
        "ALU": _LUT,
        "RAM16SDP4": Counter(luts=4, lut_rams=1),
        **{f"DFF{kind}": _FF for kind in ("", *"ESRPC", "SE", "RE", "PE", "CE")},
        "MULT9X9": Counter(multipliers=1),
        "MULT18X18": Counter(multipliers=2),
        **{kind: Counter(brams=1) for kind in GOWIN_BRAMS},
    },
    NEXUS.name: {
        "LUT4": _LUT,
        "CCU2": Counter(luts=2),
        "DPR16X4": _LUT_RAM,
        **{f"FD1P3{kind}X": _FF for kind in ("B", "D", "I", "J")},
        "MULT9_CORE": Counter(multipliers=1),
        "MULT18_CORE": Counter(multipliers=2),
        "DP16K": Counter(brams=1),
        "PDP16K": Counter(brams=1),
        "PDPSC16K": Counter(brams=1),
    },
}
"""Columns by family and type of cell."""

CARRY = {ECP5.name: "CCU2C"}
"""Cells whose chains nextpnr ends with further ones, by family."""


def chain_ends(cells: Cells, kind: str) -> Counter[str]:
    """How many cells nextpnr adds to the carry cells of a type, by the name of the carry cell.

    One leads a carry into a chain from the fabric, constants included; one leads it out, behind
    a chain's last cell and wherever something else uses the carry as well.
    """
    chain = {name: cell for name, cell in cells.items() if cell["type"] == kind}
    users: Counter[int | str] = Counter()
    for cell in cells.values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                users.update(bits)

    def wires(cell: Any, port: str) -> list[int | str]:
        return [bit for bit in cell["connections"].get(port, ()) if bit != "x"]

    made = {bit for cell in chain.values() for bit in wires(cell, "COUT")}
    taken = {bit for cell in chain.values() for bit in wires(cell, "CIN")}
    ends: Counter[str] = Counter()
    for name, cell in chain.items():
        ends[name] += any(bit not in made for bit in wires(cell, "CIN"))
        ends[name] += any(users[bit] > 1 or bit not in taken for bit in wires(cell, "COUT"))
    return ends


def netlist_counts(
    netlist: Path, family: str, known: set[str], depth: int = 2, framed: bool = True
) -> dict[str, dict[str, int]]:
    """What each block of a netlist takes: numbers by the names of `COLUMNS`, without zeros.

    Parameters
    ----------
    netlist
        As `weft.synth.yosys.synthesise` made it.
    family
        One of `MAPPED`.
    known, depth, framed
        As `weft.synth.blocks.block_of` takes them.
    """
    modules = json.loads(netlist.read_text())["modules"].values()
    cells = max((module.get("cells", {}) for module in modules), key=len)
    ends = chain_ends(cells, CARRY[family]) if family in CARRY else Counter()
    blocks: dict[str, Counter[str]] = defaultdict(Counter)
    for name, cell in cells.items():
        columns = MAPPED[family].get(cell["type"])
        block = block_of(name, known, depth, framed)
        if columns and block is not None:
            blocks[block].update(columns)
            blocks[block]["luts"] += 2 * ends[name]
    return {
        block: {column: counts[column] for column in COLUMNS if counts[column]}
        for block, counts in sorted(blocks.items())
    }
