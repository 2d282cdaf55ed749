"""What `weft emit` writes for integrators: lint, the header in C, and the FuseSoC core."""

import os
import random
import re
import subprocess

import pytest

import weft
from weft import emit
from weft.arch.commands import COMMANDS, encode
from weft.arch.registers import registers_of
from weft.config import PRESETS
from weft.emit_core import WAIVERS
from weft.emit_header import HEADER, host_header
from weft_sim.toolchain import find_compiler, find_verilator

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")

TINY = PRESETS["tiny"]


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    emit.emit(TINY, folder)
    return folder


def lint(folder, *files: str) -> set[str]:
    """Rules that Verilator's lint complains of."""
    verilator = find_verilator()
    command = [*verilator.command, "--lint-only", "-Wall", "--top-module", "weft", *files]
    done = subprocess.run(
        command, cwd=folder, env=verilator.environment, capture_output=True, text=True, check=False
    )
    found = set(re.findall(r"^%(?:Warning|Error)-(\w+)", done.stderr, re.MULTILINE))
    assert found or done.returncode == 0, done.stderr
    return found


def test_lint_is_clean_with_the_waivers(emitted):
    assert lint(emitted, "weft.vlt", "weft.v") == set()


@pytest.mark.skipif(not LONG, reason="as long again; WEFT_LONG=1 runs it")
def test_every_waiver_is_needed(emitted):
    assert lint(emitted, "weft.v") == {waiver.rule for waiver in WAIVERS}


def test_waivers_have_reasons_and_are_few():
    assert len({waiver.rule for waiver in WAIVERS}) == len(WAIVERS) <= 12
    assert all(len(waiver.reason) > 20 for waiver in WAIVERS)


def test_no_vendor_primitives_and_no_generated_names_at_the_ports(emitted):
    text = (emitted / "weft.v").read_text()
    modules = set(re.findall(r"^module (\\?\S+)", text, re.MULTILINE))
    instances = set(re.findall(r"^  (\\?[\w.$]+) +\\?\S+ +\($", text, re.MULTILINE))
    assert instances, "the text is read as it is written"
    # Parametrised instances and keywords are no modules of ours either.
    assert instances <= modules, instances - modules
    for port in emit.verilog_ports(text):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", port.name), port.name


# --- the header ----------------------------------------------------------------------------------


def test_header_has_every_register_and_field():
    for config in (TINY, PRESETS["icebreaker"]):
        header = host_header(config)
        for register in registers_of(config):
            assert f"#define WEFT_REG_{register.name} {register.offset:#x}u" in header
    names = re.findall(r"^#define (\w+)", header, re.MULTILINE)
    assert len(set(names)) == len(names)
    assert "KERNEL_" not in header, "what a chip has not is not in its header"
    assert max(map(len, header.splitlines())) <= 100


def random_values(command, rng: random.Random) -> dict[str, int]:
    return {
        field.name: rng.randrange(field.low, field.high + 1)
        for field in command.fields
        if field.name != "opcode"
    }


def test_commands_made_in_c_are_those_of_the_driver(tmp_path):
    rng = random.Random(1)
    cases = [(command, random_values(command, rng)) for command in COMMANDS for _ in range(4)]
    body, expected = [], b""
    for command, values in cases:
        body.append(f"    weft_command(c, WEFT_OP_{command.name});")
        body += [
            f"    WEFT_SET(c, {command.name}_{name.upper()}, (uint32_t){value});"
            for name, value in values.items()
        ]
        body.append("    fwrite(c, 1, sizeof c, stdout);")
        packed = command.opcode
        for name, value in values.items():
            field = command.by_name[name]
            packed |= (value & (1 << field.bits) - 1) << field.offset
        expected += packed.to_bytes(64, "little")
    (tmp_path / HEADER).write_text(host_header(TINY))
    lines = ["#include <stdio.h>", f'#include "{HEADER}"', "int main(void)", "{"]
    lines += ["    uint32_t c[WEFT_COMMAND_WORDS];", *body, "    return 0;", "}"]
    (tmp_path / "made.c").write_text("\n".join(lines) + "\n")
    strict = ["-x", "c", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    command = [*find_compiler().command, *strict, "made.c", "-o", "made"]
    subprocess.run(command, cwd=tmp_path, check=True)
    made = subprocess.run([tmp_path / "made"], capture_output=True, check=True).stdout
    assert made == expected
    assert encode("SIGNAL", {"end": 1}) == made_by_hand()


def made_by_hand() -> bytes:
    signal = next(command for command in COMMANDS if command.name == "SIGNAL")
    return (signal.opcode | 1 << signal.by_name["end"].offset).to_bytes(64, "little")


# --- the core ------------------------------------------------------------------------------------


def test_core_names_files_that_are_there(emitted):
    core = (emitted / "weft.core").read_text()
    assert core.startswith("CAPI=2:\n")
    assert f"name: weft:chips:weft_{TINY.hash_hex[:8]}:{weft.__version__}\n" in core
    files = re.findall(r"^      - (\S+): ", core, re.MULTILINE)
    assert sorted(files) == ["weft.v", "weft.vlt", "weft_host.h"]
    for name in files:
        assert (emitted / name).is_file()
