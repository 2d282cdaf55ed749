"""Cutting ranges: even pieces, and the growing and shrinking pieces at both ends of a program.

At the start nothing is in the chip, and the array should begin after as few bytes as possible, yet
not run dry afterwards; at the end as little as possible should be left to do after the last bytes
have come and the last row has gone through. `staircase` grows a rectangle of rows x blocks:

    blocks ->   b0   b1   b2..b3
    rows   r0   1st  3rd    4th      each load brings one more piece of A (rows) or of B (blocks);
           r1   2nd  3rd    4th      each is followed by the product of what is new with all that
           ..                        is there
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from weft.arch.layouts import ceil_div

Range = tuple[int, int]


def even(total: int, piece: int) -> list[Range]:
    """Cut ``0 .. total - 1`` into the fewest ranges of at most ``piece``, as even as can be."""
    count = ceil_div(total, piece)
    return list(pairwise(total * i // count for i in range(count + 1)))


def ranges(sizes: Sequence[int], start: int = 0) -> list[Range]:
    """Ranges of these sizes, one after the other."""
    edges = [start]
    for size in sizes:
        edges.append(edges[-1] + size)
    return list(pairwise(edges))


@dataclass(frozen=True)
class Cut:
    """How to cut a range: sizes of the first, the largest and the last piece; 0: no limit.

    From ``first`` on each piece is as large as all before it, towards ``last`` as all after it;
    with ``jump`` the next one is as large as can be.
    """

    first: int = 0
    most: int = 0
    last: int = 0
    jump: bool = False

    def __bool__(self) -> bool:
        return bool(self.first or self.most or self.last)

    def pieces(self, total: int, least: int = 1) -> list[int]:
        """Sizes that add up to ``total``, none below ``least`` if that can be."""
        most = self.most or total
        head: list[int] = []
        tail: list[int] = []
        left = total
        grow, shrink = min(self.first or most, most), min(self.last or most, most)
        while left:
            at_head = grow <= shrink
            size = grow if at_head else shrink
            if left - size < least:
                size = left
            (head if at_head else tail).append(size)
            left -= size
            if at_head:
                grow = min(most, sum(head)) if self.first and not self.jump else most
            else:
                shrink = min(most, sum(tail)) if self.last and not self.jump else most
        return head + tail[::-1]


@dataclass(frozen=True)
class Stair:
    """One step of a staircase: what to load, and the rectangle to compute after it."""

    load_rows: Range | None
    load_blocks: Range | None
    rows: Range
    blocks: Range


def staircase(
    rows: int, row_pieces: Sequence[int], block_pieces: Sequence[int], weight: int
) -> Iterator[Stair]:
    """Grow a rectangle; the piece that gives more work for its bytes comes first.

    Rows are taken from the end, since the R bytes that MATMUL reads of a row may reach into the
    next one, which then is there already.

    Parameters
    ----------
    rows
        Rows of the whole rectangle.
    row_pieces, block_pieces
        Sizes of the pieces, first to last.
    weight
        Bytes of a block's tile for each byte of a row: the cost of a block in rows.
    """
    more_rows, more_blocks = list(row_pieces), list(block_pieces)
    low, high = rows - more_rows.pop(0), more_blocks.pop(0)
    yield Stair((low, rows), (0, high), (low, rows), (0, high))
    while more_rows or more_blocks:
        by_row = high * weight >= rows - low
        if more_rows and (by_row or not more_blocks):
            start = low - more_rows.pop(0)
            yield Stair((start, low), None, (start, low), (0, high))
            low = start
        else:
            stop = high + more_blocks.pop(0)
            yield Stair(None, (high, stop), (low, rows), (high, stop))
            high = stop
