"""`weft kernel run --trace`: the format, and times against the chip's own counters."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from weft.arch.registers import KERNEL_STALLS
from weft.cli import main
from weft_bench.simt.warps import WAITS

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

SOURCE = Path(__file__).with_name("traced.c")
DEVICE = ("--device", "verilator:tiny")


def run(*arguments):
    return CliRunner().invoke(main, ["kernel", "run", *map(str, arguments)])


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """A trace of 5 blocks of 3 threads on 2 lanes x 4 warps, and what the chip counted."""
    folder = tmp_path_factory.mktemp("trace")
    path = folder / "deep" / "trace.json"
    values = np.arange(40, dtype=np.int32)
    np.save(folder / "x.npy", values)
    arguments = ("n=40", "d=3", f"x={folder}/x.npy", "y=zeros:40")
    sizes = ("--grid", 5, "--block", 3, "--shared", 16)
    result = run(SOURCE, *arguments, *sizes, *DEVICE, "--trace", path, "--json")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    expected = np.where(values & 1, values // 3, 0)
    assert value["arrays"]["y"][1:] == expected[1:].tolist()
    assert value["device"] == "verilator:tiny"
    return json.loads(path.read_text()), value


def slices(trace, track=None):
    return [
        event
        for event in trace["traceEvents"]
        if event["ph"] == "X" and (track is None or event["tid"] == track)
    ]


def test_format(traced):
    """What the trace event format demands of complete events and metadata."""
    trace, _ = traced
    assert trace.keys() >= {"traceEvents", "displayTimeUnit", "otherData"}
    assert trace["displayTimeUnit"] in ("ms", "ns")
    for event in trace["traceEvents"]:
        assert event["ph"] in ("X", "M")
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event["name"]
        if event["ph"] == "X":
            assert event["ts"] >= 0
            assert event["dur"] > 0
    names = {
        e["tid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"
    }
    assert names == {0: "core", 1: "warp 0", 2: "warp 1", 3: "warp 2", 4: "warp 3"}


def test_slices_of_a_track_nest(traced):
    trace, _ = traced
    for track in range(5):
        open_until: list[int] = []
        for event in sorted(slices(trace, track), key=lambda e: (e["ts"], -e["dur"])):
            end = event["ts"] + event["dur"]
            while open_until and open_until[-1] <= event["ts"]:
                open_until.pop()
            assert not open_until or end <= open_until[-1], event
            open_until.append(end)


def test_the_core_s_cycles_are_the_counters(traced):
    trace, value = traced
    total: Counter[str] = Counter()
    for event in slices(trace, 0):
        total[event["name"]] += event["dur"]
    assert total.pop("traced") == value["cycles"]
    assert total.keys() <= {"issued", *(name for name, _ in KERNEL_STALLS)}
    assert total == {name: cycles for name, cycles in value["bins"].items() if cycles}


def test_instructions_are_those_that_retired(traced):
    trace, value = traced
    done = [event for event in slices(trace) if "pc" in event.get("args", {})]
    assert len(done) == value["counters"]["issued"]
    assert sum(event["args"]["lanes"] for event in done) == value["counters"]["active_lanes"]
    assert {event["args"]["lanes"] for event in done} == {1, 2}
    depth = {event["dur"] for event in done}
    assert len(depth) == 1, "an instruction is as long as the pipeline"
    lines = [e for e in slices(trace) if "instructions" in e.get("args", {})]
    assert sum(event["args"]["instructions"] for event in lines) == len(done)
    names = {event["name"] for event in lines}
    assert "traced.c:9 in traced" in names
    assert any(event["name"].startswith("div ") for event in done)


def test_every_cycle_of_a_warp_is_in_one_piece(traced):
    trace, _ = traced
    blocks = [event for event in slices(trace) if event["name"].startswith("block ")]
    assert Counter(event["name"] for event in blocks) == {f"block ({i}, 0, 0)": 2 for i in range(5)}
    pieces = defaultdict(list)
    for event in slices(trace):
        if "pc" in event.get("args", {}) or event["name"].startswith("wait: "):
            pieces[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for block in blocks:
        start, end = block["ts"], block["ts"] + block["dur"]
        inside = sorted(p for p in pieces[block["tid"]] if start <= p[0] < end)
        assert inside[0][0] == start
        assert inside[-1][1] == end
        assert all(a[1] == b[0] for a, b in pairwise(inside))


def test_waits_say_what_for(traced):
    trace, value = traced
    total: Counter[str] = Counter()
    for event in slices(trace):
        if event["name"].startswith("wait: "):
            total[event["name"].removeprefix("wait: ")] += event["dur"]
            assert event["args"]["waits_for"] == WAITS[event["name"].removeprefix("wait: ")]
    assert total.keys() >= {"memory", "shared", "units", "code", "barrier"}
    # Where a bin counts a cycle, some warp waits for it.
    for wait in ("memory", "shared", "units", "code", "barrier"):
        assert total[wait] >= value["bins"][f"wait_{wait}"], wait
    assert total["memory"] >= 40


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--device", "golden:tiny"), "golden:tiny: a trace needs the RTL, for example"),
        (("--device", "verilator:tiny?waves=a.fst"), "a trace records waves of its own"),
    ],
)
def test_refused_in_one_line(tmp_path, arguments, says):
    given = ("n=1", "d=1", "x=ones:1", "y=ones:1", "--trace", tmp_path / "t.json")
    result = run(SOURCE, *given, *arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("weft: ")
    assert says in line
    assert not (tmp_path / "t.json").exists()
