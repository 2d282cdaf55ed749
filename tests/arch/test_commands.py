"""The command table: encode and decode are each other's inverse, and bad bits are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.arch.commands import (
    BY_NAME,
    BY_OPCODE,
    COMMAND_BITS,
    COMMAND_BYTES,
    COMMANDS,
    Command,
    Field,
    decode,
    disassemble,
    encode,
)


def values_of(command: Command):
    """Any legal values; often at a limit."""

    def value(field: Field):
        low = field.low if field.least is None else field.least
        return st.one_of(st.integers(low, field.high), st.sampled_from([low, field.high]))

    return st.fixed_dictionaries({f.name: value(f) for f in command.fields[1:]})


commands = st.sampled_from(COMMANDS).flatmap(lambda c: st.tuples(st.just(c), values_of(c)))


@given(commands)
def test_round_trip(case):
    command, values = case
    raw = encode(command.name, values)
    assert len(raw) == COMMAND_BYTES
    decoded = decode(raw)
    assert decoded.command is command
    assert decoded.values == {"opcode": command.opcode, **values}


@given(commands, st.integers(0, COMMAND_BITS - 1))
def test_every_unused_bit_is_refused(case, bit):
    command, values = case
    raw = int.from_bytes(encode(command.name, values), "little")
    flipped = (raw ^ 1 << bit).to_bytes(COMMAND_BYTES, "little")
    if command.used_mask >> bit & 1:
        return
    with pytest.raises(ValueError, match=f"unused bit {bit % 32} of word {bit // 32} is set"):
        decode(flipped)


@given(st.sampled_from(COMMANDS), st.integers(0, (1 << COMMAND_BITS) - 1))
def test_whatever_decodes_encodes_to_itself(command, bits):
    word = bits & command.used_mask & ~0xFF | command.opcode
    for field in command.fields:
        if field.least is not None and field.extract(word) < field.least:
            word |= 1 << field.offset
    raw = word.to_bytes(COMMAND_BYTES, "little")
    decoded = decode(raw)
    values = {name: value for name, value in decoded.values.items() if name != "opcode"}
    assert encode(decoded.command.name, values) == raw


FIELDS = [(command, field) for command in COMMANDS for field in command.fields[1:]]
IDS = [f"{command.name}.{field.name}" for command, field in FIELDS]


def least_values(command: Command) -> dict[str, int]:
    return {f.name: f.least for f in command.fields if f.least is not None}


@pytest.mark.parametrize(("command", "field"), FIELDS, ids=IDS)
def test_limits(command, field):
    for value in (field.low - 1, field.high + 1):
        with pytest.raises(ValueError, match=rf"{command.name}\.{field.name} = {value} does not"):
            encode(command.name, {field.name: value})
    for value in (field.low, field.high):
        raw = encode(command.name, {**least_values(command), field.name: value})
        if field.least is not None and value < field.least:
            with pytest.raises(ValueError, match=rf"{field.name} = {value}, must be at least"):
                decode(raw)
        else:
            assert decode(raw)[field.name] == value


def test_the_table_is_sound():
    """Fields do not overlap (`used_mask` checks), stay in their words, and names are unique."""
    assert len(BY_NAME) == len(BY_OPCODE) == len(COMMANDS)
    for command in COMMANDS:
        assert command.used_mask < 1 << COMMAND_BITS
        assert len(command.by_name) == len(command.fields)
        for field in command.fields:
            assert field.lsb + field.bits <= 32
            assert field.doc.endswith(".")


@pytest.mark.parametrize(
    ("name", "values", "match"),
    [
        ("JUMP", {}, "unknown command 'JUMP'; commands: LOAD"),
        ("LOAD", {"colour": 1}, "LOAD has no field 'colour'"),
        ("LOAD", {"opcode": 2}, "LOAD has no field 'opcode'"),
    ],
)
def test_encode_refuses(name, values, match):
    with pytest.raises(ValueError, match=match):
        encode(name, values)


def test_decode_refuses():
    with pytest.raises(ValueError, match="64 bytes, not 63"):
        decode(bytes(63))
    with pytest.raises(ValueError, match="unknown opcode 0xff"):
        decode(b"\xff" + bytes(63))


def test_disassembly():
    program = [
        encode("LOAD", {"src": 4096, "len": 64, "count1": 1, "count2": 1, "post": 0b1001}),
        bytes(64),
        encode("SIGNAL", {"end": 1, "wait": 2}),
    ]
    assert disassemble(b"".join(program)).splitlines() == [
        "   0  LOAD   post={0,3} src=0x1000 len=64 count1=1 count2=1",
        "   1  ??     unknown opcode 0x00",
        "   2  SIGNAL wait={1} end=1",
    ]
