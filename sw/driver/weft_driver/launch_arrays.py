"""Arrays as arguments of a kernel: copied to the device, and back what the kernel may write."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from .launch import DeviceKernel
from .tensors import Tensor

if TYPE_CHECKING:
    from .device import Device


class Arrays:
    """The arguments of one launch, arrays replaced by tensors.

    Parameters
    ----------
    device, kernel, args
        As `Device.launch` has them; what is no array stays, for others to check.

    Attributes
    ----------
    args
        The arguments with tensors.

    Raises
    ------
    TypeError
        An array whose elements the kernel would misread.
    ValueError
        An array that would be written cannot be, or shares memory with another argument.
    """

    def __init__(self, device: "Device", kernel: DeviceKernel, args: Sequence[Any]):
        self.args = list(args)
        self._back: list[tuple[np.ndarray, Tensor]] = []
        if not isinstance(kernel, DeviceKernel) or len(kernel.kernel.parameters) != len(args):
            return  # `weft_driver.launch.prepare` says so
        parameters = kernel.kernel.parameters
        name = kernel.kernel.name
        given = [
            (i, parameter, value)
            for i, (parameter, value) in enumerate(zip(parameters, args, strict=True))
            if isinstance(value, np.ndarray) and parameter.is_pointer
        ]
        made: dict[tuple, Tensor] = {}
        for i, parameter, array in given:
            try:
                parameter.check_array(array.dtype)
            except TypeError as error:
                raise TypeError(f"{name}: {error}") from None
            if not parameter.constant and not array.flags.writeable:
                raise ValueError(f"{name}: {parameter} is written, but the array is read-only")
            key = _same(array)
            if key not in made:
                made[key] = device.tensor(array)
            self.args[i] = made[key]
            if not parameter.constant:
                self._back.append((array, made[key]))
        for (_, one, a), (_, two, b) in combinations(given, 2):
            apart = _same(a) == _same(b) or (one.constant and two.constant)
            if not apart and np.shares_memory(a, b):
                raise ValueError(
                    f"{name}: the arrays given for {one} and {two} share memory in part, and the "
                    "kernel writes there: pass copies, or one tensor"
                )

    def write_back(self) -> None:
        """Replace the contents of the arrays that the kernel may have written."""
        for array, tensor in self._back:
            array[...] = tensor.numpy()


def _same(array: np.ndarray) -> tuple:
    """What two arrays that are one have in common."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str
