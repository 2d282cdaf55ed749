"""ResNet-8: its formula against floating point, and the chip against its formula."""

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from weft.cli import main
from weft_bench.resnet.chip import ResnetOnChip
from weft_bench.resnet.network import CONV_MACS, CONVS, quantised
from weft_bench.resnet.run import Resnet
from weft_driver import Device

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")


@pytest.fixture(scope="module")
def resnet():
    return Resnet.seeded(2, 1)


def test_the_shape():
    """What MLPerf Tiny counts for its ResNet-8: 12.5 million multiplications."""
    assert CONV_MACS == 12_500_992
    assert [conv.size for conv in CONVS] == [32, 32, 32, 16, 16, 16, 8, 8, 8]


def test_bytes_stand_for_floats(resnet):
    wanted = resnet.floats(resnet.x * resnet.network.scales["x"])
    found = resnet.network(resnet.x)
    for name, values in found.items():
        assert np.corrcoef(values.ravel(), wanted[name].ravel())[0, 1] > 0.998, name
    assert found["dense"].argmax(axis=1).tolist() == resnet.float_classes()


def test_whole_weights(resnet):
    """Scales of both operands of a sum are multiples of one number."""
    scales, sums = resnet.network.scales, resnet.network.sums
    assert scales["a1"] > 0
    for name, source, branch in (("sum1", "stem", "b1"), ("sum2", "short2", "b2")):
        ratio = scales[branch] / scales[source]
        assert sums[name].right / sums[name].left == pytest.approx(ratio)
    assert quantised(resnet.floats).scales == scales


def test_on_the_golden_chip(resnet):
    """One picture, every step bit for bit; the golden model finds races, too."""
    pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")
    with Device("golden:base") as device:
        device.effort = 300
        chip = ResnetOnChip(device, resnet.network, resnet.x[:1])
        chip.pipeline.program().run()
        assert chip.pipeline.mismatches(chip.wanted(resnet.x[:1])) == 0
        assert chip.classes() == resnet.float_classes()[:1]


@pytest.mark.skipif(not LONG, reason="half a minute; set WEFT_LONG=1")
def test_figures():
    result = CliRunner().invoke(main, ["bench", "resnet", "--pictures", "2", "--json"])
    assert result.exit_code == 0, result.stderr
    value = json.loads(result.stdout)
    assert value["mismatches"] == value["unlike"] == 0
    assert value["conv_utilization"] >= 0.85
    assert value["both_busy"] > 0
