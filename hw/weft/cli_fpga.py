"""``weft bench fpga``: the table of size and speed on FPGAs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from .cli_errors import one_line_errors
from .config import Config


@one_line_errors
def bench_fpga(
    record: Annotated[
        Path, typer.Option("--record", metavar="FILE", help="Results, read and written.")
    ] = Path("docs/fpga.json"),
    page: Annotated[Path, typer.Option("--page", metavar="FILE", help="Made of them.")] = Path(
        "docs/fpga.md"
    ),
    only: Annotated[
        str, typer.Option("--only", metavar="TEXT", help="Rows in whose command it stands.")
    ] = "",
    measured: Annotated[
        bool, typer.Option("--measured", help="Measure nothing, make the page only.")
    ] = False,
) -> None:
    """Place and route every row of the table, record the results, and make the page of them.

    Hours, unless they have been computed before. What was recorded of other rows stays.
    """
    from weft_bench.files import write_atomically
    from weft_bench.fpga_table import ROWS, fpga_page, merged, read_record

    from .synth.measure import Job, measure
    from .synth.targets import Target

    results = merged(read_record(record), [])
    for row in () if measured else ROWS:
        if only in row.command:
            typer.echo(row.command, err=True)
            config, target = Config.parse(row.preset), Target.parse(row.target)
            job = Job(row.preset, config, row.part, target, row.seeds, row.asked)
            result = measure(job, lambda line: typer.echo(f"  {line}", err=True))
            results = merged(results, [result])
            write_atomically(record, json.dumps(results, indent=1) + "\n")
    write_atomically(page, fpga_page(results))
    typer.echo(f"wrote {page}", err=True)
