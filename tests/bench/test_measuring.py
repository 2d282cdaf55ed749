"""Products and convolutions measured on the golden chip, random SRAM contents, files."""

import numpy as np
import pytest

from weft.config import PRESETS
from weft_bench.conv import conv_ideal_cycles, run_conv
from weft_bench.files import write_atomically
from weft_bench.gemm import Ask, run_gemm, run_one, run_table
from weft_bench.reference import exact_product, im2col, requantise
from weft_bench.scramble import scramble
from weft_bench.shapes import CONVS, GEMMINI, SQUARE, ConvShape, Shape, random_shapes
from weft_driver import Device


@pytest.fixture(scope="module")
def tiny():
    with Device("golden:tiny") as device:
        yield device


def sram_bytes(device, name):
    """Contents of one memory of the golden chip as bytes, address space without memory left out."""
    flat = np.ascontiguousarray(getattr(device.transport.chip.state, name)).view(np.uint8)
    if name != "act":
        return flat.reshape(-1)
    config = device.config
    starts = [region * config.act_region_span for region in range(config.act_regions)]
    return np.concatenate([flat[s : s + config.act_region_bytes] for s in starts])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "change", ["", ",rows=1,cols=1,drain_units=1", ",rows=3,cols=5,act_regions=1,drain_units=1"]
)
def test_scramble_reaches_every_sram(preset, change):
    with Device(f"golden:{preset}{change}") as device:
        state = device.transport.chip.state
        names = [n for n, v in vars(state).items() if isinstance(v, np.ndarray) and v.size > 1]
        unused = {"memory"} if device.config.row_sum else {"memory", "row_sum"}
        names = [n for n in names if n not in unused]
        assert len(names) >= 3
        for name in names:
            getattr(state, name)[...] = 0
        scramble(device, np.random.default_rng(1))
        for name in names:
            content = sram_bytes(device, name)
            for part in np.array_split(content, 8) if content.size >= 512 else [content]:
                assert part.any(), name


@pytest.mark.parametrize("out", ["int8", "int32"])
def test_products(tiny, out):
    for shape in (Shape("", "", 1, 1, 1), Shape("", "", 5, 9, 17), Shape("", "", 40, 3, 2)):
        found = run_one(tiny, shape, Ask(out=out))
        assert found.mismatches == 0
        assert (found.m, found.n, found.k) == (shape.m, shape.n, shape.k)


def test_int8_results_use_their_range(tiny, monkeypatch):
    seen = []
    right = Device.matmul

    def spy(self, *args, **options):
        seen.append(right(self, *args, **options))
        return seen[-1]

    monkeypatch.setattr(Device, "matmul", spy)
    run_gemm(tiny, Shape("", "", 40, 40, 64), Ask())
    inside = np.mean((seen[0] > -128) & (seen[0] < 127))
    assert 0.8 < inside < 0.99  # mostly inside, and the clamps are reached


def test_equal_shapes_are_run_once(tiny, monkeypatch):
    runs = []
    right = Device.matmul
    monkeypatch.setattr(
        Device, "matmul", lambda self, *a, **o: (runs.append(1), right(self, *a, **o))[1]
    )
    shapes = [Shape("x", "a", 4, 5, 6, 2), Shape("y", "b", 4, 5, 6, 3), Shape("y", "c", 4, 6, 5)]
    rows = run_table(tiny, shapes, Ask())
    assert len(runs) == 2
    assert [(r.suite, r.name, r.count) for r in rows] == [
        ("x", "a", 2),
        ("y", "b", 3),
        ("y", "c", 1),
    ]


def test_convolutions():
    with Device("golden:base") as device:
        for conv in (
            ConvShape("a", 7, 3, 5),
            ConvShape("b", 9, 16, 20, stride=2),
            ConvShape("c", 9, 4, 4, dilation=2, padding=2),
            ConvShape("d", 6, 8, 8, kernel=1, padding=0, stride=2),
        ):
            found = run_conv(device, conv, Ask())
            assert found.mismatches == 0
            assert found.m == conv.out_size**2
            assert conv_ideal_cycles(device, conv, "int8") <= found.ideal_cycles


@pytest.mark.parametrize("conv", CONVS, ids=lambda c: c.name)
def test_im2col_is_a_convolution(conv):
    """Against plain loops over the output, a few channels and pixels of each."""
    rng = np.random.default_rng(3)
    x = rng.integers(-128, 128, (1, conv.size, conv.size, 2), dtype=np.int8)
    rows = im2col(
        x, (conv.kernel, conv.kernel), stride=conv.stride, padding=conv.padding,
        dilation=conv.dilation, fill=7,
    )  # fmt: skip
    rows = rows.reshape(conv.out_size, conv.out_size, conv.kernel, conv.kernel, 2)
    for oy, ox in [(0, 0), (conv.out_size - 1, 0), *rng.integers(0, conv.out_size, (20, 2))]:
        for ky in range(conv.kernel):
            for kx in range(conv.kernel):
                y = oy * conv.stride + ky * conv.dilation - conv.padding
                at = ox * conv.stride + kx * conv.dilation - conv.padding
                inside = 0 <= y < conv.size and 0 <= at < conv.size
                expected = x[0, y, at] if inside else [7, 7]
                assert (rows[oy, ox, ky, kx] == expected).all()


def test_exact_product_wraps_and_subtracts_zero_points():
    a, b = np.array([[200, 3]], np.uint8), np.array([[-128], [5]], np.int8)
    assert exact_product(a, b, a_zero_point=128, b_zero_point=2)[0, 0] == 72 * -130 - 125 * 3
    bias = np.array([2**31 - 1])
    assert exact_product(a, np.abs(b.astype(np.int16)), bias=bias)[0, 0] == (
        200 * 128 + 15 - 2**31 - 1
    )


def test_requantise_rounds_half_to_even_before_the_zero_point():
    acc = np.array([[1, 3, 5, -1, -3, 1000]], np.int32)
    found = requantise(acc, np.float32(0.5), zero_point=1)
    assert found.tolist() == [[1, 3, 3, 1, -1, 127]]


def test_shapes():
    assert random_shapes(7, 50) == random_shapes(7, 50) != random_shapes(8, 50)
    assert all(1 <= v <= 128 for s in random_shapes(7, 200) for v in (s.m, s.n, s.k))
    assert [s.m for s in SQUARE] == [2**i for i in range(2, 11)]
    assert len(GEMMINI) == 15
    assert (GEMMINI[-2].shape.m, GEMMINI[-2].shape.k, GEMMINI[-2].shape.n) == (3136, 576, 64)


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    write_atomically(path, "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert path.read_bytes() == b"old\n"
    assert list(tmp_path.iterdir()) == [path]
