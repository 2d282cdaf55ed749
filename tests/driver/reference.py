"""What the driver must give, in plain numpy: sums in 64 bits, the float formula for the rest."""

import numpy as np

from weft.golden.requantise import requantise_float


def product(a, b, a_zero_point=0, b_zero_point=0, bias=0) -> np.ndarray:
    """int64 sums of a product."""
    wide_a, wide_b = a.astype(np.int64) - a_zero_point, b.astype(np.int64) - b_zero_point
    return wide_a @ wide_b + bias


def convolution(
    x,
    weight,
    x_zero_point=0,
    weight_zero_point=0,
    bias=0,
    stride=(1, 1),
    dilation=(1, 1),
    padding=(0, 0, 0, 0),
) -> np.ndarray:
    """int64 sums of a convolution, one tap of the kernel after the other; the padding adds 0."""
    top, bottom, left, right = padding
    wide = x.astype(np.int64) - x_zero_point
    wide = np.pad(wide, ((0, 0), (top, bottom), (left, right), (0, 0)))
    taps = weight.astype(np.int64) - weight_zero_point
    kh, kw, _, n = taps.shape
    height = (wide.shape[1] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    width = (wide.shape[2] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    total = np.zeros((len(x), height, width, n), np.int64)
    for i in range(kh):
        for j in range(kw):
            y, at = i * dilation[0], j * dilation[1]
            seen = wide[:, y : y + height * stride[0] : stride[0]]
            seen = seen[:, :height, at : at + width * stride[1] : stride[1]][:, :, :width]
            total += seen @ taps[i, j]
    return total + bias


def finish(acc, out="int32", scale=None, y_zero_point=0, qmin=None, qmax=None) -> np.ndarray:
    """From int64 sums to the result of type ``out``."""
    wrapped = acc.astype(np.uint64).astype(np.uint32).view(np.int32)
    if out == "int32":
        return wrapped
    info = np.iinfo(out)
    low = info.min if qmin is None else qmin
    high = info.max if qmax is None else qmax
    return requantise_float(wrapped, scale, y_zero_point, low, high).astype(out)
