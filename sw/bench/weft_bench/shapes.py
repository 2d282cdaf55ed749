"""Shapes to measure: tables from CSV files, and the ones that this project quotes figures for."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("suite", "name", "m", "n", "k", "count")
"""Columns of a table of shapes."""


@dataclass(frozen=True)
class Shape:
    """One product: C (m x n) = A (m x k) B (k x n), ``count`` times in its network."""

    suite: str
    name: str
    m: int
    n: int
    k: int
    count: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one product."""
        return self.m * self.n * self.k

    @property
    def depthwise(self) -> bool:
        """One output column per product: a depthwise convolution, which no GEMM array suits."""
        return self.n == 1 and self.count > 1


def read_shapes(path: Path) -> list[Shape]:
    """Read a CSV file with the columns `COLUMNS`.

    Raises
    ------
    ValueError
        The file is missing, a column is missing, or a value is not a whole number of at least 1;
        names the file and the line.
    """
    if not path.is_file():
        raise ValueError(f"table of shapes {str(path)!r} does not exist")
    shapes = []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path}: column {missing[0]!r} is missing; the first line must name "
                f"{','.join(COLUMNS)}"
            )
        for row in reader:
            sizes = {}
            for column in COLUMNS[2:]:
                text = row[column] or ""
                if not text.isascii() or not text.isdigit() or int(text) < 1:
                    raise ValueError(
                        f"{path}, line {reader.line_num}: {column} = {text!r} is not a whole "
                        "number of at least 1"
                    )
                sizes[column] = int(text)
            shapes.append(Shape(row["suite"], row["name"], **sizes))
    if not shapes:
        raise ValueError(f"{path}: no shapes below the header")
    return shapes


SQUARE = tuple(Shape("square", str(s), s, s, s) for s in (4, 8, 16, 32, 64, 128, 256, 512, 1024))
"""Squares from far below the array to far above its SRAMs."""


@dataclass(frozen=True)
class Peer:
    """A measured row of another design: Gemmini 16 x 16 int8, verilated, memory to memory.

    The cycles are our own measurements of its stock RTL with an ideal CPU, 16 bytes a cycle and
    the memory latency given.
    """

    shape: Shape
    out: str
    latency: int
    cycles: int


def _peer(m: int, k: int, n: int, out: str, latency: int, cycles: int) -> Peer:
    return Peer(Shape("gemmini", f"{m}x{k}x{n}", m, n, k), out, latency, cycles)


GEMMINI = (
    _peer(64, 64, 64, "int8", 0, 2023),
    _peer(64, 64, 64, "int32", 40, 2679),
    _peer(128, 128, 128, "int8", 0, 10341),
    _peer(128, 128, 128, "int32", 40, 11575),
    _peer(256, 256, 256, "int8", 0, 68975),
    _peer(256, 256, 256, "int32", 40, 70140),
    _peer(256, 256, 256, "int32", 100, 79191),
    _peer(512, 512, 512, "int8", 0, 536906),
    _peer(512, 512, 512, "int32", 40, 538800),
    _peer(128, 64, 128, "int32", 0, 7527),
    _peer(128, 128, 64, "int32", 0, 7653),
    _peer(128, 768, 768, "int32", 0, 303105),
    _peer(128, 768, 3072, "int32", 0, 1187649),
    _peer(3136, 576, 64, "int32", 0, 508135),
    _peer(16, 512, 512, "int32", 0, 28039),
)
"""Gemmini's measured cycles, names M x K x N."""


@dataclass(frozen=True)
class ConvShape:
    """One convolution, NHWC, square image and kernel, ``padding`` on every side."""

    name: str
    size: int
    cin: int
    cout: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    dilation: int = 1

    @property
    def out_size(self) -> int:
        """Height and width of the result."""
        reach = self.dilation * (self.kernel - 1) + 1
        return (self.size + 2 * self.padding - reach) // self.stride + 1

    def gemm(self) -> Shape:
        """The product that the convolution is."""
        k = self.kernel * self.kernel * self.cin
        return Shape("conv", self.name, self.out_size**2, self.cout, k)


RESNET8 = (
    ConvShape("stem", 32, 3, 16),
    ConvShape("stack 1", 32, 16, 16),
    ConvShape("stack 2, first", 32, 16, 32, stride=2),
    ConvShape("stack 2", 16, 32, 32),
    ConvShape("stack 2, shortcut", 32, 16, 32, kernel=1, stride=2, padding=0),
    ConvShape("stack 3, first", 16, 32, 64, stride=2),
    ConvShape("stack 3", 8, 64, 64),
    ConvShape("stack 3, shortcut", 16, 32, 64, kernel=1, stride=2, padding=0),
)
"""Convolutions of ResNet-8 for 32 x 32 images, each kind once."""

CONVS = (*RESNET8, ConvShape("56 x 56 x 64", 56, 64, 64))
"""Convolutions that `weft bench conv` measures."""


def random_shapes(seed: int, count: int, largest: int = 128) -> list[Shape]:
    """Random shapes that are small, odd and lopsided as often as they are large.

    Each dimension is drawn log-uniformly from 1 to ``largest``; the same seed gives the same list.
    """
    rng = random.Random(seed)

    def size() -> int:
        return round(largest ** rng.random())

    return [Shape("random", f"r{i}", size(), size(), size()) for i in range(count)]
