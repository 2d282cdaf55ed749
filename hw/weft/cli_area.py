"""``weft bench area``: size and speed of the SIMT core on an FPGA."""

from pathlib import Path
from typing import Annotated

import typer

from .cli_common import Json, Output, deliver, show_lines
from .cli_errors import one_line_errors


def numbers(name: str, text: str) -> list[int]:
    """Whole numbers with commas between them, from a command line."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--{name} {text} is not of the form N or N,N,...") from None


@one_line_errors
def bench_area(
    lanes: Annotated[int, typer.Option("--lanes", help="1, 2, 4 or 8.")] = 8,
    warps: Annotated[int, typer.Option("--warps", help="1 to 16.")] = 16,
    fp: Annotated[
        str, typer.Option("--fp", metavar="none,full", help="Without or with floating point.")
    ] = "full",
    grade: Annotated[
        str, typer.Option("--grade", metavar="N,N", help="Speed grades: 6 (slow) to 8 (fast).")
    ] = "6",
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N,N", help="Of placement, one run each.")
    ] = "1",
    part: Annotated[
        str, typer.Option("--part", help="The whole core, or a part of it: `lane`, `passes`, ...")
    ] = "core",
    device: Annotated[
        str, typer.Option("--device", metavar="25k|45k|85k", help="Which ECP5.")
    ] = "85k",
    freq: Annotated[
        float | None, typer.Option("--freq", metavar="MHZ", help="Clock that placement aims at.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write a page with the figures.")
    ] = None,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Synthesise, place and route the SIMT core alone on an ECP5: LUTs by block, Fmax, paths.

    Needs Yosys and nextpnr (`pip install 'weft[fpga]'`) and minutes for each seed; what has been
    computed before is read again. Example: `weft bench area --lanes 2 --fp none --grade 8`
    """
    from weft_bench.area_page import FMAX_MHZ, area_lines, area_page
    from weft_bench.files import write_atomically

    from .gateware.simt.sizes import Sizes
    from .synth.area import measure
    from .synth.nextpnr import Target

    every = [
        (
            Sizes(lanes=lanes, warps=warps, fp=kind),
            Target(device, speed, FMAX_MHZ.get(speed, 115) if freq is None else freq),
        )
        for kind in fp.split(",")
        for speed in numbers("grade", grade)
    ]
    chosen = numbers("seeds", seeds)
    results = []
    for sizes, target in every:
        result = measure(part, sizes, target, chosen, lambda line: typer.echo(line, err=True))
        show_lines(area_lines(result))
        results.append(result)
    if page is not None:
        write_atomically(page, area_page(results))
        typer.echo(f"wrote {page}", err=True)
    deliver(results[0] if len(results) == 1 else results, as_json, output)
