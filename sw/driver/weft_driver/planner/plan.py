"""Plans: a program of operations, decided and laid out; a value to print, compare and lower."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from weft.arch.commands import Engine, disassemble
from weft.arch.memory import MemoryTiming
from weft.config import Config

from .choice import Choice
from .choose import choose
from .choose_conv import choose_conv
from .conv import ConvChoice, ConvPlanner
from .estimate import Estimator
from .explain import explain_call, explain_conv, explain_gemm
from .hazards import synchronise
from .problem import Call, Conv, Op, produced
from .search import EFFORT, gemm_steps
from .steps import Program, Step, end_step, launch_step
from .timing import Estimate


@dataclass(frozen=True)
class Part:
    """One operation of a plan and what was chosen for it."""

    op: Op
    choice: Choice | ConvChoice | None
    commands: int

    def explain(self, config: Config) -> str:
        """What was chosen, in words."""
        if isinstance(self.op, Call):
            return explain_call(self.op)
        if isinstance(self.op, Conv):
            assert isinstance(self.choice, ConvChoice)
            return explain_conv(config, self.op, self.choice)
        assert isinstance(self.choice, Choice)
        return explain_gemm(config, self.op, self.choice)


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
            lines.append(f"operation {number}: " + part.explain(self.config))
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


def lay_out(
    config: Config, op: Op, memory: MemoryTiming | None, effort: int
) -> tuple[Part, list[Step]]:
    """Choose for one operation, and write its steps."""
    if isinstance(op, Call):
        return Part(op, None, 1), [launch_step(op)]
    if isinstance(op, Conv):
        choice = choose_conv(config, op, memory, effort).choice
        steps = ConvPlanner(config, op, choice).steps()
        return Part(op, choice, len(steps)), steps
    chosen = choose(config, op, memory, effort).choice
    steps = gemm_steps(config, op, chosen)
    return Part(op, chosen, len(steps)), steps


def plan(
    config: Config,
    ops: Sequence[Op],
    memory: MemoryTiming | None = None,
    effort: int = EFFORT,
) -> Plan:
    """Plan a program.

    Parameters
    ----------
    config
        The chip.
    ops
        Operations in order; those that read what an earlier one wrote say so in their buffers.
    memory
        What to expect of the memory; the default model if left out.
    effort
        Commands to try in search of each operation's layout.

    Raises
    ------
    ValueError
        An operation does not fit the chip in any way.
    """
    steps: list[Step] = []
    parts = []
    for op in produced(ops):
        part, own = lay_out(config, op, memory, effort)
        parts.append(part)
        steps += own
    program = synchronise(config, [*steps, end_step(any(isinstance(op, Call) for op in ops))])
    return Plan(config, tuple(parts), program, Estimator(config, memory).run(program))
