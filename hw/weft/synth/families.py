"""Families of FPGAs: which tools place and route them, with what, and names of their cells."""

from collections.abc import Callable
from dataclasses import dataclass, field

from amaranth.hdl import ClockSignal, Const, Instance

from weft.config import Config

from .floorplan import Floorplan, ecp5_core_floorplan, ecp5_floorplan, no_floorplan

COLUMNS = ("luts", "ffs", "multipliers", "brams", "lut_rams", "cells")
"""What is counted. LUTs are all that do logic, carry or hold RAM; a LUT RAM of ECP5 takes six: four
for its bits, two for writing them. Cells are those of iCE40, which hold a LUT and a register."""


@dataclass(frozen=True)
class Packer:
    """The program that makes a bitstream of what nextpnr wrote.

    Parameters
    ----------
    program
        Its name, ``yowasp-`` apart.
    written_by
        Option of nextpnr that names the packer's input.
    suffixes
        Of its input and its output.
    command
        Its arguments, of a device, an input and an output.
    """

    program: str
    written_by: str
    suffixes: tuple[str, str]
    command: Callable[[str, str, str], list[str]]


@dataclass(frozen=True)
class Family:
    """What is the same for all devices of a family.

    Parameters
    ----------
    name, title
        As `Target` names it; as its vendor does.
    nextpnr
        Name of the program.
    prepare
        Yosys' commands before those of the family.
    synthesis
        Yosys' command, without the top module.
    finish
        What Yosys does after it, with the whole design in one module.
    maps
        Files of this folder that it reads then.
    multiplier
        `Config.multiplier` that uses the family's own.
    cells
        Columns in which a cell counts, by nextpnr's types.
    available
        For each column the type whose number nextpnr reports is the device's.
    per_cell
        Columns of which one cell of that type holds several.
    packer
        What makes bitstreams.
    oscillator
        The device's own, where nextpnr cannot lead a clock from any pin.
    pins
        nextpnr's options for the ``{name}`` of a file of constraints, which say where pins are.
    pin
        For families whose nextpnr places no pins by itself: a line of such a file for a ``{port}``
        and a ``{pin}``.
    options, routing
        Of nextpnr, besides; for a board, which has to reach its clock, besides those.
    floorplans
        Where to place multipliers of a chip, and those of a SIMT core alone, by device.
    caveat
        What nextpnr does not know about the family's timing; empty where it knows enough.
    """

    name: str
    title: str
    nextpnr: str
    synthesis: str
    multiplier: str
    cells: dict[str, tuple[str, ...]]
    available: dict[str, str]
    packer: Packer
    oscillator: Callable[[ClockSignal], Instance] | None = None
    prepare: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    pin: str = ""
    options: tuple[str, ...] = ()
    routing: tuple[str, ...] = ()
    per_cell: dict[str, int] = field(default_factory=dict)
    floorplans: tuple[Callable[[Config, str], Floorplan], ...] = (no_floorplan, no_floorplan)
    caveat: str = ""

    @property
    def steps(self) -> str:
        """How Yosys synthesises: what a recorded result is of."""
        return "; ".join((*self.prepare, self.synthesis))


ECP5_WIRE_PS = 800
"""What a wire takes between two LUTs on a chip that is a third full; Yosys counts with 300."""


def _best_of(wire_ps: int) -> str:
    """Have logic mapped to LUTs four times, each differently restructured, and keep the best.

    That is Yosys' `abc9.script.flow3` with another wire, which `synth_ecp5` leaves no way to set.

    Where a wire takes longer than what it leads to, all inputs of a LUT are alike, and what counts
    is how many LUTs there are one behind the other.
    """
    to_luts = f"&if -W {wire_ps}"
    rounds = (
        to_luts,
        f"&st; &syn2; {to_luts}",
        f"&load; &st; &if -g -K 6; &dch -f; {to_luts}; &mfs",
        f"&load; &st; &if -g -K 6; &synch2; {to_luts}; &mfs",
    )
    steps = "; &save; ".join(("&scorr; &sweep; " + rounds[0], *rounds[1:], "&load; &mfs"))
    return f'scratchpad -set abc9.script "+{steps}"'


ECP5 = Family(
    name="ecp5",
    title="Lattice ECP5",
    nextpnr="nextpnr-ecp5",
    prepare=(_best_of(ECP5_WIRE_PS),),
    # Without wide multiplexers: what chooses among many is smaller in plain LUTs.
    synthesis="synth_ecp5 -nowidelut",
    multiplier="ecp5",
    cells={
        "TRELLIS_COMB": ("luts",),
        "TRELLIS_FF": ("ffs",),
        "MULT18X18D": ("multipliers",),
        "DP16KD": ("brams",),
        "TRELLIS_RAMW": ("lut_rams",),
    },
    available={
        "luts": "TRELLIS_COMB",
        "ffs": "TRELLIS_FF",
        "multipliers": "MULT18X18D",
        "brams": "DP16KD",
        "lut_rams": "TRELLIS_RAMW",
    },
    packer=Packer(
        "ecppack",
        "--textcfg",
        (".config", ".bit"),
        lambda device, source, result: ["--compress", source, result],
    ),
    pins=("--lpf", "{name}"),
    # nextpnr places pins that nobody has placed. Of its placers this one leaves less wire: of
    # the board `ulx3s` 13 % less.
    options=("--lpf-allow-unconstrained", "--placer", "static"),
    # nextpnr's usual router lets what is slow push out what is less so, at hardly a cost, and comes
    # to no end where most is nearly as slow. The other one shares wires first and parts them then,
    # and looks again at what is too slow for the frequency that was asked for.
    routing=("--router", "router2", "--tmg-ripup"),
    floorplans=(ecp5_floorplan, ecp5_core_floorplan),
    caveat="multipliers by their input and output registers only, not by what lies between",
)

ICE40 = Family(
    name="ice40",
    title="Lattice iCE40",
    nextpnr="nextpnr-ice40",
    # Without -dsp, which takes registers into multipliers that are there already, as their adder's.
    synthesis="synth_ice40 -spram",
    multiplier="ice40",
    cells={
        "ICESTORM_LC/lut": ("cells", "luts"),
        "ICESTORM_LC/ff": ("cells", "ffs"),
        "ICESTORM_LC/lut/ff": ("cells", "luts", "ffs"),
        "ICESTORM_DSP": ("multipliers",),
        "ICESTORM_RAM": ("brams",),
    },
    available={
        "cells": "ICESTORM_LC",
        "multipliers": "ICESTORM_DSP",
        "brams": "ICESTORM_RAM",
    },
    packer=Packer(
        "icepack", "--asc", (".asc", ".bin"), lambda device, source, result: [source, result]
    ),
    pins=("--pcf", "{name}"),
)

GOWIN_BRAMS = (
    *("SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B", "pROM", "pROMX9"),
    *("SDP", "DP", "ROM"),
)
"""Gowin's block RAM by its uses: as Yosys names them, and what nextpnr makes of some."""

GOWIN = Family(
    name="gowin",
    title="Gowin",
    nextpnr="nextpnr-himbaechel-gowin",
    # Pads only when the part is in its frame: Yosys would give both some.
    synthesis="synth_gowin -family gw2a -nowidelut -noiopads",
    finish=("iopadmap -bits -inpad IBUF O:I -outpad OBUF I:O {top}",),
    multiplier="gowin",
    cells={
        **{f"LUT{inputs}": ("luts",) for inputs in range(1, 5)},
        "ALU": ("luts",),
        "RAM16SDP4": ("lut_rams",),
        **{f"DFF{kind}": ("ffs",) for kind in ("", *"ESRPC", "SE", "RE", "PE", "CE")},
        "MULT9X9": ("multipliers",),
        "MULT18X18": ("multipliers",),
        **dict.fromkeys(GOWIN_BRAMS, ("brams",)),
    },
    available={"luts": "LUT4", "ffs": "DFF", "multipliers": "MULT9X9", "brams": "BSRAM"},
    packer=Packer(
        "gowin_pack",
        "--write",
        (".pnr.json", ".fs"),
        lambda device, source, result: ["-d", device, "-o", result, source],
    ),
    pins=("--vopt", "cst={name}"),
    pin='IO_LOC "{port}" {pin};',
    caveat="block RAM not at all, and the rest optimistically",
)

NEXUS = Family(
    name="nexus",
    title="Lattice Nexus",
    nextpnr="nextpnr-nexus",
    synthesis="synth_nexus -nowidelut -noiopad",
    finish=(
        "techmap -map nexus.v t:VLO t:VHI",
        "opt_clean",
        "techmap -map nexus.v t:CCU2",
        "opt_clean",
        "hilomap -singleton -hicell VHI Z -locell VLO Z",
        "iopadmap -bits -inpad IB O:I -outpad OB I:O {top}",
    ),
    maps=("nexus.v",),
    multiplier="nexus",
    cells={
        "OXIDE_COMB": ("luts",),
        "OXIDE_FF": ("ffs",),
        "MULT9_CORE": ("multipliers",),
        "OXIDE_EBR": ("brams",),
        "RAMW": ("lut_rams",),
    },
    available={
        "luts": "OXIDE_COMB",
        "ffs": "OXIDE_FF",
        "multipliers": "MULT9_CORE",
        "brams": "OXIDE_EBR",
        "lut_rams": "RAMW",
    },
    packer=Packer(
        "prjoxide",
        "--fasm",
        (".fasm", ".bit"),
        lambda device, source, result: ["pack", source, result],
    ),
    oscillator=lambda clock: Instance(
        "OSCA",
        p_HF_OSC_EN="ENABLED",
        p_HF_CLK_DIV="24",  # 18 MHz
        i_HFOUTEN=Const(1),
        i_HFSDSCEN=Const(0),
        o_HFCLKOUT=clock,
    ),
    pins=("--pdc", "{name}"),
    pin="ldc_set_location -site {{{pin}}} [get_ports {port}]",
)

FAMILIES = {family.name: family for family in (ECP5, ICE40, GOWIN, NEXUS)}
"""All of them by name."""
