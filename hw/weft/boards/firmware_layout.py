"""``layout.h`` of the small chip's firmware: tables of `weft.arch`, a chip's sizes, addresses."""

from collections.abc import Iterator
from enum import IntEnum

from weft.arch.commands import (
    COMMAND_BYTES,
    COMMAND_WORDS,
    COMMANDS,
    COMMON_FIELDS,
    LAUNCH,
    Command,
    Engine,
    Field,
)
from weft.arch.errors import Cause
from weft.arch.layouts import PARAM_BYTES
from weft.arch.registers import (
    ADDRESS_BITS,
    BY_NAME,
    COUNTER_BASE,
    COUNTERS,
    ID_VALUE,
    INTERFACE_VERSION,
    MAX_COMMANDS,
    REGISTERS,
)
from weft.config import PROGRAM_QUEUE, SEMAPHORE_MAX, SEMAPHORES, SRAM_ADDRESS_BITS, Config
from weft.gateware.small.map import ROW_FIRST, WAITS_BIT, WRITES_BIT, Input, Output, Window

_DONE = tuple(command for command in COMMANDS if command is not LAUNCH)
"""Commands of a chip without a SIMT core, their opcodes one after the other."""

assert [c.opcode for c in _DONE] == list(range(_DONE[0].opcode, _DONE[0].opcode + len(_DONE)))


def layout(config: Config, memory_bytes: int) -> str:
    """The header for one chip and its main memory."""
    return "".join(f"{line}\n" for line in _lines(config, memory_bytes))


def _define(name: str, value: int) -> str:
    return f"#define {name} {value:#x}u" if value > 9 else f"#define {name} {value}"


def _names(prefix: str, table: type[IntEnum]) -> Iterator[str]:
    for member in table:
        yield _define(f"{prefix}{member.name}", int(member))


def _lines(config: Config, memory_bytes: int) -> Iterator[str]:
    yield "/* Made by weft.boards.firmware_layout. */"
    sizes = {
        "ROWS": config.rows,
        "COLS": config.cols,
        "ACT_REGIONS": config.act_regions,
        "ACT_REGION_BYTES": config.act_region_bytes,
        "ACT_REGION_SPAN": config.act_region_span,
        "WGT_ROWS": config.wgt_rows,
        "ACC_ROWS": config.acc_total_rows,
        "PARAM_BLOCKS": config.param_blocks,
        "PARAM_BYTES": PARAM_BYTES,
        "MEMORY_BYTES": memory_bytes,
        "HASH_LO": config.hash & 0xFFFFFFFF,
        "HASH_HI": config.hash >> 32,
        "SRAM_ADDRESS_BITS": SRAM_ADDRESS_BITS,
        "SEMAPHORES": SEMAPHORES,
        "SEMAPHORE_MAX": SEMAPHORE_MAX,
        "PROGRAM_QUEUE": PROGRAM_QUEUE,
        "COMMAND_BYTES": COMMAND_BYTES,
        "COMMAND_WORDS": COMMAND_WORDS,
        "COMMANDS": len(_DONE),
        "MAX_COMMANDS": MAX_COMMANDS,
        "ID_VALUE": ID_VALUE,
        "INTERFACE_VERSION": INTERFACE_VERSION,
        "COUNTERS": len(COUNTERS),
        "COUNTER_BASE": COUNTER_BASE,
        "HOST_ADDRESS": (1 << ADDRESS_BITS) - 1,
        "HOST_WAITS": 1 << WAITS_BIT,
        "HOST_WRITES": 1 << WRITES_BIT,
        "ROW_FIRST": ROW_FIRST,
    }
    for name, value in sizes.items():
        yield _define(name, value)
    for window in Window:
        yield _define(window.name, window.base)
    yield from _names("IN_", Input)
    yield from _names("OUT_", Output)
    yield from _names("ENGINE_", Engine)
    yield from (_define(f"REG_{r.name}", r.offset) for r in REGISTERS if not r.counter)
    yield from (_define(f"COUNTER_{name.upper()}", i) for i, (name, _) in enumerate(COUNTERS))
    for name in ("STATUS", "CTRL", "IRQ_STATUS", "ERROR"):
        for bits in BY_NAME[name].bits:
            yield _define(f"{name}_{bits.name.upper()}", 1 << bits.lsb)
    enable = sum((1 << b.bits) - 1 << b.lsb for b in BY_NAME["IRQ_ENABLE"].bits)
    yield _define("IRQ_ENABLE_BITS", enable)
    causes = ", ".join(f"CAUSE_{cause.name} = {cause.value}" for cause in Cause)
    yield f"enum cause {{ {causes} }};"
    yield from _commands()


def _commands() -> Iterator[str]:
    """Opcodes, fields, and the tables by kind: the commands counted from 0."""
    for kind, command in enumerate(_DONE):
        yield _define(f"OPCODE_{command.name}", command.opcode)
        yield _define(f"KIND_{command.name}", kind)
    for field in COMMON_FIELDS:
        yield _getter("opcode" if field.name == "opcode" else f"common_{field.name}", field)
    for command in _DONE:
        for field in command.own_fields:
            yield _getter(f"{command.name.lower()}_{field.name}", field)
    engines = ", ".join(str(int(command.engine)) for command in _DONE)
    yield f"static const unsigned char engines[COMMANDS] __attribute__((unused)) = {{ {engines} }};"
    rows = ", ".join(_words(~command.used_mask) for command in _DONE)
    yield (
        "static const unsigned unused_bits[COMMANDS][COMMAND_WORDS] __attribute__((unused)) = "
        f"{{ {rows} }};"
    )
    yield "/* Whether no field of a command is below its least value. */"
    yield "static inline int least(const unsigned *command, unsigned kind)"
    yield "{"
    yield "    switch (kind) {"
    for command in _DONE:
        if tests := _least(command):
            yield f"    case KIND_{command.name}:"
            yield f"        return {tests};"
    yield "    }"
    yield "    return 1;"
    yield "}"


def _least(command: Command) -> str:
    return " && ".join(
        f"{command.name.lower()}_{field.name}(command) >= {field.least}"
        for field in command.own_fields
        if field.least is not None
    )


def _words(mask: int) -> str:
    words = (mask >> 32 * i & 0xFFFFFFFF for i in range(COMMAND_WORDS))
    return f"{{ {', '.join(f'{word:#x}' for word in words)} }}"


def _getter(name: str, field: Field) -> str:
    """A function that cuts a field out of a command."""
    kind = "int" if field.signed else "unsigned"
    high, low = 32 - field.lsb - field.bits, 32 - field.bits
    value = f"command[{field.word}]"
    if field.signed:
        value = f"(int){value} << {high} >> {low}" if low else f"(int){value}"
    else:
        value = f"{value} >> {field.lsb}" if field.lsb else value
        value = f"({value}) & {(1 << field.bits) - 1:#x}" if high else value
    return f"static inline {kind} {name}(const unsigned *command) {{ return {value}; }}"
