"""Cutting ranges: even pieces, and the growing pieces with which a program starts.

At the start nothing is in the chip, and the array should begin after as few bytes as possible, yet
not run dry afterwards. `staircase` grows a rectangle of rows x blocks piece by piece:

    blocks ->   b0   b1   b2..b3
    rows   r0   1st  3rd    4th      each load brings one more piece of A (rows) or of B (blocks);
           r1   2nd  3rd    4th      each is followed by the product of what is new with all that
           ..                        is there
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from weft.arch.layouts import ceil_div


def even(total: int, piece: int) -> list[tuple[int, int]]:
    """Cut ``0 .. total - 1`` into the fewest ranges of at most ``piece``, as even as can be."""
    count = ceil_div(total, piece)
    edges = [total * i // count for i in range(count + 1)]
    return list(pairwise(edges))


def doubling(total: int, first: int) -> list[int]:
    """Pieces ``first, first, 2 first, 4 first ..`` that add up to ``total``."""
    pieces: list[int] = []
    left, size = total, first
    while left > 0:
        if left < 2 * size or left - size < first:
            size = left
        pieces.append(size)
        left -= size
        size = sum(pieces)
    return pieces


@dataclass(frozen=True)
class Stair:
    """One step of a staircase: what to load, and the rectangle to compute after it."""

    load_rows: tuple[int, int] | None
    load_blocks: tuple[int, int] | None
    rows: tuple[int, int]
    blocks: tuple[int, int]


def staircase(
    rows: int, blocks: int, row_pieces: list[int], block_pieces: list[int], weight: int
) -> Iterator[Stair]:
    """Grow a rectangle; the piece that gives more work for its bytes comes first.

    Rows are taken from the end, since the R bytes that MATMUL reads of a row may reach into the
    next one, which then is there already.

    Parameters
    ----------
    rows, blocks
        The rectangle.
    row_pieces, block_pieces
        Sizes of the pieces, first to last.
    weight
        Bytes of a block's tile for each byte of a row: the cost of a block in rows.
    """
    row_pieces, block_pieces = list(row_pieces), list(block_pieces)
    low, high = rows - row_pieces.pop(0), block_pieces.pop(0)
    yield Stair((low, rows), (0, high), (low, rows), (0, high))
    while row_pieces or block_pieces:
        by_row = high * weight >= rows - low
        if row_pieces and (by_row or not block_pieces):
            start = low - row_pieces.pop(0)
            yield Stair((start, low), None, (start, low), (0, high))
            low = start
        else:
            stop = high + block_pieces.pop(0)
            yield Stair(None, (high, stop), (low, rows), (high, stop))
            high = stop
