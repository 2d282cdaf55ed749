"""The register table: every register of the host port, its bits and its counters.

All registers are 32 bits wide on a 32-bit AXI4-Lite port. Hardware, driver, C header and docs
derive from `REGISTERS`, and for chips with a SIMT core from `CORE_REGISTERS`, too.
"""

from dataclasses import dataclass
from enum import StrEnum

from weft.config import Config

from .commands import Engine

ADDRESS_BITS = 12
"""Width of the host port's address."""

ID_VALUE = 0x54464557
"""ID register: "WEFT" in little-endian ASCII."""

INTERFACE_VERSION = 1
"""VERSION register: raised when commands or registers change incompatibly."""

MAX_COMMANDS = (1 << 16) - 1
"""Commands of one program: what DOORBELL counts and ERROR.command numbers."""


class Access(StrEnum):
    """What a host may do with a register."""

    RO = "read only"
    RW = "read, write"
    W1C = "read, write 1 to clear"
    WO = "write only, reads 0"


@dataclass(frozen=True)
class Bits:
    """A field of a register."""

    name: str
    lsb: int
    bits: int
    doc: str


@dataclass(frozen=True)
class Register:
    """One row of the register table; a counter counts cycles or events of running programs."""

    name: str
    offset: int
    access: Access
    doc: str
    bits: tuple[Bits, ...] = ()
    counter: bool = False


BINS = ("compute", "weights", "operands", "accumulator", "fill", "idle")
"""The cycle bins, in order of precedence: each cycle from doorbell to interrupt is in one."""

QUEUED_ENGINES = (Engine.LOAD, Engine.MATMUL, Engine.DRAIN, Engine.STORE, Engine.SIMT)
"""Engines that have a queue, and so a busy and a stall counter."""

COUNTERS: tuple[tuple[str, str], ...] = (
    ("cycles", "Cycles in which a program was in flight: doorbell to interrupt."),
    ("compute", "Cycles in which a row of activations entered the array."),
    ("weights", "Array waits for weights: not loaded yet, or a semaphore that guards them."),
    ("operands", "Array waits for activations: a semaphore, or a lost cycle of its region."),
    ("accumulator", "Array waits for accumulator rows: a semaphore, or a row still in use."),
    ("fill", "No row enters, rows are still inside the array."),
    ("idle", "None of these: the array has nothing to do."),
    *(
        (f"{engine.name.lower()}_{what}", doc.format(engine.name))
        for engine in QUEUED_ENGINES
        for what, doc in (
            ("busy", "Cycles in which {} had a command in progress."),
            ("stall", "Cycles in which the next command of {} waited for a semaphore."),
        )
    ),
    ("read_beats", "Data beats read on the memory port."),
    ("read_stall", "Cycles in which a read request or read data waited for its partner."),
    ("write_beats", "Data beats written on the memory port."),
    ("write_stall", "Cycles in which a write request or write data waited for memory."),
    ("act_lost", "Requests to the activation SRAM that lost a cycle to another engine."),
    ("commands", "Commands handed to engines."),
)

COUNTER_BASE = 0x100

REGISTERS: tuple[Register, ...] = (
    Register("ID", 0x00, Access.RO, "Reads 0x54464557, ASCII WEFT."),
    Register("VERSION", 0x04, Access.RO, "Version of commands and registers."),
    Register("HASH_LO", 0x08, Access.RO, "Hash of the configuration, low word."),
    Register("HASH_HI", 0x0C, Access.RO, "Hash of the configuration, high word."),
    Register(
        "STATUS",
        0x10,
        Access.RO,
        "What the chip does now.",
        (
            Bits("busy", 0, 1, "A program is in flight."),
            Bits("halted", 1, 1, "An error stopped the chip; CTRL.clear makes it ready."),
            Bits("queued", 2, 2, "Programs that wait behind the doorbell."),
        ),
    ),
    Register(
        "CTRL",
        0x14,
        Access.WO,
        "Commands to the chip.",
        (
            Bits(
                "clear",
                0,
                1,
                "Zero queues, semaphores and the error; memory, counters and interrupts are left "
                "alone. Answered with SLVERR, and ignored, unless the chip is halted or nothing "
                "moves: no program in flight, no engine busy, no burst open.",
            ),
            Bits("stop", 1, 1, "Halt a running program as an error of cause STOPPED does."),
        ),
    ),
    Register(
        "IRQ_STATUS",
        0x18,
        Access.W1C,
        "Pending interrupts; the interrupt line is the OR of those enabled.",
        (
            Bits("done", 0, 1, "A program has retired."),
            Bits("error", 1, 1, "The chip has halted."),
            Bits("message", 2, 1, "A SIGNAL command asked for it."),
        ),
    ),
    Register(
        "IRQ_ENABLE",
        0x1C,
        Access.RW,
        "Which interrupts drive the interrupt line; 7 after reset.",
        (
            Bits("done", 0, 1, "As in IRQ_STATUS."),
            Bits("error", 1, 1, "As in IRQ_STATUS."),
            Bits("message", 2, 1, "As in IRQ_STATUS."),
        ),
    ),
    Register(
        "ERROR",
        0x20,
        Access.RO,
        "The first error since reset or CTRL.clear.",
        (
            Bits("cause", 0, 4, "Why: see the table of causes."),
            Bits("engine", 4, 4, "Which engine, numbered as the counters are."),
            Bits("command", 16, 16, "Index of the command in its program."),
        ),
    ),
    Register("PROGRAM", 0x24, Access.RW, "Memory address of the next program, 64-byte aligned."),
    Register(
        "DOORBELL",
        0x28,
        Access.WO,
        f"Writing a count of commands (1 to {MAX_COMMANDS:,}) starts the program at PROGRAM, or "
        "queues it; answered with SLVERR, and ignored, when two programs wait, the chip is halting "
        "or halted, or the count is out of range.",
    ),
    Register("RETIRED", 0x2C, Access.RO, "Programs retired since reset, modulo 2^32."),
    *(
        Register(name.upper(), COUNTER_BASE + 4 * i, Access.RO, doc, counter=True)
        for i, (name, doc) in enumerate(COUNTERS)
    ),
)
"""The register table."""

KERNEL_COUNTERS: tuple[tuple[str, str], ...] = (
    ("issued", "Retired warp-instructions."),
    ("active_lanes", "Lanes that took part in them, summed."),
    ("diverged", "Of them, those in which some live thread of the warp took no part."),
    ("turns", "Times that the starvation timer let a waiting group run."),
    ("shared_accesses", "Warp-instructions with a lane in shared memory."),
    ("bank_conflicts", "Passes of these beyond the first of each."),
    ("memory_accesses", "Warp-instructions with a lane in main or private memory."),
    ("memory_split", "Of these, those that needed several bursts."),
    ("memory_bursts", "Bursts of these, both directions."),
    ("memory_beats", "Data beats of these, both directions."),
)
"""Counters of kernels that do not depend on time: the golden chip has them, too."""

KERNEL_STALLS: tuple[tuple[str, str], ...] = (
    (
        "replayed",
        "An instruction came to the end of the pipeline and is to come again: its threads wait for "
        "others at a collective, or the starvation timer gave a turn to others.",
    ),
    ("wait_memory", "A warp waits for main or private memory."),
    ("wait_shared", "A warp waits for shared memory."),
    ("wait_units", "A warp waits for division, floating point, tables or the command port."),
    ("wait_code", "A warp waits for the instruction cache."),
    ("wait_barrier", "A warp waits at a barrier."),
    ("pipeline", "All warps that live are in the pipeline: too few to fill it."),
    ("empty", "No warp lives: the kernel is being checked, begins, or has ended."),
)
"""Cycles of kernels in which no instruction retired: each counts for the first that holds.

With ``issued`` they add up to SIMT_BUSY: every cycle of a kernel is in one bin.
"""

KERNEL_TIMED = (
    *KERNEL_STALLS,
    ("code_misses", "Fills of the instruction cache, of up to four lines."),
)
"""Counters of kernels that depend on time: the golden chip has none of them."""

KERNEL_COUNTER_BASE = 0x180

CORE_REGISTERS: tuple[Register, ...] = (
    Register(
        "TRAP",
        0x30,
        Access.RO,
        "Which thread of which kernel trapped, and why, while ERROR.cause is TRAP; else 0.",
        (
            Bits("cause", 0, 4, "Why: see the table of traps."),
            Bits("lane", 8, 3, "Lane of the thread."),
            Bits("warp", 16, 4, "Hardware warp of the thread."),
        ),
    ),
    Register("TRAP_PC", 0x34, Access.RO, "Kernel's address of the instruction that trapped."),
    Register(
        "TRAP_BLOCK",
        0x38,
        Access.RO,
        "Block of the thread that trapped.",
        (
            Bits("x", 0, 16, "Its index in the grid, x."),
            Bits("y", 16, 16, "Its index in the grid, y."),
        ),
    ),
    Register("TRAP_BLOCK_Z", 0x3C, Access.RO, "Index of that block in the grid, z."),
    *(
        Register(
            f"KERNEL_{name.upper()}", KERNEL_COUNTER_BASE + 4 * i, Access.RO, doc, counter=True
        )
        for i, (name, doc) in enumerate((*KERNEL_COUNTERS, *KERNEL_TIMED))
    ),
)
"""Registers of chips with a SIMT core only."""


def registers_of(config: Config) -> tuple[Register, ...]:
    """The registers that a chip has."""
    return (*REGISTERS, *(CORE_REGISTERS if config.lanes else ()))


BY_NAME = {register.name: register for register in (*REGISTERS, *CORE_REGISTERS)}
