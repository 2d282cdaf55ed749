"""Work and references of kernels on matrices."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from weft_bench.reference import exact_product

from .work import Work, reads, rectangle, writes

ROWS_ALIGN, COLUMNS_ALIGN = 4, 16
"""`gemm_int8` takes rows of C and columns of C in groups of this many."""


def transpose(size: int, rng: Generator) -> Work:
    """The transpose of a matrix of words."""
    rows, columns = rectangle(size)
    x = rng.integers(0, 1 << 31, (rows, columns)).astype(np.int32)
    return Work((rows, columns, reads(x), writes(np.ascontiguousarray(x.T))), size)


def gemm_int8(size: int, rng: Generator) -> Work:
    """The product of M x K and K x N bytes with M x N = ``size`` and K = N; items are `dot4`."""
    m, n = rectangle(size)
    k = n
    a = rng.integers(-128, 128, (m, k)).astype(np.int8)
    b = rng.integers(-128, 128, (k, n)).astype(np.int8)
    rows, columns = pack_fours(a.T, ROWS_ALIGN), pack_fours(b, COLUMNS_ALIGN)
    arguments = (m, n, len(rows), reads(rows), reads(columns), writes(exact_product(a, b)))
    return Work(arguments, m * n * len(rows))


def pack_fours(b: NDArray[np.int8], align: int) -> NDArray[np.int32]:
    """K x N bytes as words (k / 4, n) of four bytes along K, padded with zeros.

    Parameters
    ----------
    b
        int8, K x N.
    align
        N is padded to a multiple of it.
    """
    padded = np.pad(b, ((0, -b.shape[0] % 4), (0, -b.shape[1] % align)))
    k, n = padded.shape
    fours = np.ascontiguousarray(padded.reshape(k // 4, 4, n).transpose(0, 2, 1))
    return fours.view(np.int32)[..., 0]


def gemm_float(size: int, rng: Generator) -> Work:
    """The product of float32 M x K and K x N, K = M, summed in the order of k; items are products.

    In float32 with a rounding after each operation, so equal bit for bit.
    """
    m, n = rectangle(size)
    k = m
    a = rng.standard_normal((m, k)).astype(np.float32)
    b = rng.standard_normal((k, n)).astype(np.float32)
    c = np.zeros((m, n), np.float32)
    for i in range(k):
        c = c + a[:, i : i + 1] * b[i]
    return Work((m, n, k, reads(a), reads(b), writes(c)), m * n * k)
