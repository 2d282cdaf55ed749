"""The wire to a board: UARTBone frames, checked on both sides, and brought back when it fails.

LiteX's frames have no answer to a write and no checksum. The board's link counts and sums up what
it moved (`weft.arch.link`), the driver does the same, and after each operation they are compared:
a byte that was lost, added or changed on the way is found at the end of the operation in which it
happened.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from weft.arch.link import (
    COUNT_BITS,
    EVENT_BITS,
    LINK_BASE,
    LINK_BY_NAME,
    LINK_ID,
    MAX_WORDS,
    RESYNC_SECONDS,
    WORD_BYTES,
    Frame,
    checked,
)

from .errors import LinkError

GROUP_FRAMES = 16
"""Frames of a write between two looks at the link's registers."""

ATTEMPTS = 3
"""How often a link that is silent is asked before it is given up."""

LONGEST_NOISE = 1.0
"""Seconds for which a board may still send what nobody waits for: more than any frame takes."""

_STATE = ("LINK_CYCLES", "LINK_STATUS", "LINK_COUNT", "LINK_CHECK")
"""Registers that follow each other, read after each operation."""


_SESSION = next(b for b in LINK_BY_NAME["LINK_STATUS"].bits if b.name == "session")

SESSIONS = (1 << _SESSION.bits) - 1
"""Numbers of sessions; 0 is none."""


class Port(Protocol):
    """What is needed of ``serial.Serial``."""

    timeout: float | None

    @property
    def in_waiting(self) -> int:
        """Bytes that have come."""
        ...

    def read(self, size: int = 1, /) -> bytes:
        """Up to so many bytes, fewer after `timeout`."""
        ...

    def write(self, data: bytes, /) -> int | None:
        """Send bytes."""
        ...

    def reset_input_buffer(self) -> None:
        """Forget what has come."""
        ...

    def open(self) -> None:
        """Open it again."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


@dataclass(frozen=True)
class State:
    """What the link's registers say.

    Members
    -------
    cycles
        Since reset, modulo 2^32.
    irq
        The chip's interrupt line.
    session
        What the driver wrote there; 0 after a reset.
    refused, framing, forgotten
        Accesses answered with an error, bytes without a stop bit, frames that broke off.
    count, check
        Words moved, and their checksum.
    """

    cycles: int
    irq: bool
    session: int
    refused: int
    framing: int
    forgotten: int
    count: int
    check: int

    @classmethod
    def of(cls, words: Sequence[int]) -> "State":
        """From the registers `_STATE`."""
        cycles, status, count, check = words
        fields = {
            b.name: status >> b.lsb & (1 << b.bits) - 1 for b in LINK_BY_NAME["LINK_STATUS"].bits
        }
        irq = bool(fields.pop("irq"))
        return cls(cycles, irq, count=count, check=check, **fields)


def frame(command: Frame, address: int, words: int) -> bytes:
    """The head of a frame, for a byte address."""
    return bytes((command, words)) + (address // WORD_BYTES).to_bytes(4, "big")


class Link:
    """Words of a board's address space over a serial port.

    Parameters
    ----------
    port
        The serial port, open.
    name
        As errors call it.
    timeout
        Seconds without a byte after which the board is taken to be silent.
    baud
        Speed of the port; tells how long bytes are on their way.

    Members
    -------
    state
        As of the last operation.
    """

    def __init__(self, port: Port, name: str, timeout: float, baud: int):
        self._port, self._name, self._timeout, self._baud = port, name, timeout, baud
        self._unsure = True  # where the other side is in a frame
        self._gone = False  # the port itself
        self._sent = 0  # since the last byte that came
        self._refused = 0
        self._session = 0
        self.state = State(0, False, 0, 0, 0, 0, 0, 0)

    def read(self, address: int, words: int) -> bytes:
        """Read words; each most significant byte first.

        Raises
        ------
        LinkError
            The board is silent, or what came is not what it sent. The link works again, or the
            error says that it does not.
        """
        parts = [
            (address + at * WORD_BYTES, min(MAX_WORDS, words - at))
            for at in range(0, words, MAX_WORDS)
        ]
        heads = [frame(Frame.READ, *part) for part in parts]

        def move() -> bytes:
            # One request is always under way, while the answer to the one before it comes in.
            data = bytearray()
            self._send(heads[0])
            for (_, size), following in zip(parts, [*heads[1:], self._state_frame()], strict=True):
                self._send(following)
                data += self._receive(size * WORD_BYTES)
            return bytes(data)

        return self._operation(move, lambda data: [(address, data)])

    def write(self, address: int, data: bytes) -> None:
        """Write words; each most significant byte first.

        Raises
        ------
        LinkError
            As `read`; some of the words may have been written, or a wrong one.
        """
        step = MAX_WORDS * WORD_BYTES
        for start in range(0, len(data), GROUP_FRAMES * step):
            group = data[start : start + GROUP_FRAMES * step]
            message = bytearray()
            for at in range(0, len(group), step):
                part = group[at : at + step]
                message += frame(Frame.WRITE, address + start + at, len(part) // WORD_BYTES) + part
            message += self._state_frame()

            def move(message: bytes = bytes(message)) -> None:
                self._send(message)

            at = address + start
            self._operation(move, lambda _, at=at, group=group: [(at, group)])

    def poll(self) -> State:
        """Read the link's registers, nothing else."""
        self._operation(lambda: self._send(self._state_frame()), lambda _: [])
        return self.state

    def register(self, name: str) -> int:
        """Read a register of the link; its words do not count."""

        def move() -> int:
            self._send(frame(Frame.READ, LINK_BASE + LINK_BY_NAME[name].offset, 1))
            self._send(self._state_frame())
            return int.from_bytes(self._receive(WORD_BYTES), "big")

        return self._operation(move, lambda _: [])

    def refused(self) -> int:
        """How many accesses were answered with an error since this was last asked."""
        found = (self.state.refused - self._refused) % (1 << EVENT_BITS)
        self._refused = self.state.refused
        return found

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    # --- operations ----------------------------------------------------------------------------

    def _state_frame(self) -> bytes:
        return frame(Frame.READ, LINK_BASE + LINK_BY_NAME[_STATE[0]].offset, len(_STATE))

    def _operation(self, move, moved):
        """Do ``move``, read the link's registers, and see whether they count what was ``moved``."""
        if self._unsure:
            self._resynchronise()
        before, self._unsure = self.state, True
        try:
            result = move()
            after = State.of(_words(self._receive(len(_STATE) * WORD_BYTES)))
        except (TimeoutError, OSError) as error:
            raise self._failed(str(error)) from None
        count, check = before.count, before.check
        for address, data in moved(result):
            words = _words(data)
            count += len(words)
            check = checked(check, address // WORD_BYTES, words)
        count %= 1 << COUNT_BITS
        if (after.count, after.check, after.session) != (count, check, self._session):
            raise self._failed(_difference(before, after, count))
        self.state, self._unsure = after, False
        return result

    def _send(self, data: bytes) -> None:
        self._sent += len(data)
        self._port.write(data)

    def _receive(self, size: int) -> bytes:
        """So many bytes; `TimeoutError` when none has come for too long."""
        data = bytearray()
        while len(data) < size:
            # What was sent may still be on its way.
            self._port.timeout = self._timeout + self._sent * 10 / self._baud
            some = self._port.read(max(1, min(size - len(data), self._port.in_waiting)))
            if not some:
                raise TimeoutError(
                    f"no byte for {self._port.timeout:.1f} s, {len(data)} of {size} came"
                )
            self._sent = 0
            data += some
        return bytes(data)

    # --- recovery ------------------------------------------------------------------------------

    def _failed(self, why: str) -> LinkError:
        """The error, after an attempt to make the link work again."""
        try:
            was_reset = self._resynchronise()
        except LinkError as error:
            return LinkError(f"{self._name}: {why}; {error.why}", why=why)
        text = "the link works again"
        if was_reset:
            text = "the board was reset: what device memory held may be lost"
        return LinkError(f"{self._name}: {why}; {text}", why=why, was_reset=was_reset)

    def _resynchronise(self) -> bool:
        """Make sure that neither side is within a frame; says whether the board was reset."""
        why = ""
        for _ in range(ATTEMPTS):
            try:
                if self._gone:
                    self._reopen()
                self._silence()
                return self._begin()
            except TimeoutError as error:
                why = str(error)
            except OSError as error:
                why, self._gone = str(error), True
        why = (
            f"the board does not answer ({why}): is it connected, its bitstream loaded, and "
            f"{self._baud:,} baud its speed?"
        )
        raise LinkError(f"{self._name}: {why}", why=why)

    def _begin(self) -> bool:
        """Begin a session, see where the board's registers are, and whether it knew the last."""
        address = {name: LINK_BASE + LINK_BY_NAME[name].offset for name in LINK_BY_NAME}
        self._sent = 0
        self._send(frame(Frame.READ, address["LINK_ID"], 1))
        found = int.from_bytes(self._receive(WORD_BYTES), "big")
        if found != LINK_ID:
            raise TimeoutError(f"LINK_ID reads {found:#010x}, not {LINK_ID:#010x}")
        self._send(self._state_frame())
        known = State.of(_words(self._receive(len(_STATE) * WORD_BYTES))).session
        expected, self._session = self._session, known % SESSIONS + 1
        status = self._session << _SESSION.lsb
        self._send(
            frame(Frame.WRITE, address["LINK_STATUS"], 1) + status.to_bytes(WORD_BYTES, "big")
        )
        self._send(self._state_frame())
        self.state = State.of(_words(self._receive(len(_STATE) * WORD_BYTES)))
        if self.state.session != self._session:
            raise TimeoutError("its registers do not keep what is written")
        self._refused = self.state.refused
        self._unsure = False
        return expected not in (0, known)

    def _silence(self) -> None:
        """Send nothing until the board has forgotten a frame, and drop what it still sends."""
        start = quiet = time.monotonic()
        while (now := time.monotonic()) < quiet + 2 * RESYNC_SECONDS:
            if now > start + LONGEST_NOISE:
                raise TimeoutError(f"something has been sending for {LONGEST_NOISE:g} s, unasked")
            time.sleep(RESYNC_SECONDS / 10)
            if self._port.in_waiting:
                self._port.reset_input_buffer()
                quiet = now

    def _reopen(self) -> None:
        """A port that went away may come back with the same name, as USB adapters do."""
        self._port.close()
        time.sleep(RESYNC_SECONDS)
        self._port.open()
        self._gone = False


def _words(data: bytes) -> list[int]:
    return [
        int.from_bytes(data[at : at + WORD_BYTES], "big") for at in range(0, len(data), WORD_BYTES)
    ]


def _difference(before: State, after: State, count: int) -> str:
    """What is known of an operation that did not go as it should."""
    moved = (after.count - before.count) % (1 << COUNT_BITS)
    due = (count - before.count) % (1 << COUNT_BITS)
    if after.session == 0:
        return "the board started anew"
    if moved != due:
        return f"the board moved {moved} words instead of {due}"
    events = [
        f"{getattr(after, name) - getattr(before, name) & (1 << EVENT_BITS) - 1} {what}"
        for name, what in (("framing", "without a stop bit"), ("forgotten", "frames broken off"))
        if getattr(after, name) != getattr(before, name)
    ]
    seen = f" ({', '.join(events)})" if events else ""
    return f"what arrived is not what was sent{seen}"
