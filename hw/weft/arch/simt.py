"""What the SIMT core, its simulator, its compiler and the driver have to agree on.

Addresses that a kernel sees, control registers, traps, and how a grid of blocks lies on the core's
warps. Instructions are in `weft.arch.isa`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from weft.config import STARVATION, Config

from .layouts import ceil_div

# --- addresses ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """A range of the kernel's addresses.

    Parameters
    ----------
    name, base, size
        Bytes ``base .. base + size - 1``; how many of them exist depends on the configuration.
    doc
        What lies there.
    """

    name: str
    base: int
    size: int
    doc: str

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.base + self.size


PORT = Window(
    "command port",
    0x0200_0000,
    1 << 12,
    "Chip commands and semaphores, one word at a time, see the table of its words.",
)
SHARED = Window(
    "shared memory",
    0x1000_0000,
    1 << 24,
    "The activation SRAM without holes: byte o is byte o mod act_region_bytes of region "
    "o / act_region_bytes. The only place where atomics work.",
)
PRIVATE = Window(
    "private memory",
    0x2000_0000,
    1 << 16,
    "LAUNCH.private bytes of its own for each thread, in main memory: byte o of lane l of hardware "
    "warp w is byte private_base + w * lanes * private + (o / 4) * 4 * lanes + 4 * l + o mod 4.",
)
MAIN = Window(
    "main memory",
    0x8000_0000,
    1 << 31,
    "Byte o is byte o of main memory, as commands address it. Code runs here, and only here.",
)

WINDOWS = (PORT, SHARED, PRIVATE, MAIN)
"""The address map; all other addresses trap."""


class PortWord(IntEnum):
    """Words of the command port, by offset; all other offsets trap."""

    WORDS = 0x000
    PUSH = 0x040
    TAKE = 0x080


PORT_DOCS = {
    PortWord.WORDS: "Sixteen words, write only: the command that PUSH hands over.",
    PortWord.PUSH: "Writing anything hands the command over, which may not be SIGNAL or LAUNCH; "
    "waits while the queue of its engine is full.",
    PortWord.TAKE: "Sixteen words, read only: word s takes semaphore s once and is 1, or is 0.",
}
"""What each word of the command port does."""

# --- control registers -------------------------------------------------------------------------


@dataclass(frozen=True)
class ControlRegister:
    """A read-only register that `csrr` reads."""

    name: str
    number: int
    doc: str


CSR_BASE = 0xCC0
"""Number of the first control register: custom, read only, unprivileged in RISC-V."""

ARGUMENTS = 8
"""Words of arguments: what the calling convention passes in a0 to a7."""

CONTROL_REGISTERS = tuple(
    ControlRegister(name, CSR_BASE + offset, doc)
    for offset, name, doc in (
        (0x00, "thread_x", "Index of the thread in its block, x."),
        (0x01, "thread_y", "Index of the thread in its block, y."),
        (0x02, "thread_z", "Index of the thread in its block, z."),
        (
            0x03,
            "thread",
            "Index of the thread in its block: x + block_dim_x * (y + block_dim_y * z)",
        ),
        (0x04, "block_x", "Index of the block in the grid, x."),
        (0x05, "block_y", "Index of the block in the grid, y."),
        (0x06, "block_z", "Index of the block in the grid, z."),
        (0x07, "warp", "Hardware warp that the thread runs on, 0 to warps - 1."),
        (0x08, "block_dim_x", "Threads of a block, x."),
        (0x09, "block_dim_y", "Threads of a block, y."),
        (0x0A, "block_dim_z", "Threads of a block, z."),
        (0x0B, "lane", "Lane that the thread runs on, 0 to lanes - 1."),
        (0x0C, "grid_dim_x", "Blocks of the grid, x."),
        (0x0D, "grid_dim_y", "Blocks of the grid, y."),
        (0x0E, "grid_dim_z", "Blocks of the grid, z."),
        (0x0F, "lanes", "Lanes of the core: threads of a warp."),
        (0x10, "warps", "Warps of the core."),
        (0x11, "stack", "End of the thread's private window: PRIVATE + LAUNCH.private."),
        (
            0x12,
            "block_shared",
            "The block's shared memory: SHARED + LAUNCH.shared_base + slot * LAUNCH.shared.",
        ),
        *(
            (0x18 + word, f"argument_{word}", f"LAUNCH.argument_{word}: the kernel's.")
            for word in range(ARGUMENTS)
        ),
    )
)
"""The control registers; csr[4:0] tells them apart. They are all that a thread begins with:
other registers hold what the last thread on the same hardware warp and lane has left there, and 0
after power-up."""

CSR_BY_NAME = {register.name: register for register in CONTROL_REGISTERS}
CSR_NUMBERS = frozenset(register.number for register in CONTROL_REGISTERS)

STACK_ALIGN = 16
"""Alignment of sp in the RISC-V calling convention, so of LAUNCH.private and LAUNCH.shared."""

# --- traps -------------------------------------------------------------------------------------


class Trap(IntEnum):
    """Why a thread cannot go on."""

    NONE = 0
    ILLEGAL = 1
    JUMP_MISALIGNED = 2
    FETCH_UNMAPPED = 3
    DATA_MISALIGNED = 4
    DATA_UNMAPPED = 5
    COLLECTIVE = 6
    MEMORY_ERROR = 7


TRAP_MESSAGES = {
    Trap.NONE: "no trap",
    Trap.ILLEGAL: "illegal instruction",
    Trap.JUMP_MISALIGNED: "jump to an address that is not a multiple of 4",
    Trap.FETCH_UNMAPPED: "no code at this address",
    Trap.DATA_MISALIGNED: "access to an address that is not a multiple of its size",
    Trap.DATA_UNMAPPED: "access to an address where there is nothing of this kind",
    Trap.COLLECTIVE: "threads of one warp wait at different collective instructions",
    Trap.MEMORY_ERROR: "memory answered with an error",
}
"""What each trap means, as the driver says it."""

# --- how a grid lies on the core ---------------------------------------------------------------

LINE_BYTES = 64
"""What threads of a warp access in one aligned line of main memory of this size is one burst."""


@dataclass(frozen=True, kw_only=True)
class Core:
    """Sizes of one SIMT core.

    Parameters
    ----------
    lanes, warps
        Threads of a warp; hardware warps.
    has_float
        Whether it executes Zfinx and the table unit.
    starvation
        The starvation timer, see `weft.config.Config`.
    shared_bytes
        Size of the shared window.
    bank_words
        Shared words that one cycle can reach if no two are in the same bank: two rows of the
        activation SRAM. Word w is in bank w mod bank_words.
    region_bytes
        Bytes of shared memory behind one port: one cycle reaches one region.
    bus_bytes
        Width of the memory port.
    """

    lanes: int = 8
    warps: int = 16
    has_float: bool = True
    starvation: int = STARVATION
    shared_bytes: int = 192 * 1024
    bank_words: int = 8
    region_bytes: int = 48 * 1024
    bus_bytes: int = 16

    @classmethod
    def of(cls, config: Config) -> "Core":
        """The core of a chip; `ValueError` if it has none."""
        if not config.lanes:
            raise ValueError("this chip has no SIMT core: choose a configuration with lanes > 0")
        return cls(
            lanes=config.lanes,
            warps=config.warps,
            has_float=config.fp != "none",
            starvation=config.starvation,
            shared_bytes=config.act_regions * config.act_region_bytes,
            bank_words=2 * config.act_row_bytes // 4,
            region_bytes=config.act_region_bytes,
            bus_bytes=config.bus_bytes,
        )

    @property
    def threads(self) -> int:
        """Threads that run at once; the largest block."""
        return self.lanes * self.warps


Dim = tuple[int, int, int]
"""Sizes or indices in x, y, z."""


PLAIN_FIELDS = ("entry", "shared", "shared_base", "private", "private_base")
"""Fields of a LAUNCH command that are one number each, and no argument."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """The fields of a LAUNCH command that say what runs; names and units are the command's.

    Parameters
    ----------
    entry
        Memory address of the first instruction.
    arguments
        Words of arguments, at most `ARGUMENTS`; those that are missing are 0.
    grid, block
        Blocks of the grid, threads of a block.
    shared, shared_base
        Bytes of shared memory for each block, and where in the shared window that of slot 0 begins.
    private, private_base
        Bytes of private memory for each thread, and the memory address of all of it.
    """

    entry: int
    arguments: tuple[int, ...] = ()
    grid: Dim = (1, 1, 1)
    block: Dim = (1, 1, 1)
    shared: int = 0
    shared_base: int = 0
    private: int = 0
    private_base: int = 0

    @classmethod
    def of(cls, values: Mapping[str, int]) -> "Launch":
        """What the fields of a decoded LAUNCH command say."""

        def dim(name: str) -> Dim:
            return values[f"{name}_x"], values[f"{name}_y"], values[f"{name}_z"]

        arguments = tuple(values[f"argument_{word}"] for word in range(ARGUMENTS))
        plain = {name: values[name] for name in PLAIN_FIELDS}
        return cls(grid=dim("grid"), block=dim("block"), arguments=arguments, **plain)

    def fields(self) -> dict[str, int]:
        """The fields of a LAUNCH command: what `of` reads back."""
        fields = {name: int(getattr(self, name)) for name in PLAIN_FIELDS}
        for name, sizes in (("grid", self.grid), ("block", self.block)):
            fields |= {f"{name}_{axis}": size for axis, size in zip("xyz", sizes, strict=True)}
        return fields | {f"argument_{word}": n for word, n in enumerate(self.arguments)}

    @property
    def blocks(self) -> int:
        """Blocks of the grid."""
        return self.grid[0] * self.grid[1] * self.grid[2]

    @property
    def block_threads(self) -> int:
        """Threads of a block."""
        return self.block[0] * self.block[1] * self.block[2]

    def warps_per_block(self, core: Core) -> int:
        """Consecutive hardware warps that a block occupies; lanes beyond its threads idle."""
        return ceil_div(self.block_threads, core.lanes)

    def slots(self, core: Core) -> int:
        """Blocks that run at once: slot s has the hardware warps from s * `warps_per_block` on."""
        return min(core.warps // self.warps_per_block(core), self.blocks)

    def private_bytes(self, core: Core) -> int:
        """Bytes of main memory from ``private_base`` on that the kernel may use."""
        return self.private * core.threads

    def problem(self, core: Core) -> str | None:
        """Why this core refuses the launch; None when it does not."""
        if min(*self.grid, *self.block) < 1:
            return f"grid {self.grid} and block {self.block} must be at least 1 in x, y and z"
        if self.block_threads > core.threads:
            return (
                f"a block of {self.block_threads} threads {self.block} does not fit: this core has "
                f"{core.lanes} lanes x {core.warps} warps = {core.threads} threads"
            )
        if self.entry % 4:
            return f"entry {self.entry:#x} is not a multiple of 4"
        for name in ("shared", "shared_base", "private", "private_base"):
            if getattr(self, name) % STACK_ALIGN:
                return f"{name} = {getattr(self, name)} is not a multiple of {STACK_ALIGN}"
        shared_end = self.shared_base + self.shared * self.slots(core)
        if shared_end > core.shared_bytes:
            return (
                f"shared memory of {self.slots(core)} blocks x {self.shared} bytes from "
                f"{self.shared_base:#x} ends beyond {core.shared_bytes:#x}"
            )
        if self.private > PRIVATE.size:
            return f"private = {self.private} bytes: at most {PRIVATE.size}"
        return None
