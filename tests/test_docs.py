"""The pages that are made from tables are fresh, and say what the tables say."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weft.arch.commands import COMMANDS
from weft.arch.errors import Cause
from weft.arch.registers import CORE_REGISTERS, REGISTERS
from weft.cli import main
from weft_bench.pages import PAGES, isa_page, registers_page, write_pages

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_fresh(name):
    assert (DOCS / name).read_bytes() == PAGES[name]().encode(), f"{name} is old: run `make docs`"


def test_writing_twice_gives_the_same_bytes(tmp_path):
    first = [path.read_bytes() for path in write_pages(tmp_path)]
    assert first == [path.read_bytes() for path in write_pages(tmp_path)]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(PAGES)  # no temporary file stays


def test_every_field_and_cause_is_on_the_page():
    page = isa_page()
    for command in COMMANDS:
        section = page.split(f"\n## {command.name}\n")[1].split("\n## ")[0]
        for field in command.fields:
            row = re.search(rf"^\| `{field.name}` \| {field.word} \|.*$", section, re.MULTILINE)
            assert row, f"{command.name}.{field.name}"
            assert field.doc in row[0]
    for cause in Cause:
        assert f"| {int(cause)} | `{cause.name}` |" in page


def test_every_register_and_bit_is_on_the_page():
    page = registers_page()
    for register in (*REGISTERS, *CORE_REGISTERS):
        assert f"| `{register.offset:#05x}` | " in page
        assert register.doc in page
        for bits in register.bits:
            assert f"| `{bits.name}` | {bits.doc} |" in page


@pytest.mark.parametrize("path", [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"], ids=str)
def test_links_between_pages_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name).resolve() if name else path
        assert page.exists(), f"{path}: {target}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in heads}
            assert anchor in anchors, f"{path}: {target}"


def test_the_example_in_the_readme_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert "verilator:base" in code
    exec(code.replace("verilator:base", "golden:base"), {})
    assert "(100, 30)" in capsys.readouterr().out


def test_every_command_in_the_readme_exists():
    commands = re.findall(r"`weft ([a-z]+(?: [a-z]+)?)", (ROOT / "README.md").read_text())
    assert len(commands) > 8
    for command in commands:
        words = command.split()
        if words[0] not in ("bench", "config"):
            words = words[:1]
        assert CliRunner().invoke(main, [*words, "--help"]).exit_code == 0, command
