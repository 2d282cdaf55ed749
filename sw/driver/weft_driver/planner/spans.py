"""What a command reads and writes, as strided spans of an SRAM or a memory tensor."""

from typing import NamedTuple


class Span(NamedTuple):
    """``count`` runs of ``width`` units, ``stride`` apart, in one space; made by `span`.

    Parameters
    ----------
    space
        ``act`` (bytes), ``wgt`` (rows), ``acc`` (rows), ``param`` (blocks), or ``mem:NAME`` for a
        tensor in memory (bytes from its start).
    start, end, width, stride, count
        Run ``i`` covers ``start + i * stride .. + width - 1``; the last one ends before ``end``.
    """

    space: str
    start: int
    end: int
    width: int
    stride: int
    count: int

    def overlaps(self, other: "Span") -> bool:
        """Whether the two may share a unit; errs towards True for two different strides."""
        if self.space != other.space or self.start >= other.end or other.start >= self.end:
            return False
        if self.count == 1 and other.count == 1:
            return True
        if self.count == 1:
            return other.overlaps(self)
        stride = self.stride
        if other.count > 1 and other.stride != stride:
            return True
        # Run i of self and run j of other overlap where k = i - j fulfils
        # -self.width < k * stride - distance < other.width.
        distance = other.start - self.start
        low = (distance - self.width) // stride + 1
        high = -((-distance - other.width) // stride) - 1
        return max(low, 1 - other.count) <= min(high, self.count - 1)

    def covers(self, other: "Span") -> bool:
        """Whether every unit of the other lies in this; errs towards False."""
        if self.space != other.space or self.start > other.start or self.end < other.end:
            return False
        if self.count == 1 or self == other:
            return True
        if other.count > 1 and other.stride != self.stride:
            return False
        run, into = divmod(other.start - self.start, self.stride)
        return into + other.width <= self.width and run + other.count <= self.count


def span(space: str, start: int, width: int, stride: int = 0, count: int = 1) -> Span:
    """A span in its simplest form: runs that touch or overlap become one."""
    if count > 1 and stride < 0:
        start, stride = start + (count - 1) * stride, -stride
    if count == 1 or width >= stride:
        width += (count - 1) * stride
        return Span(space, start, start + width, width, 0, 1)
    return Span(space, start, start + (count - 1) * stride + width, width, stride, count)
