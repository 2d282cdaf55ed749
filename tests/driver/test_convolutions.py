"""Convolutions of any geometry and any numbers against one tap of the kernel after the other."""

from contextlib import suppress
from typing import Any

from hypothesis import example, given, note

from weft.arch.layouts import ceil_div
from weft.config import Config
from weft_driver.planner.sram import ActMap

from .conftest import examples, golden
from .reference import convolution
from .strategies import Numbers, configs, geometries, numbers

SIMPLE = Numbers(1, (False, False), (3, 0), True, "int8", scales=2)
NOTHING_BUT_PADDING = (
    (1, 2, 3, 5),
    (2, 1, 5, 3),
    {"stride": (1, 1), "dilation": (1, 1), "padding": (3, 2, 2, 4)},
)
"""The first and last rows and columns of the result see no pixel."""


def fits(config: Config, shapes: Any) -> bool:
    """Whether one window fits a region of act, and one kernel row (or tap) the weight SRAM."""
    _, (kh, kw, cin, _), where = shapes
    reach = [d * (side - 1) + 1 for d, side in zip(where["dilation"], (kh, kw), strict=True)]
    run = cin if where["dilation"][1] > 1 else kw * cin
    room = ActMap(config).regions[0][1] - 2 * config.rows
    return (
        reach[0] * reach[1] * cin <= room
        and ceil_div(run, config.rows) * config.rows <= config.wgt_rows
    )


@examples(60, 1500)
@example(Config.parse("tiny,acc_rows=1"), NOTHING_BUT_PADDING, SIMPLE)
@given(configs(), geometries(), numbers())
def test_convolutions(config: Config, shapes: Any, what: Numbers):
    x_shape, weight_shape, where = shapes
    x, weight = what.operand(0, x_shape), what.operand(1, weight_shape)
    bias = what.bias(weight_shape[3])
    zx, zw = what.zero_points
    acc = convolution(x, weight, zx, zw, 0 if bias is None else bias, **where)
    options = what.options(acc)
    program = golden(config).program()
    result = program.conv2d(
        x, weight, bias=bias, x_zero_point=zx, weight_zero_point=zw, **where, **options
    )
    if not fits(config, shapes):
        with suppress(ValueError):  # may be a product, which always fits
            program.plan()
        return
    note(program.explain())
    program.run()
    expected = what.expected(acc, options)
    got = result.numpy()
    assert got.dtype == expected.dtype
    assert (got == expected).all()
