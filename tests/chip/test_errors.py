"""Each error of the chip: provoked, named, and followed by a product that is right."""

import numpy as np
import pytest

from weft.arch.commands import COMMAND_BYTES, encode
from weft.arch.errors import Cause
from weft.arch.registers import BY_NAME
from weft_driver import Device
from weft_driver.errors import DeviceError

PROGRAM, DATA = 0x8000, 0xC000
DEVICES = ["golden:tiny?memory_mib=1", "verilator:tiny?memory_mib=1"]
END = ("SIGNAL", {"end": 1})
ONE = {"count1": 1, "count2": 1}
ONE_THREAD = {f"{what}_{axis}": 1 for what in ("grid", "block") for axis in "xyz"}
LOOPS = dict.fromkeys(("blocks", "k_tail", "k0", "k1", "k2", "m0", "m1", "m2"), 1)
DRAIN = {"rows": 1, "blocks": 1, "cols_last": 1, "int32": 1}
OUTSIDE = 1 << 30  # no memory there


def load(**values):
    return "LOAD", {**ONE, "len": 4, "src": DATA, **values}


def store(**values):
    return "STORE", {**ONE, "len": 4, "dst": DATA, **values}


def launch(**values):
    return "LAUNCH", {**ONE_THREAD, **values}


CASES = {
    "unknown opcode": ([(None, 0xEE)], "malformed command", "unknown opcode 0xee", 0),
    "unused bit": ([(None, 0x01 | 1 << 12)], "malformed command", "unused bit 12 of word 0", 0),
    "launch of no threads": ([launch(block_y=0)], "malformed command", "block_y", 0),
    "launch of no blocks": ([launch(grid_z=0)], "malformed command", "grid_z", 0),
    "too many threads": ([launch(block_x=3, block_z=3)], "malformed", "block_z=3", 0),
    "far too many threads": ([launch(block_x=255, block_y=255)], "malformed", "block_x=255", 0),
    "crooked entry": ([launch(entry=2)], "malformed command", "entry=0x2", 0),
    "crooked stacks": ([load(), launch(private=8)], "malformed command", "private=8", 1),
    "shared memory": ([launch(shared=2032, shared_base=32)], "malformed", "shared=2032", 0),
    "shared by four blocks": ([launch(grid_x=4, shared=528)], "malformed", "shared=528", 0),
    "no kernel": ([launch(entry=4)], "trapped", "illegal instruction", 0),
    "kernel outside": ([launch(entry=OUTSIDE)], "trapped", "no code at this address", 0),
    "count of zero": ([load(), load(count1=0)], "malformed command", "count1", 1),
    "row of no bytes": ([load(len=0)], "malformed command", "LOAD", 0),
    "no such space": ([load(space=3)], "malformed command", "space=3", 0),
    "transposed act": ([load(transpose=1)], "malformed command", "transpose=1", 0),
    "padded parameters": ([load(space=2, len=32, pad_left=1)], "malformed command", "LOAD", 0),
    "half a block": ([load(space=2, len=8)], "malformed command", "len=8", 0),
    "tail above R": ([("MATMUL", {**LOOPS, "k_tail": 5})], "malformed command", "k_tail=5", 0),
    "column above C": ([("DRAIN", {**DRAIN, "cols_last": 5})], "malformed", "cols_last=5", 0),
    "scale of zero": ([("DRAIN", {**DRAIN, "int32": 0})], "malformed command", "DRAIN", 0),
    "crooked address": ([("SIGNAL", {"write": 1, "address": 2})], "malformed", "address=0x2", 0),
    "early end": ([END, load()], "malformed command", "end=1", 0),
    "load behind act": ([load(dst=1021)], "outside an SRAM", "dst=1021", 0),
    "load to no region": ([load(dst=2048)], "outside an SRAM", "dst=2048", 0),
    "load behind wgt": ([load(space=1, dst=256)], "outside an SRAM", "dst=256", 0),
    "load behind param": ([load(space=2, len=32, dst=16)], "outside an SRAM", "dst=16", 0),
    "matmul behind act": ([("MATMUL", {**LOOPS, "act": 1021})], "outside", "act=1021", 0),
    "matmul behind wgt": ([("MATMUL", {**LOOPS, "wgt": 253})], "outside", "wgt=253", 0),
    "matmul behind acc": ([("MATMUL", {**LOOPS, "acc": 32})], "outside", "acc=32", 0),
    "drain behind acc": ([("DRAIN", {**DRAIN, "acc": 32})], "outside", "acc=32", 0),
    "drain behind act": ([("DRAIN", {**DRAIN, "dst": 1022})], "outside", "dst=1022", 0),
    "drain behind param": (
        [("DRAIN", {**DRAIN, "params": 1, "param": 16})],
        "outside an SRAM",
        "param=16",
        0,
    ),
    "store behind act": ([load(), store(src=1021)], "outside an SRAM", "src=1021", 1),
    "read error": ([load(src=OUTSIDE)], "answered a read with an error", "src=0x40000000", 0),
    "write error": ([store(dst=OUTSIDE)], "answered a write with an error", "dst=0x40000000", 0),
    "deadlock": ([load(), load(wait=4)], "deadlock", "wait={2}", 1),
    "no end": (None, "ran out of commands without SIGNAL end", "", None),
}


def encoded(commands) -> bytes:
    return b"".join(
        values.to_bytes(COMMAND_BYTES, "little") if name is None else encode(name, values)
        for name, values in commands
    )


def finished(commands):
    """A program that ends when its last command is done."""
    *first, (name, values) = commands
    if name in ("LOAD", "MATMUL", "DRAIN", "LAUNCH"):
        return [*first, (name, values | {"post": 1 << 15}), ("SIGNAL", {"end": 1, "wait": 1 << 15})]
    return [*commands, END]


def product_is_right(device: Device) -> bool:
    rng = np.random.default_rng(7)
    a, b = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((9, 11), (11, 6)))
    return bool((device.matmul(a, b) == a.astype(np.int64) @ b.astype(np.int64)).all())


@pytest.mark.parametrize("url", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_error_is_named_and_recovered_from(device, url, name):
    commands, message, detail, index = CASES[name]
    commands = [load()] if commands is None else finished(commands)
    chip = device(url)
    chip.transport.write(PROGRAM, encoded(commands))
    with pytest.raises(DeviceError) as caught:
        chip.execute(PROGRAM, len(commands), limit=20_000)
    text = str(caught.value)
    assert message in text
    assert detail in text
    assert "\n" not in text
    if index is not None:
        assert f"command {index}" in text
    assert product_is_right(chip)


@pytest.mark.parametrize("url", DEVICES)
def test_program_that_is_not_aligned(device, url):
    chip = device(url)
    chip.transport.write(PROGRAM + 8, encoded([END]))
    with pytest.raises(DeviceError, match="malformed command"):
        chip.execute(PROGRAM + 8, 1, limit=20_000)
    assert product_is_right(chip)


@pytest.mark.parametrize("url", DEVICES)
def test_program_that_is_not_in_memory(device, url):
    chip = device(url)
    with pytest.raises(DeviceError, match="answered a read with an error"):
        chip.execute(OUTSIDE, 1, limit=20_000)
    assert product_is_right(chip)


def test_semaphore_overflow(device):
    """Only RTL: the golden chip refuses such a program before it runs."""
    chip = device(DEVICES[1])
    commands = finished([*[load(post=1)] * 16, load()])
    chip.transport.write(PROGRAM, encoded(commands))
    with pytest.raises(DeviceError, match="posted above its maximum"):
        chip.execute(PROGRAM, len(commands), limit=20_000)
    assert product_is_right(chip)


def test_product_right_after_error_in_each_engine_at_any_time(device):
    """Halting in the middle of a product leaves nothing behind."""
    chip = device(DEVICES[1])
    rng = np.random.default_rng(3)
    a = rng.integers(-128, 128, (24, 24)).astype(np.int8)
    program = chip.program()
    result = program.matmul(chip.tensor(a), a)
    program.plan()
    for address in range(result.address, result.address + result.nbytes, 300):
        chip.transport.inject_errors(write=range(address, address + 1))
        with pytest.raises(DeviceError, match="answered a write with an error"):
            program.run()
        chip.transport.inject_errors()
        assert product_is_right(chip)
    program.run()
    assert (result.numpy() == a.astype(np.int64) @ a.astype(np.int64)).all()


@pytest.mark.parametrize("reset", [False, True])
def test_stopped_at_any_time(device, reset):
    """A program given up by the driver, or cut by a hard reset, leaves nothing behind."""
    chip = device(DEVICES[1])
    commands = encoded(finished([load(dst=4 * i) for i in range(20)]))
    for cycles in range(1, 400, 23):
        chip.transport.write(PROGRAM, commands)
        with pytest.raises(DeviceError, match="did not finish within"):
            chip.execute(PROGRAM, 21, limit=cycles)
        if reset:
            chip.transport.reset()
        assert product_is_right(chip)


def test_golden_program_stopped_before_it_ran(device):
    chip = device(DEVICES[0])
    chip.transport.write(PROGRAM, encoded([END]))
    values = (("PROGRAM", PROGRAM), ("DOORBELL", 1), ("CTRL", 2))
    for name, value in values:
        chip.transport.write_register(BY_NAME[name].offset, value)
    assert chip.transport.read_register(BY_NAME["ERROR"].offset) & 15 == Cause.STOPPED
    for name, value in (("CTRL", 1), ("IRQ_STATUS", 7)):
        chip.transport.write_register(BY_NAME[name].offset, value)
    assert product_is_right(chip)
