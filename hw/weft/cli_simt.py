"""``weft bench simt``: kernels on the SIMT core, measured."""

from typing import Annotated

import typer

from .cli_common import Json, Output, deliver, show_lines
from .cli_errors import one_line_errors

WRONG = 1
"""Exit code when the chip gave a wrong result."""

Kernels = Annotated[
    str | None,
    typer.Option("--kernels", metavar="A,B", help="Kernels of the library; default: all."),
]


@one_line_errors
def bench_simt(
    kernels: Kernels = None,
    cores: Annotated[
        str, typer.Option("--cores", metavar="LxW,...", help="Cores: lanes x warps of each.")
    ] = "1x1,1x16,8x1,8x16",
    memory: Annotated[
        str,
        typer.Option("--memory", metavar="main|shared|both", help="Where the kernels' arrays lie."),
    ] = "both",
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, help="Elements; default: what figures are stated for."),
    ] = None,
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

    Example: `weft bench simt --kernels saxpy,reduction --cores 8x16 --memory shared`
    """
    from weft_bench.results import identity
    from weft_bench.simt import library, shown

    asked = library.parse_kernels(kernels), library.memories(memory)
    sizes = library.parse_cores(cores)
    library.compile_all(asked[0])
    rows, value = [], []
    for table in library.run_cores(
        device, sizes, lambda chip: library.run_library(chip, *asked, size)
    ):
        core = f"{table.config.lanes} lanes x {table.config.warps} warps"
        show_lines([core, shown.kernel_table(table.rows), *table.left_out])
        rows += table.rows
        value += [identity(table.config, table.url) | row.to_json() for row in table.rows]
    show_lines(shown.summary(rows))
    deliver(value, as_json, output)
    raise typer.Exit(WRONG if any(row.mismatches for row in rows) else 0)
