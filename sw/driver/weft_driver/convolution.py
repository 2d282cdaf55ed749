"""Checks of a convolution's arguments, and its geometry."""

from typing import Any

import numpy as np

from .errors import check_bytes
from .planner.problem import Conv


def conv_shape(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Conv:
    """The geometry of a convolution; buffers and finish are left at their defaults.

    Raises
    ------
    TypeError, ValueError
        Names the argument, its value, and what would be valid.
    """
    check_bytes("x", x)
    check_bytes("weight", weight)
    if x.ndim != 4:
        raise ValueError(f"x must be images x height x width x channels, not {tuple(x.shape)}")
    if weight.ndim != 4:
        raise ValueError(f"weight must be kh x kw x cin x cout, not {tuple(weight.shape)}")
    if groups != 1:
        raise ValueError(f"groups = {groups}: only 1 is supported")
    images, height, width, cin = x.shape
    kh, kw, cin_w, n = weight.shape
    if cin != cin_w:
        raise ValueError(f"x has {cin} channels, weight {cin_w}: they differ")
    top, bottom, left, right = _padding(padding)
    shape = Conv(
        images=images,
        height=height,
        width=width,
        cin=cin,
        n=n,
        kernel=(kh, kw),
        stride=_pair("stride", stride, 1),
        dilation=_pair("dilation", dilation, 1),
        padding=(top, bottom, left, right),
    )
    if min(shape.out_size) < 1:
        raise ValueError(
            f"the kernel reaches over {shape.reach[0]} x {shape.reach[1]} pixels, the padded image "
            f"has {height + top + bottom} x {width + left + right}"
        )
    return shape


def _whole(name: str, value: Any, least: int) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(f"{name} must be whole numbers, not {value!r}")
    if value < least:
        raise ValueError(f"{name} = {value} must be at least {least}")
    return int(value)


def _pair(name: str, value: Any, least: int) -> tuple[int, int]:
    values = value if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} = {value!r}: one number, or (vertical, horizontal)")
    return _whole(name, values[0], least), _whole(name, values[1], least)


def _padding(value: Any) -> tuple[int, int, int, int]:
    """Top, bottom, left, right from one number, (vertical, horizontal) or all four."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(values) == 1:
        values *= 4
    elif len(values) == 2:
        values = (values[0], values[0], values[1], values[1])
    if len(values) != 4:
        raise ValueError(
            f"padding = {value!r}: one number, (vertical, horizontal) or (top, bottom, left, right)"
        )
    top, bottom, left, right = (_whole("padding", item, 0) for item in values)
    return top, bottom, left, right
