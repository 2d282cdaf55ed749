"""Rows: fields, clocks that are recorded or missing, parts that sum up, wrong results."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from weft.cli import main
from weft_bench.compare import chips, clock, gpu, hosts, run, shown
from weft_bench.compare.job import ChipRun
from weft_bench.compare.jobs import JOBS, find_job
from weft_bench.compare.row import KINDS, Row
from weft_driver import Run

GEMM = JOBS["gemm"]
BY_NAME = {device.name: device for device in chips.DEVICES}

FIELDS = [
    "job",
    "device",
    "correct",
    "seconds",
    "kind",
    "cycles",
    "fmax_mhz",
    "fmax_source",
    "utilization",
    "reason",
]
"""What every row of compare.json has at least."""


def array_run(cycles=1000, **bins) -> Run:
    kinds = dict.fromkeys(("compute", "weights", "operands", "accumulator", "fill", "idle"), 0)
    kinds |= bins or {"compute": 900, "fill": 60, "idle": 40}
    counters = {"read_beats": 500, "write_beats": 200}
    return Run(1, 1, 0.1, 0.1, cycles, kinds, 0.88, counters=counters)


def array_row(device="array", results=None, job=GEMM) -> Row:
    task = job.make(True)
    right = tuple(array.wanted for array in task.wanted)
    done = ChipRun(results or right, array_run())
    return chips.row_of(BY_NAME[device], job, task, done, "memory")


def record(tmp_path, spec="ulx3s", part="board", mhz=50.0, target=clock.TARGET):
    row = {
        "preset": spec,
        "part": part,
        "target": target,
        "seeds": [1, 2, 3],
        "tools": ["Yosys 1", "nextpnr 2"],
        "fmax_mhz": {"min": 40.0, "median": mhz, "max": 60.0},
        "luts": 100,
        "multipliers": 10,
    }
    path = tmp_path / "fpga.json"
    path.write_text(json.dumps([row]))
    return path


def test_a_row_has_the_promised_fields():
    value = array_row().to_json()
    assert set(FIELDS) <= set(value)
    assert value["kind"] in KINDS
    assert value["correct"] is True
    assert json.loads(json.dumps(value)) == value
    assert Row.from_json(value) == array_row()


def test_a_wrong_result_is_reported_as_incorrect():
    wanted = GEMM.make(True).wanted[0].wanted
    wrong = wanted.copy()
    wrong[3, 4] += 1
    row = array_row(results=(wrong,))
    assert row.correct is False
    assert row.mismatches == 1
    assert shown.winner([row]) is None


def test_a_wrong_library_makes_the_command_fail(monkeypatch, tmp_path):
    numpy = GEMM.hosts["numpy"]

    def off_by_one(task, threads):
        call = numpy(task, threads)
        return lambda: (call()[0] + 1,)

    broken = replace(GEMM, hosts={"numpy": off_by_one})
    monkeypatch.setitem(JOBS, "gemm", broken)
    words = ["compare", "--quick", "--jobs", "gemm", "--devices", "cpu", "-o", str(tmp_path)]
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert [row["correct"] for row in rows] == [False] * len(rows)
    assert json.loads((tmp_path / "compare.json").read_text()) == rows
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["quick"] is True
    assert record["machine"]["cpu"]
    assert "with a wrong result" in result.stderr


def test_what_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(hosts.importlib.util, "find_spec", lambda name: None)
    assert hosts.missing("numba") == "numba is not installed: pip install 'weft[compare]'"
    assert "pip install 'weft[gpu]'" in gpu.find("auto").absent


def test_without_a_gpu_its_rows_say_why():
    state = gpu.find("off")
    (row,) = gpu.run_gpu(state, [(GEMM, GEMM.make(True))])
    assert row.correct is None
    assert row.seconds is None
    assert row.reason == "left out by --gpu off"
    with pytest.raises(ValueError, match="--gpu maybe is not valid"):
        gpu.find("maybe")


# --- clocks ------------------------------------------------------------------------------------


def test_without_a_record_there_is_no_time_but_a_command(tmp_path):
    found = clock.find_clock("ulx3s", "board", tmp_path / "none.json")
    assert found.mhz is None
    assert found.seconds(1000) is None
    assert "weft synth --preset ulx3s --part board --target ecp5-85k-6" in found.source


def test_a_recorded_clock_makes_seconds(tmp_path, monkeypatch):
    path = record(tmp_path)
    found = clock.find_clock("ulx3s", "board", path)
    assert found.seconds(1000) == pytest.approx(20e-6)
    assert "median of seeds 1 2 3, nextpnr 2" in found.source
    monkeypatch.setattr(chips, "find_clock", lambda *of: clock.find_clock(*of, path))
    row = array_row("array@ulx3s")
    assert (row.fmax_mhz, row.seconds) == (50.0, pytest.approx(20e-6))
    assert array_row("array").seconds is None  # `base` appears in cycles only


def test_a_faster_grade_is_taken_where_the_boards_own_is_not_recorded_and_said(tmp_path):
    faster = clock.find_clock("ulx3s", "board", record(tmp_path, target=clock.FASTER))
    assert faster.mhz == 50.0
    assert faster.source.endswith("; faster than the board's own, ecp5-85k-6")


@pytest.mark.parametrize(("spec", "part"), [("ulx3s,lanes=2", "board"), ("ulx3s", "simt")])
def test_a_clock_of_something_else_is_not_taken(tmp_path, spec, part):
    assert clock.find_clock("ulx3s", "board", record(tmp_path, spec, part)).mhz is None


def test_what_is_never_placed_has_no_clock(tmp_path):
    found = clock.find_clock("base", None, record(tmp_path, "base"))
    assert found.mhz is None
    assert "cycles only" in found.source


# --- parts, refusals, memories -----------------------------------------------------------------


def test_parts_of_a_run_sum_up_to_it():
    found = chips.parts("array", array_run())
    assert found == {"compute": 900, "memory": 0, "command": 100}
    waiting = array_run(compute=300, weights=500, operands=100, accumulator=50, fill=30, idle=20)
    assert chips.parts("array", waiting) == {"compute": 300, "memory": 650, "command": 50}


def test_parts_of_a_kernel_sum_up_to_its_program():
    names = "replayed wait_memory wait_shared wait_units wait_code wait_barrier pipeline empty"
    kernel = dict.fromkeys(names.split(), 10) | {"issued": 100, "active_lanes": 800}
    counters = {"simt_busy": 180, "read_beats": 1, "write_beats": 1}
    done = Run(0, 1, 0.1, 0.1, 200, {}, 0.0, counters=counters, kernel=kernel, lanes=8)
    found = chips.parts("simt", done)
    assert found == {"compute": 150, "memory": 20, "command": 30}
    assert sum(found.values()) == done.cycles


def test_a_core_without_floats_refuses_them():
    softmax = JOBS["softmax"]
    task = softmax.make(True)
    assert chips.refusal(softmax, task, BY_NAME["simt"]) is None
    assert "no floating point" in chips.refusal(softmax, task, BY_NAME["simt@ulx3s"])
    assert "exponential" in chips.refusal(softmax, task, BY_NAME["array"])


def test_products_that_take_too_long_are_not_simulated():
    large = find_job("product-512x512x512")
    assert "not simulated" in chips.refusal(large, large.make(False), BY_NAME["core"])
    assert chips.refusal(large, large.make(False), BY_NAME["array"]) is None
    assert chips.refusal(GEMM, GEMM.make(False), BY_NAME["core"]) is None


def test_what_fits_lies_in_the_boards_own_memory():
    device = BY_NAME["array@ulx3s"]
    small, large = JOBS["gemv"].make(False), GEMM.make(False)
    assert device.timing(small)[0] == chips.BLOCK_MEMORY
    assert device.timing(large)[0] == chips.SDRAM
    assert "modelled" in device.timing(large)[1]


def test_the_host_link_is_a_serial_line():
    assert chips.link_seconds(100_000) == pytest.approx(1.0, rel=0.01)  # 1 Mbaud, 10 bits a byte


def test_devices_are_chosen_by_name():
    assert run.parse_devices("cpu, array") == ("cpu", "array")
    assert set(run.LEFT_OUT).isdisjoint(run.parse_devices(None, quick=True))
    assert set(run.LEFT_OUT) < set(run.parse_devices(None))
    with pytest.raises(ValueError, match="no device 'tpu'; devices: cpu, gpu, array"):
        run.parse_devices("tpu")


# --- what a person reads -----------------------------------------------------------------------


def timed_row(device, family, seconds, **changes):
    values = dict(job="gemm", size="s", unit="u", operations=1, intensity=1.0, expected="array")
    values |= dict(kind="measured", correct=True, mismatches=0, seconds=seconds)
    return Row(device=device, family=family, **values | changes)


def test_a_verdict_says_whether_it_was_expected():
    host = timed_row("cpu numpy 1", "cpu", 1e-3)
    chip = timed_row("array@ulx3s", "chip", 1e-4, engine="array", preset="ulx3s")
    assert shown.verdict([host, chip]) == "array@ulx3s wins with 100 us, as expected"
    slow = replace(chip, seconds=4e-3)
    assert shown.verdict([host, slow]).endswith("expected was array: wrong by a factor of 4")
    untimed = replace(chip, seconds=None)
    assert shown.verdict([host, untimed]).endswith(
        "expected was array, which has no recorded clock"
    )
    assert shown.verdict([host]).endswith("expected was array, which did not run")


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (2.0, "2 s"), (3.1e-3, "3.1 ms"), (5e-8, "50 ns")]
)
def test_durations_have_units(seconds, text):
    assert shown.duration(seconds) == text
