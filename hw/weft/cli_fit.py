"""``weft fit``: which sizes fit on an FPGA, before any synthesis; and how that is known."""

from pathlib import Path
from typing import Annotated, Any

import typer

import weft

from .cli_common import Json, Output, deliver, show_lines
from .cli_errors import one_line_errors
from .cli_synth import DEFAULT_TARGET
from .config import Config

FITS_NOT = 1
"""Exit code when the configuration asked about does not fit, or perhaps not."""


@one_line_errors
def fit(
    target: Annotated[
        str, typer.Option("--target", metavar="T", help="`ecp5-85k-6`, `ecp5-25k-8`, ...")
    ] = DEFAULT_TARGET,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", metavar="C", help="Only this one: `array8`, `base,rows=8`, `chip.toml`."
        ),
    ] = None,
    like: Annotated[
        str,
        typer.Option("--like", metavar="C", help="What else is as in this one, in the table."),
    ] = "ulx3s",
    fill: Annotated[
        float | None,
        typer.Option(
            "--fill",
            metavar="%",
            min=1,
            max=100,
            help="Of LUTs and registers that may be used, the model's worst error included.",
        ),
    ] = None,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Say which sizes of array and SIMT core fit on an FPGA, before any synthesis.

    From a model of LUTs and registers that is fitted to synthesised chips, with its error;
    multipliers and block RAMs follow from the configuration exactly. With `--preset` it is about
    that chip, and a board's with all that is on the board; exit code 1 unless it fits. `weft synth`
    says what is true.

    Examples: `weft fit --target ecp5-45k-6`, `weft fit --preset ulx3s,lanes=8 --json`
    """
    from weft_bench.fit_report import chip_lines, model_lines, table_lines

    from .boards.table import BOARDS
    from .synth.design import BOARD
    from .synth.fit import FILL, model_of, table, verdict
    from .synth.targets import Target

    device = Target.parse(target)
    model = model_of(device.family.name)
    percent = FILL if fill is None else fill
    told: dict[str, Any] = {"weft_version": weft.__version__, "target": target, "fill": percent}
    told |= {"model": model.to_json()}
    if preset is None:
        rows = table(model, device, Config.parse(like), percent)
        told |= {"like": like, "rows": [row.to_json() for row in rows]}
        show_lines([*table_lines(rows, target, like, percent), *model_lines(model)])
        deliver(told, as_json, output)
        return
    config = Config.parse(preset)
    board = BOARDS.get(preset.partition(",")[0])
    known = board is not None and board.name in model.boards
    if board is not None and known and Target.parse(board.target).device == device.device:
        row = verdict(model, config, device, percent, BOARD, board.name)
    else:
        row = verdict(model, config, device, percent)
    show_lines([*chip_lines(row, preset, device, percent, board), *model_lines(model)])
    deliver(told | {"preset": preset} | row.to_json(), as_json, output)
    raise typer.Exit(0 if row.fits == "yes" else FITS_NOT)


@one_line_errors
def bench_fit(
    family: Annotated[
        str | None,
        typer.Option("--family", metavar="F", help="`ecp5` or another one; all if left out."),
    ] = None,
    only: Annotated[
        str, typer.Option("--only", metavar="TEXT", help="Chips in whose name it stands.")
    ] = "",
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Points, read and written.")
    ] = None,
    routed: Annotated[
        Path, typer.Option("--routed", metavar="FILE", help="What `weft bench fpga` recorded.")
    ] = Path("docs/fpga.json"),
) -> None:
    """Synthesise the chips that the model of `weft fit` is fitted to, and record what they take.

    Minutes for each with Yosys (`pip install 'weft[fpga]'`), nothing for those whose netlists are
    there; what was recorded of others stays. Then `weft docs` writes docs/fit.md.
    """
    from weft_bench.fpga_table import read_record as read_results

    from .synth.points import POINTS, RECORD, measure_points

    if family is not None and family not in POINTS:
        raise ValueError(f"--family {family} is not valid: one of {', '.join(POINTS)}")
    path = RECORD if record is None else record
    for each in POINTS if family is None else (family,):
        measure_points(
            each, path, read_results(routed), lambda line: typer.echo(line, err=True), only
        )
    typer.echo(f"wrote {path}", err=True)
