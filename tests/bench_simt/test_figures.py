"""The figures page: what counts as met, and that parts are measured once."""

import json

import pytest
from typer.testing import CliRunner

from weft.cli import main
from weft_bench.kernels import CORNERS, KERNELS
from weft_bench.simt import figures as module
from weft_bench.simt.page import RATED, figures, simt_figures_page


def row(kernel, memory="shared", lanes=8, warps=16, **more):
    return {
        **dict(weft_version="0.1.0", config_hash="0123", device="verilator:base"),
        **dict(kernel=kernel, size=KERNELS[kernel].full, lanes=lanes, warps=warps, memory=memory),
        **dict(latency=40, cycles=12_345, issue_rate=0.96, lane_utilization=1.0, mismatches=0),
        **dict(unit=KERNELS[kernel].unit, instructions_per_item=3.5),
    } | more


@pytest.fixture
def parts():
    point = {
        **dict(kernel="saxpy", latency=40, warps=16, core_warps=16, issue_rate=0.5, mismatches=0),
        **dict(bound_bus=1.8, bound_warps=0.51, bound=0.51, share=0.98),
    }
    overlap = {
        **dict(tiles=8, m=64, n=64, k=1024, mismatches=0, cycles=150, array_alone=100),
        **dict(kernels_alone=90, matmul_busy=95, simt_busy=91, both_busy=40, hidden=40),
        **dict(hidden_share=40 / 90, sim_khz=100.0, array_khz=400.0),
    }
    return {
        "library": [row(name) for name in KERNELS],
        "cores": [row("saxpy", lanes=lanes, warps=warps) for lanes, warps in CORNERS[1:]],
        "dial": [point, point | {"warps": 8, "share": 0.2}, point | {"latency": 1, "share": 0.2}],
        "overlap": overlap,
    }


def missed(parts):
    return [name for name, _, _, met in figures(parts) if not met]


def test_all_met(parts):
    assert missed(parts) == []
    names = [name for name, *_ in figures(parts)]
    assert len(names) == len(RATED) + 4 + 1 + 1


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda p: p["library"][0].update(issue_rate=0.949), "issue rate of saxpy, 16,384"),
        (
            lambda p: p["library"][1].update(instructions_per_item=8.1),
            "instructions per element, v",
        ),
        (lambda p: p["dial"][0].update(share=0.94), "saxpy from main memory, share of its bound"),
        (lambda p: p["overlap"].update(sim_khz=79.0), "simulation speed, both engines busy"),
    ],
)
def test_missed(parts, change, name):
    change(parts)
    (found,) = missed(parts)
    assert found.startswith(name)
    assert f"| {found} |" in simt_figures_page(parts)
    assert "| **no** |" in simt_figures_page(parts)


def test_page(parts):
    text = simt_figures_page(parts)
    assert "| saxpy | shared | - | 12,345 (0.96) | 12,345 (0.96) | 12,345 (0.96) |" in text
    assert ": 0 mismatches." in text
    assert "both in one program 150: 40 cycles are hidden, 44.4 % of the shorter" in text
    assert "25.0 % of the speed of the bare array" in text
    parts["cores"][0]["mismatches"] = 3
    assert ": 3 mismatches." in simt_figures_page(parts)


def test_parts_are_measured_once(parts, monkeypatch, tmp_path):
    measured = []

    def part(name):
        return lambda device: measured.append((name, device)) or parts[name]

    monkeypatch.setattr(module, "PARTS", {name: part(name) for name in parts})
    folder, page = tmp_path / "parts", tmp_path / "docs" / "page.md"
    folder.mkdir()
    (folder / "dial.json").write_text(json.dumps(parts["dial"]))
    asked = ["bench", "simt-figures", "--folder", str(folder), "--page", str(page)]
    result = CliRunner().invoke(main, [*asked, "--device", "verilator:x"])
    assert result.exit_code == 0, result.output
    assert measured == [(name, "verilator:x") for name in ("library", "cores", "overlap")]
    assert page.read_text() == simt_figures_page(parts)
    assert CliRunner().invoke(main, asked).exit_code == 0
    assert len(measured) == 3
    assert CliRunner().invoke(main, [*asked, "--again"]).exit_code == 0
    assert len(measured) == 7
