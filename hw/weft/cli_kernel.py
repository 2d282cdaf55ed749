"""``weft kernel``: compile kernels in C, look at them, and run one."""

import contextlib
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

import weft

from .cli_common import Json, Output, Seed, deliver, opened, show_lines
from .cli_errors import one_line_errors

kernel = typer.Typer(
    no_args_is_help=True,
    help="Compile kernels in C for the SIMT core, look at them, run one (docs/kernels.md).",
)

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A C file that includes `weft.h`.", show_default=False),
]
Defines = Annotated[
    list[str] | None, typer.Option("-D", metavar="NAME[=VALUE]", help="A macro; any number.")
]


def size(name: str, text: str) -> tuple[int, ...]:
    """Blocks or threads as they stand on a command line."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--{name} {text} is not of the form X, X,Y or X,Y,Z") from None


@kernel.command("run")
@one_line_errors
def run(
    file: File,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE...", help="One for each parameter of the kernel."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--kernel", metavar="NAME", help="Needed if there are several.")
    ] = None,
    grid: Annotated[str, typer.Option(metavar="X[,Y[,Z]]", help="Blocks of the grid.")] = "1",
    block: Annotated[str, typer.Option(metavar="X[,Y[,Z]]", help="Threads of a block.")] = "1",
    shared: Annotated[int, typer.Option(help="Bytes of shared memory for each block.")] = 0,
    private: Annotated[
        int | None, typer.Option(help="Bytes of stack for each thread; a default suffices mostly.")
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="URL", help="A chip with a SIMT core.")
    ] = "verilator:base",
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write each array that the kernel may write as NAME.npy."),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what each warp did when, for ui.perfetto.dev."),
    ] = None,
    define: Defines = None,
    seed: Seed = 1,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Run a kernel once; show what it wrote and what it counted.

    A value is a number, `null`, a `.npy` file, or an array of the parameter's type: `zeros:N`,
    `ones:N`, `arange:N`, `random:N`, where N may be a shape such as `64x64`. What a kernel takes
    says `weft kernel build FILE`.

    A trace has one track for each warp: blocks, lines of the source, instructions with their lanes,
    and waits with what for; a cycle is shown as a microsecond. It needs a simulator with waves,
    which is slower and built apart.

    Example: `weft kernel run saxpy.c n=1000 a=1.5 x=random:1000 y=ones:1000 --grid 8 --block 32`
    """
    from weft_bench.kernel_arguments import arrays, choose, parse, shown
    from weft_bench.results import identity
    from weft_driver.kernels import load_kernels
    from weft_driver.launch import PRIVATE

    if trace is not None:
        from weft_bench.simt.recording import traced_url
        from weft_bench.simt.trace import code_words, write_trace

    # What can be wrong without a device is said before one is built.
    chosen = choose(load_kernels(file, define or ()), file, name)
    values = parse(chosen, arguments or (), seed)
    sizes = size("grid", grid), size("block", block)
    each = PRIVATE if private is None else private
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        waves = folder / "kernel.fst"
        chip = stack.enter_context(opened(traced_url(device, waves) if trace else device))
        on_chip = chip.load_kernels(file, define or ())[chosen.name]
        done = chip.launch(on_chip, *sizes, values, shared=shared, private=each)
        who = identity(chip.config, device)
        if trace is not None:
            words = code_words(on_chip)
            chip.close()  # finishes the waves
            write_trace(trace, waves, chip.config, on_chip, words)
            typer.echo(f"wrote {trace}", err=True)
    written = arrays(chosen, values)
    value = who | {
        "kernel": chosen.name,
        "grid": sizes[0],
        "block": sizes[1],
        "counters": done.kernel,
        "cycles": done.kernel_cycles,
        "bins": done.kernel_bins,
        "issue_rate": done.issue_rate,
        "lane_utilization": done.lane_utilization,
        "arrays": {name: array.tolist() for name, array in written.items()},
    }
    show_lines(shown(chosen, written, done))
    if save is not None:
        import numpy as np

        save.mkdir(parents=True, exist_ok=True)
        for name, array in written.items():
            np.save(save / f"{name}.npy", array)
            typer.echo(f"wrote {save / name}.npy", err=True)
    deliver(value, as_json, output)


@kernel.command("build")
@one_line_errors
def build(file: File, define: Defines = None, as_json: Json = False, output: Output = None) -> None:
    """Compile a file (kept by content) and say which kernels it has and what they take.

    Example: `weft kernel build saxpy.c -D UNROLL=4`
    """
    compiled = _compiled(file, define)
    rows = [
        {
            "kernel": kernel.name,
            "parameters": [str(parameter) for parameter in kernel.parameters],
            "entry": kernel.entry,
        }
        for kernel in compiled.kernels.values()
    ]
    value = {"weft_version": weft.__version__, "file": str(file), "bytes": compiled.size}
    show_lines([*map(str, compiled.kernels.values()), f"{compiled.size:,} bytes of code and data"])
    deliver(value | {"kernels": rows}, as_json, output)


@kernel.command("disasm")
@one_line_errors
def disasm(
    file: File,
    define: Defines = None,
    address: Annotated[
        str, typer.Option(metavar="A", help="Memory address that the code is shown at.")
    ] = "0",
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Show the code of a file, with functions and lines of the source, on standard output.

    Example: `weft kernel disasm saxpy.c | less`
    """
    try:
        at = int(address, 0)
    except ValueError:
        raise ValueError(f"--address {address} is not a number") from None
    text = _compiled(file, define).disassembly(at)
    value = {"weft_version": weft.__version__, "file": str(file), "disassembly": text}
    if not as_json:
        typer.echo(text, nl=False)
    deliver(value, as_json, output)


def _compiled(file: Path, defines: list[str] | None) -> Any:
    from weft_driver.kernels import load_kernels

    return load_kernels(file, defines or ())
