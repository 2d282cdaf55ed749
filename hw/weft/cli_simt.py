"""``weft bench simt`` and ``overlap``: kernels on the SIMT core, measured."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .cli_common import Json, Output, Seed, deliver, opened, show_lines
from .cli_errors import one_line_errors

WRONG = 1
"""Exit code when the chip gave a wrong result."""

CORES = "1x1,1x16,8x1,8x16"

Kernels = Annotated[
    str | None,
    typer.Option(
        "--kernels",
        metavar="A,B",
        help="Kernels of the library; default: all, with --latency vector_add and saxpy.",
    ),
]
Cores = Annotated[
    str | None,
    typer.Option(
        "--cores",
        metavar="LxW,...",
        help=f"Lanes x warps of each core; default: {CORES}, with --latency the device's own.",
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="main|shared|both",
        help="Where the kernels' arrays lie; default: both, with --latency main.",
    ),
]
Size = Annotated[
    int | None,
    typer.Option(
        "--size",
        min=1,
        help="Elements, with --latency for each warp; default: what figures are stated for.",
    ),
]
Latency = Annotated[
    str | None,
    typer.Option(
        "--latency", metavar="A:B|A,B,...", help="Turn the latency dial: cycles of main memory."
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw the dial: .svg, .png or .pdf."),
]


@one_line_errors
def bench_simt(
    kernels: Kernels = None,
    cores: Cores = None,
    memory: Memory = None,
    size: Size = None,
    latency: Latency = None,
    plot: Plot = None,
    device: Annotated[
        str, typer.Option("--device", metavar="URL", help="The chip that the cores are put on.")
    ] = "verilator:base",
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Run the kernel library on several cores: the same binaries, every result checked.

    Main memory answers after 40 cycles unless the device says otherwise (`?latency=`); shared
    memory is the activation SRAM, which LOADs fill before a kernel and STOREs empty behind it.
    The first run on a core builds its simulator, which takes minutes.

    With `--latency` it shows what threads are for: throughput from main memory against the number
    of warps in use, under each latency, beside what is possible at most.

    Examples: `weft bench simt --kernels saxpy,reduction --cores 8x16 --memory shared`,
    `weft bench simt --latency 1:200 --plot dial.svg`
    """
    from weft_bench.simt import runs

    if plot is not None and latency is None:
        raise ValueError("--plot needs --latency, too")
    if latency is not None:
        if memory not in (None, "main"):
            raise ValueError(f"--latency is about main memory: not with --memory {memory}")
        urls = [device]
        if cores is not None:
            urls = [runs.core_url(device, *core) for core in runs.parse_cores(cores)]
        rows, value = _dial(urls, kernels, latency, size, plot)
    else:
        rows, value = _library(device, kernels, cores or CORES, memory or "both", size)
    deliver(value, as_json, output)
    raise typer.Exit(WRONG if any(row.mismatches for row in rows) else 0)


def _library(
    device: str, kernels: str | None, cores: str, memory: str, size: int | None
) -> tuple[list[Any], list[Any]]:
    from weft_bench.results import identity
    from weft_bench.simt import runs, shown

    asked = runs.parse_kernels(kernels), runs.memories(memory)
    sizes = runs.parse_cores(cores)
    runs.compile_all(asked[0])
    rows, value = [], []
    for table in runs.run_cores(device, sizes, lambda chip: runs.run_library(chip, *asked, size)):
        core = f"{table.config.lanes} lanes x {table.config.warps} warps"
        show_lines([core, shown.kernel_table(table.rows), *table.left_out])
        rows += table.rows
        value += [identity(table.config, table.url) | row.to_json() for row in table.rows]
    show_lines(shown.summary(rows))
    return rows, value


def _dial(
    urls: list[str], kernels: str | None, latency: str, size: int | None, plot: Path | None
) -> tuple[list[Any], list[Any]]:
    from weft_bench.results import identity
    from weft_bench.simt import dial, dial_shown, runs

    asked = runs.parse_kernels(kernels or dial.KERNELS), dial.parse_latencies(latency)
    if plot is not None:
        dial_shown.check_plot(plot)
    rows, value = [], []
    for url in urls:
        with opened(url) as chip:
            points = dial.run_dial(chip, *asked, size)
            who = identity(chip.config, chip.url)
        show_lines([f"core of {url}", dial_shown.dial_table(points)])
        rows += points
        value += [who | point.to_json() for point in points]
    show_lines([dial_shown.LEGEND])
    if plot is not None:
        dial_shown.plot(rows, plot)
        typer.echo(f"wrote {plot}", err=True)
    return rows, value


@one_line_errors
def bench_overlap(
    tiles: Annotated[int, typer.Option("--tiles", min=1, help="Products, and kernels.")] = 8,
    m: Annotated[int, typer.Option("-m", min=1, help="Rows of each product.")] = 64,
    n: Annotated[int, typer.Option("-n", min=1, help="Columns of each product.")] = 64,
    k: Annotated[int, typer.Option("-k", min=1, help="What each product sums over.")] = 1024,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Write the timeline, an .svg.")
    ] = None,
    device: Annotated[
        str, typer.Option("--device", metavar="URL", help="A simulated chip with a SIMT core.")
    ] = "verilator:base",
    seed: Seed = 1,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Multiply tile i + 1 while the SIMT core applies softmax to tile i, in one program.

    Runs the products alone, the kernels alone, and both; checks every element against numpy; says
    how many cycles the overlap hides.

    Example: `weft bench overlap --tiles 4 --plot build/overlap.svg`
    """
    from weft_bench.files import write_atomically
    from weft_bench.plots import timeline
    from weft_bench.results import identity
    from weft_bench.simt.overlap import run_overlap
    from weft_bench.simt.shown import overlap_lines

    if plot is not None and plot.suffix != ".svg":
        raise ValueError(f"--plot {plot} is not valid: it ends in .svg")
    with opened(device) as chip:
        result, activity = run_overlap(chip, tiles, (m, n, k), seed=seed)
        value = identity(chip.config, chip.url) | result.to_json()
    show_lines(overlap_lines(result))
    if plot is not None:
        write_atomically(plot, timeline(activity))
        typer.echo(f"wrote {plot}", err=True)
    deliver(value, as_json, output)
    raise typer.Exit(WRONG if result.mismatches else 0)


@one_line_errors
def bench_simt_figures(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where measured parts are kept.")
    ] = Path("build/bench/simt"),
    page: Annotated[Path, typer.Option("--page", help="The page to write.")] = Path(
        "docs/benchmarks-simt.md"
    ),
    again: Annotated[
        bool, typer.Option("--again", help="Measure parts that are there, too.")
    ] = False,
    device: Annotated[str, typer.Option("--device", metavar="URL")] = "verilator:base",
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Measure every figure about kernels, and write docs/benchmarks-simt.md.

    Builds four simulators and runs some 100 million cycles. Parts that are in the folder are not
    measured again: `library`, `cores`, `dial` and `overlap`, each a JSON file.
    """
    from weft_bench.files import write_atomically
    from weft_bench.simt.figures import measure
    from weft_bench.simt.page import figures, simt_figures_page

    parts = measure(device, folder, again)
    write_atomically(page, simt_figures_page(parts))
    typer.echo(f"wrote {page}", err=True)
    missed = [name for name, _, _, met in figures(parts) if not met]
    show_lines([f"missed: {name}" for name in missed])
    deliver(parts, as_json, output)
    raise typer.Exit(WRONG if missed else 0)
