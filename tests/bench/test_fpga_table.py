"""The table of FPGAs: rows that exist, a record that is kept, a page that is made of it."""

import json
from pathlib import Path

import pytest

from weft.config import Config
from weft.synth.design import BOARD
from weft.synth.parts import PARTS
from weft.synth.targets import Target
from weft_bench.fpga_table import ROWS, Result, fpga_page, key, merged, read_record

DOCS = Path(__file__).resolve().parents[2] / "docs"


def result(row, median: float) -> Result:
    counts = {"luts": 300, "ffs": 400, "multipliers": 16, "brams": 0}
    return {
        "preset": row.preset,
        "part": row.part,
        "target": row.target,
        "seeds": [1, 2, 3],
        "tools": ["Yosys 0"],
        "asked_mhz": 330.0,
        "timing_without": "",
        "path": [],
        "fmax_mhz": {"min": 1.0, "median": median, "max": 999.0},
        "path_ends": ["a", "b"],
        "percent": {"luts": 0.4},
        "per_pe": {"luts": 20.5, "ffs": 60},
        **counts,
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.command)
def test_rows_can_be_measured(row):
    Config.parse(row.preset)
    assert Target.parse(row.target).name == row.target
    assert row.part in (BOARD, *PARTS)


def test_a_new_result_takes_the_place_of_the_old_one_in_the_order_of_the_table():
    old = [result(row, 1) for row in reversed(ROWS)]
    kept = merged(old, [result(ROWS[1], 2)])
    assert [key(each) for each in kept] == [row.key for row in ROWS]
    assert [each["fmax_mhz"]["median"] for each in kept[:3]] == [1, 2, 1]


@pytest.mark.parametrize(("median", "verdict"), [(280.0, "280: met"), (279.9, "280: **missed**")])
def test_the_page_says_which_bars_are_met(median, verdict):
    page = fpga_page([result(ROWS[0], median)])
    assert f"| {median} | 999.0 | {verdict} |" in page
    assert "| 300 (0.4 %) | 400 | 16 | 0 | 20.5 + 60 |" in page
    assert f"    {ROWS[0].command}" in page


def test_the_page_says_what_was_synthesised_in_another_way():
    row = ROWS[0]
    now = result(row, 1) | {"synthesis": Target.parse(row.target).family.steps}
    said = f"Synthesised in another way than `weft synth` has now: {' '.join(row.key)}."
    assert said not in fpga_page([now])
    assert said in fpga_page([now | {"synthesis": "synth_ecp5"}])


def test_the_page_is_made_of_the_record():
    record = read_record(DOCS / "fpga.json")
    assert record == merged(record, [])
    assert (DOCS / "fpga.md").read_text() == fpga_page(record), "run `weft bench fpga --measured`"


def test_the_record_is_json_of_weft_synth():
    for each in json.loads((DOCS / "fpga.json").read_text()):
        assert {"config_hash", "grade", "tools", "percent", "blocks"} <= set(each)
