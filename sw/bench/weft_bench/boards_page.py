"""docs/boards.md, made from the table of boards and the registers of their link."""

from weft.arch.link import (
    BAUD,
    CHIP_BASE,
    LINK_BASE,
    LINK_REGISTERS,
    MAX_WORDS,
    MEMORY_BASE,
    RESYNC_SECONDS,
    WINDOW_BYTES,
    Frame,
)
from weft.boards.table import BOARDS, Board

from .markdown import MADE_BY, table

_FRAMES = {
    Frame.WRITE: "write words at ascending addresses",
    Frame.READ: "read words at ascending addresses",
    Frame.WRITE_FIXED: "write words, all to one address",
    Frame.READ_FIXED: "read words, all from one address",
}


def _board(board: Board) -> tuple[str, ...]:
    return (
        f"`{board.name}`",
        board.title,
        f"`{board.target}`",
        f"`{board.preset}`: {board.config.rows} x {board.config.cols}"
        + (f", {board.config.lanes} x {board.config.warps}" if board.config.lanes else ""),
        f"{board.memory_bytes >> 10} KiB",
        f"{board.oscillator_hz / 1e6:g} MHz",
        f"{board.clock_hz / 1e6:g} MHz",
    )


def _pins() -> list[tuple[str, ...]]:
    names = ("clk", "reset", "uart_rx", "uart_tx", "leds")
    rows = []
    for board in BOARDS.values():
        sites = [board.pins[name] for name in names]
        cells = [site if isinstance(site, str) else " ".join(site) for site in sites]
        low = [name for name in ("reset", "leds") if getattr(board, f"{name}_low")]
        rows.append((f"`{board.name}`", *cells, ", ".join(low) or "none"))
    return rows


def _small_chips() -> str:
    """What is different on boards with a small chip."""
    names = " and ".join(f"`{board.name}`" for board in BOARDS.values() if board.small)
    return (
        f"The chip of {names} is a small one (why: [iCE40](decisions/0009-icebreaker.md), "
        "[Gowin](decisions/0011-nano20k.md)): the same "
        "commands, registers, errors and results, bit by bit, but its engines are firmware on a "
        "RISC-V controller that does one command after the other; the array, its accumulators and "
        "a requantiser are hardware. A bitstream or a simulation of it compiles the firmware, "
        "which needs `pip install 'weft[simt]'`. Of the cycle bins it has `compute` and `idle`; "
        "counters of stalls read 0."
    )


def boards_page() -> str:
    """The text of docs/boards.md."""
    start = MEMORY_BASE
    windows = [
        (f"`{start:#010x}`", "main memory; the chip's address 0 is here"),
        (f"`{CHIP_BASE:#010x}`", "[registers of the chip](registers.md)"),
        (f"`{LINK_BASE:#010x}`", "registers of the link, below"),
    ]
    registers = [
        (f"`{register.offset:#04x}`", register.name, register.access.value, register.doc)
        for register in LINK_REGISTERS
    ]
    fields = [
        (
            register.name,
            f"{b.lsb + b.bits - 1}:{b.lsb}" if b.bits > 1 else f"{b.lsb}",
            f"`{b.name}`",
            b.doc,
        )
        for register in LINK_REGISTERS
        for b in register.bits
    ]
    parts = [
        MADE_BY.format("hw/weft/boards/table.py and hw/weft/arch/link.py"),
        "# Boards",
        "On each board are a chip, main memory in the FPGA's own memories behind the chip's AXI "
        "port, and a serial link to the host. No memory outside the FPGA is used.",
        table(
            ("board", "maker's name", "target", "chip", "main memory", "oscillator", "clock"),
            [_board(board) for board in BOARDS.values()],
        ),
        _small_chips(),
        "`weft synth --preset BOARD` makes a bitstream, unless place and route does not reach the "
        "board's clock. `weft load BOARD FILE` writes it to one through openFPGALoader. Then the "
        "driver talks to it as it talks to a simulated chip:",
        "```python\n"
        "from weft_driver import Device\n\n"
        "dev = Device(\"uart:/dev/ttyUSB0\")  # pip install 'weft[uart]'\n"
        "c = dev.matmul(a, b)\n"
        "```",
        f"The line is 8N1 at {BAUD:,} baud (`?baud=` for another bitstream). The configuration is "
        "found by its hash if it is that of a preset, else `?config=base,rows=12` says it. "
        "`?timeout=` is how many seconds a board may be silent. A line that is cut or disturbed, "
        "or a board that is reset, raises `LinkError`, which says what happened and whether the "
        "link works again; the next call goes on with it.",
        "Without a board, `weft boards --simulate icebreaker` runs the same design in Verilator, "
        "its line bit by bit at a pseudo-terminal, and says which.",
        "LEDs, from the first on: alive, a program runs, interrupt, the host sends.",
        "## Pins",
        table(("board", "clk", "reset", "uart_rx", "uart_tx", "leds", "active low"), _pins()),
        "## The link",
        "Frames are those of LiteX's UARTBone, so that LiteX's tools can read and write a board: a "
        f"command, a number of words (1 to {MAX_WORDS}), the address divided by 4, and the words "
        "of a write; a read is answered with its words. Addresses and words are 32 bits, most "
        f"significant byte first. A frame whose next byte does not come within {RESYNC_SECONDS:g} "
        "s is forgotten; a byte that begins no frame is skipped.",
        table(("command", "does"), [(f"`{int(c)}`", doc) for c, doc in _FRAMES.items()]),
        table(("address", "what is there"), windows),
        f"Windows of registers are {WINDOW_BYTES} bytes. Words of main memory are little-endian: "
        "the byte at the lowest address is the last one on the line.",
        "LiteX's frames have no answer to a write, and no checksum. The link's own registers make "
        "up for it: the driver reads them after each operation, and compares what was moved with "
        "what it meant to move.",
        table(("offset", "register", "access", "meaning"), registers),
        table(("register", "bits", "name", "meaning"), fields),
        "Rubbish on the line that happens to be a frame is obeyed, as by every bridge of this "
        "kind: then the driver reports that something else was moved than it asked for.",
    ]
    return "\n\n".join(parts) + "\n"
