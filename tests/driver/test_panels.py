"""Where memory is slow, what comes once is not loaded again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

from weft.arch.memory import MemoryTiming
from weft.config import Config
from weft_driver.planner.candidates import tile_shapes
from weft_driver.planner.choose import choose
from weft_driver.planner.panels import panel_shapes, slots
from weft_driver.planner.plan import plan
from weft_driver.planner.problem import Finish, Gemm
from weft_driver.planner.search import gemm_steps
from weft_driver.planner.sram import ActMap

from .conftest import EFFORT, examples, golden
from .reference import finish, product
from .strategies import configs
from .test_choices import run

BOARD = Config.parse("ulx3s")
SLOW = MemoryTiming(read_interval=4, write_interval=4)
CUBE = Gemm(512, 512, 512)


@pytest.mark.parametrize(
    ("out_bytes", "interval", "most"), [(1, 4, 1_800_000), (4, 4, 2_100_000), (1, 2, 2_500_000)]
)
def test_a_slow_memory_is_asked_for_little(out_bytes, interval, most):
    """A is read once, and B a few times; with A again for each tile it was 3.5 million bytes."""
    memory = replace(SLOW, read_interval=interval, write_interval=interval)
    op = replace(CUBE, finish=Finish(out_bytes=out_bytes))
    found = choose(BOARD, op, memory, EFFORT).estimate
    assert found.read_beats * BOARD.bus_bytes <= most
    assert found.cycles <= 1.2 * found.compute


def test_a_panel_of_a_is_loaded_once():
    shapes = list(panel_shapes(BOARD, CUBE))
    assert max(shape.rows for shape in shapes if not shape.results) == 57
    assert max(shape.rows for shape in shapes if shape.results) == 103
    for shape in shapes[::10]:
        loaded = sum(
            step.fields["len"] * step.fields["count1"]
            for step in gemm_steps(BOARD, CUBE, shape)
            if step.name == "LOAD" and step.note.startswith("A")
        )
        assert loaded == CUBE.m * CUBE.k, shape


def test_a_fast_memory_gets_the_tiles_that_it_always_had():
    fast = list(tile_shapes(BOARD, CUBE, MemoryTiming()))
    slow = list(tile_shapes(BOARD, CUBE, SLOW))
    assert slow[: len(fast)] == fast
    assert not any(shape.results for shape in fast)
    assert any(shape.results for shape in slow)


def test_words_say_where_results_lie():
    made = plan(BOARD, [CUBE], SLOW, EFFORT)
    assert f"{made.parts[0].choice.results:,} bytes of it are for results" in made.explain()
    assert "are for results" not in plan(BOARD, [CUBE], effort=EFFORT).explain()


@examples(60, 1000)
@given(configs(), st.integers(1, 3000))
def test_operands_and_results_share_what_there_is(config, kept):
    kept = min(kept, config.act_region_bytes)
    for act in (ActMap(config), ActMap(config, kept)):
        areas = [area for area in [*act.regions, act.results] if area[1]]
        assert sum(size for _, size in areas) == config.act_kib * 1024
        starts = [start for start, _ in areas]
        assert all(start % config.act_row_bytes == 0 for start in starts)
        assert len(set(starts)) == len(starts)
        for start, size in areas:
            assert start % config.act_region_span + size <= config.act_region_bytes
    assert kept <= ActMap(config, kept).results[1] < kept + config.act_row_bytes


@examples(40, 1500)
@given(st.data(), configs(), st.tuples(*[st.integers(1, 60)] * 4))
def test_results_where_operands_of_another_product_lay(data, config, sizes):
    """Two products that share the last region each in its own way, one behind the other."""
    m, k, n, n2 = sizes
    rng = np.random.default_rng(m)
    a, b, c = (rng.integers(-128, 128, shape, dtype=np.int8) for shape in ((m, k), (k, n), (n, n2)))
    program = golden(config).program()
    middle = program.matmul(a, b, scale=0.01)
    result = program.matmul(middle, c)
    steps = []
    for op in program.ops:
        shapes = list(tile_shapes(config, op, SLOW))
        shapes = [shape for shape in shapes if shape.results] or shapes
        assume(shapes)
        choice = data.draw(st.sampled_from(shapes))
        assert not choice.results or slots(config, op, choice)[0] > 0
        note(repr(choice))
        steps.append((op, choice))
    run(program, lambda: [s for op, choice in steps for s in gemm_steps(config, op, choice)])
    first = finish(product(a, b), out="int8", scale=0.01)
    assert (middle.numpy() == first).all()
    assert (result.numpy() == finish(product(first, c), out="int32")).all()
