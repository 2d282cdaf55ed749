"""Tensors in device memory."""

import weakref
from typing import TYPE_CHECKING

import numpy as np

from .errors import dtype_of

if TYPE_CHECKING:
    from .device import Device


class Tensor:
    """An array in device memory, row-major and contiguous; freed by garbage collection.

    Members
    -------
    shape, dtype
        As in numpy.
    address
        Byte address in device memory.
    host
        For constants: the array that was written, from which the host may fold and pack.
    version
        Counts the times that the contents changed.
    """

    def __init__(
        self,
        device: "Device",
        shape: tuple[int, ...],
        dtype: np.dtype,
        host: np.ndarray | None = None,
    ):
        self.device, self.shape, self.dtype, self.host = device, shape, np.dtype(dtype), host
        self.address = device.allocator.take(self.nbytes)
        self.version = 0
        self.packed: dict[object, Tensor] = {}
        self._finalizer = weakref.finalize(self, device.allocator.give, self.address)

    @property
    def nbytes(self) -> int:
        """Bytes in device memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def space(self) -> str:
        """Name of its bytes among those that one program touches."""
        return f"t{self.address:x}"

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def write(self, array: np.ndarray) -> None:
        """Replace the contents.

        Raises
        ------
        ValueError
            Another shape.
        TypeError
            Another element type.
        """
        array = np.asarray(array)
        if array.shape != self.shape:
            raise ValueError(f"tensor has shape {self.shape}, the array {array.shape}")
        if dtype_of(array) != self.dtype:
            raise TypeError(f"tensor holds {self.dtype}, the array {array.dtype}")
        array = np.array(array, dtype=self.dtype, order="C")  # a copy, in the device's byte order
        self.device.transport.write(self.address, array.tobytes())
        self.changed(array)

    def changed(self, host: np.ndarray | None = None) -> None:
        """The contents are others now: ``host``, or unknown because the device writes them."""
        self.version += 1
        self.packed.clear()
        self.host = host

    def numpy(self) -> np.ndarray:
        """Read it back."""
        data = self.device.transport.read(self.address, self.nbytes)
        return np.frombuffer(data, dtype=self.dtype).reshape(self.shape).copy()

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}, {self.shape}, at {self.address:#x})"
