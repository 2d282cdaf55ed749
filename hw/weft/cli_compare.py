"""``weft compare``: which chip wins which job, by measurement."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from .cli_common import Json, show_lines
from .cli_errors import one_line_errors

WRONG = 1
"""Exit code when a device gave a wrong result."""


@one_line_errors
def compare(
    jobs: Annotated[
        str | None, typer.Option("--jobs", metavar="A,B", help="Jobs by name; default: all.")
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(
            "--devices",
            metavar="A,B",
            help="`cpu`, `gpu`, and the chip's: `array`, `simt`, `chip`, `core`, or "
            "`array@ulx3s`, ...; default: all.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller sizes and fewer repeats: about a minute.")
    ] = False,
    gpu: Annotated[
        str, typer.Option("--gpu", metavar="auto|off", help="Whether an NVIDIA GPU is looked for.")
    ] = "auto",
    folder: Annotated[
        Path, typer.Option("-o", metavar="DIR", help="Where compare.json and report.html go.")
    ] = Path("build/compare"),
    as_json: Json = False,
) -> None:
    """Run each job on every device that can do it: host CPU, GPU, systolic array, SIMT core.

    Every result is checked against numpy. Writes `compare.json`, the rows; `record.json`, the
    same with the machine; and `report.html`. Without `--quick` it takes most of an hour.

    Example: `weft compare --quick --jobs gemm,collatz`
    """
    from weft_bench.compare.jobs import parse_jobs
    from weft_bench.compare.report import compare_page
    from weft_bench.compare.run import compare as run
    from weft_bench.compare.run import parse_devices
    from weft_bench.compare.shown import comparison_lines
    from weft_bench.files import write_atomically

    today = datetime.now(UTC).date().isoformat()
    found = run(parse_jobs(jobs), parse_devices(devices, quick), quick, gpu, today)
    value = found.to_json()
    show_lines(comparison_lines(found))
    rows = json.dumps(value["rows"], indent=1) + "\n"
    for name, text in (
        ("compare.json", rows),
        ("record.json", json.dumps(value, indent=1) + "\n"),
        ("report.html", compare_page(found)),
    ):
        write_atomically(folder / name, text)
        typer.echo(f"wrote {folder / name}", err=True)
    if as_json:
        print(rows, end="")
    raise typer.Exit(WRONG if found.wrong else 0)
