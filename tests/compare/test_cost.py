"""Cost models: what they are made of they give back; crossovers; advice."""

import json

import pytest
from typer.testing import CliRunner

from weft.arch.simt import Core
from weft.cli import main
from weft.config import BASE
from weft_bench.compare import advise, chips, cost, scaling
from weft_bench.compare.cost import BESIDE, Error, Point, WarpWork
from weft_bench.compare.matrices import SIDES

from .test_rows import timed_row

BY_NAME = {device.name: device for device in chips.DEVICES}


def squares(value):
    return [Point((n, n, n), value(n, n, n)) for n in SIDES]


def off(model, value, shapes=((3, 100, 17), (128, 64, 32), (7, 7, 900))):
    return max(abs(model(shape) / value(*shape) - 1) for shape in shapes)


def test_a_host_that_is_as_the_model_says_is_found():
    def seconds(m, n, k):
        filled = -(-m // 8) * 8 * -(-n // 16) * 16 * -(-k // 4) * 4
        return 3e-6 + 2e-10 * (m * k + k * n + 4 * m * n) + 1e-11 * filled

    assert off(cost.host_model(squares(seconds)), seconds) < 0.02


def test_a_core_that_is_as_the_model_says_is_found():
    device = BY_NAME["simt"]

    def cycles(m, n, k):
        work = WarpWork.of(Core.of(device.config), (m, n, k))
        issued = work.pieces * (6 * work.stores + 25 * work.words)
        waited = work.rounds * (70 * work.stores + 400 * work.words)
        return 1400 + 20 * work.skips + (issued**4 + waited**4) ** 0.25

    model = cost.core_model(device, squares(cycles)[:7])
    assert off(model, cycles) < 0.08  # what is expected pulls a little


def test_work_of_warps_follows_the_kernel():
    core = Core.of(BASE)
    # One row and one column are one store; 16 warps look at 8 items each, of which 8 are a row's.
    assert WarpWork.of(core, (1, 1, 1)) == WarpWork(1, 1, 1, 1 + BESIDE, 16)
    # 32 rows of 4 by 4 strips of 16: 8 threads for each, a warp of 8 lanes; 16 warps share them.
    assert WarpWork.of(core, (128, 64, 100)) == WarpWork(128, 8, 25, 8 + BESIDE, 8 * 4)
    # Rows that end early, and a last strip of which only the first 8 columns are there.
    assert WarpWork.of(core, (6, 24, 4)).stores == 3 * 1.5 + BESIDE


def test_too_few_points_make_no_model():
    assert cost.model_of(None, squares(lambda *_: 1.0)[:4]) is None


def test_an_error_is_that_of_products_that_were_measured():
    found = cost.error(lambda shape: 110.0, [Point((1, 1, 1), 100.0), Point((2, 2, 2), 220.0)])
    assert (found.count, found.worst) == (2, pytest.approx(0.5))
    assert found.median == pytest.approx(0.3)
    assert cost.error(lambda shape: 1.0, []) == Error(0, None, None)


def test_points_are_those_of_one_device_that_were_right():
    rows = [
        timed_row("cpu numpy 1", "cpu", 2.0, job="product-1x2x3"),
        timed_row("cpu numpy 1", "cpu", 2.0, job="product-1x2x4", correct=False),
        timed_row("cpu numpy 1", "cpu", 2.0, job="gemm"),
        timed_row("array", "chip", None, job="product-1x2x3", cycles=7),
    ]
    assert cost.points(rows, "cpu numpy 1") == [Point((1, 2, 3), 2.0)]
    assert cost.points(rows, "array") == [Point((1, 2, 3), 7)]


def test_an_array_is_planned_and_corrected_by_squares_alone():
    device = BY_NAME["array"]
    calibration = [Point((n, n, n), 110.0 * n, 100.0 * n) for n in SIDES]
    model = cost.array_model(device, calibration)
    assert model.factor == pytest.approx(1.1)
    assert cost.error(model, [Point((1, 2, 3), 100.0, 100.0)]).worst == pytest.approx(0.1)
    assert model((8, 8, 8)) == pytest.approx(1.1 * 250, rel=0.2)  # the planner's own estimate
    assert cost.array_model(device, [Point((1, 1, 1), 5.0)]) is None


# --- crossovers --------------------------------------------------------------------------------


def test_a_crossover_lies_where_two_lines_meet():
    slow = {side: 10.0 + side for side in SIDES}
    steep = {side: side**2 / 4 for side in SIDES}
    found = scaling.crossover("steep", steep, "slow", slow)
    assert found.side == pytest.approx(8.6, rel=0.05)
    assert "slow overtakes steep at a side of about" in str(found)
    assert str(scaling.crossover("slow", slow, "steep", {4: 99.0, 8: 99.0})) == (
        "steep never overtakes slow"
    )
    assert "at every side" in str(scaling.crossover("a", {4: 2.0, 8: 2.0}, "b", {4: 1.0, 8: 1.0}))
    assert scaling.crossover("a", slow, "b", {4: 1.0}) is None


def square_rows():
    rows = []
    for n in SIDES:
        job = f"product-{n}x{n}x{n}"
        rows.append(timed_row("cpu numpy 1", "cpu", 1e-6 + n**3 / 5e10, job=job))
        rows.append(timed_row("array", "chip", None, job=job, cycles=300 + n**3 // 256))
        rows.append(timed_row("simt", "chip", None, job=job, cycles=900 + n**3 // 6))
    return rows


def test_the_section_states_losing_cases_and_the_claim():
    text = "\n".join(scaling.scaling_section(square_rows()))
    assert "| 1,024 | " in text
    assert "array is ahead of simt at every side" in text
    assert "no crossover in time is claimed" in text
    assert "does not hold here: for 256 x 256 x 256 this CPU takes 337 us" in text
    assert list(scaling.scaling_section([])) == []


# --- advice ------------------------------------------------------------------------------------


@pytest.fixture
def models(monkeypatch):
    host = cost.host_model([Point((n, n, n), 1e-6 + n**3 / 5e10) for n in SIDES])
    known = [
        advise.DeviceModel("cpu numpy 1", None, host, Error(60, 0.1, 0.4)),
        advise.DeviceModel("array", BY_NAME["array"], lambda s: 300.0, Error(60, 0.01, 0.1)),
    ]
    monkeypatch.setattr(advise, "models", lambda: known)
    return known


def test_advice_names_the_fastest_and_what_would_change_it(models, tmp_path):
    words = ["advise", "--gemm", "64", "64", "64", "--json", "-o", str(tmp_path / "a.json")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.stderr
    value = json.loads(result.stdout)
    first, array = value["advice"]
    assert (first["device"], first["factor"], first["kind"]) == ("cpu numpy 1", 1.0, "estimated")
    assert (array["seconds"], array["cycles"]) == (None, 300)
    assert any("array would equal cpu numpy 1 at" in line for line in value["changes"])
    assert "1.0%, 10.0% of 60" in result.stderr


def test_advice_needs_one_question():
    for words in ([], ["--gemm", "1", "1", "1", "--job", "gemm"], ["--gemm", "0", "1", "1"]):
        assert CliRunner().invoke(main, ["advise", *words]).exit_code == 2


def test_advice_on_a_job_is_what_was_recorded(monkeypatch):
    rows = [timed_row("cpu numpy 1", "cpu", 2.0), timed_row("cpu numpy 2", "cpu", 1.0)]
    monkeypatch.setattr(advise, "merged", lambda records: rows)
    found = advise.advise_job("gemm")
    assert [(each.device, each.factor) for each in found] == [
        ("cpu numpy 2", 1.0),
        ("cpu numpy 1", 2.0),
    ]
    with pytest.raises(ValueError, match="no run of bfs is recorded"):
        advise.advise_job("bfs")
