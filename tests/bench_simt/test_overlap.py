"""Products and kernels at once: results, cycles, and what the timeline shows of them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from weft.cli import main
from weft_bench.activity import SIMT_BIT
from weft_bench.kernels import writes
from weft_bench.plots import timeline
from weft_bench.simt.overlap import Stage, run_overlap
from weft_driver import Device

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")


def squared(sums, scale):
    wide = sums.astype(np.int64) ** 2
    return writes(((wide & 0xFFFF_FFFF) >> 3).astype(np.int32))


SQUARE = Stage(Path(__file__).with_name("square.c"), "square", np.int32, squared)


@pytest.fixture(scope="module")
def measured():
    with Device("verilator:tiny") as device:
        return run_overlap(device, 4, (9, 10, 300), SQUARE)


def test_both_at_once(measured):
    result, _ = measured
    assert result.mismatches == 0
    assert max(result.array_alone, result.kernels_alone) < result.cycles
    assert result.cycles < result.array_alone + result.kernels_alone
    assert result.hidden_share > 0.5
    assert result.matmul_busy + result.simt_busy > result.cycles
    assert 0 < result.both_work <= result.both_busy <= min(result.matmul_busy, result.simt_busy)


def test_timeline_has_the_core(measured):
    result, activity = measured
    assert list(activity.engines) == ["LOAD", "MATMUL", "DRAIN", "STORE", "SIMT"]
    # The counters see the cycles around the doorbell, too.
    assert abs(activity.cycles_of(activity.engine(SIMT_BIT)) - result.simt_busy) <= 2
    assert abs(activity.cycles_of(activity.engine(1)) - result.matmul_busy) <= 2
    assert activity.cycles == result.cycles
    text = timeline(activity)
    assert "<svg" in text
    assert ">SIMT</text>" in text


def test_wrong_results_are_counted(monkeypatch):
    off = Stage(SQUARE.source, "square", np.int32, lambda sums, scale: writes(sums * 0 - 1))
    with Device("verilator:tiny") as device:
        assert run_overlap(device, 1, (2, 3, 4), off)[0].mismatches == 2 * 6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--device", "golden:tiny"), "golden:tiny has no timeline: --device verilator:base has"),
        (("--device", "verilator:tiny"), "softmax_scores needs floating point, which verilator"),
        (("--plot", "a.png"), "--plot a.png is not valid: it ends in .svg"),
    ],
)
def test_refused_in_one_line(arguments, says):
    result = CliRunner().invoke(main, ["bench", "overlap", *arguments])
    assert result.exit_code == 2, result.output
    line = result.stderr.splitlines()[-1]
    assert line.startswith("weft: ")
    assert says in line


@pytest.mark.skipif(not LONG, reason="builds base; WEFT_LONG=1 runs it")
def test_softmax_on_base(tmp_path):
    plot = tmp_path / "deep" / "overlap.svg"
    result = CliRunner().invoke(main, ["bench", "overlap", "--json", "--plot", str(plot)])
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert value["mismatches"] == 0
    assert value["hidden_share"] > 0.5
    assert "SIMT" in plot.read_text()
