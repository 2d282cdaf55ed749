"""The small chip, in the simulated board that has it, against the golden chip of the same sizes."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from weft.arch.commands import disassemble
from weft.arch.layouts import PARAM_BYTES
from weft.arch.registers import BY_NAME, REGISTERS
from weft.boards.firmware import firmware
from weft.boards.table import BOARDS
from weft.config import Config
from weft.golden.faults import RaceError
from weft_driver import Device
from weft_driver.errors import DeviceError
from weft_sim.board import SimulatedBoard

from .conftest import few
from .random_programs import DATA, DUMP, MEMORY, PROGRAM, RESULT, Body, bodies, memory_image
from .random_programs import with_semaphores as ordered
from .test_errors import (
    DRAIN,
    END,
    LOOPS,
    OUTSIDE,
    encoded,
    finished,
    load,
    product_is_right,
    store,
)
from .test_programs import golden_memory

BOARD = BOARDS["icebreaker"]


def part_of(config: Config) -> Config:
    """A part of each SRAM, for programs that fill all and store all."""
    part = Config.parse("tiny,lanes=0,acc_rows=32,transpose=false,row_sum=false")
    return part.changed({"cols": config.cols, "wgt_kib": 0.5 * config.cols / part.cols})


@pytest.fixture(scope="module", params=(4, 8, 16))
def spec(request):
    """The iCEBreaker's chip, and wider ones, whose rows are several of the controller's words."""
    return BOARD.preset if request.param == 4 else f"{BOARD.preset},cols={request.param}"


@pytest.fixture(scope="module")
def config(spec):
    return Config.parse(spec)


@pytest.fixture(scope="module")
def small(spec, config):
    with SimulatedBoard(BOARD, config) as board, Device(f"{board.url}&config={spec}") as device:
        device.effort = 50
        yield device


class Beside:
    """Programs on the small chip and on the golden one; memory is the same before each."""

    def __init__(self, small: Device, config: Config):
        self.small, self.config, self.part = small, config, part_of(config)
        self.known = memory_image(self.part, 0)[:MEMORY]
        small.transport.write(0, self.known.tobytes())

    def check(self, body: Body) -> None:
        """Run a body; what it stored and the SRAMs behind it must be the same bytes."""
        part, transport = self.part, self.small.transport
        program = ordered(part, body)
        try:
            expected = golden_memory(self.config, program, self.known)
        except RaceError:
            body.ordered = [True] * len(body.ordered)
            program = ordered(part, body)
            expected = golden_memory(self.config, program, self.known)
        print(disassemble(b"".join(program)))  # shown when the test fails
        transport.write(PROGRAM, b"".join(program))
        self.small.execute(PROGRAM, len(program), limit=5_000_000)
        self.known = expected
        end = DUMP + part.act_kib * 1024 + part.acc_total_rows * 4 * part.cols
        for start, stop in ((RESULT, DATA + 0x7000), (DUMP, end)):
            got = np.frombuffer(transport.read(start, stop - start), np.uint8)
            wrong = np.flatnonzero(got != expected[start:stop])
            if len(wrong):
                self.known = np.frombuffer(transport.read(0, MEMORY), np.uint8)
            assert not len(wrong), f"{len(wrong)} bytes differ, the first at {start + wrong[0]:#x}"


def test_random_programs(small, config):
    """Whatever runs at the same time elsewhere: here programs run in their order."""
    beside = Beside(small, config)

    @settings(max_examples=few(8, 500), deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies(beside.part, 12))
    def check(body):
        beside.check(body)

    check()


def test_rows_of_weights_begin_and_end_anywhere(small, config):
    """A tile for each of them, and all tiles in one sum."""
    body, tile = Body(), 0
    for left, size, at in itertools.product(range(4), (1, 2, 3, 4, 5, 9), (0, 1)):
        values = {"pad_left": left, "len": size, "fill": 77, "flip": tile & 1, "dst_chunk": 1}
        values |= {"count1": 1, "count2": 1, "src": DATA + 16 * tile + at}
        body.commands.append(("LOAD", {"space": 1, "dst": tile * config.rows, **values}))
        tile += 1
    loops = {name: 1 for name in ("blocks", "k1", "k2", "m0", "m1", "m2")}
    body.commands.append(("MATMUL", {**loops, "k0": tile, "k0_stride": 4, "k_tail": config.rows}))
    body.ordered = [True] * len(body.commands)
    Beside(small, config).check(body)


def errors_of(config: Config) -> dict[str, list | None]:
    """Programs that must halt."""
    act, wgt, acc = config.act_region_bytes, config.wgt_rows, config.acc_total_rows
    params, block = config.param_blocks, config.cols * PARAM_BYTES
    return {
        "unknown opcode": [(None, 0xEE)],
        "no opcode": [(None, 0)],
        "unused bit": [(None, 0x01 | 1 << 12)],
        "unused bit at the end": [(None, 0x03 | 1 << 511)],
        "launch": [
            ("LAUNCH", {f"{what}_{axis}": 1 for what in ("grid", "block") for axis in "xyz"})
        ],
        "count of zero": [load(), load(count1=0)],
        "row of no bytes": [load(len=0)],
        "no such space": [load(space=3)],
        "transpose": [load(space=1, transpose=1, count1=4)],
        "padded parameters": [load(space=2, len=block, pad_top=1)],
        "flipped parameters": [load(space=2, len=block, flip=1)],
        "half a block": [load(space=2, len=8)],
        "fenced parameters": [load(space=2, len=block, fence=4)],
        "tail above R": [("MATMUL", {**LOOPS, "k_tail": 5})],
        "row sum": [("MATMUL", {**LOOPS, "row_sum": 1})],
        "no tiles": [("MATMUL", {**LOOPS, "k1": 0})],
        "column above C": [("DRAIN", {**DRAIN, "cols_last": config.cols + 1})],
        "scale of zero": [("DRAIN", {**DRAIN, "int32": 0})],
        "negative scale": [("DRAIN", {**DRAIN, "int32": 0, "scale": 0xBF800000})],
        "infinite scale": [("DRAIN", {**DRAIN, "int32": 0, "scale": 0x7F800000})],
        "drain with row sum": [("DRAIN", {**DRAIN, "row_sum": 1})],
        "crooked address": [("SIGNAL", {"write": 1, "address": 2})],
        "early end": [END, load()],
        "load behind act": [load(dst=act - 3)],
        "second row behind act": [load(dst=act - 8, count1=2, dst_stride1=5)],
        "row before act": [load(dst=0, count1=2, dst_stride1=-4)],
        "load behind wgt": [load(space=1, dst=wgt)],
        "load behind param": [load(space=2, len=block, dst=params)],
        "matmul behind act": [("MATMUL", {**LOOPS, "act": act - 3})],
        "matmul rows behind act": [("MATMUL", {**LOOPS, "m0": 4, "m0_stride": 1, "act": act - 6})],
        "matmul rows around": [("MATMUL", {**LOOPS, "m0": 3, "m0_stride": -(1 << 23)})],
        "matmul behind wgt": [("MATMUL", {**LOOPS, "wgt": wgt - 3})],
        "matmul blocks behind wgt": [("MATMUL", {**LOOPS, "blocks": 2, "wgt_block": wgt})],
        "very many tiles": [("MATMUL", {**LOOPS, "k0": 65535, "k1": 65535, "k2": 65535})],
        "matmul behind acc": [("MATMUL", {**LOOPS, "acc": acc})],
        "very many rows": [("MATMUL", {**LOOPS, "m0": 65535, "m1": 65535, "m2": 65535})],
        "drain behind acc": [("DRAIN", {**DRAIN, "acc": acc})],
        "drain behind act": [("DRAIN", {**DRAIN, "dst": act - 2})],
        "drain behind param": [("DRAIN", {**DRAIN, "params": 1, "param": params})],
        "store behind act": [load(), store(src=act - 3)],
        "read error": [load(src=OUTSIDE)],
        "read error of a second row": [load(count1=2, stride1=OUTSIDE)],
        "parameters outside": [load(space=2, len=block, src=OUTSIDE)],
        "write error": [store(dst=OUTSIDE)],
        "signal outside": [("SIGNAL", {"write": 1, "address": OUTSIDE})],
        "deadlock": [load(), load(wait=4)],
        "no end": None,
        "semaphore at its end": [*[load(post=4)] * 16, load(wait=4)],
    }


def test_errors_are_those_of_the_golden_chip(small, spec, config):
    with Device(f"golden:{spec}?memory_mib=1") as golden:
        for name, commands in errors_of(config).items():
            program = [load()] if commands is None else finished(commands)
            said = []
            for device in (golden, small):
                device.transport.write(DATA, encoded(program))
                with pytest.raises(DeviceError) as caught:
                    device.execute(DATA, len(program), limit=5_000_000)
                said.append(str(caught.value))
            assert said[0] == said[1], name
    assert product_is_right(small)


def test_registers(small, config):
    transport = small.transport

    def read(name: str) -> int:
        return transport.read_register(BY_NAME[name].offset)

    def write(name: str, value: int) -> None:
        transport.write_register(BY_NAME[name].offset, value)

    assert read("HASH_HI") << 32 | read("HASH_LO") == config.hash
    for register in REGISTERS:
        transport.read_register(register.offset)
    for offset in (0x30, 0x3C, 0xFC, 0x400):
        with pytest.raises(RuntimeError, match="refused"):
            transport.read_register(offset)
    for offset, value in ((BY_NAME["DOORBELL"].offset, 0), (BY_NAME["CYCLES"].offset, 1)):
        with pytest.raises(RuntimeError, match="refused"):
            transport.write_register(offset, value)
    write("IRQ_ENABLE", 0xFF)
    assert read("IRQ_ENABLE") == 7
    write("PROGRAM", 0x1234)
    assert read("PROGRAM") == 0x1234


def test_programs_wait_behind_one_another(small):
    """Three are taken, the fourth is refused; the host stops the first one, and all are gone."""
    transport = small.transport
    program = encoded([load(count1=200, count2=200), END])
    transport.write(DATA, program)
    offsets = {name: BY_NAME[name].offset for name in ("PROGRAM", "DOORBELL", "STATUS", "CTRL")}
    transport.write_register(offsets["PROGRAM"], DATA)
    for _ in range(3):
        transport.write_register(offsets["DOORBELL"], 2)
    with pytest.raises(RuntimeError, match="refused"):
        transport.write_register(offsets["DOORBELL"], 2)
    with pytest.raises(RuntimeError, match="refused"):
        transport.write_register(offsets["CTRL"], 1)
    assert transport.read_register(offsets["STATUS"]) == 1 | 2 << 2
    small._host.stop()
    assert transport.read_register(offsets["STATUS"]) == 0
    assert product_is_right(small)


def test_firmware_says_what_is_no_small_chip():
    with pytest.raises(ValueError, match="rows = 8, must be 4"):
        firmware(Config.parse("icebreaker,rows=8"), BOARD.memory_bytes)
    with pytest.raises(ValueError, match="cols = 12, must be 4 or 8 or 16"):
        firmware(Config.parse("icebreaker,cols=12"), BOARD.memory_bytes)
    with pytest.raises(ValueError, match="acc_rows = 129, must be at most 128"):
        firmware(Config.parse("icebreaker,acc_rows=129"), BOARD.memory_bytes)
    with pytest.raises(ValueError, match=r"its SRAMs have .* at most"):
        firmware(Config.parse("icebreaker,act_kib=60"), BOARD.memory_bytes)
