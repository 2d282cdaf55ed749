"""The command table: the only place where a command's fields are written down.

A command is `COMMAND_BYTES` bytes in memory: sixteen little-endian 32-bit words, 64-byte aligned.
Encoder, decoder, disassembler, hardware layouts, golden model and docs derive from `COMMANDS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from .simt import ARGUMENTS

COMMAND_BYTES = 64
COMMAND_BITS = 8 * COMMAND_BYTES
COMMAND_WORDS = COMMAND_BYTES // 4


class Engine(IntEnum):
    """Engines of the chip, in the order in which registers and errors number them."""

    LOAD = 0
    MATMUL = 1
    DRAIN = 2
    STORE = 3
    SIMT = 4
    CONTROL = 5  # fetch and dispatch; names the unit in errors, has no queue


class Space(IntEnum):
    """Where LOAD writes."""

    ACT = 0
    WGT = 1
    PARAM = 2


@dataclass(frozen=True)
class Field:
    """One field of a command.

    Parameters
    ----------
    name, word, lsb, bits, signed
        Bits ``lsb .. lsb + bits - 1`` of 32-bit word ``word``; two's complement when ``signed``.
    doc
        One sentence for the documentation, with units.
    least
        Smallest legal value; below it the command is malformed (counts must not be zero).
    """

    name: str
    word: int
    lsb: int
    bits: int
    doc: str
    signed: bool = False
    least: int | None = None

    @property
    def offset(self) -> int:
        """Position of the lowest bit in the 512-bit command."""
        return 32 * self.word + self.lsb

    @property
    def low(self) -> int:
        """Smallest value that fits."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest value that fits."""
        return (1 << (self.bits - self.signed)) - 1

    def extract(self, raw: int) -> int:
        """The field's value in a 512-bit command."""
        value = raw >> self.offset & (1 << self.bits) - 1
        return value - (1 << self.bits) if self.signed and value >> (self.bits - 1) else value


@dataclass(frozen=True)
class Command:
    """One row of the command table."""

    name: str
    opcode: int
    engine: Engine
    doc: str
    own_fields: tuple[Field, ...]

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """All fields, the common ones first."""
        return COMMON_FIELDS + self.own_fields

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def used_mask(self) -> int:
        """The 512-bit mask of bits that belong to a field; all others must be zero."""
        mask = 0
        for field in self.fields:
            bits = (1 << field.bits) - 1 << field.offset
            if mask & bits:
                raise ValueError(f"{self.name}.{field.name} overlaps another field")
            mask |= bits
        return mask


def _u(name: str, word: int, lsb: int, bits: int, doc: str, least: int | None = None) -> Field:
    return Field(name, word, lsb, bits, doc, least=least)


def _s(name: str, word: int, lsb: int, bits: int, doc: str) -> Field:
    return Field(name, word, lsb, bits, doc, signed=True)


COMMON_FIELDS = (
    _u("opcode", 0, 0, 8, "Which command this is."),
    _u("wait", 1, 0, 16, "Semaphores of which each is taken once before the command starts."),
    _u("post", 1, 16, 16, "Semaphores posted once when the command's effect is visible."),
)

LOAD = Command(
    "LOAD",
    0x01,
    Engine.LOAD,
    "Copy rows of bytes from memory to an SRAM, padded with a fill value. For i2 < count2 and i1 "
    "< pad_top + count1 + pad_bottom, a row is pad_left fill bytes, len bytes from src + i2 * "
    "stride2 + (i1 - pad_top) * stride1, pad_right fill bytes; in the pad_top first and "
    "pad_bottom last rows of each i2 the len bytes are fill, too. act: the row goes to byte dst + "
    "i2 * dst_stride2 + i1 * dst_stride1. wgt: the row is cut into chunks of C bytes, the last "
    "one completed with fill; chunk j becomes SRAM row dst + i2 * dst_stride2 + i1 * dst_stride1 "
    "+ j * dst_chunk. wgt with transpose: pad_top + count1 + pad_bottom must be C and a row R "
    "bytes long; for each i2 the block is transposed into SRAM rows dst + i2 * dst_stride2 + r, 0 "
    "<= r < R. param: one row without padding, flip or transposition of 8 bytes a column (int32 "
    "bias, float32 scale), a multiple of 8 C bytes; dst counts blocks of C columns. With fence "
    "(act, or wgt without transpose; what is written ascends, all from dst to below dst + fence) "
    "it posts with its first write, and up to its last one MATMUL reads nothing of the fence that "
    "lies behind the latest.",
    (
        _u("space", 0, 8, 2, "Destination: 0 act, 1 wgt, 2 param."),
        _u("flip", 0, 10, 1, "XOR every byte read from memory with 0x80 (uint8 -> int8)."),
        _u("transpose", 0, 11, 1, "Transpose blocks of C rows of R bytes (wgt only)."),
        _u("fill", 0, 24, 8, "Value of padding bytes."),
        _u("src", 2, 0, 32, "Memory byte address of the first data row; any alignment."),
        _s("stride1", 3, 0, 32, "Bytes in memory from one data row to the next."),
        _s("stride2", 4, 0, 32, "Bytes in memory from one i2 to the next."),
        _u("len", 5, 0, 24, "Bytes read from memory in each data row; may be 0."),
        _u("count1", 6, 0, 16, "Data rows in each i2.", 1),
        _u("count2", 6, 16, 16, "Repetitions of the whole.", 1),
        _u("dst", 7, 0, 24, "Destination: act byte, wgt row, param block."),
        _s("dst_stride1", 8, 0, 24, "Destination step from one row to the next."),
        _s("dst_stride2", 9, 0, 24, "Destination step from one i2 to the next."),
        _s("dst_chunk", 10, 0, 24, "wgt rows from one chunk of a row to the next."),
        _u("pad_left", 11, 0, 16, "Fill bytes before the data of each row."),
        _u("pad_right", 11, 16, 16, "Fill bytes after the data of each row."),
        _u("pad_top", 12, 0, 16, "Fill rows before the data rows of each i2."),
        _u("pad_bottom", 12, 16, 16, "Fill rows after the data rows of each i2."),
        _u("fence", 13, 0, 24, "act bytes or wgt rows for which MATMUL waits by itself, or 0."),
    ),
)

MATMUL = Command(
    "MATMUL",
    0x02,
    Engine.MATMUL,
    "Multiply and accumulate. For b < blocks, then tiles i2 < k2, i1 < k1, i0 < k0 (i0 fastest; t "
    "counts tiles), then rows j2 < m2, j1 < m1, j0 < m0 (j0 fastest; m counts rows): accumulator "
    "row acc + b * acc_block + m receives the R bytes at act + i2 * k2_stride + i1 * k1_stride + "
    "i0 * k0_stride + j2 * m2_stride + j1 * m1_stride + j0 * m0_stride, times the weight tile in "
    "SRAM rows wgt + b * wgt_block + t * R onwards. The first tile of a block writes unless "
    "accumulate is set; the others add.",
    (
        _u("accumulate", 0, 8, 1, "The first tile adds to the accumulator, too."),
        _u("row_sum", 0, 9, 1, "Keep the sum of each row's activations in the row-sum column."),
        _u("early", 0, 10, 1, "wait_weights alone guards weights: they are read before the rest."),
        _u("act", 2, 0, 24, "act byte address of the first row."),
        _u("wgt", 3, 0, 16, "wgt row of the first tile."),
        _u("wgt_block", 3, 16, 16, "wgt rows from one block to the next."),
        _u("wait_weights", 4, 0, 16, "Semaphores of wait that guard weights (for the cycle bins)."),
        _u("wait_acc", 4, 16, 16, "Semaphores of wait that guard accumulator rows (same)."),
        _u("acc", 5, 0, 16, "First accumulator row."),
        _u("acc_block", 5, 16, 16, "Accumulator rows from one block to the next."),
        _u("blocks", 6, 0, 16, "Blocks of C output columns.", 1),
        _u("k_tail", 6, 16, 16, "Bytes 1..R that count where i0 = k0 - 1; the rest are zero.", 1),
        _u("k0", 7, 0, 16, "Tiles in a slice.", 1),
        _u("k1", 7, 16, 16, "Slices.", 1),
        _u("k2", 8, 0, 16, "Groups of slices.", 1),
        _u("m0", 8, 16, 16, "Rows, innermost.", 1),
        _u("m1", 9, 0, 16, "Rows, middle.", 1),
        _u("m2", 9, 16, 16, "Rows, outermost.", 1),
        _s("k0_stride", 10, 0, 24, "act bytes from one tile to the next."),
        _s("k1_stride", 11, 0, 24, "act bytes from one slice to the next."),
        _s("k2_stride", 12, 0, 24, "act bytes from one group of slices to the next."),
        _s("m0_stride", 13, 0, 24, "act bytes, rows, innermost."),
        _s("m1_stride", 14, 0, 24, "act bytes, rows, middle."),
        _s("m2_stride", 15, 0, 24, "act bytes, rows, outermost."),
    ),
)

DRAIN = Command(
    "DRAIN",
    0x03,
    Engine.DRAIN,
    "Accumulator rows to the activation SRAM. For b < blocks and m < rows, the C columns of row "
    "acc + b * acc_block + m, each minus b_zero_point times the row sum where row_sum is set, "
    "plus the bias of its column in parameter block param + b where params is set (all modulo "
    "2^32), are written to act bytes dst + b * dst_block + m * dst_stride: as int32, little- "
    "endian, or requantised to one byte a column: clamp(f32_rne(acc, scale) + zero_point, qmin, "
    "qmax) mod 256. In the last block only the first cols_last columns are written.",
    (
        _u("int32", 0, 8, 1, "Write int32 instead of requantised bytes."),
        _u("params", 0, 9, 1, "Bias and scale from the parameter SRAM, else bias 0 and scale."),
        _u("row_sum", 0, 10, 1, "Subtract b_zero_point * row sum."),
        _u("acc", 2, 0, 16, "First accumulator row."),
        _u("acc_block", 2, 16, 16, "Accumulator rows from one block to the next."),
        _u("rows", 3, 0, 16, "Rows in each block.", 1),
        _u("blocks", 3, 16, 16, "Blocks of C columns.", 1),
        _u("dst", 4, 0, 24, "act byte address of the first row."),
        _s("dst_stride", 5, 0, 24, "act bytes from one row to the next."),
        _s("dst_block", 6, 0, 24, "act bytes from one block to the next."),
        _u("param", 7, 0, 16, "First parameter block."),
        _u("cols_last", 7, 16, 16, "Columns 1..C written in the last block.", 1),
        _u("scale", 8, 0, 32, "float32 bits, positive and normal; used when params is clear."),
        _s("zero_point", 9, 0, 16, "Added after scaling."),
        _s("b_zero_point", 9, 16, 16, "Zero point of B, -256..255."),
        _s("qmin", 10, 0, 16, "Lower clamp."),
        _s("qmax", 10, 16, 16, "Upper clamp."),
    ),
)

STORE = Command(
    "STORE",
    0x04,
    Engine.STORE,
    "Copy rows of bytes from the activation SRAM to memory: for i2 < count2 and i1 < count1, len "
    "bytes from src + i2 * src_stride2 + i1 * src_stride1 to dst + i2 * stride2 + i1 * stride1.",
    (
        _u("dst", 2, 0, 32, "Memory byte address of the first row; any alignment."),
        _s("stride1", 3, 0, 32, "Bytes in memory from one row to the next."),
        _s("stride2", 4, 0, 32, "Bytes in memory from one i2 to the next."),
        _u("len", 5, 0, 24, "Bytes in each row.", 1),
        _u("count1", 6, 0, 16, "Rows in each i2.", 1),
        _u("count2", 6, 16, 16, "Repetitions of the whole.", 1),
        _u("src", 7, 0, 24, "act byte address of the first row."),
        _s("src_stride1", 8, 0, 24, "act bytes from one row to the next."),
        _s("src_stride2", 9, 0, 24, "act bytes from one i2 to the next."),
    ),
)

SIGNAL = Command(
    "SIGNAL",
    0x05,
    Engine.STORE,
    "After every earlier STORE is visible: write a word to memory (write), raise the message "
    "interrupt (message), retire the program and raise the done interrupt (end). Runs in the "
    "STORE engine; end must stand on the last command of a program and on no other.",
    (
        _u("write", 0, 8, 1, "Write value to address."),
        _u("message", 0, 9, 1, "Raise the message interrupt."),
        _u("end", 0, 10, 1, "Retire the program."),
        _u("address", 2, 0, 32, "Memory byte address, a multiple of 4."),
        _u("value", 3, 0, 32, "The word to write."),
    ),
)

LAUNCH = Command(
    "LAUNCH",
    0x06,
    Engine.SIMT,
    "Start a SIMT kernel. Malformed on a chip without a SIMT core.",
    (
        _u("pushes", 0, 8, 1, "The kernel may push commands; the program goes on behind its end."),
        _u("private", 0, 16, 16, "Bytes of private memory for each thread."),
        _u("entry", 2, 0, 32, "Memory address of the first instruction."),
        _u("grid_x", 3, 0, 16, "Blocks, x.", 1),
        _u("grid_y", 3, 16, 16, "Blocks, y.", 1),
        _u("grid_z", 4, 0, 16, "Blocks, z.", 1),
        _u("block_x", 4, 16, 8, "Threads of a block, x.", 1),
        _u("block_y", 4, 24, 8, "Threads of a block, y.", 1),
        _u("block_z", 5, 24, 8, "Threads of a block, z.", 1),
        _u("shared", 5, 0, 24, "Bytes of shared memory for each block."),
        _u("shared_base", 6, 0, 24, "Offset of the first block's shared memory in the window."),
        _u("private_base", 7, 0, 32, "Memory address of the private memory of all threads."),
        *(_u(f"argument_{n}", 8 + n, 0, 32, f"Argument {n}.") for n in range(ARGUMENTS)),
    ),
)

COMMANDS = (LOAD, MATMUL, DRAIN, STORE, SIGNAL, LAUNCH)
"""The command table."""

KERNELS_MUST_NOT = (SIGNAL, LAUNCH)
"""Commands that a kernel must not push: the program's end is the program's, its core is at work."""

BY_NAME = {command.name: command for command in COMMANDS}
BY_OPCODE = {command.opcode: command for command in COMMANDS}


def encode(name: str, values: Mapping[str, int]) -> bytes:
    """Encode one command.

    Parameters
    ----------
    name
        A name in the command table.
    values
        Fields by name, ``opcode`` excepted; fields left out are 0.

    Returns
    -------
    bytes
        `COMMAND_BYTES` bytes.

    Raises
    ------
    ValueError
        Unknown command or field, or a value that does not fit its field (named with its limits).
    """
    command = BY_NAME.get(name)
    if command is None:
        raise ValueError(f"unknown command {name!r}; commands: {', '.join(BY_NAME)}")
    for key in values:
        if key not in command.by_name or key == "opcode":
            raise ValueError(f"{name} has no field {key!r}")
    raw = command.opcode
    for field in command.fields[1:]:
        value = values.get(field.name, 0)
        if not field.low <= value <= field.high:
            raise ValueError(
                f"{name}.{field.name} = {value} does not fit: {field.low} to {field.high}"
            )
        raw |= (value & (1 << field.bits) - 1) << field.offset
    return raw.to_bytes(COMMAND_BYTES, "little")


@dataclass(frozen=True)
class Decoded:
    """A decoded command: its table row and its field values."""

    command: Command
    values: dict[str, int]

    def __getitem__(self, name: str) -> int:
        return self.values[name]

    def __str__(self) -> str:
        shown = [
            f"{field.name}={_show(field, self.values[field.name])}"
            for field in self.command.fields[1:]
            if self.values[field.name] or field.least is not None
        ]
        return f"{self.command.name:<6} " + " ".join(shown)


_SETS = ("wait", "post", "wait_weights", "wait_acc")


def _show(field: Field, value: int) -> str:
    if field.name in _SETS:
        return "{" + ",".join(str(i) for i in range(16) if value >> i & 1) + "}"
    if field.bits == 32 and not field.signed:
        return f"{value:#x}"
    return str(value)


def decode(data: bytes) -> Decoded:
    """Decode one command of `COMMAND_BYTES` bytes.

    Raises
    ------
    ValueError
        Unknown opcode, a bit set outside every field, or a field below its least value: the same
        commands that the chip refuses as malformed whatever its configuration.
    """
    if len(data) != COMMAND_BYTES:
        raise ValueError(f"a command has {COMMAND_BYTES} bytes, not {len(data)}")
    raw = int.from_bytes(data, "little")
    command = BY_OPCODE.get(raw & 0xFF)
    if command is None:
        raise ValueError(f"unknown opcode {raw & 0xFF:#04x}")
    stray = raw & ~command.used_mask
    if stray:
        bit = (stray & -stray).bit_length() - 1
        raise ValueError(f"{command.name}: unused bit {bit % 32} of word {bit // 32} is set")
    values = {field.name: field.extract(raw) for field in command.fields}
    for field in command.fields:
        if field.least is not None and values[field.name] < field.least:
            raise ValueError(
                f"{command.name}.{field.name} = {values[field.name]}, must be at least "
                f"{field.least}"
            )
    return Decoded(command, values)


def disassemble(program: bytes) -> str:
    """A program as text, one command a line; malformed commands are shown as such."""
    lines = []
    for index in range(0, len(program), COMMAND_BYTES):
        try:
            text = str(decode(program[index : index + COMMAND_BYTES]))
        except ValueError as error:
            text = f"??     {error}"
        lines.append(f"{index // COMMAND_BYTES:4}  {text}")
    return "\n".join(lines)
