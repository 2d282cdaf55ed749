"""Synthesis: what reports of tools mean, and what is said when one is missing or fails."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from weft.emit import component_verilog
from weft.gateware.simt.sizes import Sizes
from weft.synth import blocks, tools
from weft.synth.area import measure
from weft.synth.between import Between
from weft.synth.nextpnr import Placed, Step, Target, read_report
from weft.synth.parts import PARTS, part
from weft.synth.tools import Tool, ToolError
from weft_bench.area_page import area_lines, area_page

SMALL = Sizes(lanes=2, warps=2, fp="full")
TARGET = Target("85k", 6, 105)
KNOWN = {"rows", "rows.queue", "execute", "execute.lane_0", "floats$12", "floats$12.unit_1"}


@pytest.mark.parametrize(
    ("cell", "block"),
    [
        ("inside.execute.lane_0.sum_LUT4_Z", "execute.lane"),
        ("inside.execute.a_TRELLIS_FF_Q_3", "execute"),
        ("inside.floats$12.unit_1.adder.total", "floats.unit"),
        ("inside.rows.queue.storage.0.0", "rows.queue"),
        ("inside.retire__valid", "inside"),
        ("$nextpnr_CCU2C_218$CCU2_COMB1", "unnamed"),
        ("fed_TRELLIS_FF_Q", None),
    ],
)
def test_a_cell_belongs_to_the_block_that_names_it(cell, block):
    assert blocks.block_of(cell, KNOWN) == block


def test_lanes_count_together_and_the_frame_does_not_count():
    cells = {
        "inside.execute.lane_0.x": "TRELLIS_COMB",
        "inside.execute.lane_0.y": "MULT18X18D",
        "inside.rows.queue.r": "TRELLIS_RAMW",
        "fed_1": "TRELLIS_COMB",
        "clk_buffer": "DCCA",
    }
    counted = blocks.count(cells, KNOWN)
    assert list(counted) == ["execute.lane", "rows.queue"]
    assert blocks.total(counted) == {
        "luts": 1, "ffs": 0, "multipliers": 1, "brams": 0, "lut_rams": 1
    }  # fmt: skip


def test_instances_come_from_names_of_modules():
    text = component_verilog(Between(part("float_unit", SMALL)), "top")
    assert {"adder", "rounder", "selector"} <= blocks.instances(text, "top")


def test_a_path_is_told_by_blocks():
    steps = [
        Step(0.5, "clk-to-q", "inside.rows.queue.q", "inside.rows.queue.q"),
        Step(1.0, "routing", "inside.rows.queue.q", "inside.execute.lane_0.a"),
        Step(0.2, "logic", "inside.execute.lane_0.a", "inside.execute.lane_0.a"),
        Step(0.1, "setup", "seen_1", "seen_1"),
    ]
    assert blocks.route(steps, KNOWN) == [
        {"block": "rows.queue", "ns": 0.5, "luts": 0},
        {"block": "execute.lane", "ns": 1.2, "luts": 1},
        {"block": "frame", "ns": 0.1, "luts": 0},
    ]


def report(*clocks: str) -> dict:
    step = {"delay": 2.5, "type": "logic", "from": {"cell": "a"}, "to": {"cell": "b"}}
    paths = [{"from": "<async>", "to": "posedge c", "path": []}]
    paths += [{"from": "posedge c", "to": "posedge c", "path": [step]}]
    return {
        "fmax": {clock: {"achieved": 100.5, "constraint": 105} for clock in clocks},
        "critical_paths": paths,
        "utilization": {"TRELLIS_COMB": {"used": 7, "available": 9}, "DCSC": {"used": 0}},
    }


def test_the_slowest_path_is_one_between_registers():
    placed = read_report(report("c"), 3, {})
    assert placed == Placed(3, 100.5, {"TRELLIS_COMB": 7}, (Step(2.5, "logic", "a", "b"),), {})


@pytest.mark.parametrize("clocks", [(), ("c", "d")])
def test_a_report_of_other_clocks_is_refused(clocks):
    with pytest.raises(ToolError, match=", ".join(clocks) or "none"):
        read_report(report(*clocks), 1, {})


@pytest.mark.parametrize(
    ("device", "grade", "name"), [("12k", 6, "12k"), ("85k", 5, "grade = 5"), ("85k", 9, "9")]
)
def test_a_target_that_does_not_exist(device, grade, name):
    with pytest.raises(ValueError, match=name):
        Target(device, grade, 100)


def test_an_unknown_part_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"'lanes'.*core.*lane"):
        part("lanes", SMALL)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_can_be_emitted(name):
    assert "module \\top.inside" in component_verilog(Between(part(name, SMALL)), "top")


@pytest.mark.parametrize("find", [tools.find_yosys, tools.find_nextpnr])
def test_a_missing_tool_is_named_with_the_way_to_get_it(find, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"missing: pip install 'weft\[fpga\]'"):
        find()


def test_a_tool_that_fails_is_quoted(tmp_path):
    log = tmp_path / "log"
    tool = Tool((sys.executable, "-c"), "Python 3")
    script = "print('one'); print('ERROR: no such cell'); print('bye'); raise SystemExit(1)"
    with pytest.raises(ToolError, match=r"^Python 3 failed: ERROR: no such cell; see .*log$"):
        tool.run([script], log)


def test_a_run_is_whole_or_not_at_all_and_made_once(monkeypatch, tmp_path):
    """With tools of our own: a netlist of two cells, a report of one clock."""
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    yosys = tmp_path / "yosys.py"
    yosys.write_text(
        "import re, sys, pathlib\n"
        "text = pathlib.Path(sys.argv[1]).read_text()\n"
        "pathlib.Path(re.search('write_json (.*)', text).group(1)).write_text('{}')\n"
        "if pathlib.Path(__file__).with_name('broken').exists(): sys.exit('ERROR: broken')\n"
    )
    nextpnr = tmp_path / "nextpnr.py"
    nextpnr.write_text(
        "import json, sys, pathlib\n"
        "value = dict(zip(sys.argv, sys.argv[1:]))\n"
        "cells = {'inside.a': {'type': 'TRELLIS_COMB'}, 'b': {'type': 'TRELLIS_FF'}}\n"
        "design = {'modules': {'top': {'cells': cells}}}\n"
        "pathlib.Path(value['--write']).write_text(json.dumps(design))\n"
        f"report = {report('c')!r}\n"
        "report['fmax']['c']['achieved'] += int(value['--seed'])\n"
        "pathlib.Path(value['--report']).write_text(json.dumps(report))\n"
    )
    monkeypatch.setattr(
        "weft.synth.area.find_yosys", lambda: Tool((sys.executable, str(yosys)), "Yosys 0")
    )
    monkeypatch.setattr(
        "weft.synth.area.find_nextpnr", lambda: Tool((sys.executable, str(nextpnr)), "nextpnr 0")
    )
    broken = tmp_path / "broken"
    broken.touch()
    said: list[str] = []
    with pytest.raises(ToolError, match="ERROR: broken"):
        measure("lane", SMALL, TARGET, [1], said.append)
    broken.unlink()
    results = [measure("lane", SMALL, TARGET, [1, 2, 5], said.append) for _ in range(2)]
    assert results[0] == results[1]
    assert len(said) == 1 + 1 + 3
    assert results[0]["fmax_mhz"] == {"min": 101.5, "median": 102.5, "max": 105.5}
    assert (results[0]["luts"], results[0]["ffs"], results[0]["luts_per_lane"]) == (1, 0, 0.5)
    assert "misses 105" in area_page(results[:1])
    assert any("0.5 a lane" in line for line in area_lines(results[0]))


@pytest.mark.skipif(not importlib.util.find_spec("pyosys"), reason="extra [fpga] is not installed")
def test_yosys_keeps_the_part_apart_from_its_frame(tmp_path: Path):
    from weft.synth.yosys import synthesise

    text = component_verilog(Between(part("scheduler", SMALL)), "top")
    netlist = synthesise(tools.find_yosys(), text, "top", tmp_path)
    assert '"inside.alive' in netlist.read_text()


def test_the_command_says_in_one_line_what_is_wrong():
    done = subprocess.run(
        [sys.executable, "-m", "weft.cli", "bench", "area", "--seeds", "one"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "weft: --seeds one is not of the form N or N,N,...\n"
