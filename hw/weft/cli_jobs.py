"""``weft bench encoder`` and its like: whole jobs on array and SIMT core together."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from .cli_common import Json, Output, Seed, deliver, opened, show_lines
from .cli_errors import one_line_errors

WRONG = 1
"""Exit code when the chip gave a wrong result, or a figure is missed."""

Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Write the timeline, an .svg.")
]

Url = Annotated[str, typer.Option("--device", metavar="URL", help="A chip with a SIMT core.")]


def check_plot(plot: Path | None) -> None:
    """`ValueError` for a file that is no .svg."""
    if plot is not None and plot.suffix != ".svg":
        raise ValueError(f"--plot {plot} is not valid: it ends in .svg")


def write_timeline(plot: Path | None, activity: Any, device: str) -> None:
    """Write who was busy when, where a file is asked for."""
    from weft_bench.files import write_atomically
    from weft_bench.plots import timeline

    if plot is None:
        return
    if activity is None:
        raise ValueError(f"{device} has no timeline: --device verilator:base has")
    write_atomically(plot, timeline(activity))
    typer.echo(f"wrote {plot}", err=True)


def finish(
    chip: Any, result: Any, lines: Any, met: bool, as_json: bool, output: Path | None
) -> NoReturn:
    """Show and deliver a result, and exit."""
    from weft_bench.results import identity

    show_lines(lines)
    deliver(identity(chip.config, chip.url) | result.to_json(), as_json, output)
    raise typer.Exit(WRONG if result.measured.mismatches or not met else 0)


@one_line_errors
def bench_encoder(
    rows: Annotated[
        int, typer.Option("--rows", min=1, help="Tokens that pass through the layer together.")
    ] = 64,
    plot: Plot = None,
    device: Url = "verilator:base",
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

    check_plot(plot)
    with opened(device) as chip:
        result = run_encoder(chip, Sizes(rows=rows), seed)
        met = result.ok and all(met for _, _, met in result.figures)
        write_timeline(plot, result.measured.activity, device)
        finish(chip, result, encoder_lines(result), met, as_json, output)


@one_line_errors
def bench_resnet(
    pictures: Annotated[
        int, typer.Option("--pictures", min=1, help="Pictures in one program.")
    ] = 4,
    plot: Plot = None,
    device: Url = "verilator:base",
    seed: Seed = 1,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Run a CNN of the shape of ResNet-8: convolutions on the array, sums on the SIMT core.

    One program for all pictures, every step of it checked against numpy bit for bit. Then the same
    with the SIMT core's commands left out, and with the array's.

    Example: `weft bench resnet --pictures 2`
    """
    from weft_bench.resnet.run import resnet_lines, run_resnet

    check_plot(plot)
    with opened(device) as chip:
        result = run_resnet(chip, pictures, seed)
        write_timeline(plot, result.measured.activity, device)
        finish(chip, result, resnet_lines(result), result.met, as_json, output)
