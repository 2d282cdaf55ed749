"""docs/isa.md, docs/registers.md and all other pages made from the tables in `weft.arch`."""

from pathlib import Path

from weft.arch.commands import COMMAND_BYTES, COMMANDS, Command, Engine, Field
from weft.arch.errors import MESSAGES, Cause
from weft.arch.registers import (
    ADDRESS_BITS,
    BINS,
    CORE_REGISTERS,
    COUNTERS,
    INTERFACE_VERSION,
    REGISTERS,
)
from weft.config import SEMAPHORE_MAX, SEMAPHORES, SRAM_ADDRESS_BITS
from weft_driver.kernel_header import c_header

from .boards_page import boards_page
from .compare.page import compare_docs
from .files import write_atomically
from .fit_page import fit_page
from .markdown import MADE_BY, table
from .simt_page import simt_page


def _span(lsb: int, bits: int) -> str:
    return f"{lsb}" if bits == 1 else f"{lsb + bits - 1}:{lsb}"


def _range(field: Field) -> str:
    low = field.low if field.least is None else field.least
    if field.bits == 32:
        return f"{'int' if field.signed else 'uint'}32"
    return f"{low:,} to {field.high:,}"


def _anchor(text: str) -> str:
    return text.lower().replace(" ", "-")


def _picture(command: Command) -> str:
    """Words of a command that hold a field, as a table of 32 bits: highest field first."""
    words: dict[int, list[Field]] = {}
    for field in command.fields:
        words.setdefault(field.word, []).append(field)
    lines = []
    for word, fields in sorted(words.items()):
        parts = [
            f"{field.name} [{_span(field.lsb, field.bits)}]"
            for field in sorted(fields, key=lambda f: -f.lsb)
        ]
        lines.append(f"word {word:2}  | " + " | ".join(parts) + " |")
    return "\n".join(lines)


def isa_page() -> str:
    """The text of docs/isa.md."""
    parts = [
        MADE_BY.format("hw/weft/arch/commands.py and errors.py"),
        "# Commands",
        f"A program is an array of commands in memory. A command is {COMMAND_BYTES} bytes, "
        f"{COMMAND_BYTES // 4} little-endian words of 32 bits, and stands at an address that is a "
        f"multiple of {COMMAND_BYTES}. Bits that belong to no field must be zero. The host writes "
        "the program's address to PROGRAM and its number of commands to DOORBELL "
        "([registers](registers.md)).",
        f"There are {SEMAPHORES} semaphores that count from 0 to {SEMAPHORE_MAX}. A command takes "
        "each semaphore in `wait` once before it starts, and posts each in `post` once when its "
        "effect is visible. Each semaphore has one engine that posts it and one that waits for "
        "it. Within one engine commands are in order; between engines only semaphores order. A "
        "program must be executable one command at a time: it waits only for posts of earlier "
        "commands.",
        f"Addresses of SRAMs and strides within them are {SRAM_ADDRESS_BITS} bits wide; their "
        f"arithmetic wraps modulo 2^{SRAM_ADDRESS_BITS}. Names of sizes (R, C and the rest) are "
        "those of `weft.config.Config`.",
        table(
            ("command", "opcode", "engine"),
            [
                (f"[{c.name}](#{_anchor(c.name)})", f"`{c.opcode:#04x}`", c.engine.name)
                for c in COMMANDS
            ],
        ),
    ]
    for command in COMMANDS:
        parts += [
            f"## {command.name}",
            f"Opcode `{command.opcode:#04x}`, runs in the {command.engine.name} engine.",
            command.doc,
            "```\n" + _picture(command) + "\n```",
            table(
                ("field", "word", "bits", "values", "meaning"),
                [
                    (f"`{f.name}`", str(f.word), _span(f.lsb, f.bits), _range(f), f.doc)
                    for f in command.fields
                ],
            ),
        ]
    parts += [
        "## Errors",
        "The first error stops the chip: no engine starts another command, bursts already issued "
        "are completed (writes without effect), then STATUS.halted is set and the error interrupt "
        "rises. [ERROR](registers.md#error) holds the cause, the engine and the index of the "
        "command in its program. CTRL.clear makes the chip ready again.",
        table(
            ("cause", "name", "meaning"),
            [(str(int(cause)), f"`{cause.name}`", MESSAGES[cause]) for cause in Cause],
        ),
        table(("engine", "name"), [(str(int(engine)), f"`{engine.name}`") for engine in Engine]),
    ]
    return "\n\n".join(parts) + "\n"


def registers_page() -> str:
    """The text of docs/registers.md."""
    every = (*REGISTERS, *CORE_REGISTERS)
    plain = [register for register in every if not register.counter]
    counters = [register for register in every if register.counter]
    parts = [
        MADE_BY.format("hw/weft/arch/registers.py"),
        "# Registers",
        f"The host port is AXI4-Lite with {ADDRESS_BITS} address bits; every register is 32 bits "
        f"wide. VERSION reads {INTERFACE_VERSION}. TRAP and what begins with TRAP_ or KERNEL_ is "
        "there on chips with a [SIMT core](isa_simt.md) only.",
        table(
            ("offset", "register", "access", "meaning"),
            [
                (
                    f"`{r.offset:#05x}`",
                    f"[{r.name}](#{_anchor(r.name)})" if r.bits else r.name,
                    r.access.value,
                    r.doc,
                )
                for r in plain
            ],
        ),
    ]
    for register in plain:
        if register.bits:
            parts += [
                f"## {register.name}",
                f"`{register.offset:#05x}`, {register.access.value}. {register.doc}",
                table(
                    ("bits", "name", "meaning"),
                    [(_span(b.lsb, b.bits), f"`{b.name}`", b.doc) for b in register.bits],
                ),
            ]
    docs = dict(COUNTERS)
    parts += [
        "## Counters",
        "Counters are 32 bits wide and count cycles, beats or events while a program is in flight, "
        "from doorbell to interrupt.",
        table(
            ("offset", "counter", "counts"),
            [(f"`{r.offset:#05x}`", r.name, r.doc) for r in counters],
        ),
        "## Cycle bins",
        "Every cycle from doorbell to interrupt falls into exactly one bin, the first of these "
        "that holds; the bins sum to CYCLES.",
        table(
            ("order", "bin", "holds when"),
            [(str(i + 1), f"`{name}`", docs[name]) for i, name in enumerate(BINS)],
        ),
    ]
    return "\n\n".join(parts) + "\n"


PAGES = {
    "boards.md": boards_page,
    "compare.md": compare_docs,
    "fit.md": fit_page,
    "isa.md": isa_page,
    "isa_simt.md": simt_page,
    "registers.md": registers_page,
}
"""Pages made from tables, and from recorded runs, by file name in docs/."""


def write_header(path: Path) -> None:
    """Write weft.h, which kernels in C include."""
    write_atomically(path, c_header())


def write_pages(folder: Path) -> list[Path]:
    """Write every page of `PAGES` into ``folder`` and return their paths."""
    paths = []
    for name, make in PAGES.items():
        write_atomically(folder / name, make())
        paths.append(folder / name)
    return paths
