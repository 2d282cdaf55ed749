"""weft.h: what a kernel in C can ask of the core, made from the tables in `weft.arch`."""

from dataclasses import dataclass

from weft.arch.isa import FIELDS, INSTRUCTIONS, ISA_VERSION, Extension, Instruction, Unit
from weft.arch.simt import CONTROL_REGISTERS, LINE_BYTES, WINDOWS, PortWord

HEADER = "weft.h"


@dataclass(frozen=True)
class _Prototype:
    """How C sees an instruction.

    Parameters
    ----------
    result
        Type of rd; None where there is none.
    operands
        Type and name of each operand, in the order of rs1, rs2.
    ordered, memory
        Whether threads meet there, so that the compiler keeps its order, and whether it touches
        memory or makes others' stores visible.
    """

    result: str | None
    operands: tuple[str, ...]
    ordered: bool = False
    memory: bool = False


_PROTOTYPES = {
    "exit": _Prototype(None, (), True, True),
    "bar": _Prototype(None, (), True, True),
    "vote.any": _Prototype("int", ("int condition",), True),
    "vote.all": _Prototype("int", ("int condition",), True),
    "ballot": _Prototype("unsigned", ("int condition",), True),
    "shfl.xor": _Prototype("int", ("int value", "lane_mask"), True),
    "amoadd": _Prototype("int", ("volatile int *shared", "int value"), True, True),
    "amomin": _Prototype("int", ("volatile int *shared", "int value"), True, True),
    "amomax": _Prototype("int", ("volatile int *shared", "int value"), True, True),
    "dot4": _Prototype("int", ("int a", "int b")),
    "clip8": _Prototype("int", ("int value",)),
    "exp2": _Prototype("float", ("float value",)),
    "rcp": _Prototype("float", ("float value",)),
    "rsqrt": _Prototype("float", ("float value",)),
}

_START = """\
/* {header}: intrinsics of the SIMT core. Made by `weft docs` from hw/weft/arch/isa_table.py and
   simt.py. Do not edit.

   A function marked WEFT_KERNEL can be launched; its parameters are pointers and scalars of at most
   32 bits, at most 8. Every thread of the grid runs it. */
#ifndef WEFT_H
#define WEFT_H

#include <stddef.h>
#include <stdint.h>

#define WEFT_ISA_VERSION {version}
#define WEFT_KERNEL __attribute__((used, noinline, section(".weft.kernels")))
#define WEFT_INLINE static inline __attribute__((always_inline, unused))

"""

_EXTRAS = """\
/* The block's shared memory, LAUNCH.shared bytes. */
WEFT_INLINE void *weft_shared(void)
{
    return (void *)weft_block_shared();
}

/* Byte `offset` of the whole shared window: the activation SRAM without holes. */
WEFT_INLINE void *weft_shared_at(unsigned offset)
{
    return (void *)(WEFT_SHARED_BASE + offset);
}

/* Wait until all stores of the warp are visible and all loads have answered. */
WEFT_INLINE void weft_fence(void)
{
    __asm__ volatile("fence" ::: "memory");
}

/* A lane's float, as weft_shfl_xor. */
#define weft_shfl_xor_f(value, lane_mask) \\
    __builtin_bit_cast(float, weft_shfl_xor(__builtin_bit_cast(int, (float)(value)), lane_mask))

/* Linear index of the thread in the grid of one dimension, and the number of its threads. */
WEFT_INLINE unsigned weft_global_x(void)
{
    return weft_block_x() * weft_block_dim_x() + weft_thread_x();
}

WEFT_INLINE unsigned weft_global_dim_x(void)
{
    return weft_grid_dim_x() * weft_block_dim_x();
}

/* Hand the chip a command of 16 words, any but SIGNAL and LAUNCH; one thread of the core at a time.
   What the thread has stored before comes before it. It waits behind what its engine has already:
   that must not wait for the kernel. */
WEFT_INLINE void weft_push(const unsigned *command)
{
    volatile unsigned *port = (volatile unsigned *)(WEFT_COMMAND_BASE + WEFT_COMMAND_WORDS);
    for (int word = 0; word < 16; word++)
        port[word] = command[word];
    *(volatile unsigned *)(WEFT_COMMAND_BASE + WEFT_COMMAND_PUSH) = 0;
}

/* Take semaphore `index` once if it is above zero: whether that was so. No command takes it. */
WEFT_INLINE int weft_take(unsigned index)
{
    return *(volatile int *)(WEFT_COMMAND_BASE + WEFT_COMMAND_TAKE + 4 * index);
}

/* Wait for semaphore `index`, and take it. */
WEFT_INLINE void weft_wait(unsigned index)
{
    while (!weft_take(index))
        ;
}

#endif
"""


def _comment(text: str) -> str:
    lines, line = [], "/*"
    for word in text.split():
        if len(line) + len(word) + 4 > 100:
            lines.append(line)
            line = "  "
        line += " " + word
    return "\n".join([*lines, line + " */"])


def _function(name: str, doc: str, result: str | None, parameters: str, body: list[str]) -> str:
    head = f"WEFT_INLINE {result or 'void'} {name}({parameters or 'void'})"
    return "\n".join([_comment(doc), head, "{", *(f"    {line}" for line in body), "}\n"])


def _asm(row: Instruction, prototype: _Prototype, names: list[str]) -> str:
    """The statement that runs an instruction on C variables; its result goes to ``result_``."""
    fixed = dict(row.fixed)
    outputs = ['"=r"(result_)'] if prototype.result else []
    inputs, sources = [], []
    for number, name in enumerate(names, len(outputs)):
        constant = name == "lane_mask"  # stands where rs2 would
        inputs.append(f'"{"i" if constant else "r"}"({name})')
        sources.append(f"x%{number}" if constant else f"%{number}")
    registers = ["%0" if outputs else "x0", *sources, "x0", "x0"][:3]
    numbers = [hex(fixed["opcode"]), str(fixed["funct3"]), str(fixed["funct7"])]
    sections = [
        f'".insn r {", ".join(numbers + registers)}"',
        ", ".join(outputs),
        ", ".join(inputs),
        *(['"memory"'] if prototype.memory else []),
    ]
    return f"__asm__{' volatile' if prototype.ordered else ''}({' : '.join(sections)});"


def _intrinsic(row: Instruction) -> str:
    prototype = _PROTOTYPES[row.name]
    function = "weft_" + row.name.replace(".", "_")
    names = [operand.split()[-1].lstrip("*") for operand in prototype.operands]
    asm = _asm(row, prototype, names)
    declared = [f"{prototype.result} result_;"] if prototype.result else []
    if "lane_mask" in names:  # a constant, so a macro
        doc = f"{row.doc} The mask is a constant, 0 to {FIELDS['lane_mask'].high}."
        lines = [f"#define {function}({', '.join(names)})", "    __extension__({"]
        lines += [f"        {line}" for line in (*declared, asm, "result_;")]
        return "\n".join([_comment(doc), " \\\n".join([*lines, "    })"]), ""])
    after = "return result_;" if prototype.result else "__builtin_unreachable();"
    body = [*declared, asm, *([after] if prototype.result or row.unit is Unit.EXIT else [])]
    return _function(function, row.doc, prototype.result, ", ".join(prototype.operands), body)


def c_header() -> str:
    """The text of weft.h."""
    addresses = [
        f"{_comment(window.doc)}\n"
        f"#define WEFT_{window.name.split()[0].upper()}_BASE {window.base:#010x}u"
        for window in WINDOWS
    ]
    addresses += [f"#define WEFT_COMMAND_{word.name} {int(word):#x}u" for word in PortWord]
    addresses.append(f"#define WEFT_LINE_BYTES {LINE_BYTES}\n")
    parts = [_START.format(header=HEADER, version=ISA_VERSION), "\n".join(addresses)]
    for register in CONTROL_REGISTERS:
        read = f'__asm__("csrr %0, {register.number:#x}" : "=r"(result_));'
        body = ["unsigned result_;", read, "return result_;"]
        parts.append(_function(f"weft_{register.name}", register.doc, "unsigned", "", body))
    parts += [_intrinsic(row) for row in INSTRUCTIONS if row.extension is Extension.WEFT]
    parts.append(_EXTRAS)
    return "\n".join(parts)
