"""Timing of the simulated main memory in Python: the same as ``native/memory.h`` without stalls."""

from collections import deque

from weft.arch.memory import MemoryTiming


class MemoryModel:
    """Main memory, cycle by cycle: `begin` says what it shows, `end` takes what the chip shows.

    A burst is open from its accepted AR to its last R beat, or from its accepted AW (for the W
    channel: from its first W beat) to its accepted B.
    """

    def __init__(self, timing: MemoryTiming | None = None):
        self.timing = timing or MemoryTiming()
        self.now = self.next_read = self.next_write = 0
        self.reads: deque[list[int]] = deque()  # due, beats left
        self.addressed: deque[int] = deque()  # cycles of the AW of writes without B
        self.filled: deque[int] = deque()  # cycles of the last W beat of writes without B
        self.in_burst = False

    def begin(self) -> dict[str, bool]:
        """What the memory shows in this cycle."""
        timing, now = self.timing, self.now
        due = bool(self.reads) and now >= max(self.reads[0][0], self.next_read)
        answer = bool(self.addressed and self.filled)
        return {
            "arready": len(self.reads) < timing.outstanding,
            "awready": len(self.addressed) < timing.outstanding,
            "wready": (self.in_burst or len(self.filled) < timing.outstanding)
            and now >= self.next_write,
            "rvalid": due,
            "rlast": due and self.reads[0][1] == 1,
            "bvalid": answer and now >= max(self.addressed[0], self.filled[0]) + timing.latency,
        }

    def end(self, ar: int, aw: int, w: bool, wlast: bool, rready: bool, bready: bool) -> None:
        """Take what the chip shows in this cycle: beats of AR and AW (0: no request), and flags."""
        shown, timing, now = self.begin(), self.timing, self.now
        if shown["rvalid"] and rready:
            self.next_read = now + timing.read_interval
            self.reads[0][1] -= 1
            if shown["rlast"]:
                self.reads.popleft()
        if shown["bvalid"] and bready:
            self.addressed.popleft()
            self.filled.popleft()
        if ar and shown["arready"]:
            self.reads.append([now + timing.latency, ar])
        if aw and shown["awready"]:
            self.addressed.append(now)
        if w and shown["wready"]:
            self.next_write, self.in_burst = now + timing.write_interval, not wlast
            if wlast:
                self.filled.append(now)
        self.now += 1
