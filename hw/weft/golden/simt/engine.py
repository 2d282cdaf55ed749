"""The SIMT engine of the golden chip: LAUNCH runs a kernel on the simulator."""

from collections.abc import Callable
from dataclasses import asdict

from weft.arch.commands import Decoded
from weft.arch.errors import Cause
from weft.arch.simt import Core, Launch
from weft.golden.faults import Fault, ProgramError
from weft.golden.state import State

from .footprint import Footprint
from .memory import Memories
from .simulator import Simulator
from .trace import Counters
from .traps import KernelTrap, LaunchRefused

PATIENCE = 100_000
"""Takes in a row that get nothing, after which a kernel waits for ever: nobody else is at work."""


class Port:
    """The command port: commands of a kernel are run when they are pushed.

    Parameters
    ----------
    engine
        Whose kernel it is.
    push
        Runs a command on the chip.
    take
        Takes a semaphore once if it is above zero.
    """

    def __init__(
        self, engine: "SimtEngine", push: Callable[[bytes], None], take: Callable[[int], bool]
    ):
        self._engine, self._push, self._take = engine, push, take
        self._in_vain = 0

    def push(self, command: bytes) -> None:
        """Hand over a command; what the kernel has done before comes before it."""
        self._engine.tell()
        self._push(command)
        self._in_vain = 0

    def take(self, semaphore: int) -> bool:
        """Take a semaphore once; `ProgramError` if the kernel does nothing else any more."""
        self._engine.tell()
        if self._take(semaphore):
            self._in_vain = 0
            return True
        self._in_vain += 1
        if self._in_vain > PATIENCE:
            raise ProgramError(
                f"the kernel waits for semaphore {semaphore}, which nothing posts that comes "
                "before or that it has pushed"
            )
        return False


class SimtEngine:
    """One SIMT core on the chip's main memory and activation SRAM.

    What a kernel touches is told to the chip's watch byte by byte when it ends, and when it uses
    the command port. Races between threads of one kernel are not looked for.

    Parameters
    ----------
    state
        Memories of a chip with a SIMT core; main memory is a multiple of 4 bytes long.
    push, take
        The chip behind the command port, see `Port`.

    Attributes
    ----------
    counters
        Of all kernels so far.
    trap
        The last kernel's trap; None if it had none.
    """

    def __init__(self, state: State, push: Callable[[bytes], None], take: Callable[[int], bool]):
        config = state.config
        core = Core.of(config)
        self._state = state
        port = Port(self, push, take)
        memories = Memories(core, state.memory, state.act, span=config.act_region_span, port=port)
        self.simulator = Simulator(core, memories)
        self.counters = Counters()
        self.trap: KernelTrap | None = None

    def execute(self, state: State, command: Decoded) -> None:
        """Run one LAUNCH.

        Raises
        ------
        Fault
            BAD_COMMAND if the core refuses it, TRAP if a thread cannot go on.
        RaceError, ProgramError
            Other engines touch what the kernel does; it breaks a rule of the command port.
        """
        self.simulator.memories.footprint = Footprint()
        try:
            self.simulator.run(Launch.of(command.values))
        except LaunchRefused as refused:
            raise Fault(Cause.BAD_COMMAND, str(refused)) from None
        except KernelTrap as trap:
            self._count()
            # What it was raised from would keep the run's frames alive.
            trap.__traceback__ = trap.__cause__ = trap.__context__ = None
            self.trap = trap
            raise Fault(Cause.TRAP, str(trap).removeprefix("kernel trapped ")) from None
        self._count()
        self.tell()

    def tell(self) -> None:
        """Tell the watch what the kernel has touched so far."""
        footprint = self.simulator.memories.footprint
        assert footprint is not None
        footprint.tell(self._state.watch)
        self.simulator.memories.footprint = Footprint()

    def clear(self) -> None:
        """What CTRL.clear does."""
        self.trap = None

    def _count(self) -> None:
        new = self.simulator.counters
        for name, value in asdict(new).items():
            setattr(self.counters, name, getattr(self.counters, name) + value)
