"""docs/benchmarks.md from the JSON value of `measure_figures`."""

from typing import Any

from .digits_settings import VALIDATION
from .figures import DEFAULT_LATENCY
from .shapes import GEMMINI
from .terminal import number, share

COMMAND = "weft bench figures --tables DIR"

NOTES = {
    "convolutions": "Memory to memory, padding included, zero point -3. The stem's products cannot "
    "pass 66.7 %: a tile's K bytes are of one kernel row, 3 pixels of 3 channels, so that 27 bytes "
    "take three passes and not the two that `ideal_cycles` counts. The 1 x 1 shortcuts are 512 "
    "cycles of work, to which any program adds what the smallest takes (square 4).",
    "cnn, depthwise rows": "One output column for each product: no array of this kind suits them.",
}
"""What a reader should know beside a table, by its title."""


def figures_page(figures: dict[str, Any]) -> str:
    """The page as text."""
    parts = [
        f"<!-- Made by `{COMMAND}`. Do not edit. -->",
        "# Benchmarks",
        f"Measured on `{figures['device']}` (configuration {figures['config_hash']}, weft "
        f"{figures['weft_version']}) on {figures['date']}: the chip's RTL in Verilator, memory to "
        "memory, cycles from doorbell to interrupt, every element of every result checked against "
        "numpy. int8 results where nothing else is said, with one scale for all columns and no "
        f"bias. `{COMMAND}` makes this page; DIR holds tables of shapes (columns "
        "`suite,name,m,n,k,count`).",
        "*roofline* is `ideal_cycles / cycles`, where `ideal_cycles` is the fewest that any "
        "schedule could take: the largest of array time, memory reads, memory writes and "
        "requantisation. *util* is M N K / (R C cycles).",
        f"The settings of the digits' training are the best of {len(VALIDATION)} in "
        "cross-validation on the training images alone (`weft_bench.digits_settings`).",
        "## Figures",
        _table(
            ("figure", "target", "measured", "met"),
            [
                (
                    f["name"],
                    f["target"],
                    f["value"],
                    {True: "yes", False: "**no**", None: "-"}[f["met"]],
                )
                for f in figures["figures"]
            ],
        ),
        "## Gemmini, row by row",
        "Gemmini 16 x 16 int8 (stock RTL, verilated, ideal CPU, 16 bytes a cycle, memory to "
        f"memory; our measurement) against Weft at {DEFAULT_LATENCY} cycles of memory latency, or "
        "Gemmini's where that is longer.",
        _gemmini(figures["tables"]),
    ]
    for title, table in figures["tables"].items():
        summary = table["summary"]
        parts.append(f"## {title[0].upper()}{title[1:]}")
        parts += [NOTES[title]] if title in NOTES else []
        parts += [_summary(summary), _rows(table["rows"])]
    return "\n\n".join(parts) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]], left: int = 1) -> str:
    marks = "|".join(["---"] * left + ["---:"] * (len(head) - left))
    lines = ["| " + " | ".join(head) + " |", f"|{marks}|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _summary(summary: dict[str, Any]) -> str:
    worst = summary["worst"]
    text = f"{summary['rows']} rows, {summary['mismatches']} mismatches."
    if worst is None:
        return text
    return (
        f"{text} Roofline efficiency {share(summary['mean_efficiency'])} (geometric mean), worst "
        f"{share(worst['roofline_efficiency'])} ({worst['suite']} {worst['name']}). Cycles above "
        f"ideal: median {number(summary['median_above_ideal'])}, most "
        f"{number(summary['most_above_ideal'])}."
    )


def _rows(rows: list[dict[str, Any]]) -> str:
    return _table(
        ("shape", "m x n x k", "cycles", "ideal", "roofline", "util", "idle + fill"),
        [
            (
                f"{r['suite']} {r['name']}",
                f"{r['m']} x {r['n']} x {r['k']}",
                number(r["cycles"]),
                number(r["ideal_cycles"]),
                share(r["roofline_efficiency"]),
                share(r["utilization"]),
                number(r["bins"]["idle"] + r["bins"]["fill"]) if r["bins"] else "-",
            )
            for r in rows
        ],
        left=2,
    )


def _gemmini(tables: dict[str, Any]) -> str:
    measured = {
        (row["name"], row["out"], title.rsplit(",", 1)[1]): row
        for title, table in tables.items()
        if title.startswith("Gemmini's shapes")
        for row in table["rows"]
    }
    lines = []
    for peer in GEMMINI:
        latency = f" {max(DEFAULT_LATENCY, peer.latency)} cycles of latency"
        ours = measured.get((peer.shape.name, peer.out, latency))
        if ours is None:
            continue
        ratio = peer.cycles / ours["cycles"] if ours["cycles"] else None
        lines.append(
            (
                peer.shape.name.replace("x", " x "),
                f"{peer.out}, {peer.latency}",
                number(peer.cycles),
                number(ours["cycles"]),
                "-" if ratio is None else f"{ratio:.3f}",
            )
        )
    head = ("M x K x N", "out, Gemmini's latency", "Gemmini", "Weft", "Gemmini / Weft")
    return _table(head, lines, left=2)
