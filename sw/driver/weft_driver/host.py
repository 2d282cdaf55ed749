"""The host's side of the registers: who is there, doorbell and interrupt, errors and recovery."""

import contextlib
from collections.abc import Callable

from weft.arch.commands import COMMAND_BYTES, Decoded, Engine, decode
from weft.arch.errors import Cause
from weft.arch.registers import BY_NAME, ID_VALUE, INTERFACE_VERSION, MAX_COMMANDS
from weft.arch.simt import Core, Launch, Trap

from .errors import DeviceError, KernelFault, LinkError, halted, late
from .transport import Transport

STOP_CYCLES = 100_000
"""Cycles within which a chip that is told to stop must have halted."""


class Host:
    """One chip behind a transport, seen through its registers.

    Parameters
    ----------
    transport
        The chip.
    where
        Says where in which source an instruction of a kernel stands, if it knows.
    """

    def __init__(
        self, transport: Transport, where: Callable[[KernelFault], str | None] = lambda _: None
    ):
        self.transport = transport
        self._where = where
        self._unsure = False  # what the chip does, since the wire to it failed

    def check(self) -> None:
        """Make sure that a Weft of the transport's configuration answers, and that it is ready.

        A program that still runs, of a driver that went away, is stopped.

        Raises
        ------
        DeviceError
            Says what answers instead.
        """
        url, config = self.transport.url, self.transport.config
        found = self.read("ID")
        if found != ID_VALUE:
            raise DeviceError(f"{url}: ID reads {found:#010x}, not {ID_VALUE:#010x}: no Weft")
        version = self.read("VERSION")
        if version != INTERFACE_VERSION:
            raise DeviceError(
                f"{url}: the chip has interface version {version}, this driver {INTERFACE_VERSION}"
            )
        chip = self.read("HASH_HI") << 32 | self.read("HASH_LO")
        if chip != config.hash:
            raise DeviceError(
                f"{url}: the chip was built from another configuration (hash {chip:016x}, "
                f"expected {config.hash_hex})"
            )
        self.write("IRQ_STATUS", self.read("IRQ_STATUS"))
        if self.field("STATUS", "busy") and not self.field("STATUS", "halted"):
            self.stop()
        if self.field("STATUS", "halted"):
            self.recover()
        self.write("IRQ_STATUS", self.read("IRQ_STATUS"))

    def run(self, address: int, count: int, limit: int | None) -> None:
        """Ring the doorbell and wait until the program has retired.

        Parameters
        ----------
        address, count
            Where the program's commands are, and how many.
        limit
            Cycles from one interrupt to the next after which it is stopped; None: no limit.

        Raises
        ------
        ValueError
            No program can have so many commands.
        DeviceError
            The chip halted, or reached the limit; it is ready for the next program.
        LinkError
            The wire to the chip failed; what still runs is stopped before the next program.
        """
        if not 1 <= count <= MAX_COMMANDS:
            raise ValueError(f"a program of {count:,} commands: 1 to {MAX_COMMANDS:,} can be run")
        if self._unsure:
            self.check()
            self._unsure = False
        try:
            self._run(address, count, limit)
        except LinkError:
            self._unsure = True
            raise

    def _run(self, address: int, count: int, limit: int | None) -> None:
        self.write("PROGRAM", address)
        self._ring(count)
        done, error = self.mask("IRQ_STATUS", "done"), self.mask("IRQ_STATUS", "error")
        pending = 0
        while not pending & done:  # else only a message
            try:
                self.transport.wait_irq(limit)
            except TimeoutError:
                self.stop()
                raise DeviceError(
                    f"the program of {count} commands did not finish within {limit:,} cycles"
                ) from None
            except KeyboardInterrupt:
                self.stop()
                raise
            pending = self.read("IRQ_STATUS")
            if pending & error:
                raise self._recovered(self._error(address))
            self.write("IRQ_STATUS", pending)

    def stop(self) -> None:
        """Halt a running program and make the chip ready for the next."""
        self.write("CTRL", self.mask("CTRL", "stop"))
        self.transport.wait_irq(STOP_CYCLES)
        self.recover()

    def recover(self) -> None:
        """Make a halted chip ready; interrupts are dropped."""
        self.write("CTRL", self.mask("CTRL", "clear"))
        self.write("IRQ_STATUS", self.read("IRQ_STATUS"))

    # --- registers -----------------------------------------------------------------------------

    def read(self, name: str) -> int:
        """Read a register."""
        return self.transport.read_register(BY_NAME[name].offset)

    def write(self, name: str, value: int) -> None:
        """Write a register."""
        self.transport.write_register(BY_NAME[name].offset, value)

    def mask(self, register: str, field: str) -> int:
        """The bits of a field."""
        bits = next(b for b in BY_NAME[register].bits if b.name == field)
        return (1 << bits.bits) - 1 << bits.lsb

    def field(self, register: str, field: str) -> int:
        """Read a field."""
        mask = self.mask(register, field)
        return (self.read(register) & mask) // (mask & -mask)

    # --- errors --------------------------------------------------------------------------------

    def _ring(self, count: int) -> None:
        """The doorbell; a chip that has halted since the last program is told by its refusal."""
        try:
            self.write("DOORBELL", count)
        except RuntimeError:
            # It may still be on its way to a halt.
            with contextlib.suppress(TimeoutError):
                self.transport.wait_irq(STOP_CYCLES)
            if not self.field("STATUS", "halted"):
                raise
            raise self._recovered(late(self._error(None))) from None

    def _recovered(self, error: DeviceError) -> DeviceError:
        """The error, once the chip is ready for the next program."""
        self.recover()
        return error

    def _error(self, address: int | None) -> DeviceError:
        """The exception for a halted chip; reads the command to blame from its program."""
        cause = self.field("ERROR", "cause")
        number = self.field("ERROR", "engine")
        engine = Engine(number) if number in set(Engine) else None
        index = self.field("ERROR", "command")
        command: Decoded | str | None = None
        if address is not None and cause != Cause.SEMAPHORE_OVERFLOW:
            command = self._command(address + index * COMMAND_BYTES)
        name = engine.name if engine is not None else f"engine {number}"
        text = None if command is None else str(command)
        if cause == Cause.TRAP and isinstance(command, Decoded):
            fault = self._fault(Launch.of(command.values))
            return halted(cause, name, index, text, fault, self._where(fault))
        return halted(cause, name, index, text)

    def _fault(self, launch: Launch) -> KernelFault:
        """What the registers say of the thread that trapped."""
        warp, lane = self.field("TRAP", "warp"), self.field("TRAP", "lane")
        core = Core.of(self.transport.config)
        linear = warp % launch.warps_per_block(core) * core.lanes + lane
        x, y, _ = launch.block
        return KernelFault(
            cause=Trap(self.field("TRAP", "cause")),
            pc=self.read("TRAP_PC"),
            block=(
                self.field("TRAP_BLOCK", "x"),
                self.field("TRAP_BLOCK", "y"),
                self.read("TRAP_BLOCK_Z"),
            ),
            thread=(linear % x, linear // x % y, linear // (x * y)),
            warp=warp,
            lane=lane,
        )

    def _command(self, address: int) -> Decoded | str | None:
        """The command at an address, or what is wrong with it; None where there is no memory."""
        if address + COMMAND_BYTES > self.transport.memory_bytes:
            return None
        try:
            return decode(self.transport.read(address, COMMAND_BYTES))
        except ValueError as why:
            return str(why)
