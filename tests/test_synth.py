"""Synthesis: what reports of tools mean, and what is said when one is missing or fails."""

import dataclasses
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from weft.boards.constraints import constraints
from weft.boards.table import BOARDS
from weft.cli_synth import _seeds
from weft.config import MULTIPLIERS, Config
from weft.emit import component_verilog
from weft.synth import blocks, families, tools
from weft.synth.between import Between
from weft.synth.block_floorplan import activations, board_memory
from weft.synth.counts import netlist_counts
from weft.synth.families import ECP5, FAMILIES
from weft.synth.fit import prediction
from weft.synth.floorplan import ARRAY, LANES, ecp5_core_floorplan, ecp5_floorplan
from weft.synth.measure import Job, measure
from weft.synth.nextpnr import (
    ROUNDS,
    Placed,
    Step,
    arguments,
    kind_of,
    read_report,
    too_full,
    too_slow,
)
from weft.synth.parts import CORE, PARTS, part
from weft.synth.targets import DEVICES, Target
from weft.synth.tools import Tool, ToolError
from weft_bench.fpga_table import ROWS
from weft_bench.synth_report import report_lines

SMALL = Config.parse("tiny,warps=2,fp=full")
TARGET = Target.parse("ecp5-85k-6")
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
    counted = blocks.count(cells, KNOWN, ECP5.cells)
    assert list(counted) == ["execute.lane", "rows.queue"]
    assert blocks.total(counted) == {
        "luts": 1, "ffs": 0, "multipliers": 1, "brams": 0, "lut_rams": 1,
        "cells": 0,
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
        "utilization": {
            "TRELLIS_COMB": {"used": 7, "available": 9},
            "DCSC": {"used": 0, "available": 0},
        },
    }


def test_the_slowest_path_is_one_between_registers():
    placed = read_report(report("c"), 3, "6", {})
    used, available = {"TRELLIS_COMB": 7}, {"TRELLIS_COMB": 9}
    assert placed == Placed(3, 100.5, "6", used, available, (Step(2.5, "logic", "a", "b"),), {})


@pytest.mark.parametrize("clocks", [(), ("c", "d")])
def test_a_report_of_other_clocks_is_refused(clocks):
    with pytest.raises(ToolError, match=", ".join(clocks) or "none"):
        read_report(report(*clocks), 1, "", {})


@pytest.mark.parametrize("name", ["ecp5-12k-6", "ecp5-85k", "ecp5-85k-9", "ice40-up5k-1"])
def test_a_target_that_does_not_exist(name):
    with pytest.raises(ValueError, match=rf"'{name}'; targets: ecp5-25k-6, .*ecp5-85k-8, .*nexus"):
        Target.parse(name)


@pytest.mark.parametrize("device", DEVICES)
def test_targets_have_names_and_what_tools_are_told(device):
    target = Target.parse(f"{device}-7" if device.startswith("ecp5") else device)
    assert Target.parse(target.name) == target
    assert "{" not in "".join(target.arguments())
    assert bool(target.properties.pins) == bool(target.family.pin)
    assert target.asked_mhz("array") > target.asked_mhz("chip")
    assert target.family.multiplier in MULTIPLIERS
    assert set(target.family.available) <= set(families.COLUMNS)


def test_registers_and_luts_of_one_cell_of_ice40_count_apart():
    def kind(**used: int) -> str:
        values = {"LUT_INIT": 0, "CARRY_ENABLE": 0, "DFF_ENABLE": 0} | used
        parameters = {name: f"{value:016b}" for name, value in values.items()}
        return kind_of("a", {"type": "ICESTORM_LC", "parameters": parameters})

    columns = FAMILIES["ice40"].cells
    assert columns[kind(LUT_INIT=3)] == columns[kind(CARRY_ENABLE=1)] == ("cells", "luts")
    assert columns[kind(LUT_INIT=2, DFF_ENABLE=1)] == ("cells", "ffs")
    assert columns[kind(LUT_INIT=3, DFF_ENABLE=1)] == ("cells", "luts", "ffs")


@pytest.mark.parametrize(
    ("spec", "rows"),
    [("array8", 2), ("array12", 3), ("tiny", 2), ("ulx3s", 3), ("tiny,rows=3,cols=5", 2)],
)
def test_a_floorplan_gives_each_multiplier_a_place_of_its_own(spec, rows):
    config = Config.parse(spec)
    places = ecp5_floorplan(config, "ecp5-85k")
    array = [place for cell, place in places.items() if cell.startswith(ARRAY)]
    assert len(array) == config.rows * config.cols
    assert len({place.split("/")[1] for place in array}) == rows
    units = 4 * config.drain_units * (config.rows % 2)
    sums = len([cell for cell in places if cell.startswith("drain.times_")])
    assert len(places) == len(set(places.values())) == len(array) + 8 * config.lanes + units + sums
    assert sums == (2 if spec == "ulx3s" else 0)


def test_lanes_are_not_placed_where_the_array_leaves_too_few_columns():
    assert not [
        cell
        for cell in ecp5_floorplan(Config.parse("ulx3s,lanes=2"), "ecp5-85k")
        if cell.startswith(LANES)
    ]


@pytest.mark.parametrize("lanes", [1, 8])
def test_a_core_alone_has_its_multipliers_in_the_middle(lanes):
    places = ecp5_core_floorplan(Config.parse(f"base,lanes={lanes}"), "ecp5-85k")
    assert len(places) == len(set(places.values())) == 8 * lanes
    columns = [int(place.split("/")[0][1:]) for place in places.values()]
    assert abs(min(columns) + max(columns) - 4 - 118) <= 13


def test_no_floorplan_where_it_does_not_fit():
    assert ecp5_floorplan(Config.parse("array12,rows=14"), "ecp5-85k") == {}
    assert ecp5_floorplan(Config.parse("array8"), "ecp5-12k") == {}


@pytest.mark.parametrize(("spec", "number"), [("ulx3s", 32), ("array12", 32), ("base", 0)])
def test_activations_stand_together_where_they_fit(spec, number):
    config = Config.parse(spec)
    places = activations(config, "ecp5-85k")
    assert len(places) == len(set(places.values())) == number
    for cell, place in places.items():
        assert place.split("/")[1] == ("Y46" if ".odd" in cell else "Y22")
        assert int(place.split("/")[0][1:]) < 62
    assert activations(config, "ecp5-25k") == {}


def test_a_board_memory_leaves_the_chip_its_places():
    board, config = BOARDS["ulx3s"], Config.parse("ulx3s")
    memory = board_memory(config, board.memory_bytes, "ecp5-85k")
    beside = activations(config, "ecp5-85k")
    assert len(memory) == 8 * board.memory_bytes // (2 * 8192)  # two bits of 8,192 words each
    assert len(set(memory.values()) | set(beside.values())) == len(memory) + len(beside)
    assert board_memory(config, 1 << 22, "ecp5-85k") == {}


def test_an_unknown_part_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"'lanes'.*chip.*simt.*lane"):
        part("lanes", SMALL)


def test_a_part_that_the_configuration_does_not_have():
    with pytest.raises(ValueError, match=r"'lane' is of the SIMT core, and with lanes = 0"):
        part("lane", Config.parse("array8"))


@pytest.mark.parametrize("name", [name for name in PARTS if name in CORE or name == "array"])
def test_every_part_can_be_emitted(name):
    assert "module \\top.inside" in component_verilog(Between(part(name, SMALL)), "top")


@pytest.mark.parametrize(
    "find",
    [
        tools.find_yosys,
        *(lambda f=f: tools.find_nextpnr(f) for f in FAMILIES.values()),
        *(lambda f=f: tools.find_packer(f.packer) for f in FAMILIES.values()),
    ],
)
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


def test_a_placer_that_would_go_on_for_ever_is_stopped(tmp_path):
    used = r"Info: \tLUT4:  19709/  20736  95%\nInfo: \tDFF:  16985/  15552  109%"
    script = f"import time; print('{used}', flush=True); time.sleep(60)"
    tool = Tool((sys.executable, "-c"), "nextpnr 0")
    reason = "nextpnr 0 failed: the device is too small: 16,985 DFF of 15,552; see "
    with pytest.raises(ToolError, match=f"^{reason}"):
        tool.run([script], tmp_path / "log", too_full)
    assert too_full("Info: \tDFF:  15552/  15552  100%") is None


def rounds(slow: list[int], shared: int = 2) -> str:
    """nextpnr's log of so many connections that are too slow, round by round."""
    line = "Info:     iter={} wires=9 overused={} overuse=2 tmgfail={} archfail=NA\n"
    return "".join(line.format(i + 1, shared, late) for i, late in enumerate(slow))


@pytest.mark.parametrize(
    ("log", "stops"),
    [
        (rounds([9] * (ROUNDS + 1)), True),
        (rounds([9] * ROUNDS), False),
        (rounds([9] * ROUNDS + [8]), False),
        (rounds([9, 8] * ROUNDS), True),
        (rounds([9] * 2 * ROUNDS, shared=1000), False),
        ("", False),
    ],
)
def test_a_clock_that_cannot_be_reached_is_given_up(log, stops):
    assert (too_slow(log) is not None) == stops


def test_only_a_board_is_routed_for_its_clock():
    target = Target.parse("ecp5-85k-8")
    assert "--tmg-ripup" in arguments(target, 50, 1, board=True)
    assert "--tmg-ripup" not in arguments(target, 50, 1)


@pytest.fixture
def stand_ins(monkeypatch, tmp_path):
    """Tools of our own: a netlist of two cells, a report of one clock of 100.5 MHz + the seed."""
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
        "design = {'modules': {'top': {'cells': cells, 'settings': {'arch.speed': '6'}}}}\n"
        "pathlib.Path(value['--write']).write_text(json.dumps(design))\n"
        f"report = {report('c')!r}\n"
        "report['fmax']['c']['achieved'] += int(value['--seed'])\n"
        "pathlib.Path(value['--report']).write_text(json.dumps(report))\n"
        "pathlib.Path(value['--textcfg']).write_text(value['--seed'])\n"
        "pathlib.Path(__file__).with_name('told').write_text(' '.join(sys.argv))\n"
    )
    packer = tmp_path / "packer.py"
    packer.write_text("import sys, shutil\nshutil.copy(*sys.argv[2:])\n")
    for find, path in (("yosys", yosys), ("nextpnr", nextpnr), ("packer", packer)):
        tool = Tool((sys.executable, str(path)), f"{find} 0")
        monkeypatch.setattr(f"weft.synth.measure.find_{find}", lambda *_, tool=tool: tool)
    return tmp_path


def test_a_board_is_made_with_its_pins_when_it_is_fast_enough(stand_ins):
    config = Config.parse("tiny,lanes=0,rows=2,cols=2")
    said: list[str] = []
    job = Job("ulx3s", config, "board", TARGET)
    result = measure(job, said.append)
    assert (result["board"], result["board_mhz"], result["board_met"]) == ("ulx3s", 50, True)
    assert (stand_ins / result["bitstream"]).read_text() == "1"
    assert result["bitstream"] == "ulx3s.bit"
    told = (stand_ins / "told").read_text().split()
    assert told[told.index("--package") + 1] == BOARDS["ulx3s"].package
    assert told[told.index("--freq") + 1] == "50"
    (pins,) = (stand_ins / "synth").glob(f"*/{told[told.index('--lpf') + 1]}")
    assert pins.read_text() == constraints(BOARDS["ulx3s"])[1]
    monkeyed = dataclasses.replace(BOARDS["ulx3s"], clock_hz=150_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BOARDS, "ulx3s", monkeyed)
        slow = measure(job, said.append)
    assert (slow["board_met"], slow["bitstream"]) == (False, None)
    assert slow["asked_mhz"] == 150
    assert list(report_lines(slow))[-1] == "  no bitstream: ulx3s's clock of 150 MHz is not met"


@pytest.mark.parametrize(
    ("preset", "target", "message"),
    [
        ("tiny", "ecp5-85k-6", "preset 'tiny' belongs to no board; boards: ulx3s, "),
        ("ulx3s", "ice40-up5k", "target 'ice40-up5k' is not on ULX3S with LFE5U-85F: ecp5-85k-6"),
    ],
)
def test_a_board_that_cannot_be(preset, target, message, stand_ins):
    job = Job(preset, Config.parse(preset), "board", Target.parse(target))
    with pytest.raises(ValueError, match=message):
        measure(job, lambda line: None)


def test_a_run_is_whole_or_not_at_all_and_made_once(stand_ins):
    tmp_path = stand_ins
    broken = tmp_path / "broken"
    broken.touch()
    said: list[str] = []
    with pytest.raises(ToolError, match="ERROR: broken"):
        measure(Job("tiny", SMALL, "simt", TARGET), said.append)
    broken.unlink()
    assert [folder.suffix for folder in (tmp_path / "synth").iterdir()] == [".partial"]
    job = Job("tiny", SMALL, "simt", TARGET, seeds=(1, 2, 5))
    results = [measure(job, said.append) for _ in range(2)]
    assert results[0] == results[1]
    begun = [line.partition(" ")[0] for line in said]
    assert [begun.count(tool) for tool in ("yosys", "nextpnr", "ecppack:")] == [2, 3, 1]
    first = results[0]
    assert first["fmax_mhz"] == {"min": 101.5, "median": 102.5, "max": 105.5}
    assert (first["luts"], first["ffs"], first["percent"]) == (1, 0, {"luts": 11.1})
    assert (first["grade"], first["asked_mhz"], first["config_hash"]) == (
        "6", 105, SMALL.changed({"multiplier": "ecp5"}).hash_hex
    )  # fmt: skip
    assert (first["per_pe"], first["per_lane"]) == (None, {"luts": 0.5, "ffs": 0})
    assert (tmp_path / first["bitstream"]).read_text() == "5"
    assert any("0.5 a lane" in line for line in report_lines(first))
    assert first["predicted"] == prediction(SMALL, TARGET, "simt")
    said_beside = f"predicted {first['predicted']['luts']:,} (+"
    assert any(said_beside in line for line in report_lines(first))
    portable = Job("tiny", SMALL, "simt", TARGET, portable=True)
    assert measure(portable, said.append)["predicted"] is None


needs_tools = pytest.mark.skipif(
    not importlib.util.find_spec("pyosys"), reason="extra [fpga] is not installed"
)


@needs_tools
def test_yosys_keeps_the_part_apart_from_its_frame(tmp_path: Path):
    from weft.synth.yosys import synthesise

    text = component_verilog(Between(part("scheduler", SMALL)), "top")
    netlist = synthesise(tools.find_yosys(), ECP5, {}, text, "top", tmp_path)
    assert '"inside.alive' in netlist.read_text()


@needs_tools
@pytest.mark.parametrize(("target", "multipliers"), [("ecp5-25k-6", 4), ("ice40-up5k", 2)])
def test_an_array_of_four_elements_is_placed_and_routed(target, multipliers, monkeypatch, tmp_path):
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    config = Config.parse("tiny,rows=2,cols=2")
    result = measure(Job("tiny", config, "array", Target.parse(target)), lambda line: None)
    assert result["multipliers"] == multipliers
    assert result["multiplier"] == target.partition("-")[0]
    assert result["fmax_mhz"]["median"] > 30
    assert result["per_pe"]["luts"] <= 24
    assert result["path_ends"][1].partition("_")[0] in ("sums", "multipliers")
    assert (tmp_path / result["bitstream"]).stat().st_size > 1000
    capacity = Target.parse(target).properties.capacity
    for column, percent in result["percent"].items():
        if column in capacity:
            assert percent == pytest.approx(100 * result[column] / capacity[column], abs=0.06)
    if target.startswith("ecp5"):  # the netlist says what nextpnr will pack
        (netlist,) = tmp_path.glob("synth/*/netlist.json")
        counted = blocks.total(
            {
                name: dict.fromkeys(families.COLUMNS, 0) | counts
                for name, counts in netlist_counts(netlist, "ecp5", set()).items()
            }
        )
        assert {name: counted[name] for name in ("luts", "ffs", "multipliers")} == {
            name: result[name] for name in ("luts", "ffs", "multipliers")
        }


def test_seeds_are_a_number_or_a_list_and_rows_name_theirs():
    assert (_seeds("3"), _seeds("1,5"), _seeds("2,")) == ([1, 2, 3], [1, 5], [2])
    for row in ROWS:
        (text,) = re.findall(r"--seeds (\S+)", row.command)
        assert tuple(_seeds(text)) == row.seeds


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("--seeds one", "--seeds one is not valid: how many, or which ones: 1,2,5"),
        ("--seeds 0", "--seeds 0 is not valid: how many, or which ones: 1,2,5"),
        ("--target ecp5", "unknown target 'ecp5'; targets: "),
        ("--preset none", "unknown preset 'none'; presets: "),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(arguments, line):
    done = subprocess.run(
        [sys.executable, "-m", "weft.cli", "synth", *arguments.split()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"weft: {line}")
    assert done.stderr.count("\n") == 1
