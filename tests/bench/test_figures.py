"""The quoted figures: what counts as met, the page, and (long) a whole quick measurement."""

import json
import os
import re

import pytest
from typer.testing import CliRunner

from weft.cli import main
from weft.config import BASE
from weft_bench import figures as module
from weft_bench.figures import Bench, Figures, gemmini, squares, unmet
from weft_bench.figures_page import figures_page
from weft_bench.results import Result, Summary, ideal_cycles, identity
from weft_bench.shapes import GEMMINI

LONG = bool(int(os.environ.get("WEFT_LONG", "0")))


class FakeBench(Bench):
    """Every product takes its roofline and some cycles more."""

    more = 200

    def table(self, title, shapes, ask, latency=40):
        rows = []
        for s in shapes:
            ideal = ideal_cycles(BASE, s.m, s.n, s.k, ask.out)
            rows.append(
                Result(
                    **dict(suite=s.suite, name=s.name, count=1, m=s.m, n=s.n, k=s.k),
                    **dict(out=ask.out, b_layout=ask.b_layout, mismatches=0),
                    **dict(cycles=ideal + self.more, ideal_cycles=ideal, bytes_read=1),
                    bins={"compute": ideal, "idle": self.more - 50, "fill": 50},
                    **dict(bytes_written=1, commands=9, sim_seconds=1.0, macs_per_cycle=256),
                )
            )
        return self.keep(title, rows)


@pytest.fixture
def found():
    return Figures(BASE)


def met(found):
    return {figure.name: figure.met for figure in found.figures}


def test_a_good_chip_meets_the_targets(found):
    bench = FakeBench("base", found)
    squares(found, bench, quick=False)
    gemmini(found, bench, quick=False)
    assert all(met(found).values())
    assert any("15 of 15" in figure.value for figure in found.figures)


def test_a_slow_chip_does_not(found):
    bench = FakeBench("base", found)
    bench.more = 4000
    squares(found, bench, quick=False)
    gemmini(found, bench, quick=False)
    result = met(found)
    assert not result["utilization 256^3"]
    assert not result["cycles of 16 x 16 x 16"]
    assert not result["idle + fill cycles, squares from 64^3 up, most"]
    assert not result["rows of Gemmini's table with fewer cycles than Gemmini"]
    assert "utilization 64^3" in unmet([vars(figure) for figure in found.figures])


def test_what_was_not_measured_is_neither_met_nor_missed(found):
    found.at_least("something", None, 0.9)
    assert met(found) == {"something": None}
    assert unmet([vars(f) for f in found.figures]) == []


def test_page(found):
    bench = FakeBench("base", found)
    squares(found, bench, quick=False)
    gemmini(found, bench, quick=False)
    who = identity(BASE, "verilator:base")
    page = figures_page(
        who
        | {
            "date": "2000-01-01",
            "figures": [vars(f) for f in found.figures],
            "tables": {
                title: {
                    "summary": Summary.of(rows).to_json(),
                    "rows": [who | row.to_json() for row in rows],
                }
                for title, rows in found.tables.items()
            },
        }
    )
    for peer in GEMMINI:
        name = f"{peer.shape.m} x {peer.shape.k} x {peer.shape.n}"
        assert re.search(rf"^\| {name} \| {peer.out}, {peer.latency} \| {peer.cycles:,} \| ", page,
                         re.MULTILINE)  # fmt: skip
    assert "| square 64 | 64 x 64 x 64 | 1,224 | 1,024 | 83.7 % | 83.7 % | 200 |" in page
    assert f"| utilization 512^3 | >= {module.UTILIZATION[512]} | 0.9996 | yes |" in page
    widths = {}
    for block in page.split("\n\n"):
        if block.startswith("|"):
            widths[block] = {line.count("|") for line in block.splitlines()}
    assert all(len(width) == 1 for width in widths.values())


@pytest.mark.skipif(not LONG, reason="a minute; WEFT_LONG=1 runs it")
def test_a_quick_measurement(tmp_path):
    path = tmp_path / "figures.json"
    table = "suite,name,m,n,k,count\nx,one,9,17,33,1\nx,deep,64,1,9,8\n"
    (tmp_path / "cnn.csv").write_text(table)
    done = CliRunner().invoke(
        main,
        [
            *("bench", "figures", "--quick", "--preset", "tiny"),
            *("--tables", str(tmp_path), "-o", str(path)),
        ],
    )
    assert done.exit_code in (0, 1), done.output  # tiny need not meet what base must
    value = json.loads(path.read_text())
    figures = {figure["name"]: figure for figure in value["figures"]}
    assert figures["mismatches anywhere"]["met"]
    assert figures["runs below ideal_cycles"]["met"]
    assert figures["digits, elements unlike numpy or the golden model"]["met"]
    assert len(value["tables"]["cnn"]["rows"]) == 1
    assert len(value["tables"]["cnn, depthwise rows"]["rows"]) == 1
