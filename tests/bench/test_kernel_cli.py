"""`weft kernel`: results, files, JSON, and one clear line for what is wrong."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from weft.cli import main

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

SOURCE = """
#include "weft.h"
#ifndef STEP
#define STEP 1
#endif

WEFT_KERNEL void add(int n, const int16_t *x, int16_t *y)
{
    for (int i = weft_global_x(); i < n; i += weft_global_dim_x())
        y[i] += x[i] + STEP;
}
"""
DEVICE = ("--device", "golden:tiny,warps=2,fp=full?memory_mib=1")
RUN = ("n=5", "x=arange:5", "y=ones:5", "--grid", "2,1", "--block", "2", *DEVICE)


@pytest.fixture(autouse=True, scope="module")
def build(tmp_path_factory):
    """A cache of this run's own, shared by its tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEFT_BUILD", str(tmp_path_factory.getbasetemp() / "kernels"))
        patch.setenv("NO_COLOR", "1")
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "some.c"
    path.write_text(SOURCE)
    return path


def kernel_command(*arguments):
    return CliRunner().invoke(main, ["kernel", *map(str, arguments)])


def test_run(source, tmp_path):
    folder = tmp_path / "new"
    result = kernel_command("run", source, *RUN, "--json", "--save", folder, "-D", "STEP=7")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert (value["kernel"], value["grid"], value["block"]) == ("add", [2, 1], [2])
    assert value["arrays"] == {"y": [8, 9, 10, 11, 12]}
    assert value["counters"]["issued"] > 0
    assert 0 < value["lane_utilization"] <= 1
    assert "y = [ 8  9 10 11 12]" in result.stderr
    assert np.load(folder / "y.npy").tolist() == [8, 9, 10, 11, 12]
    files = ("n=5", f"y={folder}/y.npy", f"x={folder}/y.npy", *DEVICE)
    again = kernel_command("run", source, *files, "--json")
    assert json.loads(again.stdout)["arrays"] == {"y": [17, 19, 21, 23, 25]}
    seeded = [
        kernel_command("run", source, "n=5", "x=random:5", "y=zeros:5", *DEVICE, "--json", *seed)
        for seed in ((), (), ("--seed", 2))
    ]
    drawn = [json.loads(one.stdout)["arrays"]["y"] for one in seeded]
    assert drawn[0] == drawn[1] != drawn[2]


def test_build(source, tmp_path):
    result = kernel_command("build", source, "--json", "-o", tmp_path / "v.json")
    value = json.loads(result.stdout)
    (row,) = value["kernels"]
    assert row["kernel"] == "add"
    assert row["parameters"] == ["int32 n", "const int16 *x", "int16 *y"]
    assert value["bytes"] > 0
    assert json.loads((tmp_path / "v.json").read_text()) == value
    assert "add(int32 n, const int16 *x, int16 *y)" in kernel_command("build", source).stderr


def test_disasm(source):
    result = kernel_command("disasm", source, "--address", "0x100")
    assert "\nadd:\n; " in result.stdout
    assert "\n; some.c:9\n" in result.stdout
    first = [
        int(next(line for line in text.splitlines() if line.startswith("  ")).split()[0], 16)
        for text in (kernel_command("disasm", source).stdout, result.stdout)
    ]
    assert first[1] - first[0] == 0x100
    value = json.loads(kernel_command("disasm", source, "--address", 256, "--json").stdout)
    assert value["disassembly"] == result.stdout


def test_help():
    for command in ((), ("run",), ("build",), ("disasm",)):
        result = kernel_command(*command, "--help")
        assert result.exit_code == 0
        assert "Usage" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("n=5", "x=ones:5"), "needs a value for y"),
        (("n=5", "z=ones:5"), "'z=ones:5' is no NAME=VALUE of add(int32 n,"),
        (("5",), "'5' is no NAME=VALUE"),
        ((*RUN, "n=many"), "int32 n: 'many' is not a number of this kind"),
        ((*RUN, "x=ones"), "'ones' is not zeros:N, ones:N, arange:N, random:N, null or a .npy"),
        ((*RUN, "x=none.npy"), "there is no file 'none.npy'"),
        ((*RUN, "--grid", "2x2"), "--grid 2x2 is not of the form X, X,Y or X,Y,Z"),
        ((*RUN, "--block", "5"), "a block of 5 threads (5, 1, 1) does not fit"),
        ((*RUN, "--kernel", "sub"), "has no kernel 'sub'; kernels: add"),
        ((*RUN, "--device", "golden:tiny,lanes=0"), "golden:tiny,lanes=0 has no SIMT core"),
        ((*RUN, "x=null"), "kernel trapped in thread (0, 0, 0) of block (0, 0, 0)"),
    ],
)
def test_refused_in_one_line(source, arguments, says):
    result = kernel_command("run", source, *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("weft: ")
    assert says in line


def test_several_kernels_and_no_file(tmp_path):
    path = tmp_path / "two.c"
    path.write_text(SOURCE + "WEFT_KERNEL void other(void) {}\n")
    assert "--kernel is one of add, other" in kernel_command("run", path, *RUN).stderr
    assert kernel_command("run", path, "--kernel", "other", *DEVICE).exit_code == 0
    assert "does not exist" in kernel_command("build", tmp_path / "no.c").stderr
    path.write_text("int x = ;")
    assert "two.c:1:9: error: expected expression" in kernel_command("build", path).stderr
