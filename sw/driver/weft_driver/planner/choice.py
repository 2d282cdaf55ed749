"""What the planner may choose about a GEMM."""

from dataclasses import dataclass

from .cuts import Cut

NO_CUT = Cut()
"""One piece."""


@dataclass(frozen=True)
class Choice:
    """What the planner may choose about a GEMM.

    Parameters
    ----------
    rows, blocks, tiles
        Largest tile (rows, blocks of C columns) and chunk (tiles along K).
    columns_first
        Order of tiles: True keeps a panel of B while the rows pass, False a panel of A.
    cut_rows, cut_blocks
        Pieces in which the first tile, and the last where it is loaded, come: rows of A, blocks of
        B.
    cut_tiles
        Pieces along K. ``first``: the smallest in which operands come whenever the array would run
        dry, 0 for none; ``last``: what comes last in the program; ``most`` has no meaning.
    tail_rows, tail_blocks
        Last part of the last tile; 0: not cut. By blocks first, then by rows.
    rows_first
        By rows first, then by blocks.
    merge
        A tile that comes in pieces is drained as a whole, rows of all its columns together; else
        each piece by itself as soon as it is done.
    lag
        Results that stand back in the program while others are computed, so that what the array
        needs first is fetched first.
    woven
        The pieces of the first tile come in turn in every piece along K (``cut_tiles``: growing
        from ``first``, shrinking to ``last``); else each goes through all of K before the next.
    a_first
        Where both operands come, A is loaded before B; else B, whose weights take time to go in.
    short
        Tiles of whole multiples of R rows, and the last one what is left; else all alike.
    split
        Rows in a piece of the last results, so that DRAIN and STORE follow each other closely; 0:
        not cut.
    results
        Bytes of activation SRAM for results, so that operands have the rest of the last region, too
        (`weft_driver.planner.sram.ActMap`); 0: as much as results are given where nobody asks.
    """

    rows: int
    blocks: int
    tiles: int
    columns_first: bool = True
    cut_rows: Cut = NO_CUT
    cut_blocks: Cut = NO_CUT
    cut_tiles: Cut = NO_CUT
    tail_rows: int = 0
    tail_blocks: int = 0
    rows_first: bool = False
    merge: bool = False
    lag: int = 0
    split: int = 0
    short: bool = False
    woven: bool = False
    a_first: bool = False
    results: int = 0
