"""Random convolutions on a device, checked against an explicit im2col in numpy."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from weft_driver import Device

from .gemm import Ask, fitting_scale, measured, random_int8, sim_seconds
from .reference import exact_product, im2col, requantise
from .results import Result, ideal_cycles
from .scramble import scramble
from .shapes import ConvShape
from .terminal import track

ZERO_POINT = -3
"""Zero point of the input, so that padding is not a row of zeros."""


def run_conv(device: Device, conv: ConvShape, ask: Ask) -> Result:
    """One random int8 convolution of one image; ``ideal_cycles`` is that of its product.

    The product's roofline reads K bytes for each output; a convolution need not read the overlap
    of its windows again, so that memory can bound it less than that.
    """
    rng = np.random.default_rng([ask.seed, conv.size, conv.cin, conv.cout])
    shape = conv.gemm()
    x = random_int8(rng, 1, conv.size, conv.size, conv.cin)
    weight = random_int8(rng, conv.kernel, conv.kernel, conv.cin, conv.cout)
    geometry: dict[str, Any] = {
        "stride": conv.stride,
        "padding": conv.padding,
        "dilation": conv.dilation,
    }
    rows = im2col(x, (conv.kernel, conv.kernel), fill=ZERO_POINT, **geometry)
    expected: Any = exact_product(rows, weight.reshape(shape.k, conv.cout), a_zero_point=ZERO_POINT)
    options: dict[str, Any] = {"x_zero_point": ZERO_POINT}
    if ask.out == "int8":
        options["scale"] = fitting_scale(shape.k)
        expected = requantise(expected, options["scale"])
    before = sim_seconds(device)
    y = device.conv2d(x, weight, **geometry, **options)
    return Result(
        suite=shape.suite,
        name=shape.name,
        count=1,
        m=shape.m,
        n=shape.n,
        k=shape.k,
        out=ask.out,
        b_layout="packed",
        mismatches=int(np.count_nonzero(y.reshape(expected.shape) != expected)),
        ideal_cycles=conv_ideal_cycles(device, conv, ask.out),
        **measured(device, before),
    )


def conv_ideal_cycles(device: Device, conv: ConvShape, out: str) -> int:
    """The roofline of a convolution: array, each input byte read once, outputs, requantisers."""
    shape, config = conv.gemm(), device.config
    array = -(-shape.k // config.rows) * -(-shape.n // config.cols) * shape.m
    product = ideal_cycles(config, shape.m, shape.n, shape.k, out)
    read = -(-(conv.size**2 * conv.cin + shape.k * shape.n) // config.bus_bytes)
    # What a product of the same size without K needs: its stores and its requantisation.
    out_only = ideal_cycles(config, shape.m, shape.n, 1, out)
    return min(product, max(array, read, out_only))


def run_convs(device: Device, convs: Sequence[ConvShape], ask: Ask) -> list[Result]:
    """Measure each convolution, with progress on standard error."""
    scramble(device, np.random.default_rng(ask.seed))
    work = [float(conv_ideal_cycles(device, conv, ask.out)) for conv in convs]
    return [run_conv(device, conv, ask) for conv in track(convs, work, "convolutions")]
