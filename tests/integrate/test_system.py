"""The chip in a system that somebody else wrote in Verilog, run by software in C++."""

import ctypes
from pathlib import Path

import numpy as np

from weft import emit
from weft.arch.registers import BY_NAME
from weft.config import Config
from weft.emit_header import HEADER, host_header
from weft_driver import Device
from weft_sim.build import build_library, cached_text

HERE = Path(__file__).parent
CONFIG = Config.parse("icebreaker,rows=3,cols=4")
WORDS = 1 << 18


def system_library(tmp_path: Path) -> ctypes.CDLL:
    text = cached_text(f"plain-{CONFIG.hash_hex}", "", lambda: emit.emit_verilog(CONFIG))
    # The header goes in front of the driver: what it includes is part of the cache's key.
    driver = tmp_path / "system.cpp"
    source = (HERE / "native" / "system.cpp").read_text()
    driver.write_text(source.replace(f'#include "{HEADER}"', host_header(CONFIG)))
    verilog = text + (HERE / "system.v").read_text()
    return ctypes.CDLL(str(build_library("system", verilog, driver, fast="-O1")))


class Recorded:
    """What a device was asked to run: its memory before and after, where and how many commands."""

    def __init__(self, device: Device):
        transport = device.transport
        write = transport.write_register

        def write_register(offset: int, value: int) -> None:
            if offset == BY_NAME["PROGRAM"].offset:
                self.program = value
            if offset == BY_NAME["DOORBELL"].offset:
                self.count = value
                self.before = transport.read(0, 4 * WORDS)
            write(offset, value)

        transport.write_register = write_register


def test_a_product_in_a_hand_written_system(tmp_path):
    library = system_library(tmp_path)
    library.system_run.restype = ctypes.c_int64
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-128, 128, shape, dtype=np.int8) for shape in ((9, 11), (11, 10)))
    spec = ",".join(f"{name}={getattr(CONFIG, name)}" for name in ("rows", "cols"))
    with Device(f"golden:icebreaker,{spec}?memory_mib=1") as device:
        recorded = Recorded(device)
        device.effort = 50
        x = device.tensor(a)
        with device.program() as program:
            c = program.matmul(x, b, bias=rng.integers(-999, 999, 10, dtype=np.int32), scale=2e-3)
        program.run()
        expected = np.frombuffer(device.transport.read(0, 4 * WORDS), np.uint8)
        assert c.numpy().any()
    memory = np.frombuffer(recorded.before, np.uint32).copy()
    pointer = memory.ctypes.data_as(ctypes.POINTER(ctypes.c_uint32))
    cycles = library.system_run(pointer, WORDS, recorded.program, recorded.count)
    assert cycles > 9 * 11 * 10 / 12
    assert (memory.view(np.uint8) == expected).all()
