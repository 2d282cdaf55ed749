"""The SIMT engine of the golden chip: LAUNCH runs a kernel on the simulator."""

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


class _ClosedPort:
    """The command port of a chip that runs one command at a time: refuses."""

    def push(self, command: bytes) -> None:
        """Refuse."""
        del command
        raise ProgramError(
            "the kernel pushes a command: the golden chip does not run commands of kernels yet"
        )

    def take(self, semaphore: int) -> bool:
        """Refuse."""
        raise ProgramError(
            f"the kernel takes semaphore {semaphore}: on the golden chip only commands do so yet"
        )


class SimtEngine:
    """One SIMT core on the chip's main memory and activation SRAM.

    What a kernel touches is told to the chip's watch byte by byte when it ends. Races between
    threads of one kernel are not looked for.

    Parameters
    ----------
    state
        Memories of a chip with a SIMT core; main memory is a multiple of 4 bytes long.

    Attributes
    ----------
    counters
        Of all kernels so far.
    trap
        The last kernel's trap; None if it had none.
    """

    def __init__(self, state: State):
        config = state.config
        core = Core.of(config)
        memories = Memories(
            core, state.memory, state.act, span=config.act_region_span, port=_ClosedPort()
        )
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
            Other engines touch what the kernel does; it uses the command port.
        """
        footprint = self.simulator.memories.footprint = Footprint()
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
        footprint.tell(state.watch)

    def clear(self) -> None:
        """What CTRL.clear does."""
        self.trap = None

    def _count(self) -> None:
        new = self.simulator.counters
        for name, value in asdict(new).items():
            setattr(self.counters, name, getattr(self.counters, name) + value)
