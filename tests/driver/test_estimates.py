"""What the planner's model of the engines expects, against the counters of the chip."""

import numpy as np
import pytest

from weft_driver import Device
from weft_driver.planner.choice import Choice

from .conftest import EFFORT

SHAPES = [
    (1, 1, 1, "int8"),
    (16, 16, 16, "int8"),
    (64, 64, 64, "int8"),
    (128, 128, 128, "int32"),
    (1, 300, 200, "int8"),
    (200, 1, 300, "int32"),
    (47, 33, 77, "int8"),
    (256, 64, 100, "int8"),
]


@pytest.mark.parametrize(
    ("url", "most"),
    [
        ("verilator:base", 0.05),
        ("verilator:base?latency=200", 0.05),
        ("verilator:base?read_interval=4&write_interval=4", 0.05),
        ("verilator:tiny", 0.25),
    ],
)
def test_products(url, most):
    """Cycles are near, the rows that enter the array are exact, and traffic nearly so."""
    with Device(url) as device:
        device.effort = EFFORT
        for m, n, k, out in SHAPES:
            if m * n * k <= 2000 * device.config.tile_bytes * device.config.bus_bytes:
                compare(device, (m, n, k), out, most)


@pytest.mark.parametrize(
    ("sizes", "out"), [((48, 32, 77), "int8"), ((64, 64, 96), "int8"), ((64, 32, 77), "int32")]
)
def test_products_whose_operands_share_a_region_with_results(sizes, out):
    with Device("verilator:tiny?read_interval=4&write_interval=4") as device:
        device.effort = EFFORT
        assert compare(device, sizes, out, 0.05).results


def compare(device: Device, sizes: tuple[int, int, int], out: str, most: float) -> Choice:
    """Run a product, and compare what was expected; what was chosen."""
    m, n, k = sizes
    rng = np.random.default_rng(1)
    a = rng.integers(-128, 128, (m, k), dtype=np.int8)
    b = rng.integers(-128, 128, (k, n), dtype=np.int8)
    program = device.program()
    program.matmul(a, b, **({"scale": 0.01} if out == "int8" else {}))
    run, expected = program.run(), program.plan().estimate
    shape = f"{m} x {n} x {k}"
    assert expected.cycles == pytest.approx(run.cycles, rel=most, abs=20), shape
    assert expected.compute == run.bins["compute"], shape
    beats = (expected.read_beats, expected.write_beats)
    found = (run.counters["read_beats"], run.counters["write_beats"])
    assert beats == pytest.approx(found, rel=0.1, abs=4), shape
    choice = program.plan().parts[0].choice
    assert isinstance(choice, Choice)
    return choice
