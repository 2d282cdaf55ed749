"""The kernels of the library, in one table."""

from . import elementwise, graphs, images, matrices, rays, reductions
from .work import LibraryKernel, four_blocks, one_block, one_warp, tiles

_WARP_WORDS = 4 * 16
"""Bytes of shared memory for a word of each warp."""

_BYTES_WORDS = 4 * 256

_ULPS = "{} ulp of {}".format

KERNELS = {
    kernel.name: kernel
    for kernel in (
        LibraryKernel(
            "saxpy",
            "a x + y",
            elementwise.saxpy,
            four_blocks,
            full=16_384,
            most=8,
        ),
        LibraryKernel(
            "vector_add",
            "x + y",
            elementwise.vector_add,
            four_blocks,
            full=16_384,
            most=8,
        ),
        LibraryKernel(
            "dot_product",
            "sum of x y",
            reductions.dot_product,
            one_block,
            tolerance=_ULPS(reductions.DOT_ULPS, "the sum of |x y|"),
            shared=_WARP_WORDS,
            full=16_384,
        ),
        LibraryKernel(
            "reduction",
            "sum of int32",
            reductions.reduction,
            one_block,
            shared=_WARP_WORDS,
            full=16_384,
        ),
        LibraryKernel(
            "prefix_sum",
            "running sums of int32",
            reductions.prefix_sum,
            one_block,
            shared=_WARP_WORDS,
            full=16_384,
        ),
        LibraryKernel(
            "transpose",
            "matrix of words, through shared memory",
            matrices.transpose,
            tiles,
            shared=4 * 16 * 17,
            most=8,
        ),
        LibraryKernel(
            "blur",
            "3 x 3 filter on bytes",
            images.blur,
            four_blocks,
            unit="pixel",
        ),
        LibraryKernel(
            "histogram",
            "of bytes, by shared atomics",
            reductions.histogram,
            one_block,
            shared=_BYTES_WORDS,
            full=16_384,
        ),
        LibraryKernel(
            "softmax",
            "of the rows of a matrix",
            reductions.softmax,
            four_blocks,
            tolerance=_ULPS(reductions.SOFTMAX_ULPS, "the result"),
        ),
        LibraryKernel(
            "layer_norm",
            "of the rows of a matrix",
            reductions.layer_norm,
            four_blocks,
            tolerance=_ULPS(reductions.LAYER_NORM_ULPS, "|gain| max |x| + |bias|"),
        ),
        LibraryKernel(
            "gelu",
            "GELU in the form with tanh",
            elementwise.gelu,
            four_blocks,
            tolerance=_ULPS(elementwise.GELU_ULPS, "x"),
        ),
        LibraryKernel(
            "gemm_int8",
            "int8 product by dot4, int32 sums",
            matrices.gemm_int8,
            four_blocks,
            unit="dot4",
            most=4,
        ),
        LibraryKernel(
            "gemm_float",
            "float32 product",
            matrices.gemm_float,
            four_blocks,
            unit="product",
        ),
        LibraryKernel(
            "depthwise",
            "3 x 3 filter for each channel, int8, requantised",
            images.depthwise,
            four_blocks,
        ),
        LibraryKernel(
            "max_pool",
            "2 x 2 windows of int8",
            images.max_pool,
            four_blocks,
        ),
        LibraryKernel(
            "mandelbrot",
            "steps to leave the circle",
            elementwise.mandelbrot,
            four_blocks,
            unit="pixel",
        ),
        LibraryKernel(
            "mandelbrot_inside",
            "the same where no pixel leaves",
            elementwise.mandelbrot_inside,
            four_blocks,
            unit="pixel",
            sizes=(1, 9),
            program="mandelbrot",
        ),
        LibraryKernel(
            "collatz",
            "lengths of sequences",
            elementwise.collatz,
            four_blocks,
        ),
        LibraryKernel(
            "bfs",
            "distances in a graph",
            graphs.bfs,
            one_block,
            unit="node",
            shared=16,
        ),
        LibraryKernel(
            "ray_tracer",
            "spheres with shadows",
            rays.ray_tracer,
            four_blocks,
            unit="pixel",
        ),
        LibraryKernel(
            "spin_lock",
            "a lock between threads of a warp",
            graphs.spin_lock,
            one_warp,
            unit="addition",
            shared=16,
            sizes=(1, 9),
            full=67,
        ),
    )
}
"""Kernels by name."""
