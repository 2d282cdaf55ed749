"""The command `weft` on the golden chip: results, JSON, and one clear line for what is wrong."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import weft
from weft.cli import device_url, main
from weft.config import BASE, PRESETS

GEMM_KEYS = {
    *("weft_version", "config_hash", "device", "m", "n", "k", "out", "b_layout", "mismatches"),
    *("cycles", "ideal_cycles", "roofline_efficiency", "utilization", "bins"),
    *("bytes_read", "bytes_written", "sim_seconds", "sim_khz"),
}
TABLE_KEYS = GEMM_KEYS | {"suite", "name", "count"}


def weft_command(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def only_line(result):
    """The one line on standard error of a command that was refused."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("weft: ")
    return lines[0]


@pytest.mark.parametrize("out", ["int8", "int32"])
@pytest.mark.parametrize("b", ["packed", "row_major"])
def test_gemm_is_right_and_says_so(out, b):
    result = weft_command(
        "gemm", 7, 9, 21, "--device", "golden:tiny", "--out", out, "--b", b, "--json"
    )
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert value.keys() >= GEMM_KEYS
    assert value["mismatches"] == 0
    assert (value["m"], value["n"], value["k"]) == (7, 9, 21)
    assert (value["out"], value["b_layout"]) == (out, b)
    assert value["weft_version"] == weft.__version__
    assert value["config_hash"] == PRESETS["tiny"].hash_hex
    assert value["device"] == "golden:tiny"
    array, reads, results = 6 * 3 * 7, -(-(7 * 21 + 21 * 9) // 4), 7 * 9  # tiny: 4 x 4, 4 bytes
    assert value["ideal_cycles"] == max(array, reads, results)
    assert value["cycles"] is None  # the golden chip keeps no time


def test_without_json_nothing_is_on_standard_output(tmp_path):
    path = tmp_path / "deep" / "result.json"
    result = weft_command("gemm", 4, 4, 4, "--device", "golden:tiny", "-o", path)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert json.loads(path.read_text())["mismatches"] == 0
    assert [p.name for p in path.parent.iterdir()] == ["result.json"]


def test_table(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(
        "suite,name,m,n,k,count\nnet,fc,3,5,9,1\nnet,again,3,5,9,2\nnet,big,99,99,99,1\n"
    )
    result = weft_command(
        *("bench", "gemm", "--shapes", table, "--max-macs", 1000),
        *("--device", "golden:tiny", "--json"),
    )
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert [row["name"] for row in value["rows"]] == ["fc", "again"]
    assert [row["count"] for row in value["rows"]] == [1, 2]
    assert all(row.keys() >= TABLE_KEYS for row in value["rows"])
    assert value["left_out"] == 1
    assert value["summary"]["mismatches"] == 0


def test_a_wrong_result_is_exit_code_1(monkeypatch):
    import weft_bench.gemm

    right = weft_bench.gemm.exact_product
    monkeypatch.setattr(weft_bench.gemm, "exact_product", lambda a, b: right(a, b) + 1)
    result = weft_command("gemm", 4, 4, 4, "--device", "golden:tiny", "--out", "int32", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["mismatches"] == 16


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gemm", 0, 4, 4), "'m'"),
        (("gemm", 4, "x", 4), "'n'"),
        (("gemm", 4, 4), "'k'"),
        (("gemm", 4, 4, 4, "--device", "golden:huge"), "unknown preset 'huge'"),
        (("gemm", 4, 4, 4, "--device", "fpga:base"), "fpga:"),
        (("gemm", 4, 4, 4, "--device", "base"), "no scheme"),
        (("gemm", 4, 4, 4, "--device", "golden:tiny?speed=3"), "speed"),
        (("gemm", 4, 4, 4, "--device", "golden:tiny,rows=0"), "rows = 0"),
        (("gemm", 4, 4, 4, "--out", "int16"), "int16"),
        (("gemm", 4, 4, 4, "--b", "column"), "column"),
        (("gemm", 4, 4, 4, "--window", "0:10"), "--waves"),
        (("gemm", 4, 4, 4, "--device", "golden:tiny", "--waves", "x.fst"), "verilator:"),
        (("bench", "gemm", "--shapes", "/nowhere.csv"), "/nowhere.csv"),
        (("bench", "gemm", "--max-macs", "1"), "--max-macs"),
        (("config", "show", "huge"), "unknown preset 'huge'"),
        (("config", "show", "base,legs=3"), "legs"),
        (("config", "show", "nowhere.toml"), "nowhere.toml"),
        (("emit", "--preset", "huge"), "unknown preset 'huge'"),
        (("emit", "--preset", "base,rows=3"), "-o DIR"),
        (("nonsense",), "nonsense"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_what_is_wrong_is_said_in_one_line(arguments, says):
    assert says in only_line(weft_command(*arguments))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("suite,name,m,n,k\na,b,1,2,3\n", "'count' is missing"),
        ("suite,name,m,n,k,count\na,b,1,0,3,1\n", "line 2: n = '0'"),
        ("suite,name,m,n,k,count\na,b,1,2,3,1\na,b,1,2,x,1\n", "line 3: k = 'x'"),
        ("suite,name,m,n,k,count\na,b,1,2\n", "k = ''"),
        ("suite,name,m,n,k,count\n", "no shapes"),
        ("", "missing"),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path, text, says):
    path = tmp_path / "table.csv"
    path.write_text(text)
    line = only_line(weft_command("bench", "gemm", "--shapes", path, "--device", "golden:tiny"))
    assert str(path) in line
    assert says in line


def test_config_show():
    value = json.loads(weft_command("config", "show", "base", "--json").stdout)
    assert value["config"]["rows"] == BASE.rows
    assert value["derived"]["wgt_rows"] == BASE.wgt_rows
    assert value["config_hash"] == BASE.hash_hex
    assert "rows                 16" in weft_command("config", "show", "base").stdout


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        (("verilator:base",), "verilator:base"),
        (("verilator:base", 7), "verilator:base?latency=7"),
        (("verilator:base?latency=9&seed=2", 7), "verilator:base?latency=7&seed=2"),
        (
            ("verilator:tiny", None, "a/b c.fst", "1:9"),
            "verilator:tiny?waves=a/b+c.fst&window=1:9",
        ),
    ],
)
def test_options_become_part_of_the_url(given, becomes):
    assert device_url(*given) == becomes


def test_help_and_version():
    for arguments in ((), ("gemm",), ("bench", "gemm"), ("sim",), ("show",)):
        result = weft_command(*arguments, "--help")
        assert result.exit_code == 0
        assert "Usage" in result.output
    assert weft_command("--version").stdout == f"weft {weft.__version__}\n"


def test_the_installed_command_keeps_the_two_outputs_apart():
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "weft.cli",
            "gemm",
            "3",
            "3",
            "3",
            "--device",
            "golden:tiny",
            "--json",
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "60"},
        check=True,
    )
    assert json.loads(done.stdout)["mismatches"] == 0
    assert "mismatches  0" in done.stderr
    assert "Traceback" not in done.stderr
