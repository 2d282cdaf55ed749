"""`weft doctor`: a table for people, one JSON value for programs, the same exit code."""

import json

import pytest
from typer.testing import CliRunner

from weft.cli import main
from weft_bench import doctor
from weft_bench.doctor import Check

FINE = Check("Python", "everything", True, "3.11.2")
MISSING = Check("perl", "make test", False, advice="install Debian package perl")


@pytest.mark.parametrize(("checks", "code"), [([FINE], 0), ([FINE, MISSING], 1)])
def test_both_forms_say_the_same(monkeypatch, checks, code):
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    table = CliRunner().invoke(main, ["doctor"])
    value = CliRunner().invoke(main, ["doctor", "--json"])
    assert table.exit_code == value.exit_code == code
    assert table.stdout == ""
    found = json.loads(value.stdout)
    assert found["ok"] is (code == 0)
    assert [check["name"] for check in found["checks"]] == [check.name for check in checks]
    for check in checks:
        assert check.found in table.stderr
        assert check.advice in table.stderr
        assert check.advice in [c["advice"] for c in found["checks"]]


def test_this_machine():
    names = {check.name: check for check in doctor.examine()}
    assert names["Python"].ok
    assert {"C++ compiler", "Verilator", "Verilog writer", "perl", "make"} <= names.keys()
    for check in names.values():
        assert bool(check.advice) is not check.ok, check
