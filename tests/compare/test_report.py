"""The report of a comparison is one file; recorded runs are put together."""

import re
from dataclasses import replace

import numpy as np
import pytest

from weft_bench.activity import Activity
from weft_bench.compare import record
from weft_bench.compare.jobs import JOBS
from weft_bench.compare.report import compare_page
from weft_bench.compare.row import Row
from weft_bench.compare.run import Comparison

from .test_rows import array_row, timed_row

MACHINE = {
    **dict(cpu="A CPU <8>", threads=2, system="Linux x86_64", python="CPython 3", blas="BLAS 1"),
    **dict(versions={"numpy": "2"}, speeds={}),
}


def rays_row() -> Row:
    parts = {"compute": 50, "memory": 30, "command": 20}
    done = dict(job="ray_tracer", engine="simt", preset="base", cycles=100, parts=parts)
    return timed_row("simt", "chip", None, **done, reason="it <waits>")


def comparison(*rows) -> Comparison:
    return Comparison(True, "2026-01-01", MACHINE, None, rows)


def test_the_report_needs_nothing_else():
    host = timed_row("cpu numpy 1", "cpu", 1e-3)
    page = compare_page(comparison(host, array_row(), rays_row()))
    assert page.count("<svg") == 3  # times, and the cycles of two jobs
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    assert "http" not in page
    assert "data:image/png;base64," in page
    assert "A CPU &lt;8&gt;" in page
    assert "it &lt;waits&gt;" in page
    assert "quick: smaller sizes" in page


def test_scaling_and_latency_are_lines():
    rows = [replace(array_row(), job=f"product-{n}x{n}x{n}", cycles=n**3) for n in (4, 8)]
    point = {"who": "array", "latency": 1, "cycles": 9, "correct": True}
    found = replace(comparison(*rows), latency=(point, point | {"latency": 100, "cycles": 18}))
    page = compare_page(found)
    assert "Work per cycle by the side of a square product" in page
    assert "Throughput against memory latency" in page


def test_a_picture_that_no_chip_has_made_is_not_shown():
    wrong = replace(rays_row(), correct=False, mismatches=3)
    assert "data:image" not in compare_page(comparison(wrong))


def test_a_job_on_both_engines_has_a_timeline():
    activity = Activity("both", np.array([0, 40, 100]), np.array([2, 128], np.uint8))
    row = replace(array_row(), device="chip", activity=activity)
    page = compare_page(comparison(row))
    assert "Timeline of the engines: both" in page
    assert "Who was busy when" in page
    assert "activity" not in row.to_json()
    assert "Timeline" not in compare_page(comparison(array_row()))


def test_wrong_results_are_marked_without_colour():
    wrong = replace(array_row(), correct=False, mismatches=3)
    assert '<td class="wrong">3</td>' in compare_page(comparison(wrong))


def test_records_are_put_together():
    host = timed_row("cpu numpy 1", "cpu", 1e-3)
    absent = timed_row("gpu torch", "gpu", None, correct=None, reason="no GPU")
    there = replace(absent, correct=True, seconds=1e-5)
    for records in ([(host, absent), (there,)], [(there,), (host, absent)]):
        found = record.merged([comparison(*rows) for rows in records])
        assert [(row.device, row.seconds) for row in found] == [
            ("cpu numpy 1", 1e-3),
            ("gpu torch", 1e-5),
        ]
    with pytest.raises(ValueError, match="gemm was recorded as s and as t"):
        record.merged([comparison(host), comparison(replace(there, size="t"))])


def test_rows_of_a_preset_that_has_changed_are_left_out():
    row = array_row()
    assert record.merged([comparison(row)]) == [row]
    assert record.merged([comparison(replace(row, config_hash="0" * 16))]) == []


def test_a_record_can_be_written_and_read():
    found = comparison(array_row(), timed_row("cpu numpy 1", "cpu", 1e-3))
    assert Comparison.from_json(found.to_json()) == found


def test_rows_are_in_the_order_of_jobs():
    last, first = list(JOBS)[-1], next(iter(JOBS))
    rows = [timed_row("cpu numpy 1", "cpu", 1, job=name) for name in (last, first)]
    assert [row.job for row in record.ordered(rows)] == [first, last]


def test_recorded_runs_name_their_machine_and_no_paths():
    for found in record.read_records():
        assert found.machine["cpu"]
        assert found.machine["versions"]["weft"]
        assert not found.quick
        assert not found.wrong
    for path in record.FOLDER.glob("*.json"):
        assert not re.search(r"/(?:home|root|tmp|work|usr)/", path.read_text()), path
