"""Everything that the chip remembers, and who watches it being touched."""

from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from weft.arch.errors import Cause
from weft.config import Config

from .act_sram import act_bytes, random_act
from .faults import Fault
from .rows import Addresses


class Place(Enum):
    """A memory of the chip, and what one element of it is called."""

    MEMORY = "memory bytes"
    ACT = "act bytes"
    WGT = "wgt rows"
    ACC = "accumulator rows"
    PARAM = "parameter blocks"


class Watch(Protocol):
    """Is told of every access of the command that runs now."""

    def access(self, place: Place, write: bool, starts: Addresses, length: int) -> None:
        """Rows of ``length`` elements of ``place`` from each of ``starts`` are read or written."""
        ...


class Unwatched:
    """Takes no notice: for tests and benches of one block."""

    def access(self, place: Place, write: bool, starts: Addresses, length: int) -> None:
        """Nothing."""


class State:
    """Main memory and the SRAMs.

    Parameters
    ----------
    config
        The chip's sizes.
    memory
        Flat uint8 array, shared with the host, not copied.
    seed
        Reset does not clear an SRAM: initial contents are random, from this seed.
    watch
        Hears of accesses.

    Attributes
    ----------
    memory
        uint8.
    act
        uint8, flat, addressed as commands do.
    wgt
        int8, ``wgt_rows`` x C.
    acc, row_sum
        int32, ``acc_total_rows`` x C and ``acc_total_rows``.
    bias, scale
        int32 and float32, ``param_blocks`` x C.
    """

    def __init__(
        self,
        config: Config,
        memory: NDArray[np.uint8],
        seed: int = 0,
        watch: Watch | None = None,
    ):
        if memory.dtype != np.uint8 or memory.ndim != 1:
            raise ValueError(f"memory is {memory.dtype}, {memory.ndim}-D: must be flat uint8")
        rng = np.random.default_rng(seed)

        def words(*shape: int) -> NDArray[np.int32]:
            return rng.integers(-(1 << 31), 1 << 31, shape, dtype=np.int64).astype(np.int32)

        cols = config.cols
        self.config = config
        self.memory = memory
        self.watch: Watch = watch or Unwatched()
        self.act = random_act(config, rng)
        self.wgt = rng.integers(-128, 128, (config.wgt_rows, cols), dtype=np.int8)
        self.acc = words(config.acc_total_rows, cols)
        self.row_sum = words(config.acc_total_rows)
        self.bias = words(config.param_blocks, cols)
        self.scale = words(config.param_blocks, cols).view(np.float32)

    def size(self, place: Place) -> int:
        """Elements of a place."""
        config = self.config
        return {
            Place.MEMORY: len(self.memory),
            Place.ACT: act_bytes(config),
            Place.WGT: config.wgt_rows,
            Place.ACC: config.acc_total_rows,
            Place.PARAM: config.param_blocks,
        }[place]

    def check(self, place: Place, starts: Addresses, length: int, cause: Cause, what: str) -> None:
        """Refuse rows of elements outside a place (act excepted, which has regions).

        Raises
        ------
        Fault
            With this cause, naming the first bad row.
        """
        size = self.size(place)
        bad = starts + length > size
        if bad.any():
            first = int(starts[bad][0])
            raise Fault(
                cause,
                f"{what} {place.value} {first:#x} to {first + length - 1:#x}; there are {size:#x}",
            )
