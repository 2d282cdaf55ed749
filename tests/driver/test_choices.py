"""Whatever the planner may choose is right, not only what it happens to think the fastest."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume, given, note
from hypothesis import strategies as st

from weft.arch.memory import MemoryTiming
from weft.config import Config
from weft_driver import Program
from weft_driver.planner.candidates import commands, neighbours, tile_shapes
from weft_driver.planner.choice import Choice
from weft_driver.planner.choose_conv import shapes
from weft_driver.planner.conv import ConvPlanner
from weft_driver.planner.hazards import synchronise
from weft_driver.planner.problem import Conv, Gemm
from weft_driver.planner.search import gemm_steps
from weft_driver.planner.steps import Step, end_step

from .conftest import examples, golden
from .reference import convolution, finish, product
from .strategies import chips_and_sizes, configs, geometries

Draw = Callable[[st.SearchStrategy[Any]], Any]

LONGEST = 1000
"""Commands of a program that is worth the time, about."""


def any_tiling(draw: Draw, config: Config, op: Gemm) -> Choice:
    """Any tile of a product for any memory, and any ends: some steps away from none."""
    memory = MemoryTiming(read_interval=draw(st.sampled_from([1, 4])))
    tiles = list(tile_shapes(config, op, memory))
    tiles = [tile for tile in tiles if commands(config, op, tile) <= LONGEST]
    assume(tiles)
    choice = draw(st.sampled_from(tiles))
    choice = replace(choice, columns_first=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 8))):
        choice = draw(st.sampled_from(draw(st.sampled_from(list(neighbours(config, op, choice))))))
    return choice


def run(program: Program, steps: Callable[[], list[Step]]) -> None:
    """Run steps instead of what the planner would choose; not if they do not fit the chip."""
    device = program.device
    try:
        made = synchronise(device.config, [*steps(), end_step()])
    except ValueError:
        assume(False)
        raise
    device.run_commands(made.lower())


@examples(60, 1500)
@given(st.data(), chips_and_sizes(), st.booleans(), st.booleans(), st.booleans())
def test_products(data, chip, packed, wide, params):
    config, (m, n, k) = chip
    rng = np.random.default_rng(m)
    a = rng.integers(-128, 128, (m, k), dtype=np.int8)
    b = rng.integers(-128, 128, (k, n), dtype=np.int8)
    bias = rng.integers(-1000, 1000, n) if params else np.zeros(n, np.int64)
    options = {"out": "int32"} if wide else {"out": "int8", "scale": 0.01}
    program = golden(config).program()
    result = program.matmul(
        a, b, bias=bias, b_layout="packed" if packed else "row_major", **options
    )
    op = program.ops[0]
    choice = any_tiling(data.draw, config, op)
    note(repr(choice))
    run(program, lambda: gemm_steps(config, op, choice))
    assert (result.numpy() == finish(product(a, b, bias=bias), **options)).all()


@examples(40, 1500)
@given(st.data(), configs(), geometries(), st.booleans())
def test_convolutions(data, config, shape, params):
    x_shape, weight_shape, where = shape
    rng = np.random.default_rng(x_shape[1])
    x = rng.integers(-128, 128, x_shape, dtype=np.int8)
    weight = rng.integers(-128, 128, weight_shape, dtype=np.int8)
    bias = rng.integers(-1000, 1000, weight_shape[3]) * int(params)
    program = golden(config).program()
    result = program.conv2d(x, weight, bias=bias, x_zero_point=5, **where)
    op = program.ops[0]
    assume(isinstance(op, Conv))
    choices = sorted(set(shapes(config, op)), key=repr)
    assume(choices)
    ends = data.draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    choice = replace(data.draw(st.sampled_from(choices)), ramp=ends[0], taper=ends[1])
    note(repr(choice))
    run(program, lambda: ConvPlanner(config, op, choice).steps())
    assert (result.numpy() == convolution(x, weight, 5, bias=bias, **where)).all()
