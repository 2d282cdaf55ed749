"""How the command `weft` says what is wrong: one line on standard error, never a traceback."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

REFUSED, INTERRUPTED = 2, 130
"""Exit codes: the request or the machine is wrong; Ctrl-C."""

EXPECTED = (ValueError, TypeError, RuntimeError, OSError, MemoryError, ModuleNotFoundError)
"""What a person can cause; anything else is a defect of this project and keeps its traceback."""


class OneLine(TyperGroup):
    """A group of commands that says what is wrong with its arguments in one line, too."""

    def main(self, *args: Any, standalone_mode: bool = True, **kwargs: Any) -> Any:
        """Run a command line as `TyperGroup.main` does."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **kwargs)
        try:
            code = super().main(*args, standalone_mode=False, **kwargs)
        except Exception as error:
            # Typer brings its own copy of click's exceptions or uses click's: told by their shape.
            message = getattr(error, "format_message", None)
            if message is None:
                raise
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()  # pyright: ignore[reportAttributeAccessIssue]
            else:
                context = getattr(error, "ctx", None)
                hint = f" (see {context.command_path} --help)" if context else ""
                typer.echo(f"weft: {' '.join(message().split())}{hint}", err=True)
            code = REFUSED
        sys.exit(code if isinstance(code, int) else 0)


def one_line_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what a person can cause into one line on standard error and exit code `REFUSED`."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (typer.Exit, typer.Abort):  # both are RuntimeErrors
            raise
        except EXPECTED as error:
            line = " ".join(str(error).split()) or type(error).__name__
            if isinstance(error, ModuleNotFoundError) and "pip install" not in line:
                line += "; run `make env`, or pip install 'weft[hw,sim,report]'"
            typer.echo(f"weft: {line}", err=True)
            raise typer.Exit(REFUSED) from None
        except KeyboardInterrupt:
            typer.echo("weft: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return wrapped
