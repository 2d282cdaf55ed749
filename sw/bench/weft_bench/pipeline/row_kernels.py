"""Kernels on rows of 128 bytes that pipelines share, and what their launches need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.arch.simt import Core
from weft_driver import Device

from .pipeline import Pipeline

ROW_BYTES = 128
"""Bytes of a row, as ``rows.h`` has it."""

LANES = 8
"""Lanes of a warp, as ``rows.h`` has it."""


@dataclass(frozen=True)
class RowKernel:
    """A kernel on rows of bytes.

    Parameters
    ----------
    file, function
        In C; its first parameter is the number of rows, its last one the result.
    cycles
        For each row, about: they only decide the order of commands.
    table
        Bytes of shared memory for its table.
    """

    file: str
    function: str
    cycles: int
    table: int = 0


KERNELS: Mapping[str, RowKernel] = {
    "softmax": RowKernel("softmax.c", "softmax_bytes", 200, 4 * 256),
    "norm": RowKernel("layer_norm.c", "add_norm", 400, 2 * 4 * ROW_BYTES),
    "lookup": RowKernel("lookup.c", "lookup", 115, 4 * 4 * 256),
    "add": RowKernel("add.c", "add_relu", 190),
}
"""All of them by name."""


class RowKernels:
    """Some of `KERNELS`, on a device.

    Raises
    ------
    ValueError
        The device has no SIMT core, or not one that can run them.
    """

    def __init__(self, device: Device, names: Sequence[str]):
        core = Core.of(device.config)
        if core.lanes != LANES or not core.has_float:
            raise ValueError(
                f"{device.url}: the kernels need a SIMT core of {LANES} lanes with floating point"
            )
        self.threads = core.threads
        folder = Path(__file__).parent / "kernels"
        self._kernels = {
            name: device.load_kernels(folder / KERNELS[name].file)[KERNELS[name].function]
            for name in names
        }

    def launch(
        self, pipeline: Pipeline, name: str, into: str, rows: int, arguments: Sequence[Any]
    ) -> None:
        """Add the launch of a kernel to a pipeline."""
        kernel = KERNELS[name]
        pipeline.launch(
            into,
            self._kernels[name],
            [rows, *arguments],
            rows * kernel.cycles,
            self.threads,
            shared=kernel.table,
        )
