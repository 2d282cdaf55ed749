"""Where chunks of operands lie in the SRAMs: slots with planned reuse, and a ring for results."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from weft.arch.layouts import ceil_div
from weft.config import Config


@dataclass
class Slots:
    """Equal slots that hold named chunks; a chunk that is still there is not loaded again.

    Parameters
    ----------
    addresses
        Where the slots start.
    uses
        The chunks in the order in which they will be asked for.
    keep
        The chunks asked for last, this many, are not replaced: so many can be in use while the
        next one is loaded.
    """

    addresses: Sequence[int]
    uses: Sequence[Hashable]
    keep: int = 2
    _held: dict[Hashable, int] = field(default_factory=dict)
    _last: list[int] = field(default_factory=list)
    _now: int = 0
    _next: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._last = [-1] * len(self.addresses)
        seen: dict[Hashable, int] = {}
        never = len(self.uses)
        self._next = [never] * never
        for i in range(never - 1, -1, -1):
            self._next[i] = seen.get(self.uses[i], never)
            seen[self.uses[i]] = i

    def get(self) -> tuple[int, bool]:
        """The address of the next chunk in `uses`, and whether it must be loaded.

        Replaced is the chunk whose next use is farthest away (Belady), the longest unused first
        among equals, but none of the `keep` last.
        """
        key, now = self.uses[self._now], self._now
        self._now += 1
        slot = self._held.get(key)
        if slot is not None:
            self._last[slot] = now
            return self.addresses[slot], False
        keep = min(self.keep, len(self.addresses) - 1)
        recent = sorted(self._last, reverse=True)[:keep]
        free = [s for s in range(len(self.addresses)) if self._last[s] not in recent]
        if not free:
            free = [self._last.index(-1)]
        holders = {s: k for k, s in self._held.items()}

        def order(s: int) -> tuple[int, int]:
            return (-self._next[self._last[s]] if s in holders else -len(self.uses), self._last[s])

        slot = min(free, key=order)
        if slot in holders:
            del self._held[holders[slot]]
        self._held[key] = slot
        self._last[slot] = now
        return self.addresses[slot], True


@dataclass
class Ring:
    """Space for results on their way out: pieces one after the other, round and round."""

    start: int
    size: int
    align: int
    _at: int = 0

    def take(self, size: int) -> int:
        """Address of the next piece."""
        if self._at + size > self.size:
            self._at = 0
        address = self.start + self._at
        self._at += ceil_div(size, self.align) * self.align
        return address


@dataclass(frozen=True)
class ActMap:
    """How the activation SRAM is shared: operands in front, results in the last region.

    MATMUL reads one row a cycle, so nothing else may read where it reads; STORE reads results.

    Parameters
    ----------
    config
        The chip.
    kept
        Bytes at the end of the last region that are for results, the rest is for operands, too;
        0: all of the region, or a third of the only one. With less for results STORE takes cycles
        from MATMUL, but more of an operand stays on the chip.
    """

    config: Config
    kept: int = 0

    @property
    def regions(self) -> list[tuple[int, int]]:
        """Address and size of each area for operands."""
        c = self.config
        last, whole = c.act_regions - 1, c.act_region_bytes
        areas = [(r * c.act_region_span, whole) for r in range(last)]
        shared = whole - self.results[1]
        return [*areas, (last * c.act_region_span, shared)] if shared else areas

    @property
    def results(self) -> tuple[int, int]:
        """Address and size of the area for results."""
        c = self.config
        last, whole = c.act_regions - 1, c.act_region_bytes
        shared = whole - self.kept if self.kept else 0 if last else whole * 2 // 3
        shared = shared // c.act_row_bytes * c.act_row_bytes
        return last * c.act_region_span + shared, whole - shared

    def slots(self, size: int, most: int) -> list[int]:
        """Addresses of slots of a size, neighbours in different regions where possible."""
        row = self.config.act_row_bytes
        size = ceil_div(size, row) * row
        found = [(i, start + i * size) for start, room in self.regions for i in range(room // size)]
        return [address for _, address in sorted(found)][:most]


class AccRing:
    """Accumulator rows for one rectangle of sums after the other, in alternate halves.

    DRAIN cannot read a half to which MATMUL adds.
    """

    def __init__(self, config: Config):
        self._rows = config.acc_rows
        self._next = [0, 0]
        self._half = 1

    def reserve(self, sizes: Sequence[int]) -> None:
        """Make sure that the next rectangles, of these sizes, do not overlap each other."""
        for half in range(2):
            mine = sum(sizes[i] for i in range(len(sizes)) if (i + self._half + 1) % 2 == half)
            if self._next[half] + mine > self._rows:
                self._next[half] = 0

    def take(self, rows: int) -> int:
        """First of so many rows, in the half that was not used last."""
        self._half ^= 1
        at = self._next[self._half]
        if at + rows > self._rows:
            at = 0
        self._next[self._half] = at + rows
        return self._half * self._rows + at
