"""Kernels as code that nobody calls: where a thread begins, and that it ends instead of returning.

To the compiler a kernel is a function, which gives its caller's registers back. Here its caller is
a few instructions that want none of them, and each register that is saved on the stack of each
thread costs an access to main memory at both ends. So every `ret` of a kernel becomes `exit` before
the compiler chooses registers; and the stores that are left at its beginning, of registers that
hold nothing, are jumped over.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from weft.arch.isa import REGISTER_NAMES, decode, encode
from weft.arch.simt import CSR_BY_NAME

KERNEL_SECTION, ENTRY_SECTION = ".weft.kernels", ".weft.entry"
ENTRY_PREFIX = "weft_entry."

_SP, _A0 = REGISTER_NAMES.index("sp"), REGISTER_NAMES.index("a0")
_SAVED = frozenset(REGISTER_NAMES.index(name) for name in ("ra", *(f"s{n}" for n in range(12))))
"""Registers that a function gives back to its caller, and its return address."""

_SECTION = f'section "{re.escape(KERNEL_SECTION)}"'
_KERNEL = re.compile(rf"^define [^\n]*@(\w+)\([^\n]* {_SECTION}.*?^}}$", re.M | re.S)
_RETURN = re.compile(r"^  ret void(.*)$", re.M)


def ends_threads(ir: str) -> str:
    """LLVM's assembly of a file in which kernels end the thread where they returned."""
    word = f"{encode('exit'):#010x}"
    end = f'  call void asm sideeffect ".word {word}", "~{{memory}}"() convergent nounwind'
    return _KERNEL.sub(lambda k: _RETURN.sub(rf"{end}\1\n  unreachable", k[0]), ir)


def called(ir: str) -> list[str]:
    """Kernels that other functions call, in the same assembly."""
    return [
        kernel[1]
        for kernel in _KERNEL.finditer(ir)
        if re.search(rf"^ [^\n]*\bcall [^\n]*@{kernel[1]}\(", ir, re.M)
    ]


def returns(words: Sequence[int]) -> bool:
    """Whether a function's instructions have a `ret` among them."""
    return encode("jalr", rd=0, rs1=REGISTER_NAMES.index("ra"), imm_i=0) in words


@dataclass(frozen=True)
class Prologue:
    """What a function begins with.

    Parameters
    ----------
    frame
        Bytes that it takes from the stack.
    size
        Bytes of the instructions that do so and then save its caller's registers; 0 if there are
        none that begin this way.
    """

    frame: int
    size: int

    @classmethod
    def of(cls, words: Sequence[int]) -> "Prologue":
        """Read it from a function's instructions."""
        first = decode(words[0]) if words else None
        if first is None or first.instruction.name != "addi":
            return cls(0, 0)
        values = first.values
        if values["rd"] != _SP or values["rs1"] != _SP or values["imm_i"] >= 0:
            return cls(0, 0)
        size = 4
        for word in words[1:]:
            store = decode(word)
            if store is None or store.instruction.name != "sw":
                break
            if store.values["rs1"] != _SP or store.values["rs2"] not in _SAVED:
                break
            size += 4
        return cls(-values["imm_i"], size)


def entry(name: str, words: int, prologue: Prologue) -> str:
    """Assembly where a thread begins: stack and arguments, then the kernel behind its saves."""
    stack, first = CSR_BY_NAME["stack"].number, CSR_BY_NAME["argument_0"].number
    lines = [
        f'.section {ENTRY_SECTION}, "ax"',
        ".p2align 2",
        f".globl {ENTRY_PREFIX}{name}",
        f"{ENTRY_PREFIX}{name}:",
        f"csrr sp, {stack:#x}",
        *(f"csrr x{_A0 + word}, {first + word:#x}" for word in range(words)),
        *([f"addi sp, sp, {-prologue.frame}"] if prologue.frame else []),
        f"j {name} + {prologue.size}",
    ]
    return "\n".join(lines) + "\n"
