"""Shows what a build is doing."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Report = Callable[[str, int, int], None]
"""Called with a step's name, files done and files in all."""


def silent(step: str, done: int, total: int) -> None:
    """Report nothing."""


@contextlib.contextmanager
def progress(what: str) -> Iterator[Report]:
    """Show a build on standard error: a bar on a terminal, one line a step elsewhere.

    Nothing is shown when nothing is reported, as for what is in the cache.
    """
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(what, total=None)
    started = time.monotonic()
    seen: list[str] = []

    def report(step: str, done: int, total: int) -> None:
        if console.is_terminal and not seen:
            bar.start()
        if step not in seen:
            seen.append(step)
            if not console.is_terminal:
                console.print(f"building {what}: {step}")
        bar.update(task, description=f"building {what}: {step}", completed=done, total=total)

    try:
        yield report
    finally:
        bar.stop()
    if seen:
        console.print(f"built {what} in {time.monotonic() - started:.0f} s")
