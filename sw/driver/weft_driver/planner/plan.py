"""Plans: a program of operations, decided and laid out; a value to print, compare and lower."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from weft.arch.commands import Engine, disassemble
from weft.arch.memory import MemoryTiming
from weft.config import Config

from .choose import choose, gemm_steps
from .estimate import Estimate, Estimator
from .explain import explain_gemm
from .gemm import Choice
from .hazards import synchronise
from .problem import Gemm
from .steps import Program, Step, end_step


@dataclass(frozen=True)
class Part:
    """One operation of a plan and what was chosen for it."""

    op: Gemm
    choice: Choice
    commands: int


@dataclass(frozen=True)
class Plan:
    """Everything that was decided about a program.

    Parameters
    ----------
    config
        The chip.
    parts
        The operations in order.
    program
        The commands, semaphores included.
    estimate
        What the model of the engines expects of it.
    """

    config: Config
    parts: tuple[Part, ...]
    program: Program
    estimate: Estimate = field(compare=False)

    def lower(self) -> bytes:
        """The command bytes."""
        return self.program.lower()

    def disassemble(self) -> str:
        """The commands as text."""
        return disassemble(self.lower())

    def explain(self) -> str:
        """The plan in words."""
        lines = []
        for number, part in enumerate(self.parts):
            lines.append(f"operation {number}: " + explain_gemm(self.config, part.op, part.choice))
        counts = ", ".join(
            f"{self.program.count(engine)} {engine.name}"
            for engine in Engine
            if self.program.count(engine)
        )
        e = self.estimate
        lines.append(
            f"{len(self.program.steps)} commands ({counts}), {len(self.program.semaphores)} "
            f"semaphores: {'; '.join(self.program.semaphores) or 'none'}"
        )
        lines.append(
            f"expected: {e.cycles:,} cycles, rows enter the array in {e.compute:,} of them; "
            f"{e.read_beats * self.config.bus_bytes:,} bytes read, "
            f"{e.write_beats * self.config.bus_bytes:,} written"
        )
        return "\n".join(lines)


def plan(config: Config, ops: Sequence[Gemm], memory: MemoryTiming | None = None) -> Plan:
    """Plan a program.

    Parameters
    ----------
    config
        The chip.
    ops
        Operations in order; those that read what an earlier one wrote say so in their buffers.
    memory
        What to expect of the memory; the default model if left out.

    Raises
    ------
    ValueError
        An operation does not fit the chip in any way.
    """
    steps: list[Step] = []
    parts = []
    for op in ops:
        choice = choose(config, op, memory).choice
        own = gemm_steps(config, op, choice)
        parts.append(Part(op, choice, len(own)))
        steps += own
    program = synchronise(config, [*steps, end_step()])
    return Plan(config, tuple(parts), program, Estimator(config, memory).run(program))
