"""weft_host.h: registers, commands and errors of a chip for software in C, from `weft.arch`."""

from textwrap import wrap

from .arch.commands import COMMAND_BYTES, COMMANDS, Field
from .arch.errors import MESSAGES, Cause
from .arch.memory import BURST_BOUNDARY, MAX_BURST_BEATS
from .arch.registers import ID_VALUE, INTERFACE_VERSION, MAX_COMMANDS, Register, registers_of
from .config import SEMAPHORES, Config

HEADER = "weft_host.h"
"""Name of the file."""

_START = """\
/* {header}: what a host in C needs to know of one Weft chip. Made by `weft emit`; do not edit.

   A program is an array of commands of WEFT_COMMAND_BYTES bytes in memory, at a multiple of that.
   Words are little-endian. Set fields in zeroed memory:

       uint32_t program[2][WEFT_COMMAND_WORDS] = {{{{0}}}};
       weft_command(program[0], WEFT_OP_LOAD);
       WEFT_SET(program[0], LOAD_LEN, 16);
       ...
       weft_command(program[1], WEFT_OP_SIGNAL);
       WEFT_SET(program[1], SIGNAL_END, 1);

   then write its address to WEFT_REG_PROGRAM and its number of commands to WEFT_REG_DOORBELL. */
#ifndef WEFT_HOST_H
#define WEFT_HOST_H

#include <stdint.h>
"""

_END = """\
/* Sets a field of a command, for example WEFT_SET(command, LOAD_LEN, 16). */
#define WEFT_SET(command, field, value) \\
    weft_set_((command), WEFT_##field##_WORD, WEFT_##field##_LSB, WEFT_##field##_BITS, (value))

static inline void weft_set_(uint32_t *command, unsigned word, unsigned lsb, unsigned bits,
                             uint32_t value)
{
    const uint32_t mask = (bits == 32 ? ~(uint32_t)0 : ((uint32_t)1 << bits) - 1) << lsb;
    command[word] = (command[word] & ~mask) | (value << lsb & mask);
}

/* Makes an empty command: all fields zero but its opcode. */
static inline void weft_command(uint32_t *command, uint32_t opcode)
{
    for (unsigned word = 0; word < WEFT_COMMAND_WORDS; word++)
        command[word] = 0;
    weft_set_(command, WEFT_COMMAND_OPCODE_WORD, WEFT_COMMAND_OPCODE_LSB,
              WEFT_COMMAND_OPCODE_BITS, opcode);
}

#endif
"""


def _comment(text: str) -> str:
    return "/* " + "\n   ".join(wrap(text, 94)) + " */"


def _define(name: str, value: int, *, hexadecimal: bool = False) -> str:
    return f"#define WEFT_{name} {value:#x}u" if hexadecimal else f"#define WEFT_{name} {value}u"


def _identity(config: Config) -> list[str]:
    """What tells this chip from others, and limits of its memory port."""
    return [
        _comment("Identity: what the registers ID, VERSION, HASH_LO and HASH_HI read."),
        _define("ID", ID_VALUE, hexadecimal=True),
        _define("VERSION", INTERFACE_VERSION),
        _define("HASH_LO", config.hash & 0xFFFF_FFFF, hexadecimal=True),
        _define("HASH_HI", config.hash >> 32, hexadecimal=True),
        "",
        _comment(
            "Sizes: rows and columns of the array, bytes of the memory port, its longest burst in "
            "beats, and the boundary that no burst crosses."
        ),
        _define("ROWS", config.rows),
        _define("COLS", config.cols),
        _define("BUS_BYTES", config.bus_bytes),
        _define("MAX_BURST_BEATS", MAX_BURST_BEATS),
        _define("BURST_BOUNDARY", BURST_BOUNDARY),
        "",
    ]


def _register(register: Register) -> list[str]:
    lines = [
        _comment(f"{register.name}, {register.access.value}: {register.doc}"),
        _define(f"REG_{register.name}", register.offset, hexadecimal=True),
    ]
    for bits in register.bits:
        mask = (1 << bits.bits) - 1 << bits.lsb
        name = f"{register.name}_{bits.name.upper()}"
        lines += [
            _comment(bits.doc),
            _define(f"{name}_MASK", mask, hexadecimal=True),
            _define(f"{name}_LSB", bits.lsb),
        ]
    return [*lines, ""]


def _commands() -> list[str]:
    lines = [
        _comment("Commands."),
        _define("COMMAND_BYTES", COMMAND_BYTES),
        _define("COMMAND_WORDS", COMMAND_BYTES // 4),
        _define("MAX_COMMANDS", MAX_COMMANDS),
        _define("SEMAPHORES", SEMAPHORES),
        *_place("COMMAND_OPCODE", COMMANDS[0].by_name["opcode"]),
        "",
    ]
    for command in COMMANDS:
        lines += [
            _comment(f"{command.name}: {command.doc}"),
            _define(f"OP_{command.name}", command.opcode, hexadecimal=True),
        ]
        for field in command.fields:
            if field.name != "opcode":
                lines += _place(f"{command.name}_{field.name.upper()}", field)
        lines.append("")
    return lines


def _place(name: str, field: Field) -> list[str]:
    """Where a field of a command is."""
    return [
        _comment(field.doc),
        _define(f"{name}_WORD", field.word),
        _define(f"{name}_LSB", field.lsb),
        _define(f"{name}_BITS", field.bits),
    ]


def host_header(config: Config) -> str:
    """The text of the header of a chip."""
    lines = [_START.format(header=HEADER), *_identity(config)]
    for register in registers_of(config):
        lines += _register(register)
    lines += _commands()
    lines.append(_comment("Causes in the register ERROR."))
    for cause in Cause:
        lines += [_comment(MESSAGES[cause]), _define(f"CAUSE_{cause.name}", int(cause))]
    return "\n".join([*lines, "", _END])
