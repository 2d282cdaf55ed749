"""The driver's side of the wire, with ports that misbehave."""

import pytest

from weft.arch.link import LINK_ID
from weft_driver.errors import LinkError
from weft_driver.link import Link


class Port:
    """A serial port; what is sent there is answered by ``answer``."""

    timeout = 0.0

    def __init__(self, answer):
        self._answer, self._came = answer, b""
        self.opened = 1

    @property
    def in_waiting(self) -> int:
        return len(self._came)

    def read(self, size: int = 1) -> bytes:
        data, self._came = self._came[:size], self._came[size:]
        return data

    def write(self, data: bytes) -> int:
        self._came += self._answer(data)
        return len(data)

    def reset_input_buffer(self) -> None:
        self._came = b""

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None:
        self._came = b""


def failure(port: Port) -> str:
    with pytest.raises(LinkError) as caught:
        Link(port, "uart:there", 0.01, 1_000_000).poll()
    return str(caught.value)


def test_nobody_there():
    said = failure(Port(lambda data: b""))
    assert said.startswith("uart:there: the board does not answer (no byte for 0.0 s, 0 of 4 came)")
    assert "1,000,000 baud" in said


def test_somebody_else_there():
    assert "LINK_ID reads 0x6f6b6179, not 0x4b4e494c" in failure(Port(lambda data: b"okay"))


def test_registers_that_keep_nothing():
    def answer(data: bytes) -> bytes:
        if data[0] != 2:
            return b""
        words = data[1]
        return LINK_ID.to_bytes(4, "big") if words == 1 else bytes(4 * words)

    assert "its registers do not keep what is written" in failure(Port(answer))


def test_somebody_who_never_stops():
    class Chatty(Port):
        @property
        def in_waiting(self) -> int:
            return 5

    assert "something has been sending for 1 s, unasked" in failure(Chatty(lambda data: b""))


def test_a_port_that_goes_away_is_opened_again():
    def answer(data: bytes) -> bytes:
        raise OSError("device disconnected")

    port = Port(answer)
    assert "device disconnected" in failure(port)
    assert port.opened == 3
