"""Device memory as the driver hands it out: first fit, freed pieces joined."""

import gc

from weft.arch.layouts import DRAM_ALIGN, ceil_div


class MemoryAllocator:
    """Addresses of buffers in device memory.

    Parameters
    ----------
    size
        Bytes of device memory; addresses start at 0.
    """

    def __init__(self, size: int):
        self.size = size
        self._free: list[tuple[int, int]] = [(0, size)]  # (address, bytes), ascending
        self._used: dict[int, int] = {}

    def take(self, size: int) -> int:
        """Address of a new buffer, aligned to `DRAM_ALIGN`.

        Raises
        ------
        MemoryError
            No free piece is large enough.
        """
        need = ceil_div(max(size, 1), DRAM_ALIGN) * DRAM_ALIGN
        address = self._first_fit(need)
        if address is None:
            gc.collect()  # tensors in reference cycles, a kept traceback for example
            address = self._first_fit(need)
        if address is None:
            free = sum(room for _, room in self._free)
            raise MemoryError(
                f"device memory is full: {size:,} bytes asked for, {free:,} of {self.size:,} free "
                "in pieces; delete tensors, or open a device with more memory (?memory_mib=)"
            )
        self._used[address] = need
        return address

    def _first_fit(self, need: int) -> int | None:
        for i, (address, room) in enumerate(self._free):
            if room >= need:
                rest = [(address + need, room - need)] if room > need else []
                self._free[i : i + 1] = rest
                return address
        return None

    def give(self, address: int) -> None:
        """Free the buffer at an address that `take` gave."""
        size = self._used.pop(address)
        self._free.append((address, size))
        self._free.sort()
        joined: list[tuple[int, int]] = []
        for start, room in self._free:
            if joined and sum(joined[-1]) == start:
                joined[-1] = (joined[-1][0], joined[-1][1] + room)
            else:
                joined.append((start, room))
        self._free = joined

    @property
    def used(self) -> int:
        """Bytes in use."""
        return sum(self._used.values())
