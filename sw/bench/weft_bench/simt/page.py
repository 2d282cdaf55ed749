"""docs/benchmarks-simt.md from the parts of `weft_bench.simt.figures.measure`."""

from collections.abc import Iterable, Sequence
from typing import Any

from weft.arch.memory import MemoryTiming

from ..kernels import CORNERS, KERNELS
from ..markdown import table
from ..terminal import number, share
from .figures import SIDE_BY_SIDE

COMMAND = "weft bench simt-figures"
"""Writes the page."""

RATE = 0.95
"""Issue rate that `RATED` kernels are to reach from shared memory."""

RATED = ("saxpy", "reduction", "transpose", "gemm_int8", "mandelbrot_inside")

BOUND_SHARE = 0.95
"""Share of the bound that vector add and saxpy are to reach from main memory."""

SIM_RATIO = 0.2
"""Simulation speed with both engines busy, against the bare array's."""

Row = dict[str, Any]


def figures(parts: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What is asked for: name, target, measured, met."""
    found = []
    by_name = {(row["kernel"], row["memory"]): row for row in parts["library"]}
    for name in RATED:
        row = by_name[name, "shared"]
        found.append(_least(f"issue rate of {name}, {row['size']:,}", RATE, row["issue_rate"]))
    for kernel in KERNELS.values():
        row = by_name.get((kernel.name, "shared")) or by_name[kernel.name, "main"]
        if kernel.most is not None:
            what = f"instructions per {kernel.unit}, {kernel.name}"
            value = row["instructions_per_item"]
            met = value <= kernel.most
            found.append((what, f"at most {kernel.most:g}", f"{value:.2f}", met))
    for point in parts["dial"]:
        if point["latency"] == MemoryTiming().latency and point["warps"] == point["core_warps"]:
            what = f"{point['kernel']} from main memory, share of its bound"
            found.append(_least(what, BOUND_SHARE, point["share"]))
    both = parts["overlap"]
    ratio = both["sim_khz"] / both["array_khz"]
    found.append(_least("simulation speed, both engines busy / bare array", SIM_RATIO, ratio))
    return found


def _least(name: str, target: float, value: float) -> tuple[str, str, str, bool]:
    return name, f"at least {target:g}", f"{value:.3f}", value >= target


def simt_figures_page(parts: dict[str, Any]) -> str:
    """The page's text."""
    first = parts["library"][0]
    both = parts["overlap"]
    wrong = sum(row["mismatches"] for name in ("library", "cores", "dial") for row in parts[name])
    wrong += both["mismatches"]
    lines = [
        f"<!-- Written by `{COMMAND}`. Do not edit. -->",
        "# Kernels on the chip",
        f"Measured on `{first['device']}` (configuration {first['config_hash']}, weft "
        f"{first['weft_version']}): the chip's RTL in Verilator, {number(first['latency'])} cycles "
        f"of memory latency where nothing else is said, every result checked against numpy: "
        f"{number(wrong)} mismatches. `{COMMAND}` makes this page.",
        "*Cycles* are those from LAUNCH to its post, *rate* is retired warp-instructions in one of "
        "them, *lanes* the share of lanes that took part. Arrays lie in main memory, or in the "
        "shared window of the activation SRAM, where LOADs put them before the kernel; code and "
        "arguments always come from main memory.",
        "## Figures",
        table(
            ("figure", "target", "measured", "met"),
            [(a, b, c, "yes" if met else "**no**") for a, b, c, met in figures(parts)],
        ),
        f"## The library on {first['lanes']} lanes x {first['warps']} warps",
        _library(parts["library"]),
        "## What lanes and threads buy",
        f"The same binaries on four cores, {SIDE_BY_SIDE} elements each; cycles, and the rate.",
        _cores(parts["cores"]),
        "## The latency dial",
        "Rate from main memory by warps in use; the bound is the least of 1, *bus* (instructions "
        "for each beat of the busier direction) and *warps* (warps x instructions / sum of their "
        "latencies, see `weft.gateware.simt.latency`).",
        _dial(parts["dial"]),
        "## Two engines at once",
        f"{both['tiles']} products {both['m']} x {both['n']} x {both['k']}, each followed by "
        "softmax over its rows on the SIMT core (`weft bench overlap`). The array alone takes "
        f"{number(both['array_alone'])} cycles, the kernels alone {number(both['kernels_alone'])}, "
        f"both in one program {number(both['cycles'])}: {number(both['hidden'])} cycles are "
        f"hidden, {share(both['hidden_share'])} of the shorter. MATMUL had a command in "
        f"{number(both['matmul_busy'])} cycles, SIMT in {number(both['simt_busy'])}, both in "
        f"{number(both['both_busy'])}.",
        "With both at work the whole chip simulates at "
        f"{share(both['sim_khz'] / both['array_khz'])} of the speed of the bare array in the same "
        "run.",
    ]
    return "\n\n".join(lines) + "\n"


def _library(rows: Iterable[Row]) -> str:
    return table(
        ("kernel", "size", "memory", "cycles", "rate", "lanes", "instructions"),
        [
            (
                row["kernel"],
                number(row["size"]),
                row["memory"],
                number(row["cycles"]),
                f"{row['issue_rate']:.3f}",
                share(row["lane_utilization"], 0),
                f"{row['instructions_per_item']:.2f} / {row['unit']}",
            )
            for row in rows
        ],
    )


def _cores(rows: Sequence[Row]) -> str:
    found = {(r["kernel"], r["memory"], r["lanes"], r["warps"]): r for r in rows}
    kinds = list(dict.fromkeys((r["kernel"], r["memory"]) for r in rows))

    def cell(row: Row | None) -> str:
        return "-" if row is None else f"{row['cycles']:,} ({row['issue_rate']:.2f})"

    return table(
        ("kernel", "memory", *(f"{lanes} x {warps}" for lanes, warps in CORNERS)),
        [(*kind, *(cell(found.get((*kind, *core))) for core in CORNERS)) for kind in kinds],
    )


def _dial(points: Iterable[Row]) -> str:
    return table(
        ("kernel", "latency", "warps", "rate", "bus", "warps' bound", "share of the bound"),
        [
            (
                p["kernel"],
                number(p["latency"]),
                number(p["warps"]),
                f"{p['issue_rate']:.3f}",
                f"{p['bound_bus']:.3f}",
                f"{p['bound_warps']:.3f}",
                share(p["share"]),
            )
            for p in points
        ],
    )
