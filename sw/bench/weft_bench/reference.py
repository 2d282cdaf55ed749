"""The formulas in plain numpy that every result of a chip is compared with.

Independent of the driver and of the golden model on purpose.
"""

import numpy as np
from numpy.typing import NDArray


def exact_product(
    a: NDArray[np.integer],
    b: NDArray[np.integer],
    *,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    bias: NDArray[np.integer] | None = None,
) -> NDArray[np.int32]:
    """(a - za) (b - zb) + bias, exact in 64 bits, then modulo 2^32 as int32.

    Products of 8-bit numbers are summed by float64 BLAS, which is exact below 2^53 and fast.
    """
    if a.shape[1] >= 1 << 36:
        raise ValueError(f"K = {a.shape[1]} is too long for exact sums in float64")
    wide_a = a.astype(np.float64) - a_zero_point
    wide_b = b.astype(np.float64) - b_zero_point
    total = (wide_a @ wide_b).astype(np.int64)
    if bias is not None:
        total = total + bias.astype(np.int64)
    return total.astype(np.uint64).astype(np.uint32).view(np.int32)


def requantise(
    acc: NDArray[np.int32],
    scale: NDArray[np.float32] | np.float32,
    *,
    zero_point: int = 0,
    qmin: int = -128,
    qmax: int = 127,
) -> NDArray[np.int8]:
    """clamp(rint_half_even(fl32(fl32(acc) * scale)) + zero_point, qmin, qmax) as int8."""
    product = acc.astype(np.float32) * np.asarray(scale, dtype=np.float32)
    rounded = np.rint(product).astype(np.float64) + zero_point
    return np.clip(rounded, qmin, qmax).astype(np.int8)


def combined_scale(
    a_scale: float, b_scale: NDArray[np.float32], y_scale: float
) -> NDArray[np.float32]:
    """fl32(fl32(sa * sb[n]) / sy): the scale per column, as onnxruntime computes it."""
    product = np.float32(a_scale) * b_scale.astype(np.float32)
    return (product / np.float32(y_scale)).astype(np.float32)


def im2col(
    x: NDArray[np.integer],
    kernel: tuple[int, int],
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    fill: int = 0,
) -> NDArray[np.integer]:
    """Patches of one NHWC image batch as rows: (batch * oh * ow) x (kh * kw * cin)."""
    pad = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    padded = np.pad(x, pad, constant_values=fill)
    kh, kw = kernel
    reach_h, reach_w = dilation * (kh - 1) + 1, dilation * (kw - 1) + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (reach_h, reach_w), axis=(1, 2))
    taken = windows[:, ::stride, ::stride, :, ::dilation, ::dilation]
    rows = taken.transpose(0, 1, 2, 4, 5, 3)
    return rows.reshape(rows.shape[0] * rows.shape[1] * rows.shape[2], -1)
