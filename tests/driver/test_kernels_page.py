"""docs/kernels.md: its example compiles and runs as it stands."""

import re
from pathlib import Path

import pytest

from weft_driver.kernels import load_kernels

pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")

PAGE = Path(__file__).parents[2] / "docs" / "kernels.md"


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text()
    source, conductor = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
    (script,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    Path("saxpy.c").write_text(source)
    Path("conduct.c").write_text('#include "weft.h"\n' + conductor)
    assert list(load_kernels("conduct.c").kernels) == ["conduct"]
    names: dict = {}
    exec(script, names)
    issued, share, cycles, rate, *bins = capsys.readouterr().out.split()
    assert int(issued) > 0
    assert 0 < float(share) <= 1
    assert float(rate) == int(issued) / int(cycles)
    assert sum(map(int, re.findall(r"\d+", " ".join(bins)))) == int(cycles)
    assert (names["sums"].numpy() == 16).all()
