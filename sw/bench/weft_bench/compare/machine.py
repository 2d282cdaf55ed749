"""The host: who it is, and how fast it multiplies, copies and calls at most."""

import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import weft

PACKAGES = ("numpy", "numba", "onnxruntime", "threadpoolctl", "torch")

SIDE = 512
"""Of the product that shows what a library can do at most."""


@dataclass(frozen=True)
class Speed:
    """What the host can do at most with so many threads.

    Parameters
    ----------
    macs
        Multiply-accumulates in a second, of a large float32 product by BLAS.
    int8_macs
        The same of an int8 product in onnxruntime; None where it is not installed.
    call
        Seconds of the smallest numpy call.
    """

    macs: float
    int8_macs: float | None
    call: float

    def at_least(self, other: "Speed") -> "Speed":
        """The same where more threads were not faster: on a busy host they wait for each other."""
        int8 = None if self.int8_macs is None else max(self.int8_macs, other.int8_macs or 0)
        return replace(self, macs=max(self.macs, other.macs), int8_macs=int8)


@dataclass(frozen=True)
class Machine:
    """The host of a comparison, without a word about where its files are.

    Parameters
    ----------
    cpu, threads, system, python
        Model name, CPUs that this process may use, operating system and Python.
    blas
        numpy's BLAS, with its version.
    versions
        Of packages that take part; what is not installed is left out.
    speeds
        By number of threads.
    load
        Load average of the last minute when the measurement began; None where there is none.
    """

    cpu: str
    threads: int
    system: str
    python: str
    blas: str
    versions: dict[str, str]
    speeds: dict[str, Speed]
    load: float | None

    def speed(self, threads: int) -> Speed:
        """What it can do with so many threads."""
        return self.speeds[str(threads)]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)


def cpu_model(info: Path = Path("/proc/cpuinfo")) -> str:
    """The CPU's own name."""
    if info.is_file():
        for line in info.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _blas() -> str:
    settings: Any = np.show_config(mode="dicts")
    found = settings.get("Build Dependencies", {}).get("blas", {})
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()


def _versions() -> dict[str, str]:
    found = {"weft": weft.__version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def examine() -> Machine:
    """Look at the host and measure its speeds; takes about a second."""
    from .hosts import all_threads

    count = all_threads()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    one = _speed(1)
    speeds = {"1": one} | ({str(count): _speed(count).at_least(one)} if count > 1 else {})
    return Machine(
        cpu=cpu_model(),
        threads=count,
        system=f"{platform.system()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        blas=_blas(),
        versions=_versions(),
        speeds=speeds,
        load=load,
    )


def _speed(threads: int) -> Speed:
    from .hosts import missing
    from .hosts import threads as limited

    a = np.ones((SIDE, SIDE), np.float32)
    one = np.ones(1)
    if missing("numpy"):
        raise ModuleNotFoundError("threadpoolctl is missing: pip install 'weft[compare]'")
    with limited(threads):
        product = _best(lambda: a @ a)
        call = statistics.median(_seconds(lambda: one + one) for _ in range(99))
        int8 = None if missing("onnxruntime") else SIDE**3 / _best(_int8_product(threads))
    return Speed(SIDE**3 / product, int8, call)


def _int8_product(threads: int) -> Callable[[], Any]:
    from .onnx_models import product

    one = np.ones((SIDE, SIDE), np.int8)
    return product(one, one, threads)


def copy_seconds(size: int) -> float:
    """How long numpy takes to read and write so many bytes in all, on one thread."""
    source, target = (np.ones(max(1, size // 2), np.uint8) for _ in range(2))
    return _best(lambda: np.copyto(target, source), 99)


def _best(call: Callable[[], Any], times: int = 40) -> float:
    return min(_seconds(call) for _ in range(times))


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
