"""The kernel library on several cores: the same binaries, every result checked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from weft.config import Config
from weft_driver import Device
from weft_driver.kernels import load_kernels

from ..gemm import sim_seconds
from ..kernels import KERNELS, LibraryKernel
from ..kernels.simulate import Where
from ..terminal import track
from .on_chip import LeftOut, on_chip
from .results import KernelResult, kernel_result

MEMORIES: dict[str, tuple[Where, ...]] = {
    **{where: (where,) for where in get_args(Where)},
    "both": get_args(Where),
}
"""Choices of memories, by name."""


@dataclass(frozen=True)
class Table:
    """What was measured on one core.

    Parameters
    ----------
    url, config
        The chip.
    rows
        One for each kernel and memory.
    left_out
        Why others have no row, in one line each.
    """

    url: str
    config: Config
    rows: list[KernelResult]
    left_out: list[str]


def parse_cores(text: str) -> list[tuple[int, int]]:
    """Read ``1x1,8x16``: lanes x warps.

    Raises
    ------
    ValueError
        It is not of this form.
    """
    cores = []
    for part in text.split(","):
        lanes, times, warps = part.strip().partition("x")
        if not (times and lanes.isdecimal() and warps.isdecimal()):
            raise ValueError(f"--cores {text}: {part!r} is not LANESxWARPS, for example 8x16")
        cores.append((int(lanes), int(warps)))
    return cores


def parse_kernels(text: str | None) -> list[LibraryKernel]:
    """Read ``saxpy,reduction``; None stands for the whole library.

    Raises
    ------
    ValueError
        There is no such kernel; names those that there are.
    """
    if text is None:
        return list(KERNELS.values())
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in KERNELS:
            raise ValueError(f"no kernel {name!r} in the library; kernels: {', '.join(KERNELS)}")
    return [KERNELS[name] for name in names]


def memories(name: str) -> tuple[Where, ...]:
    """The memories of a choice; `ValueError` for another."""
    if name not in MEMORIES:
        raise ValueError(f"--memory {name} is not valid: {', '.join(MEMORIES)}")
    return MEMORIES[name]


def core_url(url: str, lanes: int, warps: int) -> str:
    """The URL of the same chip with another core."""
    head, question, query = url.partition("?")
    return f"{head},lanes={lanes},warps={warps}{question}{query}"


def measure(
    device: Device, kernel: LibraryKernel, size: int | None = None, where: Where = "main"
) -> KernelResult:
    """Run one kernel; its full size when none is given. Raises what `on_chip` does."""
    size = kernel.full if size is None else size
    before = sim_seconds(device)
    done = on_chip(device, kernel, size, where)
    after = sim_seconds(device)
    spent = None if before is None or after is None else after - before
    return kernel_result(device, kernel, size, where, done, spent)


def run_library(
    device: Device,
    kernels: Sequence[LibraryKernel],
    places: Sequence[Where],
    size: int | None = None,
) -> Table:
    """Run kernels on one chip, with progress on standard error."""
    asked: list[tuple[LibraryKernel, Where]] = [
        (kernel, where) for kernel in kernels for where in places
    ]
    work = [float(kernel.full if size is None else size) for kernel, _ in asked]
    rows: list[KernelResult] = []
    left_out: list[str] = []
    what = f"{device.config.lanes} x {device.config.warps}"
    for kernel, where in track(asked, work, f"kernels on {what}"):
        try:
            rows.append(measure(device, kernel, size, where))
        except LeftOut as reason:
            left_out.append(f"{what}, {where} memory: {reason}")
    return Table(device.url, device.config, rows, left_out)


def run_cores(
    url: str,
    cores: Sequence[tuple[int, int]],
    run: Callable[[Device], Table],
) -> Iterator[Table]:
    """Run something on one core after the other; each chip is open only meanwhile."""
    for lanes, warps in cores:
        with Device(core_url(url, lanes, warps)) as device:
            yield run(device)


def compile_all(kernels: Sequence[LibraryKernel]) -> None:
    """Compile what is not compiled yet, so that no simulator is built in vain."""
    for kernel in kernels:
        load_kernels(kernel.source)
