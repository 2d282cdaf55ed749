"""Random programs leave the same memory on the golden chip and in RTL, whatever the stalls."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from weft.arch.commands import disassemble
from weft.arch.memory import MemoryTiming
from weft.config import Config
from weft.golden.chip import GoldenChip
from weft.golden.faults import RaceError
from weft_driver import Device
from weft_sim.verilator import VerilatorTransport

from .conftest import few
from .random_programs import MEMORY, PROGRAM, bodies, memory_image, with_semaphores

SPECS = ["tiny", "tiny,rows=3,cols=5,bus_bytes=8", "tiny,rows=1,cols=1,lanes=0"]


def golden_memory(config: Config, program: list[bytes], image: np.ndarray) -> np.ndarray:
    """Memory after the program on the golden chip."""
    memory = image.copy()
    memory[PROGRAM : PROGRAM + 64 * len(program)] = np.frombuffer(b"".join(program), np.uint8)
    GoldenChip(config, memory, seed=1).run(PROGRAM, len(program))
    return memory


@pytest.mark.parametrize("spec", SPECS)
def test_random_programs(spec):
    config = Config.parse(spec)
    device = Device(f"verilator:{spec}?memory_mib=1")
    transport = device.transport
    assert isinstance(transport, VerilatorTransport)
    stalls = st.sampled_from([0.0, 0.1, 0.5, 0.9])

    @settings(
        max_examples=few(60, 2000),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(bodies(config, 12), st.integers(0, 3), stalls, st.integers(0, 9), st.integers(1, 60))
    def check(body, seed, stall, stall_seed, latency):
        image = memory_image(config, seed)
        program = with_semaphores(config, body)
        try:
            expected = golden_memory(config, program, image)
        except RaceError:
            body.ordered = [True] * len(body.ordered)
            program = with_semaphores(config, body)
            expected = golden_memory(config, program, image)
        note(disassemble(b"".join(program)))
        transport.reset()
        transport.set_timing(MemoryTiming(latency=latency), stall, stall_seed)
        transport.write(0, image.tobytes())
        transport.write(PROGRAM, b"".join(program))
        device.execute(PROGRAM, len(program), limit=200_000)
        got = np.frombuffer(transport.read(0, MEMORY), np.uint8)
        wrong = np.flatnonzero(got != expected)
        assert not len(wrong), f"{len(wrong)} bytes differ, the first at {wrong[0]:#x}"

    check()
