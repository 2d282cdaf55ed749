"""The order of commands for several engines."""

import pytest

from weft_bench.pipeline.schedule import LATENCY, Task, ordered


def task(name, engine, cycles, *after):
    return Task(name, engine, cycles, after, lambda program: None)


def names(*tasks):
    return [task.name for task in ordered(tasks)]


def test_everybody_waits_for_what_it_needs():
    tasks = [task(str(i), "ab"[i % 2], 100, *(str(j) for j in range(i))) for i in range(5)]
    assert names(*reversed(tasks)) == list("01234")


def test_the_longest_way_goes_first():
    """Both can begin; what the other engine waits for comes before what nobody needs."""
    tasks = (
        task("idle", "array", 500),
        task("first", "array", 500),
        task("k", "simt", 9000, "first"),
    )
    assert names(*tasks) == ["first", "idle", "k"]


def test_an_engine_takes_what_is_ready():
    """The product that waits for the kernel stands behind the one that needs nothing."""
    tasks = [
        task("a", "array", 100),
        task("k", "simt", 9 * LATENCY, "a"),
        task("b", "array", 9 * LATENCY, "k"),
        task("c", "array", 100),
    ]
    assert names(*tasks) == ["a", "c", "k", "b"]


@pytest.mark.parametrize(
    ("tasks", "says"),
    [
        ([task("a", "x", 1, "b")], "a needs b, which is not there"),
        ([task("a", "x", 1, "b"), task("b", "x", 1, "a")], "needs itself"),
    ],
)
def test_what_cannot_be_ordered(tasks, says):
    with pytest.raises(ValueError, match=says):
        ordered(tasks)
