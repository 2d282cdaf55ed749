"""The jobs: whoever does one gives what numpy says, and a wrong result is called wrong."""

import os

import numpy as np
import pytest

from weft_bench.compare import hosts, reasons
from weft_bench.compare.job import Job, Task
from weft_bench.compare.jobs import JOBS, parse_jobs
from weft_bench.kernels import writes
from weft_driver import Device

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")

EXACT_SIZES = {
    "collatz": "10,000 starts",
    "bfs": "4,096 nodes, degree 8",
    "gemv": "1 x 128 by 128 x 128",
    "saxpy": "65,536 elements",
    "blur": "256 x 256 pixels",
    "ray_tracer": "64 x 64 pixels",
    "softmax": "128 x 128",
    "layer_norm": "128 x 128",
    "gemm": "256 x 256 by 256 x 256",
    "encoder": "S 128, D 128, 2 heads, F 512",
    "resnet8": "4 pictures of 32 x 32 x 3",
    "training": "64-32-10, batch 32",
}
"""What figures are stated for."""

QUICK_ON_GOLDEN = ("gemv", "saxpy", "softmax", "layer_norm", "ray_tracer", "bfs", "training")
"""Jobs whose kernels the simulator of instructions runs in about a second when they are quick."""


@pytest.mark.parametrize("name", EXACT_SIZES)
def test_sizes_are_those_that_are_promised(name):
    task = JOBS[name].make(False)
    assert task.size == EXACT_SIZES[name]
    assert task.intensity == task.operations / task.traffic


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("name", EXACT_SIZES)
def test_host_libraries_give_the_reference(name, quick):
    job = JOBS[name]
    task = job.make(quick)
    for library, how in job.hosts.items():
        if isinstance(how, str) or (library == "numba" and not LONG):
            continue
        assert task.mismatches(how(task, 1)()) == 0, library


def test_a_loop_in_numba_gives_the_reference():
    how = JOBS["bfs"].hosts["numba"]
    task = JOBS["bfs"].make(True)
    assert task.mismatches(how(task, 1)()) == 0


@pytest.mark.parametrize("name", EXACT_SIZES if LONG else QUICK_ON_GOLDEN)
def test_the_chip_gives_the_reference(name):
    job = JOBS[name]
    task = job.make(True)
    with Device("golden:base") as chip:
        for engine, how in job.chips.items():
            if not isinstance(how, str):
                assert task.mismatches(how(chip, task).results) == 0, engine


@pytest.mark.parametrize(
    "name", [name for name in EXACT_SIZES if not isinstance(JOBS[name].gpu, str)]
)
def test_gpu_functions_give_the_reference_on_pytorchs_cpu(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from weft_bench.compare.gpu import to_device

    job = JOBS[name]
    task = job.make(False)
    results = job.gpu(torch, to_device(torch, task, "cpu"))
    assert task.mismatches([result.numpy() for result in results]) == 0


def test_every_job_says_who_should_win_and_why_others_cannot():
    for job in JOBS.values():
        assert job.because
        said = [how for how in (*job.hosts.values(), *job.chips.values(), job.gpu)]
        assert all(len(how) > 10 for how in said if isinstance(how, str))
        assert any(not isinstance(how, str) for how in job.chips.values())


def test_a_task_counts_what_is_wrong():
    x = np.arange(6, dtype=np.int32)
    task = Task.of("6", {"x": x}, [writes(x)], 6)
    wrong = x.copy()
    wrong[2] += 1
    assert task.mismatches([x]) == 0
    assert task.mismatches([wrong]) == 1
    assert task.mismatches([x.astype(np.int64)]) == 6  # another type is no result
    assert task.mismatches([x[:5]]) == 6
    with pytest.raises(ValueError, match="0 results, 1 wanted"):
        task.mismatches([])


def test_jobs_are_chosen_by_name():
    assert [job.name for job in parse_jobs("gemm, bfs")] == ["gemm", "bfs"]
    with pytest.raises(ValueError, match="no job 'nothing'; jobs: collatz"):
        parse_jobs("nothing")


def test_products_are_chosen_by_size():
    (job,) = parse_jobs("product-3x5x7")
    assert job.make(True).size == "3 x 7 by 7 x 5"
    assert len(parse_jobs("squares")) == 9
    assert len(parse_jobs("shapes")) == 60
    with pytest.raises(ValueError, match="sizes are from 1 to"):
        parse_jobs("product-0x5x7")


def test_a_job_refuses_devices_that_do_not_exist():
    job = JOBS["gemm"]
    with pytest.raises(ValueError, match="job x: expected = 'abacus'"):
        Job("x", "", "", "abacus", "", job.make, {}, "", {})
    with pytest.raises(ValueError, match="hosts = 'cobol'"):
        Job("x", "", "", "cpu", "", job.make, {"cobol": ""}, "", {})


@pytest.mark.parametrize(("value", "text"), [(12.0, "12"), (4.2e9, "4.2 G"), (1.5e3, "1.5 k")])
def test_numbers_with_prefixes(value, text):
    assert reasons.si(value) == text


def test_calls_are_timed_and_results_kept():
    done = []
    found = hosts.timed(lambda: done.append(0) or (np.arange(3),), 0)
    assert found.calls == hosts.LEAST_CALLS
    assert len(done) == hosts.WARM_UP + hosts.LEAST_CALLS
    assert found.results[0].tolist() == [0, 1, 2]
    assert found.median >= 0
