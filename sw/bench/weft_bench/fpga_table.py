"""docs/fpga.md: what place and route gave for each family, as recorded in docs/fpga.json."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.synth.targets import Target

from .markdown import table

Result = dict[str, Any]

MADE_BY = "<!-- Made by `make fpga-table` from fpga.json. Do not edit. -->"

MOST_LUTS, MOST_FFS = 24, 72
"""Most LUTs and registers that an element of the array is to take on ECP5."""


@dataclass(frozen=True)
class Row:
    """A run of the table.

    Parameters
    ----------
    preset, part, target
        As `weft synth` takes them.
    seeds
        Which ones: of a chip that fills its device not all can be routed.
    least_mhz
        Median that it is to reach; None where nothing was asked.
    asked
        Clock that placement aims at in MHz, if it is not the target's or the board's usual one.
    """

    preset: str
    part: str
    target: str
    seeds: tuple[int, ...] = (1, 2, 3)
    least_mhz: float | None = None
    asked: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return self.preset, self.part, self.target

    @property
    def command(self) -> str:
        """What measures it."""
        count = len(self.seeds)
        which = ",".join(map(str, self.seeds)) + "," * (count == 1)
        first = self.seeds == tuple(range(1, count + 1))
        return (
            f"weft synth --preset {self.preset} --part {self.part} --target {self.target} "
            f"--seeds {count if first else which}"
        ) + ("" if self.asked is None else f" --freq {self.asked:g}")


ROWS = (
    Row("array12", "array", "ecp5-85k-8", least_mhz=280),
    Row("array8", "array", "ecp5-85k-8", least_mhz=270),
    Row("array8", "array", "ecp5-85k-6", least_mhz=210),
    Row("array8", "chip", "ecp5-85k-8", seeds=(1,)),
    Row("array8", "chip", "ecp5-85k-6", seeds=(1,)),
    Row("ulx3s", "board", "ecp5-85k-8", least_mhz=125, asked=114),
    Row("ulx3s", "board", "ecp5-85k-6", seeds=(1,), least_mhz=100, asked=88),
    Row("base,fp=none", "simt", "ecp5-85k-8", seeds=(1,), least_mhz=130, asked=60),
    Row("ulx3s,rows=8,lanes=1,warps=1,fp=full", "simt", "ecp5-85k-6", seeds=(1,), asked=40),
    Row("tiny", "array", "ice40-up5k"),
    Row("icebreaker", "board", "ice40-up5k", least_mhz=30),
    Row("array8", "array", "gowin-gw2a-18"),
    Row("nano20k", "board", "gowin-gw2a-18", seeds=(1,), least_mhz=27),
    Row("tiny", "array", "nexus-lifcl-40"),
    Row("array8", "array", "nexus-lifcl-40"),
)
"""The table's runs."""


def key(result: Result) -> tuple[str, str, str]:
    """Which row a result belongs to."""
    return result["preset"], result["part"], result["target"]


def read_record(path: Path) -> list[Result]:
    """Results of a file, none if there is no file."""
    return json.loads(path.read_text()) if path.is_file() else []


def merged(record: Sequence[Result], new: Sequence[Result]) -> list[Result]:
    """A record with new results in place of older ones, in the order of `ROWS`."""
    by_key = {key(result): result for result in (*record, *new)}
    return [by_key[row.key] for row in ROWS if row.key in by_key]


def fpga_page(record: Sequence[Result]) -> str:
    """The page's text."""
    rows = {row.key: row for row in ROWS}
    tools = sorted({tool for result in record for tool in result["tools"]})
    parts = [
        MADE_BY,
        "# Size and speed on FPGAs",
        "Synthesised, placed and routed with open tools: "
        f"{', '.join(tools)}. `make fpga-table` measures all rows anew, "
        "`weft synth` any configuration. The part stands alone between registers that are not its "
        "own (`weft.synth.between`); neither counts nor percent include those. Fmax is nextpnr's, "
        "not a data sheet's; the clock asked for is what placement aimed at. LUTs are all that do "
        "logic, carry or hold RAM after routing. Multipliers are the family's own, and on ECP5-85F "
        "those of the array stand where `weft.synth.floorplan` says. Which sizes fit can be known "
        "before: [fit.md](fit.md).",
        "## Speed",
        table(
            ("preset", "part", "target", "seeds", "asked", "Fmax: least", "median", "most", "bar"),
            [
                (
                    *key(result),
                    " ".join(map(str, result["seeds"])),
                    f"{result['asked_mhz']:g}",
                    *(f"{result['fmax_mhz'][name]}" for name in ("min", "median", "max")),
                    _verdict(result["fmax_mhz"]["median"], rows[key(result)].least_mhz),
                )
                for result in record
            ],
        ),
        *_caveats(record),
        *_older(record),
        "## Size",
        "Absolute, in percent of the device, and LUTs + registers for each element of the array "
        f"(on ECP5 at most {MOST_LUTS} + {MOST_FFS}).",
        table(
            ("preset", "part", "target", "LUTs", "registers", "multipliers", "BRAM", "per element"),
            [
                (
                    *key(result),
                    *(_count(result, name) for name in ("luts", "ffs", "multipliers", "brams")),
                    "{luts} + {ffs}".format_map(result["per_pe"]) if result["per_pe"] else "-",
                )
                for result in record
            ],
        ),
        "## Slowest paths",
        "Of the slowest seed; nanoseconds and LUTs by block.",
        table(
            ("preset", "part", "target", "from", "to", "through"),
            [
                (
                    *key(result),
                    *(f"`{name}`" for name in result["path_ends"]),
                    ", ".join(
                        f"{step['block']} {step['ns']:.2f} ns ({step['luts']})"
                        for step in result["path"]
                    ),
                )
                for result in record
            ],
        ),
        "## Commands",
        "\n".join(f"    {rows[key(result)].command}" for result in record),
    ]
    return "\n\n".join(parts) + "\n"


def _verdict(value: float, bar: float | None) -> str:
    """A bar, and whether the value reaches it."""
    return "" if bar is None else f"{bar:g}: {'met' if value >= bar else '**missed**'}"


def _count(result: Result, name: str) -> str:
    """A number of cells with its share of the device."""
    percent = result["percent"].get(name)
    return f"{result[name]:,}" + ("" if percent is None else f" ({percent} %)")


def _older(record: Sequence[Result]) -> Iterator[str]:
    """Which rows were synthesised in another way than `weft synth` has now."""
    old = []
    for result in record:
        family = Target.parse(result["target"]).family
        if result.get("synthesis", family.synthesis) != family.steps:
            old.append(" ".join(key(result)))
    if old:
        yield f"Synthesised in another way than `weft synth` has now: {'; '.join(old)}."


def _caveats(record: Sequence[Result]) -> Iterator[str]:
    """What nextpnr does not time, once for each family."""
    seen: dict[str, str] = {}
    for result in record:
        if result["timing_without"]:
            seen.setdefault(result["target"].partition("-")[0], result["timing_without"])
    for family, text in seen.items():
        yield f"nextpnr times {text} ({family})."
