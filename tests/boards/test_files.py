"""What a person does with a board: its files, and `weft load`."""

import re
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from weft import emit
from weft.boards.constraints import constraints
from weft.boards.files import emit_board
from weft.boards.load import LOADER, PACKAGE, load_command
from weft.boards.table import BOARDS
from weft.cli import main
from weft_driver import Device


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_pin_is_placed_once(board):
    name, text = constraints(board)
    sites = re.findall(
        r'LOCATE COMP "(\S+)" SITE "(\S+)"|set_io (?:-pullup yes )?(\S+) (\S+)'
        r'|IO_LOC "(\S+)" (\d+)',
        text,
    )
    found = {a or c or e: b or d or f for a, b, c, d, e, f in sites}
    assert found == board.sites()
    assert name.startswith("board.")
    assert f"{board.oscillator_hz / 1e6:g}" in text.splitlines()[0]


def test_the_design_has_the_pins_of_the_table(tmp_path):
    board = BOARDS["icebreaker"]
    verilog, pins = emit_board(board, tmp_path)
    assert (verilog.name, pins.name) == ("board.v", "board.pcf")
    ports = {p.name: p.width for p in emit.verilog_ports(verilog.read_text(), "board")}
    assert ports == {"clk": 1, "reset": 1, "uart_rx": 1, "uart_tx": 1, "leds": board.leds}


@pytest.fixture
def weft(monkeypatch, tmp_path):
    """Runs `weft load` with nothing on the path but what the test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.bit").write_bytes(b"bits")

    def run(*arguments: str):
        result = CliRunner().invoke(main, ["load", *arguments])
        return result.exit_code, result.stderr

    return run


def test_without_a_loader_its_package_is_named(weft, tmp_path):
    code, said = weft("ulx3s", str(tmp_path / "a.bit"))
    assert (code, said) == (2, f"weft: {LOADER} is missing: install Debian package {PACKAGE}\n")


@pytest.mark.parametrize(("flash", "option"), [([], ""), (["--flash"], "--write-flash ")])
def test_load_runs_the_loader(weft, tmp_path, flash, option):
    loader = tmp_path / LOADER
    loader.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n')
    loader.chmod(0o755)
    bits = tmp_path / "a.bit"
    assert weft("icebreaker", str(bits), *flash) == (0, "")
    board = BOARDS["icebreaker"]
    assert (tmp_path / "said").read_text() == f"--board {board.loader} {option}{bits}\n"
    assert load_command(board, bits, bool(flash))[0] == LOADER


def test_a_loader_that_fails(weft, tmp_path):
    loader = tmp_path / LOADER
    loader.write_text("#!/bin/sh\nexit 3\n")
    loader.chmod(0o755)
    code, said = weft("ulx3s", str(tmp_path / "a.bit"))
    assert code == 2
    assert said.startswith("weft: openFPGALoader failed with exit code 3: is a ULX3S ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("arty", "a.bit"), "unknown board 'arty'"), (("ulx3s", "none.bit"), "does not exist")],
)
def test_what_cannot_be_loaded(weft, arguments, message):
    code, said = weft(*arguments)
    assert code == 2
    assert message in said
    assert said.count("\n") == 1


def test_a_simulated_board_from_the_command_line():
    command = [sys.executable, "-m", "weft.cli", "boards", "--simulate", "icebreaker"]
    # Where the tests run in the background Ctrl-C is ignored, and children inherit that.
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            assert process.stderr is not None
            said = next(line for line in process.stderr if line.startswith("weft gemm"))
            with Device(re.findall("'(.*)'", said)[0]) as device:
                assert device.config == BOARDS["icebreaker"].config
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        finally:
            process.kill()
