"""Bench of the whole chip through AXI models, run by the unchanged driver."""

import contextlib

import cocotb
import context
import numpy as np
from cocotb.task import bridge
from cocotb.triggers import ClockCycles, FallingEdge
from cocotb_transport import Abandoned, CocotbTransport

from weft.arch.registers import BINS
from weft_driver import Device
from weft_driver.errors import DeviceError
from weft_driver.run import read_counters

CONFIG = context.config
STALL = context.parameters.get("stall", 0.0)
COUNT = context.parameters.get("count", 4)


def random_product(device: Device, rng: np.random.Generator, largest: int) -> None:
    """One random product of each kind, against numpy."""
    m, n, k = (int(rng.integers(1, largest + 1)) for _ in range(3))
    a = rng.integers(-128, 128, (m, k)).astype(np.int8)
    b = rng.integers(-128, 128, (k, n)).astype(np.int8)
    got = device.matmul(a, b)
    assert (got == a.astype(np.int64) @ b.astype(np.int64)).all(), (context.seed, m, n, k)

    a = rng.integers(0, 256, (m, k)).astype(np.uint8)
    za, zb, zy = 100, int(rng.integers(-9, 9)), int(rng.integers(-20, 20))
    bias = rng.integers(-1000, 1000, n).astype(np.int32)
    scale = rng.uniform(0.0005, 0.002, n).astype(np.float32)
    got = device.matmul(
        a, b, bias=bias, scale=scale, a_zero_point=za, b_zero_point=zb, y_zero_point=zy
    )
    acc = (a.astype(np.int64) - za) @ (b.astype(np.int64) - zb) + bias
    expected = np.clip(np.rint(acc.astype(np.float32) * scale) + zy, -128, 127)
    assert (got == expected).all(), (context.seed, m, n, k)


class BinMonitor:
    """Counts cycles by bin from the signals that cause them, as the register table words it."""

    def __init__(self, dut):
        self.dut = dut
        self.counts = dict.fromkeys(BINS, 0)
        self.running = 0

    async def run(self):
        dut = self.dut
        engine, control = dut.matmul, dut.control
        while True:
            await FallingEdge(dut.clk)
            if not int(control.running.value):
                continue
            self.running += 1
            entering = int(engine.act__valid.value) and int(engine.act__ready.value)
            active = int(engine.standing.value)
            pending = int(engine.cmd__valid.value) or int(engine.rows.o__valid.value)
            weights = int(engine.weights_there.value)
            hazard = int(engine.hazard.value)
            inside = int(engine.inside.value)
            if entering:
                name = "compute"
            elif (
                (active and not weights)
                or (pending and not active)
                or int(engine.waiting_weights.value)
            ):
                name = "weights"
            elif (
                int(engine.waiting_operands.value)
                or int(engine.act__valid.value)
                or (active and weights and not hazard and int(engine.fenced.value))
            ):
                name = "operands"
            elif int(engine.waiting_accumulator.value) or (active and hazard):
                name = "accumulator"
            else:
                name = "fill" if inside else "idle"
            self.counts[name] += 1


@cocotb.test()
async def products(dut):
    """Random products, exact under any stall, and every cycle in one bin."""
    await context.start(dut)
    draw = context.rng("products")
    transport = CocotbTransport(dut, CONFIG, draw, STALL)
    monitor = BinMonitor(dut)
    cocotb.start_soon(monitor.run())

    def body():
        rng = np.random.default_rng(draw.getrandbits(32))
        device = Device(transport)
        for _ in range(COUNT):
            random_product(device, rng, context.parameters.get("largest", 24))
            assert sum(device.last_run.bins.values()) == device.last_run.cycles
        return read_counters(transport)

    counters = await bridge(body)()
    assert {name: counters[name] for name in BINS} == monitor.counts
    assert counters["cycles"] == monitor.running


@cocotb.test()
async def errors(dut):
    """A memory error in any phase halts the chip with its cause, and the next program is right."""
    await context.start(dut)
    draw = context.rng("errors")
    transport = CocotbTransport(dut, CONFIG, draw, STALL)

    def body():
        rng = np.random.default_rng(draw.getrandbits(32))
        device = Device(transport)
        a = device.tensor(rng.integers(-128, 128, (20, 20)).astype(np.int8))
        b = rng.integers(-128, 128, (20, 20)).astype(np.int8)
        for phase in ("read", "write"):
            program = device.program()
            result = program.matmul(a, b)
            at = a.address if phase == "read" else result.address
            transport.bad = (at + 100, at + 120)
            try:
                program.run()
            except DeviceError as error:
                text = str(error)
            else:
                raise AssertionError(f"the {phase} error went unnoticed")
            assert f"memory answered a {phase} with an error" in text, text
            transport.bad = None
            random_product(device, rng, 16)

    await bridge(body)()


@cocotb.test()
async def reset_in_the_middle(dut):
    """A hard reset at any time leaves a chip that works."""
    await context.start(dut)
    draw = context.rng("reset")
    transport = CocotbTransport(dut, CONFIG, draw, STALL)

    def start():
        device = Device(transport)
        rng = np.random.default_rng(draw.getrandbits(32))
        program = device.program()
        a = rng.integers(-128, 128, (24, 24)).astype(np.int8)
        program.matmul(device.tensor(a), a)
        transport.abandon_after = draw.randint(1, 700)
        with contextlib.suppress(Abandoned):
            program.run()
        transport.abandon_after = None

    def after():
        random_product(Device(transport), np.random.default_rng(5), 16)

    for _ in range(4):
        await bridge(start)()
        await FallingEdge(dut.clk)
        dut.rst.value = 1
        await ClockCycles(dut.clk, 2)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        await bridge(after)()
