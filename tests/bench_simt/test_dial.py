"""The latency dial: points, the bound against the clock, the plot, and what is refused."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from weft.arch.simt import Core
from weft.cli import main
from weft_bench.kernels import KERNELS, LibraryKernel, Work, reads, writes
from weft_bench.simt.bound import mix
from weft_bench.simt.dial import on_warps, parse_latencies, run_dial, steps
from weft_driver import Device
from weft_driver.kernels import load_kernels

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")


class Copy(LibraryKernel):
    """Of `copy.c`, which is not in the library."""

    @property
    def source(self) -> Path:
        """The C file."""
        return Path(__file__).with_name("copy.c")


def copied(size, rng):
    x = rng.integers(0, 1000, size).astype(np.int32)
    return Work((size, reads(x), writes(x)), size)


COPY = Copy("copy", "y = x", copied, lambda core, work: ((1, 1, 1), (core.threads, 1, 1)))


@pytest.fixture(scope="module")
def tiny():
    with Device("verilator:tiny") as device:
        yield device


def test_latencies_of_the_gateware_are_those_of_the_clock(tiny):
    """One warp: what a longer run takes more is the sum of the latencies of what it does more."""
    for latency in (1, 40, 90):
        short, long = (run_dial(tiny, [COPY], [latency], size)[0] for size in (66, 128))
        assert short.warps == long.warps == 1
        expected = long.issued / long.bound_warps - short.issued / short.bound_warps
        assert long.cycles - short.cycles == pytest.approx(expected, abs=1e-6)


def test_points(tiny):
    points = run_dial(tiny, [COPY], [1, 40], 200)
    assert [(p.latency, p.warps) for p in points] == [(n, w) for n in (1, 40) for w in (1, 2, 4)]
    for p in points:
        assert p.mismatches == 0
        assert p.bound == min(p.bound_issue, p.bound_bus, p.bound_warps)
        assert 0.85 < p.share <= 1
        assert p.size == 200 * p.warps
        assert p.items_per_cycle == p.size / p.cycles
    assert points[3].issue_rate < points[0].issue_rate
    assert points[5].issue_rate > 3 * points[3].issue_rate


def test_the_bus_is_a_bound(tiny):
    """A memory of a beat in 40 cycles: what the port moves says nothing of it, so shares fall."""
    slow = replace(tiny.transport.timing, read_interval=40)
    before = tiny.transport.timing
    tiny.transport.set_timing(slow)
    try:
        assert run_dial(tiny, [COPY], [1], 66)[-1].share < 0.5
    finally:
        tiny.transport.set_timing(before)


def test_command(tmp_path):
    plot, path = tmp_path / "deep" / "dial.svg", tmp_path / "dial.json"
    asked = ("--latency", "40,1", "--kernels", "collatz", "--size", 9, "--plot", plot, "-o", path)
    result = bench(*asked, "--device", "verilator:tiny", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert json.loads(path.read_text()) == rows
    assert [(row["latency"], row["warps"]) for row in rows] == [
        (n, w) for n in (1, 40) for w in (1, 2, 4)
    ]
    keys = {"kernel", "size", "lanes", "warps", "memory", "latency", "cycles", "issued", "share"}
    for row in rows:
        assert row.keys() >= keys | {"issue_rate", "lane_utilization", "mismatches", "bound"}
    assert "sum of their latencies" in " ".join(result.stderr.split())
    text = plot.read_text()
    assert "<svg" in text
    assert "<dc:date>" not in text


def bench(*arguments):
    return CliRunner().invoke(main, ["bench", "simt", *map(str, arguments)])


def test_ranges():
    assert parse_latencies("40") == [40]
    assert parse_latencies("200,1,1") == [1, 200]
    assert parse_latencies("1:200") == [1, 2, 4, 8, 16, 32, 40, 64, 128, 200]
    assert parse_latencies("5:5") == [5]
    assert steps(16) == [1, 2, 4, 8, 16]
    assert steps(6) == [1, 2, 4, 6]
    assert steps(1) == [1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--latency", "0:9"), "--latency 0:9 is not valid: cycles from 1 on"),
        (("--latency", "9:1"), "--latency 9:1 is not valid"),
        (("--latency", "many"), "--latency many is not valid"),
        (("--latency", "4", "--plot", "a.gif"), "--plot a.gif is not valid: it ends in one of .sv"),
        (("--plot", "a.svg"), "--plot needs --latency, too"),
        (("--latency", "4", "--memory", "shared"), "--latency is about main memory"),
        (("--latency", "4"), "vector_add needs floating point, which verilator:tiny has not"),
        (("--latency", "4", "--kernels", "reduction"), "not for collective"),
        (("--latency", "4", "--device", "golden:tiny"), "golden:tiny has no memory latency"),
    ],
)
def test_refused_in_one_line(arguments, says):
    device = () if "--device" in arguments else ("--device", "verilator:tiny")
    result = bench(*arguments, *device)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]  # a simulator may be built before
    assert line.startswith("weft: ")
    assert says in line


@pytest.mark.skipif(not LONG, reason="builds base; WEFT_LONG=1 runs it")
def test_floats_and_the_figures():
    with Device("verilator:base") as device:
        one, more = (run_dial(device, [KERNELS["saxpy"]], [40], 1024 * n)[0] for n in (1, 2))
        expected = more.issued / more.bound_warps - one.issued / one.bound_warps
        assert more.cycles - one.cycles == pytest.approx(expected, rel=0.002)
        core = Core.of(device.config)
        for name in ("vector_add", "saxpy"):
            kernel = on_warps(KERNELS[name], core.warps)
            assert mix(kernel, load_kernels(kernel.source), 16_384, core).instructions
            point = run_dial(device, [KERNELS[name]], [40])[-1]
            print(f"{name}: {point.share:.4f} of the bound")
            assert point.share >= 0.94
