"""How fast the array alone simulates: the yardstick for the speed of the whole chip."""

import ctypes
from pathlib import Path

from weft import emit
from weft.config import Config

from .build import NATIVE, build_library, progress


def build_array_bench(config: Config) -> Path:
    """The shared library of the bare array with its driver, built when it is not there."""
    from weft.gateware.array import Array

    defines = {"ROWS": config.rows, "COLS": config.cols}
    with progress(f"bare array of {config.rows} x {config.cols}") as report:
        text = emit.component_verilog(Array(config), "array")
        driver = NATIVE / "array_bench.cpp"
        return build_library("array", text, driver, defines=defines, report=report)


def array_khz(config: Config, cycles: int = 200_000) -> float:
    """Thousand cycles of the bare array in a second of CPU time, a row entering in each."""
    library = ctypes.CDLL(str(build_array_bench(config)))
    library.array_seconds.restype = ctypes.c_double
    checksum = ctypes.c_uint64()
    seconds = library.array_seconds(ctypes.c_uint64(cycles), ctypes.byref(checksum))
    return cycles / seconds / 1e3
