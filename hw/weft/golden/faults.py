"""What can go wrong: faults that the chip reports too, and mistakes that only the model sees."""

from weft.arch.commands import Engine
from weft.arch.errors import MESSAGES, Cause
from weft.arch.registers import BY_NAME


class Fault(Exception):
    """A block refuses a command; the chip adds which one it was.

    Parameters
    ----------
    cause
        As in the ERROR register.
    detail
        What is wrong with this command, with values and limits.
    """

    def __init__(self, cause: Cause, detail: str):
        super().__init__(f"{MESSAGES[cause]}: {detail}")
        self.cause = cause
        self.detail = detail


class ChipFault(Exception):
    """The chip halts, as the hardware does.

    Parameters
    ----------
    cause, engine, index
        As in the ERROR register.
    text
        The sentence for a person.
    """

    def __init__(self, cause: Cause, engine: Engine, index: int, text: str):
        super().__init__(text)
        self.cause = cause
        self.engine = engine
        self.index = index

    @property
    def register(self) -> int:
        """Value of the ERROR register."""
        values = {"cause": self.cause, "engine": self.engine, "command": self.index}
        return sum(int(values[bits.name]) << bits.lsb for bits in BY_NAME["ERROR"].bits)


class ProgramError(Exception):
    """A program breaks a rule that the chip does not check, and may fail on it by bad luck."""


class RaceError(ProgramError):
    """Two engines touch the same bytes and no semaphore orders them."""
