"""docs/isa_simt.md, made from the instruction table, the tables of `weft.arch.simt` and the rules
that stand with the simulator."""

import inspect
from itertools import pairwise
from types import ModuleType

from weft.arch.isa import (
    FIELDS,
    INSTRUCTIONS,
    ISA_VERSION,
    REGISTER_NAMES,
    Extension,
    Instruction,
    Unit,
)
from weft.arch.simt import (
    CONTROL_REGISTERS,
    LINE_BYTES,
    PORT_DOCS,
    STARVATION,
    TRAP_MESSAGES,
    WINDOWS,
    PortWord,
    Trap,
)
from weft.golden.simt import coalesce, warp

from .markdown import MADE_BY, table

TITLES = {
    Extension.I: "Integers (I)",
    Extension.M: "Multiplication and division (M)",
    Extension.ZICSR: "Control registers (Zicsr, reading only)",
    Extension.ZFINX: "Floating point in integer registers (Zfinx)",
    Extension.WEFT: "Weft's own (custom-0)",
}


def _pattern(row: Instruction) -> str:
    """The word's 32 bits: fixed ones as digits, operands as dots, cut where fields begin."""
    bits = [
        str(row.match >> bit & 1) if row.mask >> bit & 1 else "." for bit in reversed(range(32))
    ]
    cuts = (0, 7, 12, 17, 20, 25, 32)  # funct7 rs2 rs1 funct3 rd opcode
    return " ".join("".join(bits[a:b]) for a, b in pairwise(cuts))


def _syntax(row: Instruction) -> str:
    names = {name: FIELDS[name].name.partition("_")[0] for name in row.operands}
    names |= {"rm": ", rm", "lane_mask": "mask"}
    return f"{row.name} {row.format.syntax.format(**names)}".rstrip()


def _instructions(extension: Extension) -> str:
    return table(
        ("instruction", "funct7 rs2 rs1 funct3 rd opcode", "does"),
        [
            (
                f"`{_syntax(row)}`",
                f"`{_pattern(row)}`",
                f"Traps: {row.doc}." if row.unit is Unit.TRAP else row.doc,
            )
            for row in INSTRUCTIONS
            if row.extension is extension
        ],
    )


def _rules(module: ModuleType) -> str:
    """A module's description without its first sentence."""
    return inspect.cleandoc(module.__doc__ or "").partition("\n\n")[2]


def simt_page() -> str:
    """The text of docs/isa_simt.md."""
    names = [f"x{number} {name}" for number, name in enumerate(REGISTER_NAMES)]
    parts = [
        MADE_BY.format("hw/weft/arch/isa_table.py, simt.py and the rules in hw/weft/golden/simt"),
        "# Instructions of the SIMT core",
        "Threads run RISC-V: RV32I and M, Zfinx without three-operand multiply-add where the core "
        "has floating point, and a few instructions of Weft's own, "
        f"version {ISA_VERSION}. Every thread has a program counter of its own, so that any "
        "compiler's code is correct. What is not in a table below is an illegal instruction. "
        "There are no exception flags and no rounding mode register: `dyn` is nearest even.",
    ]
    for extension in Extension:
        parts += [f"## {TITLES[extension]}", _instructions(extension)]
    parts += [
        "## Addresses",
        table(
            ("window", "from", "to", "holds"),
            [
                (w.name, f"`{w.base:#010x}`", f"`{w.base + w.size - 1:#010x}`", w.doc)
                for w in WINDOWS
            ],
        ),
        "All other addresses trap, and so do accesses that are not aligned to their size.",
        table(
            ("offset in the command port", "word", "does"),
            [(f"`{int(word):#05x}`", word.name, PORT_DOCS[word]) for word in PortWord],
        ),
        "## Control registers",
        table(
            ("number", "name", "holds"),
            [(f"`{r.number:#05x}`", f"`{r.name}`", r.doc) for r in CONTROL_REGISTERS],
        ),
        "All threads start at LAUNCH.entry. Control registers are all that they begin with: "
        "others keep what the last thread on the same hardware warp and lane left there, and are "
        "0 after power-up. The code before a compiled kernel puts `stack` into sp and arguments "
        "into a0 to a7. "
        f"Names of registers: {', '.join(names)}.",
        "## Blocks and warps",
        "A block occupies ceil(threads / lanes) consecutive hardware warps, its threads in order "
        "of their linear index, lane by lane; lanes beyond its threads stay idle. As many blocks "
        "run at once as fit. A launch whose blocks do not fit is refused.",
        "## Who runs next",
        _rules(warp),
        f"The starvation timer is {STARVATION:,} unless the configuration says otherwise.",
        "## Passes of an access",
        f"Lines are {LINE_BYTES} bytes. {_rules(coalesce)}",
        "## Traps",
        "A trap stops the kernel and names thread, program counter and cause; of several threads "
        "of a warp the one on the lowest lane.",
        table(
            ("cause", "name", "meaning"),
            [(str(int(t)), f"`{t.name}`", TRAP_MESSAGES[t]) for t in Trap if t],
        ),
    ]
    return "\n\n".join(parts) + "\n"
