"""Arguments of a kernel as they stand on a command line, and what is shown after a run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weft_driver.kernels import Kernel, KernelFile, Kind, Parameter
from weft_driver.run import Run

_FILLS = ("zeros", "ones", "arange", "random")


def choose(compiled: KernelFile, path: Path, name: str | None) -> Kernel:
    """The kernel of this name, or the only one; `ValueError` names those that there are."""
    kernels = compiled.kernels
    names = ", ".join(kernels)
    if name is None:
        if len(kernels) > 1:
            raise ValueError(f"{path} has several kernels: --kernel is one of {names}")
        name = next(iter(kernels))
    if name not in kernels:
        raise ValueError(f"{path} has no kernel {name!r}; kernels: {names}")
    return kernels[name]


def parse(kernel: Kernel, texts: Sequence[str], seed: int) -> list[Any]:
    """Values in the order of the parameters.

    Parameters
    ----------
    texts
        ``NAME=VALUE``, in any order.
    seed
        Of ``random:N``.

    Raises
    ------
    ValueError
        A parameter without a value, a value without a parameter, or one that makes no sense.
    """
    given = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in [parameter.name for parameter in kernel.parameters]:
            raise ValueError(f"{text!r} is no NAME=VALUE of {kernel}")
        given[name] = value
    missing = [parameter.name for parameter in kernel.parameters if parameter.name not in given]
    if missing:
        raise ValueError(f"{kernel} needs a value for {', '.join(missing)}")
    rng = np.random.default_rng(seed)
    return [_value(parameter, given[parameter.name], rng) for parameter in kernel.parameters]


def arrays(kernel: Kernel, values: Sequence[Any]) -> dict[str, np.ndarray]:
    """Arrays that the kernel may have written, by parameter."""
    return {
        parameter.name: value
        for parameter, value in zip(kernel.parameters, values, strict=True)
        if isinstance(value, np.ndarray) and not parameter.constant
    }


def shown(kernel: Kernel, written: dict[str, np.ndarray], run: Run) -> Iterator[str]:
    """What a person reads after a run."""
    yield str(kernel)
    for name, array in written.items():
        with np.printoptions(threshold=12, edgeitems=3, precision=6):
            yield f"{name} = {array}"
    bins = run.kernel_bins or {}
    counters = ", ".join(
        f"{name} {count:,}"
        for name, count in run.kernel.items()
        if count and (name not in bins or name == "issued")
    )
    yield f"counted: {counters or 'nothing'}"
    if run.issue_rate is not None:
        where = ", ".join(f"{name} {count:,}" for name, count in bins.items() if count)
        yield f"cycles {run.kernel_cycles:,}: {where}"
        yield f"instructions per cycle: {run.issue_rate:.3f}"
    if run.lane_utilization is not None:
        yield f"lanes in use: {100 * run.lane_utilization:.1f} %"


def _value(parameter: Parameter, text: str, rng: np.random.Generator) -> Any:
    if parameter.is_pointer:
        return _array(parameter, text, rng)
    try:
        return float(text) if parameter.kind is Kind.FLOAT else int(text, 0)
    except ValueError:
        raise ValueError(f"{parameter}: {text!r} is not a number of this kind") from None


def _array(parameter: Parameter, text: str, rng: np.random.Generator) -> np.ndarray | None:
    if text == "null":
        return None
    if text.endswith(".npy"):
        if not Path(text).is_file():
            raise ValueError(f"{parameter}: there is no file {text!r}")
        return np.load(text)
    fill, colon, shape = text.partition(":")
    sizes = shape.split("x")
    if fill not in _FILLS or not colon or not all(part.isdecimal() for part in sizes):
        fills = ", ".join(f"{name}:N" for name in _FILLS)
        raise ValueError(f"{parameter}: {text!r} is not {fills}, null or a .npy file")
    dtype = np.dtype(parameter.element or "uint8")
    dims = [int(part) for part in sizes]
    match fill:
        case "zeros":
            return np.zeros(dims, dtype)
        case "ones":
            return np.ones(dims, dtype)
        case "arange":
            count = int(np.prod(dims, dtype=np.int64))
            return np.arange(count).astype(dtype).reshape(dims)
    if dtype.kind == "f":
        return rng.standard_normal(dims).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, dims, dtype, endpoint=True)
