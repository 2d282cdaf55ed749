"""What `weft synth` tells a person of a result."""

from collections.abc import Iterator
from typing import Any

LEAST_SHARE = 0.005
"""Blocks with fewer of all LUTs, and of all registers, are left out."""


def report_lines(result: dict[str, Any]) -> Iterator[str]:
    """A result of `weft.synth.measure.measure`, told in lines."""
    fmax, seeds = result["fmax_mhz"], ", ".join(map(str, result["seeds"]))
    yield f"{result['part']} of {result['preset']} on {result['target']}"
    yield (
        f"  Fmax   {fmax['min']} / {fmax['median']} / {fmax['max']} MHz "
        f"(least, median, most of seeds {seeds}; asked {result['asked_mhz']:g})"
    )
    if result["grade"]:
        yield f"  grade  {result['grade']}"
    if result["timing_without"]:
        yield f"  note   nextpnr times {result['timing_without']}"
    for name in ("luts", "ffs", "multipliers", "brams", "lut_rams", "cells"):
        percent = result["percent"].get(name)
        share = "" if percent is None else f"  {percent:5.1f} %"
        more = [
            f", {result[key][name]:,} {what}"
            for key, what in (("per_pe", "an element"), ("per_lane", "a lane"))
            if result[key] and name in result[key]
        ]
        yield f"  {name:12}{result[name]:8,}{share}{_beside(result, name)}{''.join(more)}"
    yield "  blocks by LUTs (FFs):"
    for name, block in result["blocks"].items():
        if any(block[kind] >= LEAST_SHARE * result[kind] for kind in ("luts", "ffs")):
            yield f"    {block['luts']:7,} ({block['ffs']:6,})  {name}"
    yield f"  slowest path, {sum(step['ns'] for step in result['path']):.2f} ns:"
    for step in result["path"]:
        yield f"    {step['ns']:5.2f} ns, {step['luts']:2} LUTs  {step['block']}"
    yield f"  from {' to '.join(result['path_ends'])}"
    if result["bitstream"] is None:
        yield f"  no bitstream: {result['board']}'s clock of {result['board_mhz']:g} MHz is not met"
    else:
        yield f"  bitstream {result['bitstream']} in the build folder"


def _beside(result: dict[str, Any], name: str) -> str:
    """What was predicted before, and how far that is from the truth."""
    told = (result.get("predicted") or {}).get(name)
    if told is None:
        return ""
    off = f" ({100 * (told / result[name] - 1):+.1f} %)" if result[name] else ""
    return f"  predicted {told:,}{off}"
