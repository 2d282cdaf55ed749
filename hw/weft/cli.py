"""The command ``weft``: reads arguments, calls what does the work, shows or writes the result.

Results go to standard output only as one JSON value (``--json``); everything a person reads goes
to standard error. Exit code 0: fine; 1: the chip gave a wrong result; 2: something is wrong with
the request or the machine, said in one line.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import typer

import weft

from .cli_advise import advise
from .cli_boards import boards, load
from .cli_common import Json, Output, Seed, deliver, opened, show_lines
from .cli_compare import compare
from .cli_errors import OneLine, one_line_errors
from .cli_fit import bench_fit, fit
from .cli_fpga import bench_fpga
from .cli_jobs import bench_encoder, bench_resnet
from .cli_kernel import kernel
from .cli_simt import bench_overlap, bench_simt, bench_simt_figures
from .cli_synth import synth
from .config import PRESETS, Config

WRONG = 1
"""Exit code when the chip gave a wrong result."""

main = typer.Typer(
    name="weft",
    cls=OneLine,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Weft: a systolic int8 accelerator, simulated from its RTL and driven from Python.\n\n"
    "Begin with `weft gemm 64 64 64`, or `weft sim` for the whole show.",
)
bench = typer.Typer(no_args_is_help=True, help="Measure tables of shapes, and kernels.")
config_app = typer.Typer(no_args_is_help=True, help="Look at configurations.")
main.add_typer(bench, name="bench")
main.add_typer(config_app, name="config")
main.add_typer(kernel, name="kernel")
main.command("synth")(synth)
main.command("fit")(fit)
main.command("compare")(compare)
main.command("advise")(advise)
main.command("boards")(boards)
main.command("load")(load)
bench.command("simt")(bench_simt)
bench.command("overlap")(bench_overlap)
bench.command("encoder")(bench_encoder)
bench.command("resnet")(bench_resnet)
bench.command("simt-figures")(bench_simt_figures)
bench.command("fpga")(bench_fpga)
bench.command("fit")(bench_fit)

Device_ = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="URL",
        help="Chip to use: `golden:base`, `verilator:tiny`, `verilator:base,rows=8?latency=100`.",
    ),
]
Out = Annotated[str, typer.Option("--out", metavar="int8|int32", help="Type of the result.")]
Layout = Annotated[
    str, typer.Option("--b", metavar="packed|row_major", help="How B lies in memory.")
]
Latency = Annotated[
    int | None, typer.Option("--latency", min=1, help="Memory latency in cycles (default 40).")
]
Waves = Annotated[
    Path | None, typer.Option("--waves", metavar="FILE", help="Record waves into an FST file.")
]
Window = Annotated[
    str | None,
    typer.Option("--window", metavar="A:B", help="Only these cycles after the first doorbell."),
]


def device_url(
    url: str,
    latency: int | None = None,
    waves: Path | None = None,
    window: str | None = None,
) -> str:
    """A device URL with options added; they replace those that it has."""
    head, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if latency is not None:
        options["latency"] = str(latency)
    if window is not None and waves is None:
        raise ValueError("--window needs --waves FILE, too")
    if waves is not None:
        if head.partition(":")[0] == "golden":
            raise ValueError("--waves needs a simulated chip, for example --device verilator:tiny")
        options["waves"] = str(waves)
    if window is not None:
        options["window"] = window
    return head + ("?" + urlencode(options, safe=":/,") if options else "")


def version_and_exit(wanted: bool) -> None:
    """Print the version."""
    if wanted:
        print(f"weft {weft.__version__}")
        raise typer.Exit


@main.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=version_and_exit, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@main.command()
@one_line_errors
def sim(
    device: Device_ = "verilator:base",
    folder: Annotated[
        Path, typer.Option("--folder", help="Where report.html and result.json go.")
    ] = Path("build/sim"),
    as_json: Json = False,
) -> None:
    """Run the main job: products and a digits classifier on the chip, checked, with a report.

    Builds the simulator when it is missing. Writes `report.html`, which opens in any browser.
    """
    from weft_bench.main_job import run_main_job

    result = run_main_job(device, folder)
    deliver(result, as_json, None)
    raise typer.Exit(0 if result["ok"] else WRONG)


@main.command()
@one_line_errors
def gemm(
    m: Annotated[int, typer.Argument(min=1, help="Rows of A and C.")],
    n: Annotated[int, typer.Argument(min=1, help="Columns of B and C.")],
    k: Annotated[int, typer.Argument(min=1, help="Columns of A, rows of B.")],
    device: Device_ = "verilator:base",
    out: Out = "int8",
    b: Layout = "packed",
    latency: Latency = None,
    seed: Seed = 1,
    as_json: Json = False,
    output: Output = None,
    waves: Waves = None,
    window: Window = None,
) -> None:
    """Multiply one pair of random matrices on the chip and check every element against numpy.

    Examples: `weft gemm 64 64 64`, `weft gemm 1 1000 2048 --b row_major --json`,
    `weft gemm 16 16 16 --device verilator:tiny --waves build/t.fst --window 0:500`.
    """
    from weft_bench.gemm import Ask, run_gemm, run_one
    from weft_bench.results import identity
    from weft_bench.shapes import Shape
    from weft_bench.terminal import result_lines

    ask = Ask(out, b, seed)
    with opened(device_url(device, latency, waves, window)) as chip:
        # A window of waves counts from the first doorbell: it must be the product's.
        run = run_one if waves is None else run_gemm
        result = run(chip, Shape("", "", m, n, k), ask)
        value = identity(chip.config, chip.url) | result.to_json()
    show_lines(result_lines(result))
    deliver(value, as_json, output)
    raise typer.Exit(WRONG if result.mismatches else 0)


@bench.command("gemm")
@one_line_errors
def bench_gemm(
    shapes: Annotated[
        Path | None,
        typer.Option("--shapes", metavar="CSV", help="Table: suite,name,m,n,k,count."),
    ] = None,
    max_macs: Annotated[
        float, typer.Option("--max-macs", metavar="N", help="Leave out products above this.")
    ] = 200e6,
    device: Device_ = "verilator:base",
    out: Out = "int8",
    b: Layout = "packed",
    latency: Latency = None,
    seed: Seed = 1,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Measure every row of a table of shapes; without `--shapes`, squares from 4 to 1024.

    Example: `weft bench gemm --shapes mlp.csv --max-macs 50e6 --json > mlp.json`
    """
    from weft_bench.gemm import Ask, run_table
    from weft_bench.shapes import SQUARE, read_shapes

    ask = Ask(out, b, seed)
    rows = list(SQUARE) if shapes is None else read_shapes(shapes)
    small = [row for row in rows if row.macs <= max_macs]
    if not small:
        raise ValueError(f"every row is above --max-macs {max_macs:g}")
    with opened(device_url(device, latency)) as chip:
        finish_table(chip, run_table(chip, small, ask), len(rows) - len(small), as_json, output)


@bench.command("conv")
@one_line_errors
def bench_conv(
    device: Device_ = "verilator:base",
    out: Out = "int8",
    latency: Latency = None,
    seed: Seed = 1,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Measure the convolutions of ResNet-8, and one of 56 x 56 x 64, padding included."""
    from weft_bench.conv import run_convs
    from weft_bench.gemm import Ask
    from weft_bench.shapes import CONVS

    with opened(device_url(device, latency)) as chip:
        finish_table(chip, run_convs(chip, CONVS, Ask(out, "packed", seed)), 0, as_json, output)


def finish_table(
    chip: Any, results: list[Any], left_out: int, as_json: bool, output: Path | None
) -> None:
    """Show a table and its sum, deliver it as JSON, and exit."""
    from weft_bench.results import Summary, identity
    from weft_bench.terminal import result_table, summary_lines

    summary = Summary.of(results)
    show_lines([result_table(results), *summary_lines("all", summary)])
    if left_out:
        show_lines([f"left out: {left_out} rows above --max-macs"])
    who = identity(chip.config, chip.url)
    rows = [who | row.to_json() for row in results]
    value = who | {"summary": who | summary.to_json(), "left_out": left_out, "rows": rows}
    deliver(value, as_json, output)
    raise typer.Exit(WRONG if summary.mismatches or summary.below_ideal else 0)


@bench.command("figures")
@one_line_errors
def bench_figures(
    tables: Annotated[
        Path | None,
        typer.Option("--tables", metavar="DIR", help="Folder with mlp.csv, cnn.csv and others."),
    ] = None,
    page: Annotated[Path, typer.Option("--page", help="The page to write.")] = Path(
        "docs/benchmarks.md"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="Only what takes seconds; writes no page.")
    ] = False,
    preset: Annotated[str, typer.Option("--preset", metavar="C")] = "base",
    as_json: Json = False,
    output: Output = Path("build/bench/figures.json"),
) -> None:
    """Measure every figure that this project quotes; write docs/benchmarks.md and JSON.

    Takes some minutes: about 30 million cycles of the simulated chip.
    """
    from weft_bench.figures import measure_figures, unmet
    from weft_bench.figures_page import figures_page
    from weft_bench.files import write_atomically

    figures = measure_figures(preset, tables, quick)
    if not quick:
        write_atomically(page, figures_page(figures))
        typer.echo(f"wrote {page}", err=True)
    deliver(figures, as_json, output)
    missed = unmet(figures["figures"])
    show_lines([f"missed: {name}" for name in missed])
    raise typer.Exit(WRONG if missed else 0)


@main.command()
@one_line_errors
def show(
    m: Annotated[int, typer.Argument(min=1)],
    n: Annotated[int, typer.Argument(min=1)],
    k: Annotated[int, typer.Argument(min=1)],
    device: Device_ = "verilator:tiny",
    seed: Seed = 1,
    output: Annotated[Path, typer.Option("-o", metavar="FILE", help="The page to write.")] = Path(
        "build/show.html"
    ),
) -> None:
    """Make a page that steps through the array cycle by cycle, from a trace of the RTL.

    Example: `weft show 8 8 8`, then open `build/show.html`.
    """
    from weft_bench.show import show_page

    typer.echo(f"wrote {show_page(device, m, n, k, seed, output)}", err=True)


@main.command()
@one_line_errors
def emit(
    preset: Annotated[
        str, typer.Option("--preset", metavar="C", help="A preset, its changes, or a TOML file.")
    ] = "base",
    folder: Annotated[
        Path | None, typer.Option("-o", metavar="DIR", help="Default: hw/rtl/ and the preset.")
    ] = None,
    board: Annotated[
        str | None,
        typer.Option("--board", metavar="BOARD", help="A whole board instead: `weft boards`."),
    ] = None,
) -> None:
    """Write the Verilog of a chip, and all that a system around it needs: docs/integrate.md.

    Beside it are `manifest.json`, a header for C, a FuseSoC core, and waivers for lint. With
    `--board` it is the design of a board and its constraints.

    Example: `weft emit --preset base,rows=12,cols=10 -o build/rtl`
    """
    if board is not None:
        from .boards.files import emit_board
        from .boards.table import find_board

        for path in emit_board(find_board(board), folder or Path("build/boards") / board):
            typer.echo(f"wrote {path}", err=True)
        return
    config = Config.parse(preset)
    from .emit import emit as emit_files

    if folder is None and preset not in PRESETS:
        raise ValueError("-o DIR is needed for a configuration that is not a preset")
    for path in emit_files(config, folder or Path("hw/rtl") / preset):
        typer.echo(f"wrote {path}", err=True)


@config_app.command("show")
@one_line_errors
def config_show(
    spec: Annotated[
        str, typer.Argument(metavar="C", help="A preset, its changes, or a TOML file.")
    ] = "base",
    as_json: Json = False,
) -> None:
    """Show a configuration with everything that follows from it.

    Example: `weft config show base,rows=12,cols=10`
    """
    config = Config.parse(spec)
    derived = {
        name: getattr(config, name)
        for name, attribute in vars(Config).items()
        if isinstance(attribute, property) and name != "hash"
    }
    if as_json:
        who = {"weft_version": weft.__version__, "config_hash": config.hash_hex, "device": None}
        deliver(who | {"config": asdict(config), "derived": derived}, True, None)
        return
    for title, values in (("chosen", asdict(config)), ("derived", derived)):
        typer.echo(title)
        for name, value in values.items():
            typer.echo(f"  {name:<20} {value}")


@main.command()
@one_line_errors
def doctor(as_json: Json = False) -> None:
    """Say what is installed, what is missing, and how to get it."""
    from weft_bench import doctor as examination

    if as_json:
        value = examination.as_json()
        deliver(value, True, None)
        raise typer.Exit(0 if value["ok"] else WRONG)
    raise typer.Exit(examination.main())


@main.command(hidden=True)
@one_line_errors
def docs(
    folder: Annotated[Path, typer.Option("-o", metavar="DIR")] = Path("docs"),
    header: Annotated[Path, typer.Option("--header", metavar="FILE")] = Path("sw/kernels/weft.h"),
) -> None:
    """Write what is made from tables: pages of docs/, and the kernels' header."""
    from weft_bench.pages import write_header, write_pages

    write_header(header)
    for path in (header, *write_pages(folder)):
        typer.echo(f"wrote {path}", err=True)


if __name__ == "__main__":
    sys.exit(main())
