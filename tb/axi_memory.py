"""The default memory, cycle by cycle, behind an AXI4 manager; checks the manager's manners.

With latency L: the first R beat at the earliest L cycles after its AR was accepted, then one a
cycle, in order; B at the earliest L cycles after the last W beat; one AR, AW and W beat a cycle
while fewer than `outstanding` bursts of that direction are open. `stall` is the probability that a
channel rests in a cycle in which it could move.
"""

import random
from collections import deque
from collections.abc import Callable
from typing import Any

OKAY, SLVERR, DECERR = 0, 2, 3
BURST_BEATS, PAGE_BYTES = 16, 4096


class AxiMemory:
    """An AXI4 subordinate on signals ``axi_*`` of a design.

    In each cycle call `drive` when inputs may change and `sample` when all signals have settled.

    Parameters
    ----------
    dut, bus_bytes
        The design and the width of its port.
    data
        Contents; a burst with a beat behind its end is answered with an error.
    latency, outstanding, stall, rng
        See the module.

    Attributes
    ----------
    fails
        Called with (address, write) of each beat; true answers with an error.
    reads, writes
        Bursts accepted: (cycle, address, beats).
    beats
        Cycles in which an R beat was taken.
    """

    def __init__(
        self,
        dut: Any,
        bus_bytes: int,
        data: bytearray,
        *,
        latency: int = 40,
        outstanding: int = 16,
        stall: float = 0.0,
        rng: random.Random | None = None,
    ):
        self.dut, self.bus, self.data = dut, bus_bytes, data
        self.latency, self.limit, self.stall = latency, outstanding, stall
        self.rng = rng or random.Random(1)
        self.fails: Callable[[int, bool], bool] = lambda address, write: False
        self.reads: list[tuple[int, int, int]] = []
        self.writes: list[tuple[int, int, int]] = []
        self.beats: list[int] = []
        self.write_beats: list[int] = []
        self.cycle = 0
        self._to_read: deque[list[int]] = deque()  # [due, id, address, beats left]
        self._to_write: deque[list[int]] = deque()  # [id, address, beats left, error]
        self._to_answer: deque[tuple[int, int, int]] = deque()  # (due, id, response)
        self._writing = 0  # write bursts open
        self._r_holds = self._b_holds = False
        self._offered: dict[str, Any] = {}
        for channel in ("ar", "aw", "w"):
            self._set(f"{channel}ready", 0)
        for channel in ("r", "b"):
            self._set(f"{channel}valid", 0)

    @property
    def open(self) -> int:
        """Bursts not complete."""
        return len(self._to_read) + self._writing

    def _set(self, name: str, value: int) -> None:
        getattr(self.dut, f"axi_{name}").value = value

    def _get(self, name: str) -> int:
        return int(getattr(self.dut, f"axi_{name}").value)

    def _moves(self) -> bool:
        return self.stall == 0 or self.rng.random() >= self.stall

    def drive(self) -> None:
        """Set this cycle's inputs of the design."""
        self._set("arready", len(self._to_read) < self.limit and self._moves())
        self._set("awready", self._writing < self.limit and self._moves())
        self._set("wready", bool(self._to_write) and self._moves())
        if not self._r_holds:
            due = self._to_read and self._to_read[0][0] <= self.cycle and self._moves()
            self._set("rvalid", bool(due))
            self._r_holds = bool(due)
            if due:
                _, port, address, beats = self._to_read[0]
                error = self._error(address, False)
                value = self.rng.getrandbits(8 * self.bus)
                if not error:
                    value = int.from_bytes(self.data[address : address + self.bus], "little")
                self._set("rid", port)
                self._set("rdata", value)
                self._set("rresp", error)
                self._set("rlast", beats == 1)
        if not self._b_holds:
            due = self._to_answer and self._to_answer[0][0] <= self.cycle and self._moves()
            self._set("bvalid", bool(due))
            self._b_holds = bool(due)
            if due:
                self._set("bid", self._to_answer[0][1])
                self._set("bresp", self._to_answer[0][2])

    def _error(self, address: int, write: bool) -> int:
        if address + self.bus > len(self.data):
            return DECERR
        return SLVERR if self.fails(address, write) else OKAY

    def sample(self) -> None:
        """Take what the design and the memory hand each other in this cycle."""
        self._check_stable("ar", ("arid", "araddr", "arlen"))
        self._check_stable("aw", ("awid", "awaddr", "awlen"))
        self._check_stable("w", ("wdata", "wstrb", "wlast"))
        if self._get("rvalid") and self._get("rready"):
            head = self._to_read[0]
            head[2] += self.bus
            head[3] -= 1
            self._r_holds = False
            self.beats.append(self.cycle)
            if head[3] == 0:
                self._to_read.popleft()
        if self._get("bvalid") and self._get("bready"):
            self._to_answer.popleft()
            self._b_holds = False
            self._writing -= 1
        if self._get("wvalid") and self._get("wready"):
            self._take_data()
        if self._get("arvalid") and self._get("arready"):
            address, beats = self._burst("ar")
            due = self.cycle + max(1, self.latency)
            self._to_read.append([due, self._get("arid"), address, beats])
            self.reads.append((self.cycle, address, beats))
        if self._get("awvalid") and self._get("awready"):
            address, beats = self._burst("aw")
            self._to_write.append([self._get("awid"), address, beats, OKAY])
            self._writing += 1
            self.writes.append((self.cycle, address, beats))
        self.cycle += 1

    def _take_data(self) -> None:
        head = self._to_write[0]
        address, strobe = head[1], self._get("wstrb")
        self.write_beats.append(self.cycle)
        assert self._get("wlast") == (head[2] == 1), "wlast on the wrong beat"
        error = self._error(address, True)
        if strobe and error:
            head[3] = head[3] or error
        elif strobe:
            value = self._get("wdata").to_bytes(self.bus, "little")
            for i in range(self.bus):
                if strobe >> i & 1:
                    self.data[address + i] = value[i]
        head[1] += self.bus
        head[2] -= 1
        if head[2] == 0:
            self._to_write.popleft()
            self._to_answer.append((self.cycle + max(1, self.latency), head[0], head[3]))

    def _burst(self, channel: str) -> tuple[int, int]:
        address, beats = self._get(f"{channel}addr"), self._get(f"{channel}len") + 1
        assert self._get(f"{channel}size") == self.bus.bit_length() - 1
        assert self._get(f"{channel}burst") == 1, "not an INCR burst"
        assert address % self.bus == 0, f"{address:#x} is not aligned to the bus"
        assert beats <= BURST_BEATS, f"burst of {beats} beats"
        end = address + beats * self.bus - 1
        assert address // PAGE_BYTES == end // PAGE_BYTES, f"{address:#x}, {beats} beats: 4 KiB"
        return address, beats

    def _check_stable(self, channel: str, names: tuple[str, ...]) -> None:
        """AXI4: what is offered stays offered, unchanged, until it is taken."""
        valid = self._get(f"{channel}valid")
        before = self._offered.pop(channel, None)
        if before is None and not (valid and not self._get(f"{channel}ready")):
            return
        now = [self._get(name) for name in names]
        if before is not None:
            assert valid, f"{channel}valid fell before {channel}ready"
            assert now == before, f"{channel} changed while it waited: {before} to {now}"
        if valid and not self._get(f"{channel}ready"):
            self._offered[channel] = now
