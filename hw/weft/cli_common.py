"""What commands of `weft` have in common: options, devices, and how results are delivered."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the random operands.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on standard output.")]
Output = Annotated[
    Path | None, typer.Option("-o", metavar="FILE", help="Write the JSON value to a file.")
]


@contextlib.contextmanager
def opened(url: str) -> Iterator[Any]:
    """A device, closed afterwards whatever happens."""
    from weft_driver import Device

    device = Device(url)
    try:
        yield device
    finally:
        device.close()


def deliver(value: Any, as_json: bool, output: Path | None) -> None:
    """Print and write a JSON value as asked."""
    from weft_bench.files import write_atomically

    text = json.dumps(value, indent=2)
    if output is not None:
        write_atomically(output, text + "\n")
        typer.echo(f"wrote {output}", err=True)
    if as_json:
        print(text)


def show_lines(lines: Any) -> None:
    """Print lines, tables and bars on standard error."""
    from weft_bench.terminal import console

    screen = console()
    for line in lines:
        screen.print(line, markup=False, soft_wrap=True)
