"""Sizes of a SIMT core; what a person chooses."""

from dataclasses import dataclass

from weft.arch.simt import LINE_BYTES, SHARED
from weft.arch.simt import Core as ArchCore
from weft.config import STARVATION, Config


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of one SIMT core.

    Parameters
    ----------
    lanes, warps
        Threads of a warp; hardware warps.
    fp
        ``none`` or ``full``: Zfinx and the table unit.
    icache_bytes
        Instruction cache, a power of two of at least two lines.
    starvation
        The starvation timer, see `weft.golden.simt.warp`.
    shared_bytes
        Size of the shared window, a multiple of a row of all banks.
    banks, shared_latency
        Banks of shared memory, a power of two; cycles from a read to its data.
    regions
        Equal parts of shared memory, of which one cycle reaches one.
    bus_bytes
        Width of the memory port, a power of two from 4 to a line.

    Raises
    ------
    ValueError
        Names the field, its value and what would be valid.
    """

    lanes: int = 8
    warps: int = 16
    fp: str = "none"
    icache_bytes: int = 8192
    starvation: int = STARVATION
    shared_bytes: int = 192 * 1024
    banks: int = 8
    shared_latency: int = 2
    regions: int = 1
    bus_bytes: int = 16

    def __post_init__(self):
        def need(name: str, holds: bool, valid: str) -> None:
            if not holds:
                raise ValueError(f"{name} = {getattr(self, name)!r} is not valid: {valid}")

        def is_power(value: int) -> bool:
            return value > 0 and value & (value - 1) == 0

        # What a chip's configuration has, too, it checks.
        Config(
            lanes=self.lanes,
            warps=self.warps,
            fp=self.fp,
            icache_bytes=self.icache_bytes,
            starvation=self.starvation,
        )
        need("lanes", self.lanes > 0, "a core has lanes")
        need("banks", is_power(self.banks) and self.banks <= 128, "a power of two, at most 128")
        need(
            "shared_bytes",
            0 < self.shared_bytes <= SHARED.size and self.shared_bytes % (4 * self.banks) == 0,
            f"a multiple of 4 x {self.banks} banks, at most {SHARED.size}",
        )
        need("regions", 1 <= self.regions <= 16, "1 to 16")
        need(
            "regions",
            self.shared_bytes % (4 * self.banks * self.regions) == 0,
            f"parts of {self.shared_bytes} bytes in whole rows of {4 * self.banks}",
        )
        need("shared_latency", 1 <= self.shared_latency <= 8, "1 to 8")
        need(
            "bus_bytes",
            is_power(self.bus_bytes) and 4 <= self.bus_bytes <= LINE_BYTES,
            f"a power of two, 4 to {LINE_BYTES}",
        )

    @classmethod
    def of(cls, config: Config, shared_latency: int) -> "Sizes":
        """The core of a chip, whose activation SRAM answers after ``shared_latency`` cycles."""
        core = ArchCore.of(config)
        return cls(
            lanes=config.lanes,
            warps=config.warps,
            fp=config.fp,
            icache_bytes=config.icache_bytes,
            starvation=config.starvation,
            shared_bytes=core.shared_bytes,
            banks=core.bank_words,
            shared_latency=shared_latency,
            regions=core.shared_bytes // core.region_bytes,
            bus_bytes=config.bus_bytes,
        )

    @property
    def region_bytes(self) -> int:
        """Bytes of a region."""
        return self.shared_bytes // self.regions

    @property
    def threads(self) -> int:
        """Threads that run at once; the largest block."""
        return self.lanes * self.warps


def row_bits(sizes: Sizes) -> int:
    """Bits of the number of a row of all banks, in its region."""
    return max(1, (sizes.region_bytes // 4 // sizes.banks - 1).bit_length())


def columns(sizes: Sizes) -> int:
    """Words of a row that lanes reach at once: banks, or words of a beat, whichever are more."""
    return max(sizes.banks, sizes.bus_bytes // 4)
