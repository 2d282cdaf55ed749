"""Why the chip halts: the causes in the ERROR register, the golden model and the driver."""

from enum import IntEnum


class Cause(IntEnum):
    """Value of ERROR.cause. The comment of each is the sentence a user reads."""

    NONE = 0
    BAD_COMMAND = 1
    BAD_ADDRESS = 2
    READ_ERROR = 3
    WRITE_ERROR = 4
    DEADLOCK = 5
    SEMAPHORE_OVERFLOW = 6
    TRAP = 7
    UNTERMINATED = 8
    STOPPED = 9


MESSAGES = {
    Cause.NONE: "no error",
    Cause.BAD_COMMAND: "malformed command",
    Cause.BAD_ADDRESS: "address outside an SRAM",
    Cause.READ_ERROR: "memory answered a read with an error",
    Cause.WRITE_ERROR: "memory answered a write with an error",
    Cause.DEADLOCK: "deadlock: every engine waits for a semaphore that nothing will post",
    Cause.SEMAPHORE_OVERFLOW: "a semaphore was posted above its maximum",
    Cause.TRAP: "a kernel trapped",
    Cause.UNTERMINATED: "the program ran out of commands without SIGNAL end",
    Cause.STOPPED: "the host stopped the program",
}
"""What each cause means, as the driver says it."""
