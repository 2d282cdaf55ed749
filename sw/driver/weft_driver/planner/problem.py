"""What is to be computed: the operations that the planner takes."""

from dataclasses import dataclass, field

from weft.arch.layouts import ceil_div
from weft.config import Config


@dataclass(frozen=True)
class Buffer:
    """A tensor in device memory.

    Parameters
    ----------
    name
        Unique in a program; hazards through memory are found by it.
    address
        Byte address of its first element.
    produced
        Whether the program itself writes it, so that reading it needs care.
    """

    name: str
    address: int
    produced: bool = False


@dataclass(frozen=True)
class Finish:
    """What DRAIN does with the sums.

    Parameters
    ----------
    out_bytes
        1: requantised; 4: int32.
    params
        Parameter blocks (bias and scale per column) in memory; None: no bias, and `scale`.
    scale
        float32 bits, when ``params`` is None and ``out_bytes`` 1.
    zero_point, b_zero_point, qmin, qmax
        As in DRAIN. A ``b_zero_point`` needs row sums.
    """

    out_bytes: int = 1
    params: Buffer | None = None
    scale: int = 0x3F800000
    zero_point: int = 0
    b_zero_point: int = 0
    qmin: int = -128
    qmax: int = 127

    @property
    def row_sum(self) -> bool:
        """Whether row sums are needed."""
        return self.b_zero_point != 0


@dataclass(frozen=True)
class Gemm:
    """C = A B: A is M x K and C is M x N in memory, row-major and contiguous.

    Parameters
    ----------
    m, n, k
        Sizes.
    a, b, c
        Where the operands are.
    packed
        B is packed (`weft.arch.layouts.pack_b`); else row-major K x N.
    flip_a, flip_b
        The operand is uint8: LOAD flips it to int8.
    finish
        What becomes of the sums.
    """

    m: int
    n: int
    k: int
    a: Buffer = field(default_factory=lambda: Buffer("a", 0))
    b: Buffer = field(default_factory=lambda: Buffer("b", 0))
    c: Buffer = field(default_factory=lambda: Buffer("c", 0))
    packed: bool = True
    flip_a: bool = False
    flip_b: bool = False
    finish: Finish = field(default_factory=Finish)

    def k_tiles(self, config: Config) -> int:
        """Weight tiles along K."""
        return ceil_div(self.k, config.rows)

    def n_blocks(self, config: Config) -> int:
        """Blocks of C columns."""
        return ceil_div(self.n, config.cols)
