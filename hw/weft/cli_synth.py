"""``weft synth``: from a preset to a bitstream, with size and speed."""

from typing import Annotated

import typer

from .cli_common import Json, Output, deliver, show_lines
from .cli_errors import one_line_errors
from .config import Config

DEFAULT_TARGET = "ecp5-85k-6"
"""Of presets that are no board's."""


def _seeds(text: str) -> list[int]:
    """Seeds of a command line: a number of them, or a list, which may end with a comma."""
    try:
        numbers = [int(part) for part in text.removesuffix(",").split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise ValueError(f"--seeds {text} is not valid: how many, or which ones: 1,2,5 or 2,")
    return numbers if "," in text else list(range(1, numbers[0] + 1))


@one_line_errors
def synth(
    preset: Annotated[
        str,
        typer.Option("--preset", metavar="C", help="`array8`, `base,rows=8,cols=8`, `chip.toml`."),
    ] = "array8",
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="T",
            help="`ecp5-85k-6`, `ice40-up5k`, ...; or the board's.",
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part", help="`board` with its pins; or alone `chip`, `array`, `simt`, `lane`."
        ),
    ] = None,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N", help="How many, or which ones: `1,2,5`, `2,`.")
    ] = "1",
    freq: Annotated[
        float | None,
        typer.Option(
            "--freq", metavar="MHZ", help="Clock that placement aims at, and a board's routes."
        ),
    ] = None,
    portable: Annotated[
        bool, typer.Option("--portable", help="Portable multipliers instead of the target's own.")
    ] = False,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Synthesise, place and route: bitstream, Fmax, LUTs by block, the slowest path.

    Needs Yosys and nextpnr (`pip install 'weft[fpga]'`) and minutes for each seed; what has been
    computed before is read again. A board's preset becomes that board's bitstream; others stand
    alone between registers. Examples: `weft synth --preset array8 --target ecp5-85k-8`, `weft synth
    --preset ulx3s`
    """
    from weft_bench.synth_report import report_lines

    from .boards.table import BOARDS
    from .synth.design import BOARD
    from .synth.measure import Job, measure
    from .synth.parts import CHIP
    from .synth.targets import Target

    config = Config.parse(preset)
    board = BOARDS.get(preset.partition(",")[0])
    if part is None:
        part = BOARD if board and target in (None, board.target) else CHIP
    if target is None:
        target = board.target if board and part == BOARD else DEFAULT_TARGET
    results = []
    for each in [Target.parse(name) for name in target.split(",")]:
        job = Job(preset, config, part, each, tuple(_seeds(seeds)), freq, portable)
        result = measure(job, lambda line: typer.echo(line, err=True))
        show_lines(report_lines(result))
        results.append(result)
    deliver(results[0] if len(results) == 1 else results, as_json, output)
