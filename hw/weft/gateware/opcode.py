"""What a command's first word says of it: which of this chip's commands it is."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data

from weft.arch.commands import BY_NAME, COMMANDS, Command
from weft.config import Config

from .command_queue import queued_engines

OPCODE = BY_NAME["SIGNAL"].by_name["opcode"]
"""The opcode's place, which is the same in all commands."""


def chip_commands(config: Config) -> tuple[Command, ...]:
    """Commands for which this chip has an engine; any other opcode is malformed."""
    engines = queued_engines(config)
    return tuple(command for command in COMMANDS if command.engine in engines)


def kind_layout(config: Config) -> data.StructLayout:
    """A command's number in `chip_commands`, and whether it is ``known``, being there at all."""
    return data.StructLayout({"number": range(len(chip_commands(config))), "known": 1})


def kind_of(m: Module, word: Signal, config: Config, name: str) -> data.View:
    """The kind of the command that begins with ``word``, as a `kind_layout` called ``name``."""
    kind = Signal(kind_layout(config), name=name)
    with m.Switch(word[OPCODE.offset : OPCODE.offset + OPCODE.bits]):
        for number, command in enumerate(chip_commands(config)):
            with m.Case(command.opcode):
                m.d.comb += [kind.number.eq(number), kind.known.eq(1)]
    return kind
