"""``weft bench encoder`` and its like: whole jobs on array and SIMT core together."""

from pathlib import Path
from typing import Annotated

import typer

from .cli_common import Json, Output, Seed, deliver, opened, show_lines
from .cli_errors import one_line_errors

WRONG = 1
"""Exit code when the chip gave a wrong result, or a figure is missed."""

Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Write the timeline, an .svg.")
]


@one_line_errors
def bench_encoder(
    rows: Annotated[
        int, typer.Option("--rows", min=1, help="Tokens that pass through the layer together.")
    ] = 64,
    plot: Plot = None,
    device: Annotated[
        str, typer.Option("--device", metavar="URL", help="A chip with a SIMT core.")
    ] = "verilator:base",
    seed: Seed = 1,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Run one BERT-tiny encoder layer: products on the array, the rest on the SIMT core.

    One program from doorbell to interrupt, every step of it checked against numpy bit for bit.
    Then the same with the SIMT core's commands left out, and with the array's.

    Example: `weft bench encoder --plot build/encoder.svg`
    """
    from weft_bench.encoder.run import encoder_lines, run_encoder
    from weft_bench.encoder.sizes import Sizes
    from weft_bench.files import write_atomically
    from weft_bench.plots import timeline
    from weft_bench.results import identity

    if plot is not None and plot.suffix != ".svg":
        raise ValueError(f"--plot {plot} is not valid: it ends in .svg")
    with opened(device) as chip:
        result = run_encoder(chip, Sizes(rows=rows), seed)
        value = identity(chip.config, chip.url) | result.to_json()
    show_lines(encoder_lines(result))
    if plot is not None:
        if result.measured.activity is None:
            raise ValueError(f"{device} has no timeline: --device verilator:base has")
        write_atomically(plot, timeline(result.measured.activity))
        typer.echo(f"wrote {plot}", err=True)
    deliver(value, as_json, output)
    met = all(met for _, _, met in result.figures)
    raise typer.Exit(0 if result.ok and met else WRONG)
