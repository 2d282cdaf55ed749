"""Targets of placement and routing by name, for example ``ecp5-85k-6``: device and speed grade."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .families import ECP5, FAMILIES, GOWIN, ICE40, NEXUS, Family


@dataclass(frozen=True)
class Device:
    """A device in a package.

    Parameters
    ----------
    family
        Name of its family.
    arguments
        How nextpnr is told of it; ``{grade}`` stands for the speed grade, ``{package}`` for the
        package.
    package
        The one that is used when nobody says which.
    packed_as
        How the packer is told of it.
    pins
        Of the ports of a part between registers, where nextpnr must be told.
    capacity
        What there is of it, as nextpnr reports it: LUTs, registers, multipliers, block RAMs.
    """

    family: str
    arguments: tuple[str, ...]
    capacity: Mapping[str, int]
    package: str = ""
    packed_as: str = ""
    pins: Mapping[str, str] = field(default_factory=dict)


def _capacity(luts: int, ffs: int, multipliers: int, brams: int) -> Mapping[str, int]:
    return {"luts": luts, "ffs": ffs, "multipliers": multipliers, "brams": brams}


def _ecp5(size: str, package: str, luts: int, multipliers: int, brams: int) -> Device:
    arguments = (f"--{size}", "--package", "{package}", "--speed", "{grade}")
    return Device(ECP5.name, arguments, _capacity(luts, luts, multipliers, brams), package)


DEVICES = {
    "ecp5-25k": _ecp5("25k", "CABGA256", 24288, 28, 56),
    "ecp5-45k": _ecp5("45k", "CABGA381", 43848, 72, 108),
    "ecp5-85k": _ecp5("85k", "CABGA756", 83640, 156, 208),
    "ice40-up5k": Device(
        ICE40.name, ("--up5k", "--package", "{package}"), _capacity(5280, 5280, 8, 30), "sg48"
    ),
    "gowin-gw2a-18": Device(
        GOWIN.name,
        ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
        _capacity(20736, 15552, 96, 46),
        packed_as="GW2A-18C",
        pins={"clk": "4", "rst": "88", "i": "87", "o": "15"},
    ),
    "nexus-lifcl-40": Device(
        NEXUS.name,
        ("--device", "LIFCL-40-9BG400C"),
        _capacity(32256, 32256, 112, 84),
        pins={"rst": "G19", "i": "F13", "o": "E17"},
    ),
}
"""Devices by name."""

ECP5_GRADES = ("6", "7", "8")
"""Speed grades of ECP5, 8 the fastest; of the others one is known."""

ASKED_MHZ = {
    "ecp5-6": (105, 240),
    "ecp5-7": (115, 290),
    "ecp5-8": (130, 330),
    "ice40": (30, 80),
    "gowin": (100, 200),
    "nexus": (100, 180),
}
"""Clocks that placement aims at by family and grade: for most parts, and for the array alone."""


@dataclass(frozen=True)
class Target:
    """A device of a speed grade.

    Parameters
    ----------
    device
        One of `DEVICES`.
    grade
        Of ECP5, empty for others.
    """

    device: str
    grade: str

    @staticmethod
    def parse(name: str) -> "Target":
        """The target of a name; `ValueError` lists those that exist."""
        targets = {
            "-".join(filter(None, (device, grade))): Target(device, grade)
            for device, what in DEVICES.items()
            for grade in (ECP5_GRADES if what.family == ECP5.name else ("",))
        }
        if name not in targets:
            raise ValueError(f"unknown target {name!r}; targets: {', '.join(targets)}")
        return targets[name]

    @property
    def name(self) -> str:
        """As `parse` reads it."""
        return "-".join(filter(None, (self.device, self.grade)))

    @property
    def family(self) -> Family:
        """Its family."""
        return FAMILIES[DEVICES[self.device].family]

    @property
    def properties(self) -> Device:
        """Its device."""
        return DEVICES[self.device]

    def arguments(self, package: str = "") -> list[str]:
        """How nextpnr is told of it, in a package or in the usual one."""
        names = {"grade": self.grade, "package": package or self.properties.package}
        return [text.format(**names) for text in self.properties.arguments]

    def asked_mhz(self, part: str) -> float:
        """Clock that placement of a part aims at when nobody asks for another one."""
        key = "-".join(filter(None, (self.family.name, self.grade)))
        return ASKED_MHZ[key][part == "array"]
