"""From a user's zero points, scales and bias to what the chip takes (numerics.md).

On the chip everything is int8: uint8 operands are flipped by LOAD or by the packing, which is
subtracting 128 from value and zero point. With that

    acc = sum a b - za sum_k b - zb sum_k a + K za zb

and all but the third term is one int32 per column, folded here; the third is DRAIN's row sum.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from weft.arch.layouts import PARAM_BYTES, ceil_div
from weft.config import Config

from .errors import check_bias, check_choice, check_scale, check_zero_point
from .planner.problem import Buffer, Finish

OUT_TYPES = {"int8": np.dtype(np.int8), "uint8": np.dtype(np.uint8), "int32": np.dtype("<i4")}
"""Element types of results."""


@dataclass(frozen=True)
class Quantisation:
    """Checked arguments of one operation.

    Parameters
    ----------
    a_zero_point, b_zero_point
        After the flip to int8.
    bias
        Per column, everything folded; None when it is zero throughout.
    scale
        float32, one or one per column; None for int32.
    out
        Name in `OUT_TYPES`.
    y_zero_point, qmin, qmax
        As in DRAIN.
    """

    a_zero_point: int
    b_zero_point: int
    bias: np.ndarray | None
    scale: np.ndarray | None
    out: str
    y_zero_point: int = 0
    qmin: int = -128
    qmax: int = 127

    @property
    def params(self) -> bool:
        """Whether the columns need parameter blocks in memory."""
        many = self.scale is not None and self.scale.size > 1
        return self.bias is not None or many

    def param_bytes(self, config: Config, n: int) -> bytes:
        """Parameter blocks: bias and scale of each column, padded to whole blocks."""
        padded = ceil_div(n, config.cols) * config.cols
        table = np.zeros(padded, dtype=[("bias", "<i4"), ("scale", "<f4")])
        assert table.itemsize == PARAM_BYTES
        table["scale"] = 1.0
        if self.bias is not None:
            table["bias"][:n] = self.bias
        if self.scale is not None:
            table["scale"][:n] = self.scale
        return table.tobytes()

    def finish(self, params: Buffer | None) -> Finish:
        """What DRAIN is told."""
        scale = 0x3F800000
        if self.scale is not None and params is None:
            (scale,) = struct.unpack("<I", self.scale[0].tobytes())
        return Finish(
            out_bytes=OUT_TYPES[self.out].itemsize,
            params=params,
            scale=scale,
            zero_point=self.y_zero_point,
            b_zero_point=self.b_zero_point,
            qmin=self.qmin,
            qmax=self.qmax,
        )


def wrap32(values: np.ndarray) -> np.ndarray:
    """int64 modulo 2^32 as int32, as the chip adds."""
    return (values & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def column_sums(b: np.ndarray) -> np.ndarray:
    """Sum of each column of a host matrix, flipped to int8 if uint8, as int64."""
    sums = b.sum(axis=0, dtype=np.int64)
    return sums - 128 * b.shape[0] if b.dtype == np.uint8 else sums


def quantisation(
    *,
    n: int,
    k: int,
    a_dtype: np.dtype,
    b_dtype: np.dtype,
    sums: np.ndarray | None,
    bias: Any = None,
    scale: Any = None,
    a_zero_point: int = 0,
    b_zero_point: int = 0,
    y_zero_point: int = 0,
    out: str | None = None,
    qmin: int | None = None,
    qmax: int | None = None,
    names: tuple[str, str] = ("a", "b"),
) -> Quantisation:
    """Check the arguments of an operation and fold them.

    Parameters
    ----------
    n, k, a_dtype, b_dtype
        Columns of the result, terms of each sum, element types.
    sums
        `column_sums` of B, or None when the host does not know B.
    bias, scale, a_zero_point, b_zero_point, y_zero_point, out, qmin, qmax
        As `weft_driver.Device.matmul` takes them.
    names
        What the caller calls the operands.

    Raises
    ------
    ValueError, TypeError
        Names the argument, its value, and what would be valid.
    """
    za = check_zero_point(f"{names[0]}_zero_point", a_zero_point, a_dtype)
    zb = check_zero_point(f"{names[1]}_zero_point", b_zero_point, b_dtype)
    za -= 128 if a_dtype == np.uint8 else 0
    zb -= 128 if b_dtype == np.uint8 else 0
    name = check_choice("out", out or ("int32" if scale is None else "int8"), tuple(OUT_TYPES))
    if name == "int32":
        for argument, value in (("scale", scale), ("qmin", qmin), ("qmax", qmax)):
            if value is not None:
                raise ValueError(f"{argument} has no meaning with out = 'int32'")
        if y_zero_point != 0:
            raise ValueError("y_zero_point has no meaning with out = 'int32'")
        scales = None
        low = high = zero = 0
    else:
        if scale is None:
            raise ValueError(f"out = {name!r} needs a scale")
        scales = check_scale(scale, n)
        if scales.size > 1 and (scales == scales[0]).all():
            scales = scales[:1]
        info = np.iinfo(OUT_TYPES[name])
        zero = check_zero_point("y_zero_point", y_zero_point, OUT_TYPES[name])
        low = check_zero_point("qmin", info.min if qmin is None else qmin, OUT_TYPES[name])
        high = check_zero_point("qmax", info.max if qmax is None else qmax, OUT_TYPES[name])
        if low > high:
            raise ValueError(f"qmin = {low} is above qmax = {high}")
    folded = np.zeros(n, dtype=np.int64) if bias is None else check_bias(bias, n)
    folded = folded + k * za * zb
    if za != 0:
        if sums is None:
            raise ValueError(
                f"a_zero_point = {a_zero_point} ({a_dtype}) needs the column sums of b, and b is "
                "computed on the device: make a's zero point 0 (int8), or read b back first"
            )
        folded = folded - za * sums
    wrapped = wrap32(folded)
    return Quantisation(
        a_zero_point=za,
        b_zero_point=zb,
        bias=wrapped if wrapped.any() else None,
        scale=scales,
        out=name,
        y_zero_point=zero,
        qmin=low,
        qmax=high,
    )
