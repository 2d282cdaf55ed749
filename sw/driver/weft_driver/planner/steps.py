"""Steps and programs: commands with what they touch, before and after semaphores."""

from collections.abc import Mapping
from dataclasses import dataclass

from weft.arch.commands import BY_NAME, Engine, encode

from .problem import Call
from .spans import Span, span

_ENGINES = {name: command.engine for name, command in BY_NAME.items()}


@dataclass(frozen=True, slots=True)
class Step:
    """One command without semaphores.

    Parameters
    ----------
    name, fields
        As `weft.arch.commands.encode` takes them, without ``wait`` and ``post``.
    reads, writes
        What the command touches, for `weft_driver.planner.hazards`.
    note
        A few words for a reader.
    """

    name: str
    fields: Mapping[str, int]
    reads: tuple[Span, ...] = ()
    writes: tuple[Span, ...] = ()
    note: str = ""

    @property
    def engine(self) -> Engine:
        """The engine that runs it."""
        return _ENGINES[self.name]


@dataclass(frozen=True)
class Program:
    """Commands in program order, semaphores included: what the chip will be given.

    Parameters
    ----------
    steps
        The commands; their fields hold ``wait`` and ``post``.
    semaphores
        What each semaphore in use says, for example ``LOAD tells MATMUL: weights``.
    """

    steps: tuple[Step, ...]
    semaphores: tuple[str, ...] = ()

    def lower(self) -> bytes:
        """The command bytes."""
        return b"".join(encode(step.name, step.fields) for step in self.steps)

    def count(self, engine: Engine) -> int:
        """How many commands an engine gets."""
        return sum(step.engine is engine for step in self.steps)


KERNELS = span("kernels", 0, 1)
"""Stands for all that kernels do and nobody reads: the end of a program waits for it."""


def launch_step(op: Call) -> Step:
    """The LAUNCH of a kernel."""
    note = f"kernel {op.name}"
    return Step("LAUNCH", op.fields, op.reads, (*op.writes, KERNELS), note)


def end_step(kernels: bool = False) -> Step:
    """The SIGNAL that retires a program, after all its ``kernels`` if there are any."""
    return Step("SIGNAL", {"end": 1}, reads=(KERNELS,) if kernels else (), note="done")
