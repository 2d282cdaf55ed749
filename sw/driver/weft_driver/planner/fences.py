"""What MATMUL still waits for when a LOAD has posted at its first write."""

from collections.abc import Mapping

from weft.arch.commands import Space
from weft.arch.layouts import ceil_div
from weft.arch.memory import MemoryTiming
from weft.config import Config


class Fence:
    """Operands on their way: when each part of them is there, as far as that is known.

    ``parts`` holds, for beats 1 to n of the LOAD, n and when the n-th is written.
    """

    def __init__(
        self, config: Config, memory: MemoryTiming, f: Mapping[str, int], total: int
    ) -> None:
        self.config, self.interval = config, memory.read_interval
        self.space = f["space"]
        self.unit = config.cols if self.space == Space.WGT else 1  # bytes of a row, or a byte
        self.dst, self.end = f["dst"], f["dst"] + f["fence"]
        self.data = ceil_div(f["len"], self.unit)  # rows or bytes in a run
        self.pitch = f.get("dst_stride1", 0) if f["count1"] > 1 else f["fence"]
        self.skew = f["src"] % config.bus_bytes if f["count1"] == 1 else 0
        self.run = total // f["count1"]
        self.beats, self.total = 0, total
        self.parts: list[tuple[int, int]] = []
        self.waiting: tuple | None = None

    def hides(self, f: Mapping[str, int], time: int) -> bool:
        """Whether some operands of a MATMUL may still be on their way."""
        if self.beats == self.total and self.parts[-1][1] <= time:
            return False
        tiles = f["k0"] * f["k1"] * f["k2"]
        if self.space == Space.WGT:
            start, steps = f["wgt"], (f["blocks"] - 1) * f["wgt_block"] + tiles * self.config.rows
        elif max(f["m1"], f["m2"], f["k1"], f["k2"]) > 1:
            return False  # a convolution, whose image has no fence
        else:
            start, steps = f["act"], (f["m0"] - 1) * f["m0_stride"] + tiles * self.config.rows
        return start < self.end and start + steps > self.dst

    def ready(self, start: int) -> int | None:
        """When the R rows or bytes from here on are there; None: not known yet."""
        last = min(start + self.config.rows, self.end) - 1
        if last < max(start, self.dst):
            return 0
        run, into = divmod(last - self.dst, self.pitch)
        if into >= self.data:
            # Behind the data of a run only the next one shows that no more will come.
            run, into = run + 1, 0
        size = self.skew + (into + 1) * self.unit
        beats = min(run * self.run + ceil_div(size, self.config.bus_bytes), self.total)
        if beats > self.beats:
            return None
        count, time = next(part for part in self.parts if part[0] >= beats)
        return time - (count - beats) * self.interval
