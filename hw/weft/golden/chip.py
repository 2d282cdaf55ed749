"""The golden chip: a program's command bytes, run one command at a time in program order."""

import numpy as np
from numpy.typing import NDArray

from weft.arch.commands import (
    BY_OPCODE,
    COMMAND_BYTES,
    KERNELS_MUST_NOT,
    LAUNCH,
    SIGNAL,
    Decoded,
    Engine,
    decode,
)
from weft.arch.errors import MESSAGES, Cause
from weft.config import Config

from . import drain, load, matmul, store
from .faults import ChipFault, Fault, ProgramError, RaceError
from .races import Races
from .semaphores import Clock, Semaphores
from .simt.engine import SimtEngine
from .state import State

_EXECUTE = {
    Engine.LOAD: load.execute,
    Engine.MATMUL: matmul.execute,
    Engine.DRAIN: drain.execute,
    Engine.STORE: store.execute,
}


class GoldenChip:
    """The whole chip, without time.

    It computes what the chip computes, halts where the chip halts, and refuses programs that work
    on the chip by luck only: races (`weft.golden.races`), semaphores with two posting or two
    waiting engines, and waits on posts that come later in the program.

    Parameters
    ----------
    config
        The chip's sizes.
    memory
        Flat uint8 array: main memory, shared with the host. Addresses beyond it answer with an
        error, as the simulated memory does.
    seed
        SRAMs hold random bytes at first, from this seed.

    Attributes
    ----------
    state
        Memory and SRAMs.
    messages
        SIGNAL message commands run so far.
    simt
        The SIMT engine, if the chip has one.
    """

    def __init__(self, config: Config, memory: NDArray[np.uint8], seed: int = 0):
        self.config = config
        self.state = State(config, memory, seed)
        self.semaphores = Semaphores(config)
        self.messages = 0
        self._index = 0
        self._pushes = False
        self._races = Races(self.state)
        self.state.watch = self._races
        self._execute = dict(_EXECUTE)
        self.simt = SimtEngine(self.state, self._push, self._take) if config.lanes else None
        if self.simt is not None:
            self._execute[Engine.SIMT] = self.simt.execute

    def clear(self) -> None:
        """What CTRL.clear does: semaphores to zero; memory and SRAMs are not touched."""
        self.semaphores.clear()
        if self.simt is not None:
            self.simt.clear()

    def run(self, address: int, count: int) -> None:
        """Run one program from the doorbell to its retirement.

        The host's writes to memory before this call, and all earlier programs, come first.

        Parameters
        ----------
        address, count
            Memory address of the program, and its commands.

        Raises
        ------
        ChipFault
            The chip halts; `clear` makes it ready again.
        ProgramError
            The program breaks a rule that the chip does not check. Call `clear`, too.
        """
        if address % COMMAND_BYTES:
            text = f"{MESSAGES[Cause.BAD_COMMAND]}: program at {address:#x}, not 64-byte aligned"
            raise ChipFault(Cause.BAD_COMMAND, Engine.CONTROL, 0, text)
        self._races.begin()
        self.semaphores.begin()
        memory = self.state.memory
        there = max(0, min(count, (len(memory) - address) // COMMAND_BYTES))
        self._races.fetch(address, there * COMMAND_BYTES)
        program = memory[address : address + there * COMMAND_BYTES].tobytes()
        for index in range(count):
            if index >= there:
                text = f"{MESSAGES[Cause.READ_ERROR]}: fetch of command {index}"
                raise ChipFault(Cause.READ_ERROR, Engine.CONTROL, index, text)
            raw = program[index * COMMAND_BYTES : (index + 1) * COMMAND_BYTES]
            if self._command(index, raw, last=index == count - 1):
                return
        text = MESSAGES[Cause.UNTERMINATED]
        raise ChipFault(Cause.UNTERMINATED, Engine.CONTROL, count - 1, text)

    def _command(self, index: int, raw: bytes, last: bool) -> bool:
        """Run one command; whether it was the program's end."""
        try:
            decoded = _dispatch(self.config, raw, last)
        except Fault as fault:
            text = f"command {index}: {fault}"
            raise ChipFault(fault.cause, Engine.CONTROL, index, text) from None
        self._index = index
        self._pushes = bool(decoded.values.get("pushes"))
        self._execute_one(index, raw, decoded, [])
        if decoded.command is not SIGNAL:
            return False
        self.messages += decoded["message"]
        if decoded["end"]:
            self._races.retire(decoded.command.engine)
        return bool(decoded["end"])

    def _execute_one(self, index: int, raw: bytes, decoded: Decoded, before: list[Clock]) -> None:
        """Run a command behind ``before`` and the posts that it waits for."""
        engine = decoded.command.engine
        try:
            number = self._races.next_number(engine)
            early = engine is Engine.MATMUL and decoded["early"]
            first = decoded["wait"] & decoded["wait_weights"] if early else decoded["wait"]
            known = before + self.semaphores.take(first, engine, number)
            self._races.start(engine, index, decoded, known)
            _check_counts(raw)
            if early:
                matmul.read_weights(self.state, decoded)
                rest = decoded["wait"] & ~decoded["wait_weights"]
                self._races.learn(engine, self.semaphores.take(rest, engine, number))
            self._execute[engine](self.state, decoded)
            fenced = engine is Engine.LOAD and decoded["fence"]
            clock = self._races.clock(engine, begun=bool(fenced))
            self.semaphores.post(decoded["post"], engine, clock, self._races.started)
        except Fault as fault:
            overflow = fault.cause is Cause.SEMAPHORE_OVERFLOW
            where = (Engine.CONTROL, 0) if overflow else (engine, index)
            text = f"command {index} ({decoded}): {fault}"
            raise ChipFault(fault.cause, *where, text) from None
        except RaceError:
            raise  # it names both commands
        except ProgramError as error:
            raise ProgramError(f"command {index} ({decoded}): {error}") from None

    def _push(self, raw: bytes) -> None:
        """Run a command that the running kernel hands over."""
        try:
            if not self._pushes:
                raise Fault(Cause.BAD_COMMAND, "its LAUNCH does not say that it pushes")
            decoded = _dispatch(self.config, raw, last=False)
            if decoded.command in KERNELS_MUST_NOT:
                raise Fault(Cause.BAD_COMMAND, f"a kernel must not push {decoded.command.name}")
        except Fault as fault:
            text = f"command {self._index}: its kernel pushes a command: {fault}"
            raise ChipFault(fault.cause, Engine.CONTROL, self._index, text) from None
        self._execute_one(self._index, raw, decoded, [self._races.clock(Engine.SIMT)])
        self._races.resume(Engine.SIMT)

    def _take(self, semaphore: int) -> bool:
        """Take a semaphore for the running kernel, if it is above zero."""
        if not self.semaphores.value(semaphore):
            return False
        number = self._races.next_number(Engine.SIMT)
        self._races.learn(Engine.SIMT, self.semaphores.take(1 << semaphore, Engine.SIMT, number))
        self._races.resume(Engine.SIMT)
        return True


def _dispatch(config: Config, raw: bytes, last: bool) -> Decoded:
    """What the dispatcher checks; counts below their least value are left to the engines."""
    command = BY_OPCODE.get(raw[0])
    word = int.from_bytes(raw, "little")
    if command is None or word & ~command.used_mask:
        _check_counts(raw)  # words it
    if command is None or (command is LAUNCH and not config.lanes):
        raise Fault(Cause.BAD_COMMAND, "LAUNCH on a chip without a SIMT core")
    decoded = Decoded(command, {field.name: field.extract(word) for field in command.fields})
    if command is SIGNAL and decoded["end"] and not last:
        raise Fault(Cause.BAD_COMMAND, "SIGNAL end is not the last command of the program")
    return decoded


def _check_counts(raw: bytes) -> None:
    try:
        decode(raw)
    except ValueError as error:
        raise Fault(Cause.BAD_COMMAND, str(error)) from None
