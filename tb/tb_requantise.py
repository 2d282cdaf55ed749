"""Bench of the requantiser: golden values, random stalls, latency, constants that change."""

import struct

import cocotb
from cocotb.triggers import FallingEdge
from context import rng, start

from weft.gateware.requantise import Requantiser
from weft.golden.requantise import requantise

IDLE = (0, 0x3F800000, 0, -128, 127)


def bits(value: float) -> int:
    """float32 bits of a number."""
    return struct.unpack("<I", struct.pack("<f", value))[0]


def golden(acc, scale, zero_point, qmin, qmax) -> int:
    single = struct.unpack("<f", struct.pack("<I", scale))[0]
    return int(requantise(acc, single, zero_point, qmin, qmax)) % 256


def draw(random):
    """One value with its operands."""
    acc = random.randrange(-(2**31), 2**31) >> random.randrange(32)
    scale = bits(random.uniform(0.1, 300) / (abs(acc) + 1))
    if random.random() < 0.2:
        scale = random.randrange(1, 255) << 23 | random.randrange(1 << 23)
    if random.random() < 0.3:  # an exact half
        shift = random.randrange(1, 20)
        acc, scale = random.randrange(-300, 301) << shift >> 1, bits(2.0**-shift)
    wide = sorted(random.randrange(-(2**15), 2**15) for _ in range(2))
    low, high = wide if random.random() < 0.2 else (-128, 127)
    zero_point = random.choice([0, random.randrange(-128, 128), random.randrange(-(2**15), 2**15)])
    return acc, scale, zero_point, low, high


async def play(dut, values, random, stall: float):
    """Feed values with each operand in its own cycle; returns the results, one a value."""
    values = [*values, *[IDLE] * Requantiser.latency]
    results = []

    def ago(cycle, delay):
        return values[cycle - delay] if cycle >= delay else IDLE

    for cycle in range(len(values)):
        while random.random() < stall:
            dut.en.value = 0
            dut.acc.value = random.randrange(-(2**31), 2**31)
            await FallingEdge(dut.clk)
        dut.en.value = 1
        dut.acc.value = values[cycle][0]
        dut.scale.value = ago(cycle, Requantiser.scale_delay)[1]
        dut.zero_point.value = ago(cycle, Requantiser.zero_point_delay)[2]
        dut.qmin.value, dut.qmax.value = ago(cycle, Requantiser.clamp_delay)[3:]
        await FallingEdge(dut.clk)
        if cycle + 1 >= Requantiser.latency:
            results.append(int(dut.value.value))
    return results[: len(values) - Requantiser.latency]


@cocotb.test()
@cocotb.parametrize(stall=[0.0, 0.4])
async def random_values(dut, stall):
    random = rng(f"values {stall}")
    dut.en.value = 0
    await start(dut)
    values = [draw(random) for _ in range(3000)]
    results = await play(dut, values, random, stall)
    for value, got in zip(values, results, strict=True):
        assert got == golden(*value), f"{value}: got {got}, expected {golden(*value)}"


@cocotb.test()
async def stated_values(dut):
    """Values whose results are known without any model."""
    cases = [
        ((5, bits(0.5), 0, -128, 127), 2),  # 2.5 -> 2
        ((7, bits(0.5), 0, -128, 127), 4),  # 3.5 -> 4
        ((-5, bits(0.5), 0, -128, 127), 256 - 2),
        ((1, bits(0.5), 3, -128, 127), 3),
        ((3, bits(0.5), -3, -128, 127), 256 - 1),
        ((0, bits(3e38), 7, -128, 127), 7),
        ((1, bits(3e38), -(2**15), -128, 127), 127),
        ((-1, bits(3e38), 2**15 - 1, -128, 127), 128),
        ((-(2**31), bits(2.0**-25), 0, -128, 127), 256 - 64),
        ((2**31 - 1, bits(2.0**-25), 0, -128, 127), 64),
        ((2**31 - 1, 1 << 23, 0, -128, 127), 0),
        ((2**24 + 1, bits(2.0**-19), 0, 0, 255), 32),
        # fl32(acc) = 2^24, so the product is a tie; one rounding of the exact product gives 65.
        ((2**24 + 1, bits(64.5 * 2.0**-24), 0, -128, 127), 64),
        ((300, bits(1.0), -200, 0, 255), 100),
        ((300, bits(1.0), 0, 0, 255), 255),
        ((100, bits(1.0), 0, 0, 6), 6),
    ]
    dut.en.value = 0
    await start(dut)
    results = await play(dut, [value for value, _ in cases], rng("stated"), 0.0)
    assert results == [expected for _, expected in cases]
