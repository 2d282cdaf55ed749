"""What is to be computed: the operations that the planner takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from weft.arch.layouts import ceil_div
from weft.arch.simt import Dim
from weft.config import Config

from .spans import Span


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
    """C = A B: A is M x K in memory, row-major and contiguous; C is M x N in a row-major matrix.

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
    pitch, column
        Columns of the matrix that C stands in, and the first that is C's; 0, 0: C is all of it.
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
    pitch: int = 0
    column: int = 0

    def k_tiles(self, config: Config) -> int:
        """Weight tiles along K."""
        return ceil_div(self.k, config.rows)

    def n_blocks(self, config: Config) -> int:
        """Blocks of C columns."""
        return ceil_div(self.n, config.cols)


@dataclass(frozen=True)
class Conv:
    """A convolution: NHWC in and out, weights packed by `weft.arch.layouts.pack_conv`.

    Parameters
    ----------
    images, height, width, cin
        The input.
    kernel, stride, dilation
        Each (vertical, horizontal).
    padding
        Top, bottom, left, right.
    n
        Output channels.
    a, b, c
        Input, packed weights, output.
    flip_a
        The input is uint8: LOAD flips it to int8.
    fill
        Value of the padding (after the flip): the input's zero point.
    finish
        What becomes of the sums.
    """

    images: int
    height: int
    width: int
    cin: int
    n: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    a: Buffer = field(default_factory=lambda: Buffer("a", 0))
    b: Buffer = field(default_factory=lambda: Buffer("b", 0))
    c: Buffer = field(default_factory=lambda: Buffer("c", 0))
    flip_a: bool = False
    fill: int = 0
    finish: Finish = field(default_factory=Finish)

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns of the input that one output sees, gaps included."""
        (kh, kw), (dy, dx) = self.kernel, self.dilation
        return dy * (kh - 1) + 1, dx * (kw - 1) + 1

    @property
    def out_size(self) -> tuple[int, int]:
        """Height and width of the output."""
        top, bottom, left, right = self.padding
        reach = self.reach
        return (
            (self.height + top + bottom - reach[0]) // self.stride[0] + 1,
            (self.width + left + right - reach[1]) // self.stride[1] + 1,
        )

    @property
    def slices(self) -> tuple[int, int, int]:
        """Groups of slices, slices in a group, bytes of a slice: what is contiguous in the input.

        A slice is one row of the kernel, or with horizontal gaps one tap.
        """
        (kh, kw), gap = self.kernel, self.dilation[1] > 1 and self.kernel[1] > 1
        return (kh, kw, self.cin) if gap else (1, kh, kw * self.cin)

    def k_tiles(self, config: Config) -> int:
        """Weight tiles along K: each slice is padded to whole tiles."""
        groups, count, size = self.slices
        return groups * count * ceil_div(size, config.rows)

    def n_blocks(self, config: Config) -> int:
        """Blocks of C columns."""
        return ceil_div(self.n, config.cols)


@dataclass(frozen=True)
class Call:
    """A kernel, run by the SIMT core.

    Parameters
    ----------
    name
        For a reader.
    fields
        Of its LAUNCH command, without semaphores.
    reads, writes
        What it touches: whole tensors, and its shared memory.
    grid, block
        Blocks, and threads of a block.
    """

    name: str
    fields: Mapping[str, int]
    reads: tuple[Span, ...]
    writes: tuple[Span, ...]
    grid: Dim
    block: Dim


Op = Gemm | Conv | Call


def produced(ops: Sequence[Op]) -> list[Op]:
    """The operations, each knowing which of its buffers a kernel of the program writes."""
    spaces = {item.space for op in ops if isinstance(op, Call) for item in op.writes}

    def mark(buffer: Buffer) -> Buffer:
        return replace(buffer, produced=True) if f"mem:{buffer.name}" in spaces else buffer

    return [
        op if isinstance(op, Call) else replace(op, a=mark(op.a), b=mark(op.b), c=mark(op.c))
        for op in ops
    ]
