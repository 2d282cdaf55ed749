"""`weft bench simt`: the kernel library on a small simulated chip, in both memories."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from weft.arch.registers import KERNEL_STALLS
from weft.cli import main
from weft_bench.kernels import KERNELS, OutOfBounds
from weft_bench.simt import on_chip as chip
from weft_bench.simt.on_chip import LeftOut, on_chip
from weft_bench.simt.runs import core_url, measure, parse_cores
from weft_driver import Device

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

SMALL = ("--device", "verilator:tiny", "--cores", "2x4", "--size", 66)
KEYS = {
    *("weft_version", "config_hash", "device", "kernel", "size", "lanes", "warps", "memory"),
    *("latency", "cycles", "issued", "issue_rate", "lane_utilization", "mismatches", "bins"),
    *("items", "unit", "instructions_per_item", "counters"),
}


def bench(*arguments):
    return CliRunner().invoke(main, ["bench", "simt", *map(str, arguments)])


@pytest.fixture(scope="module")
def tiny():
    with Device("verilator:tiny?latency=11") as device:
        yield device


def test_command(tmp_path):
    path = tmp_path / "rows.json"
    asked = ("--kernels", "reduction,histogram", *SMALL)
    result = bench(*asked, "--json", "-o", path)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert json.loads(path.read_text()) == rows
    ran = [(row["kernel"], row["memory"]) for row in rows]
    assert ran == [("reduction", "main"), ("reduction", "shared"), ("histogram", "main")]
    for row in rows:
        assert row.keys() >= KEYS
        assert (row["size"], row["lanes"], row["warps"], row["latency"]) == (66, 2, 4, 40)
        assert row["device"] == "verilator:tiny,lanes=2,warps=4"
        assert row["mismatches"] == 0
        assert sum(row["bins"].values()) == row["cycles"]
        assert set(row["bins"]) == {"issued", *(name for name, _ in KERNEL_STALLS)}
        assert (
            row["issue_rate"]
            == row["issued"] / row["cycles"]
            == row["bins"]["issued"] / (row["cycles"])
        )
    assert "histogram: 2,3" in result.stderr
    assert "do not fit in 2,048 bytes of shared memory" in result.stderr
    assert "3 runs, 0 mismatches" in result.stderr


@pytest.mark.parametrize("name", ["transpose", "collatz", "prefix_sum"])
@pytest.mark.parametrize("where", ["main", "shared"])
def test_counts_are_those_of_the_model(tiny, name, where):
    """The same memories, so the same counters, whatever the time is."""
    row = measure(tiny, KERNELS[name], 63, where)
    with Device("golden:tiny") as model:
        expected = measure(model, KERNELS[name], 63, where)
    assert row.mismatches == expected.mismatches == 0
    assert expected.counters.items() <= row.counters.items()
    assert expected.cycles is expected.issue_rate is expected.latency is None
    assert row.latency == 11
    assert row.instructions_per_item == expected.instructions_per_item
    assert (row.counters["shared_accesses"] == 0) == ((name, where) == ("collatz", "main"))


def test_wrong_results_are_counted_and_change_the_exit_code(monkeypatch):
    worked = KERNELS["reduction"].make

    def make(size, rng):
        work = worked(size, rng)
        sums = work.arrays[-1].wanted
        assert sums is not None
        sums[...] += 1
        return work

    monkeypatch.setitem(vars(KERNELS["reduction"]), "make", make)
    result = bench("--kernels", "reduction", *SMALL, "--memory", "main", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["mismatches"] == 1


@pytest.mark.parametrize("where", ["main", "shared"])
def test_writes_beside_the_arrays_are_found(tiny, monkeypatch, where):
    compare = chip.compare

    def spoiled(kernel, work, placed, memories, counters):
        memory = memories[where == "shared"].copy()
        memory[placed.places[0] - 1] ^= 1
        changed = (memories[0], memory) if where == "shared" else (memory, memories[1])
        return compare(kernel, work, placed, changed, counters)

    monkeypatch.setattr(chip, "compare", spoiled)
    with pytest.raises(OutOfBounds, match=f"1 bytes of {where} memory"):
        on_chip(tiny, KERNELS["collatz"], 9, where)


def test_shared_window_is_fetched_whole(tiny):
    """What a kernel's neighbours hold comes back as it was: the comparison sees all of it."""
    done = on_chip(tiny, KERNELS["reduction"], 63, "shared")
    window = tiny.config.act_regions * tiny.config.act_region_bytes
    assert done.run.bytes_read >= window
    assert done.run.bytes_written >= window
    assert np.isfinite(done.outcome.errors).all()


def test_floats_need_a_core_that_has_them(tiny):
    with pytest.raises(LeftOut, match="saxpy: this core has no floating point"):
        on_chip(tiny, KERNELS["saxpy"], 9)


def test_cores():
    assert parse_cores("1x1, 8x16") == [(1, 1), (8, 16)]
    assert core_url("verilator:base?latency=7", 8, 1) == "verilator:base,lanes=8,warps=1?latency=7"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--cores", "8"), "--cores 8: '8' is not LANESxWARPS, for example 8x16"),
        (("--cores", "3x1"), "lanes = 3 is not valid"),
        (("--kernels", "sax"), "no kernel 'sax' in the library; kernels: saxpy, vector_add"),
        (("--memory", "l2"), "--memory l2 is not valid: main, shared, both"),
        (("--device", "golden:none"), "none"),
    ],
)
def test_refused_in_one_line(arguments, says):
    result = bench("--kernels", "reduction", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("weft: ")
    assert says in line
