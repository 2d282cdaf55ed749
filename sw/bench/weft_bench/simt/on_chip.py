"""A kernel of the library on a device, its arrays in main memory or in the shared window."""

from dataclasses import dataclass, fields

import numpy as np

from weft.arch.commands import Space
from weft.arch.simt import Core
from weft.config import Config
from weft.golden.simt import Counters
from weft_driver import Device
from weft_driver.kernels import KernelFile, load_kernels
from weft_driver.launch import shared_spans
from weft_driver.planner.hazards import synchronise
from weft_driver.planner.spans import Span, span
from weft_driver.planner.steps import KERNELS, Program, Step, end_step
from weft_driver.run import Run
from weft_driver.tensors import Tensor

from ..kernels import LibraryKernel, Outcome, Placed, Work, compare, place
from ..kernels.simulate import Where


class LeftOut(ValueError):
    """A kernel cannot run on this core; says why in one line."""


@dataclass(frozen=True)
class ChipRun:
    """A kernel that has run.

    Parameters
    ----------
    work, outcome
        What it was asked to do, and what came out of it.
    run
        Of the program: LAUNCH, and with arrays in shared memory LOADs before and STOREs after it.
    """

    work: Work
    outcome: Outcome
    run: Run


def on_chip(
    device: Device,
    kernel: LibraryKernel,
    size: int,
    where: Where = "main",
    file: KernelFile | None = None,
) -> ChipRun:
    """Run a kernel and compare what it leaves with its reference.

    Parameters
    ----------
    device
        A chip with a SIMT core.
    kernel, size
        What to run; ``kernel.geometry`` says on how many threads.
    where
        ``main``: its arrays lie in main memory. ``shared``: they lie in the shared window, where
        LOADs put them before the launch and STOREs fetch them from afterwards.
    file
        The compiled kernel; compiled, or found compiled, when left out.

    Raises
    ------
    LeftOut
        The arrays do not fit in the window, or the core has no floating point.
    OutOfBounds
        The kernel has written where none of its arrays is.
    weft_driver.DeviceError
        The chip halted.
    """
    core = Core.of(device.config)
    file = load_kernels(kernel.source) if file is None else file
    if file.needs_float and not core.has_float:
        raise LeftOut(f"{kernel.name}: this core has no floating point")
    work = kernel.work(size)
    main = Tensor(device, (len(_placed(kernel, file, work, core, where).main),), np.dtype(np.uint8))
    placed = _placed(kernel, file, work, core, where, main.address)
    main.write(placed.main)
    shared = device.tensor(placed.shared) if where == "shared" else None
    code = shared_program(device.config, placed, shared) if shared else main_program(device, placed)
    run = device.run_commands(code.lower())
    after = main.numpy(), placed.shared if shared is None else shared.numpy()
    counted = Counters(**{field.name: run.kernel[field.name] for field in fields(Counters)})
    return ChipRun(work, compare(kernel, work, placed, after, counted), run)


def main_program(device: Device, placed: Placed) -> Program:
    """LAUNCH, and the end."""
    launch = Step("LAUNCH", placed.launch.fields(), writes=(KERNELS,))
    return synchronise(device.config, [launch, end_step(kernels=True)])


def shared_program(config: Config, placed: Placed, window: Tensor) -> Program:
    """The window's regions from memory, LAUNCH, and the regions back."""
    core = Core.of(config)
    # A kernel may touch all of it, in its arrays or by mistake.
    whole = shared_spans(config.act_region_span, core, 0, core.shared_bytes)
    pieces = [
        (window.address + i * core.region_bytes, region)
        for i, region in enumerate(_regions(config))
    ]
    launch = Step("LAUNCH", placed.launch.fields(), whole, (*whole, KERNELS))
    loads = [
        Step(
            "LOAD",
            {"space": Space.ACT, "src": address, "dst": region.start, **_row(region)},
            writes=(region,),
        )
        for address, region in pieces
    ]
    stores = [
        Step("STORE", {"dst": address, "src": region.start, **_row(region)}, reads=(region,))
        for address, region in pieces
    ]
    return synchronise(config, [*loads, launch, *stores, end_step(kernels=True)])


def _regions(config: Config) -> list[Span]:
    return [
        span("act", i * config.act_region_span, config.act_region_bytes)
        for i in range(config.act_regions)
    ]


def _row(region: Span) -> dict[str, int]:
    return {"len": region.width, "count1": 1, "count2": 1}


def _placed(
    kernel: LibraryKernel, file: KernelFile, work: Work, core: Core, where: Where, base: int = 0
) -> Placed:
    try:
        placed = place(kernel, file, work, core, where, base)
    except ValueError as error:
        raise LeftOut(str(error)) from None
    problem = placed.launch.problem(core)
    if problem is not None:
        raise LeftOut(f"{kernel.name}: {problem}")
    return placed
