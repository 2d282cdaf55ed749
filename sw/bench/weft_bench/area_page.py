"""docs/benchmarks-core.md: size and speed of the SIMT core on an FPGA, as measured."""

from collections.abc import Iterator, Sequence
from typing import Any

from .markdown import table

COMMAND = "weft bench area --fp none,full --grade 8,6 --page docs/benchmarks-core.md"
"""Writes the page."""

LUTS_PER_LANE = {"none": 1800, "full": 3250}
"""Most LUTs per lane that a core of 8 lanes is to take."""

FMAX_MHZ = {8: 130, 6: 105}
"""Least Fmax by speed grade that it is to reach."""

COUNTS = ("luts", "ffs", "multipliers", "brams", "lut_rams")


def area_lines(result: dict[str, Any]) -> Iterator[str]:
    """A measurement, told in lines."""
    fmax, seeds = result["fmax_mhz"], ", ".join(map(str, result["seeds"]))
    yield (
        f"{result['part']}, {result['lanes']} lanes x {result['warps']} warps, fp {result['fp']}, "
        f"{result['device']}"
    )
    yield f"  Fmax   {fmax['min']} / {fmax['median']} / {fmax['max']} MHz (seeds {seeds})"
    yield f"  LUTs   {result['luts']:,}, {result['luts_per_lane']:,} a lane"
    yield "  " + ", ".join(f"{result[name]:,} {name}" for name in COUNTS[1:])
    yield "  blocks by LUTs (FFs):"
    for name, block in result["blocks"].items():
        if block["luts"] >= 0.005 * result["luts"]:
            yield f"    {block['luts']:7,} ({block['ffs']:6,})  {name}"
    yield f"  slowest path, {sum(step['ns'] for step in result['path']):.2f} ns:"
    for step in result["path"]:
        yield f"    {step['ns']:5.2f} ns, {step['luts']:2} LUTs  {step['block']}"


def verdict(value: float, bar: float, below: bool) -> str:
    """A value beside what is asked for."""
    met = value <= bar if below else value >= bar
    return f"{value:,.1f} ({'meets' if met else 'misses'} {bar:,})"


def area_page(results: Sequence[dict[str, Any]]) -> str:
    """The page's text."""
    first = results[0]
    parts = [
        f"<!-- Written by `{COMMAND}`. -->",
        "# Size and speed of the SIMT core",
        f"The core alone, between registers (`weft.synth.between`), on an ECP5-85F: "
        f"{first['lanes']} lanes x {first['warps']} warps. Tools: {' and '.join(first['tools'])}, "
        "`synth_ecp5 -nowidelut`. LUTs are all that do logic, carry or hold RAM after placement "
        "and routing, without those of the frame around the core. Fmax is nextpnr's, the median "
        "over the seeds, with minimum and maximum.",
        table(
            ("fp", "grade", "seeds", "LUTs per lane", "Fmax in MHz", "min, max", *COUNTS),
            [
                (
                    r["fp"],
                    str(r["grade"]),
                    " ".join(map(str, r["seeds"])),
                    verdict(r["luts_per_lane"], LUTS_PER_LANE[r["fp"]], below=True),
                    verdict(r["fmax_mhz"]["median"], FMAX_MHZ[r["grade"]], below=False),
                    f"{r['fmax_mhz']['min']}, {r['fmax_mhz']['max']}",
                    *(f"{r[name]:,}" for name in COUNTS),
                )
                for r in results
            ],
        ),
    ]
    seen = set()
    for r in results:
        if r["fp"] not in seen:
            seen.add(r["fp"])
            rows = [
                (name, *(f"{block[count]:,}" for count in COUNTS))
                for name, block in r["blocks"].items()
                if block["luts"] >= 0.005 * r["luts"]
            ]
            parts += [
                f"## Blocks, fp {r['fp']}",
                "A cell belongs to the block whose signal it makes; blocks of all lanes count "
                "together, those below half a percent of the LUTs are left out.",
                table(("block", *COUNTS), rows),
            ]
    for r in results:
        rows = [(step["block"], f"{step['ns']:.2f}", str(step["luts"])) for step in r["path"]]
        parts += [
            f"## Slowest path, fp {r['fp']}, grade {r['grade']}",
            table(("through", "ns", "LUTs"), rows),
        ]
    return "\n\n".join(parts) + "\n"
