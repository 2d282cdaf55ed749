"""An NVIDIA GPU through PyTorch, where there is one."""

import importlib.util
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .job import Gpu, Job, Task
from .reasons import gpu_reason
from .row import Row

NAME = "gpu torch"

CHOICES = ("auto", "off")

WARM_UP, CALLS = 5, 30

SIDE, COPIED = 4096, 1 << 28
"""Of the product and the copy that show what the GPU does at most; the latter in bytes."""

QUERY = ("name", "driver_version", "clocks.current.sm", "clocks.max.sm", "clocks.current.memory")
"""What `nvidia-smi` is asked."""


@dataclass(frozen=True)
class GpuState:
    """A GPU that can be used, or why there is none.

    Parameters
    ----------
    torch
        The package; None without a GPU.
    absent
        Why there is none, and how to get it.
    about
        Name, driver, clocks, versions.
    limits
        What it does at most: ``macs`` and ``bandwidth`` a second, and seconds of a ``call``.
    """

    torch: Any
    absent: str = ""
    about: dict[str, str] | None = None
    limits: dict[str, float] | None = None


def find(choice: str) -> GpuState:
    """Look for a GPU; ``choice`` is ``auto`` or ``off``.

    Raises
    ------
    ValueError
        Another choice.
    """
    if choice not in CHOICES:
        raise ValueError(f"--gpu {choice} is not valid: {' or '.join(CHOICES)}")
    if choice == "off":
        return GpuState(None, "left out by --gpu off")
    if importlib.util.find_spec("torch") is None:
        return GpuState(None, "PyTorch is not installed: pip install 'weft[gpu]'")
    import torch  # pyright: ignore[reportMissingImports]

    if not torch.cuda.is_available():
        return GpuState(None, "PyTorch finds no NVIDIA GPU with a driver on this machine")
    return GpuState(torch, "", _about(torch), _limits(torch))


def _about(torch: Any) -> dict[str, str]:
    found = {
        "name": torch.cuda.get_device_name(0),
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
    }
    if shutil.which("nvidia-smi"):
        command = [
            "nvidia-smi",
            "-i",
            "0",
            f"--query-gpu={','.join(QUERY)}",
            "--format=csv,noheader",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        values = [value.strip() for value in done.stdout.split(",")]
        if len(values) == len(QUERY):
            found |= dict(zip(QUERY, values, strict=True))
    return found


def _limits(torch: Any) -> dict[str, float]:
    a = torch.ones((SIDE, SIDE), device="cuda")
    source = torch.ones(COPIED // 4, device="cuda")
    target, one = torch.empty_like(source), torch.ones(1, device="cuda")
    product = min(_events(torch, lambda: a @ a, 5))
    copy = min(_events(torch, lambda: target.copy_(source), 5))
    call = statistics.median(_events(torch, lambda: one + one, CALLS))
    return {"macs": SIDE**3 / product, "bandwidth": 2 * COPIED / copy, "call": call}


def _events(torch: Any, call: Callable[[], Any], times: int) -> list[float]:
    """Seconds of each call, by CUDA events, after warming up."""
    for _ in range(WARM_UP):
        call()
    torch.cuda.synchronize()
    taken = []
    for _ in range(times):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        stop.record()
        torch.cuda.synchronize()
        taken.append(start.elapsed_time(stop) / 1e3)
    return taken


def run_gpu(state: GpuState, tasks: Sequence[tuple[Job, Task]]) -> Iterator[Row]:
    """All jobs on the GPU; without one, rows that say how to get it."""
    for job, task in tasks:
        blank = Row.of(job, task, device=NAME, family="gpu", kind="measured")
        if isinstance(job.gpu, str) or state.torch is None:
            yield replace(blank, reason=job.gpu if isinstance(job.gpu, str) else state.absent)
        else:
            yield _measure(state, job.gpu, task, blank)


def _measure(state: GpuState, how: Gpu, task: Task, blank: Row) -> Row:
    torch = state.torch

    def synchronised(call: Callable[[], Any]) -> tuple[Any, float]:
        torch.cuda.synchronize()
        start = time.perf_counter()
        value = call()
        torch.cuda.synchronize()
        return value, time.perf_counter() - start

    inputs, up = synchronised(lambda: to_device(torch, task, "cuda"))
    results, first = synchronised(lambda: how(torch, inputs))
    found, down = synchronised(lambda: [result.cpu().numpy() for result in results])
    wrong = task.mismatches(found)
    row = replace(
        blank,
        correct=not wrong,
        mismatches=wrong,
        seconds=statistics.median(_events(torch, lambda: how(torch, inputs), CALLS)),
        first_seconds=first,
        transfer_seconds=up + down,
        repeats=CALLS,
    )
    assert state.limits
    share, reason = gpu_reason(row, state.limits)
    return replace(row, utilization=share, roofline=share, reason=reason)


def to_device(torch: Any, task: Task, where: str) -> dict[str, Any]:
    """The inputs as tensors on a device of PyTorch."""
    return {name: torch.from_numpy(array.copy()).to(where) for name, array in task.inputs.items()}
