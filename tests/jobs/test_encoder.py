"""The encoder layer: its formula against floating point, and the chip against its formula."""

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from weft.cli import main
from weft_bench.encoder import int8
from weft_bench.encoder.chip import EncoderOnChip
from weft_bench.encoder.floats import FloatLayer, softmax
from weft_bench.encoder.run import MOST_ERROR, Encoder, run_encoder
from weft_bench.encoder.sizes import BERT_TINY, Sizes
from weft_bench.pipeline import ARRAY, SIMT, Pipeline
from weft_driver import Device

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")

SMALL = Sizes(hidden=128)


@pytest.fixture(scope="module")
def encoder():
    return Encoder.seeded(BERT_TINY, 1)


def test_sizes():
    assert BERT_TINY.macs == 29_360_128
    with pytest.raises(ValueError, match="rows = 48 must divide 128"):
        Sizes(rows=48)
    with pytest.raises(ValueError, match="tokens = 64: the kernels take 128"):
        Sizes(tokens=64)


def test_bytes_stand_for_floats(encoder):
    """Every step in bytes is near the same step in floating point."""
    wanted = encoder.floats(encoder.x * encoder.layer.x_scale)
    found = encoder.layer(encoder.x)
    for name in ("query", "value", "scores", "context", "attention", "middle", "up", "down", "y"):
        same = np.corrcoef(found[name].ravel(), wanted[name].ravel())[0, 1]
        assert same > 0.995, name
    assert encoder.error(found["y"]) < MOST_ERROR


def test_softmax_is_rounded_to_the_nearest():
    rng = np.random.default_rng(3)
    for scale in (0.01, 0.03, 0.05):  # beyond e^-13 the powers of the smallest bytes are coarse
        x = rng.integers(-128, 128, (50, 128)).astype(np.int8)
        x[0], x[1], x[2] = -128, 127, 0
        x[2, 5] = 127
        wanted = 127 * softmax(x * scale)
        assert np.abs(int8.ByteSoftmax.of(scale)(x) - wanted).max() < 0.51


def test_norm_is_rounded_to_the_nearest(encoder):
    rng = np.random.default_rng(4)
    norm = encoder.layer.norm1
    a, f = rng.integers(-128, 128, (2, 40, 128)).astype(np.int8)
    a[0] = f[0] = 5  # no variance at all
    h = norm.left * a.astype(float) + norm.right * f.astype(float)
    centred = h - h.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + norm.epsilon)
    wanted = np.clip(scaled * norm.gain + norm.bias, -128, 127)
    assert np.abs(norm(a, f) - wanted).max() < 0.51


def test_weights_that_do_not_fit():
    with pytest.raises(ValueError, match="no whole weights in reach"):
        int8._beside(1.0, 4.0)
    layer = FloatLayer.seeded(SMALL)
    norm = int8.quantised(layer, [100]).norm1
    assert 0 < norm.right <= int8.MOST_WEIGHTS - norm.left


def test_on_the_golden_chip():
    """Every step bit for bit; the golden model finds races, too."""
    pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")
    small = Encoder.seeded(SMALL, 1)
    with Device("golden:base") as device:
        device.effort = 300
        chip = EncoderOnChip(device, small.layer, small.x)
        chip.pipeline.program().run()
        assert chip.pipeline.mismatches(chip.wanted(small.x)) == 0
        assert small.error(chip.y()) < MOST_ERROR


def test_each_engine_alone():
    """Its commands without the other's, on the results of both together."""
    pipeline = Pipeline(Device("golden:tiny"))
    a, b = np.arange(12, dtype=np.int8).reshape(4, 3), np.eye(3, dtype=np.int8)
    pipeline.constant("a", a)
    for name in ("b", "c"):
        pipeline.result(name, (4, 3))
    pipeline.product("b", "a", b, 9, scale=1)
    pipeline.product("c", "b", b, 9, scale=1)
    assert [task.after for task in pipeline.order()] == [(), ("b, column 0",)]
    with pytest.raises(ValueError, match="empty"):
        pipeline.program([SIMT])
    pipeline.program([ARRAY]).run()
    assert pipeline.mismatches({"b": a, "c": a}) == 0
    assert pipeline.mismatches({"b": a, "c": a + 1}) == 12
    with pytest.raises(ValueError, match="nothing is known about the result 'c'"):
        pipeline.mismatches({"b": a})
    pipeline.clear()
    assert not pipeline.tensors["c"].numpy().any()


def test_a_core_that_is_too_small():
    with (
        Device("golden:base,lanes=4") as device,
        pytest.raises(ValueError, match="need a SIMT core of 8 lanes"),
    ):
        run_encoder(device, SMALL)


@pytest.mark.skipif(not LONG, reason="half a minute; set WEFT_LONG=1")
def test_figures():
    result = CliRunner().invoke(main, ["bench", "encoder", "--json"])
    assert result.exit_code == 0, result.stderr
    value = json.loads(result.stdout)
    assert value["mismatches"] == 0
    assert value["ratio"] <= 1.25
    assert value["array_utilization_alone"] >= 0.85
    assert value["both_busy"] > 0
