"""Fixtures of the simulated device: the stand-in of `copier`, built once."""

import numpy as np
import pytest

from weft.config import Config
from weft_sim import build
from weft_sim.options import parse_options
from weft_sim.verilator import VerilatorTransport

from . import copier


def copier_library(config: Config, waves: bool = False):
    return build.build_chip(config, copier.copier_verilog(config), waves)


@pytest.fixture
def open_copier():
    """Opens the stand-in as the device URL says."""
    opened = []

    def open_(rest: str = "tiny") -> VerilatorTransport:
        options = parse_options(rest)
        library = copier_library(options.config, options.waves is not None)
        device = VerilatorTransport(options, f"verilator:{rest}", library)
        opened.append(device)
        return device

    yield open_
    for device in opened:
        device.close()


@pytest.fixture
def copy():
    """Copies random data and says whether it arrived; leaves the interrupt high."""

    def copy_(device, *, source=0, target=1 << 16, beats=16, bursts=4, seed=1) -> bool:
        size = beats * bursts * device.config.bus_bytes
        data = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
        device.write(source, data.tobytes())
        values = {
            copier.SOURCE: source,
            copier.TARGET: target,
            copier.BEATS: beats,
            copier.BURSTS: bursts,
        }
        for offset, value in values.items():
            device.write_register(offset, value)
        device.wait_irq(100_000)
        return device.read(target, size) == data.tobytes()

    return copy_
