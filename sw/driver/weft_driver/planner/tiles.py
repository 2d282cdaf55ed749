"""Rectangles of a result: tiles, their parts, and where the sums of a part lie."""

from collections.abc import Iterator
from dataclasses import dataclass

from .choice import Choice
from .cuts import Cut, Range, ranges


@dataclass(frozen=True)
class Tile:
    """A rectangle of the result: rows and blocks of columns, global.

    ``part`` is a rectangle in it, from its first row and block, when only that is to be computed.
    """

    rows: Range
    blocks: Range
    part: tuple[Range, Range] | None = None

    @property
    def panel(self) -> tuple[Range, Range]:
        """Its rows and blocks, from its first."""
        return (0, size(self.rows)), (0, size(self.blocks))


@dataclass(frozen=True)
class Sums:
    """A rectangle of a tile (from the tile's first row and block) and where its sums lie."""

    acc: int
    rows: Range
    blocks: Range

    def common(self, rows: Range, blocks: Range) -> tuple[Range, Range] | None:
        """What this and another rectangle share."""
        r = max(self.rows[0], rows[0]), min(self.rows[1], rows[1])
        b = max(self.blocks[0], blocks[0]), min(self.blocks[1], blocks[1])
        return (r, b) if r[0] < r[1] and b[0] < b[1] else None

    @property
    def pitch(self) -> int:
        """Accumulator rows from one block to the next."""
        return size(self.rows)

    def at(self, rows: Range, blocks: Range) -> int:
        """Accumulator row of a rectangle in it."""
        return self.acc + (blocks[0] - self.blocks[0]) * self.pitch + rows[0] - self.rows[0]


def size(part: Range) -> int:
    """Length of a range."""
    return part[1] - part[0]


def tail_parts(
    choice: Choice, rows: Range, blocks: Range, full: int
) -> Iterator[tuple[Range, Range]]:
    """Cut a rectangle so that its last part is small.

    A part of fewer than ``full`` = R rows takes the array as long as one of R; down to half of
    them it can be worth that, since less is left to drain.
    """

    def by_rows(columns: Range) -> Iterator[tuple[Range, Range]]:
        # Rows are taken from the end here, too, as everywhere.
        pieces = Cut(last=choice.tail_rows).pieces(size(rows), full // 2)
        for start, stop in ranges(pieces):
            yield (rows[1] - stop, rows[1] - start), columns

    def by_blocks(lines: Range) -> Iterator[tuple[Range, Range]]:
        for piece in ranges(Cut(last=choice.tail_blocks).pieces(size(blocks)), blocks[0]):
            yield lines, piece

    outer = list(by_rows(blocks) if choice.rows_first else by_blocks(rows))
    yield from outer[:-1]
    yield from by_blocks(outer[-1][0]) if choice.rows_first else by_rows(outer[-1][1])
