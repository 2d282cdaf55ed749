"""Bench of DRAIN with the parameter SRAM, against the golden chip's accumulators and act SRAM."""

from dataclasses import dataclass

import cocotb
import context
import numpy as np
from cocotb.triggers import FallingEdge

from weft.arch.commands import COMMAND_BITS, DRAIN, decode, encode
from weft.arch.errors import Cause
from weft.arch.layouts import act_inside
from weft.gateware.param_sram import write_columns
from weft.golden.drain import execute
from weft.golden.state import State

CONFIG = context.config
C, U = CONFIG.cols, CONFIG.drain_units
READ_LATENCY = context.parameters["read_latency"]
LATENCY = context.parameters["latency"]
ONE = 0x3F800000


@dataclass
class Write:
    """One act write: the cycle, and the addresses and values of its bytes."""

    cycle: int
    bytes: dict[int, int]


class Bench:
    """The engine's surroundings: golden state, stalls, and what has been observed."""

    def __init__(self, dut, name: str, stall: float = 0.0):
        self.dut, self.stall, self.act_stall = dut, stall, stall
        self.draw = context.rng(name)
        self.state = State(CONFIG, np.zeros(0, np.uint8), self.draw.getrandbits(32))
        shape = self.state.scale.shape
        rng = np.random.default_rng(self.draw.getrandbits(32))
        lengths = rng.integers(0, 32, self.state.acc.shape)
        self.state.acc >>= lengths.astype(np.int32)
        self.state.bias >>= rng.integers(0, 32, shape).astype(np.int32)
        self.state.row_sum >>= np.int32(8)
        self.state.scale = (2.0 ** rng.uniform(-32, 4, shape)).astype(np.float32)
        self.act = self.state.act.copy()  # what the engine makes of it
        self.cycle = 0
        self.grants: list[int] = []
        self.writes: list[Write] = []
        self.posts: list[tuple[int, int]] = []
        self.faults: list[tuple[int, int]] = []
        self.accepts: list[int] = []
        self.busy: list[int] = []

    async def start(self):
        dut = self.dut
        for name in ("cmd__valid", "abort", "acc__ready", "act__ready", "write__valid"):
            getattr(dut, name).value = 0
        await context.start(dut)
        await self._fill()
        self.watch()

    def watch(self):
        self.watcher = cocotb.start_soon(self._watch())

    async def _fill(self):
        """Write the parameter SRAM through LOAD's port, with pauses."""
        dut, step = self.dut, write_columns(CONFIG)
        scale = self.state.scale.view(np.uint32)
        words = np.stack([self.state.bias.view(np.uint32), scale], axis=-1).reshape(-1, 2)
        for column in range(0, len(words), step):
            while self.draw.random() < self.stall:
                dut.write__valid.value = 0
                dut.write__column.value = self.draw.randrange(len(words))
                await FallingEdge(dut.clk)
            dut.write__valid.value = 1
            dut.write__column.value = column
            piece = words[column : column + step].astype("<u4").tobytes()
            dut.write__data.value = int.from_bytes(piece, "little")
            await FallingEdge(dut.clk)
        dut.write__valid.value = 0
        for _ in range(4):
            await FallingEdge(dut.clk)

    async def _watch(self):
        """Accumulators and act SRAM, and a record of the other ports."""
        dut, draw = self.dut, self.draw
        pending = [None] * READ_LATENCY
        while True:
            dut.acc__ready.value = draw.random() >= self.stall
            dut.act__ready.value = draw.random() >= self.act_stall
            row = pending.pop(0)
            if row is None:
                dut.acc__data.value = draw.getrandbits(32 * C)
                dut.acc__row_sum.value = draw.getrandbits(32)
            else:
                piece = self.state.acc[row].astype("<i4").tobytes()
                dut.acc__data.value = int.from_bytes(piece, "little")
                dut.acc__row_sum.value = int(self.state.row_sum[row]) % 2**32
            await context.settle()

            granted = int(dut.acc__valid.value) and int(dut.acc__ready.value)
            row = CONFIG.acc_rows * int(dut.acc__half.value) + int(dut.acc__row.value)
            pending.append(row if granted else None)
            if granted:
                self.grants.append(self.cycle)
            if int(dut.act__valid.value) and int(dut.act__ready.value):
                self._write()
            if int(dut.post__valid.value):
                self.posts.append((int(dut.post__mask.value), len(self.writes)))
            if int(dut.fault__valid.value):
                self.faults.append((int(dut.fault__cause.value), int(dut.fault__index.value)))
            if int(dut.cmd__valid.value) and int(dut.cmd__ready.value):
                self.accepts.append(self.cycle)
            self.busy.append(int(dut.busy.value))
            await FallingEdge(dut.clk)
            self.cycle += 1

    def _write(self):
        dut = self.dut
        region, offset = int(dut.act__region.value), int(dut.act__offset.value)
        data, mask = int(dut.act__data.value), int(dut.act__mask.value)
        base = region * CONFIG.act_region_span + offset
        found = {
            base + i: data >> 8 * i & 0xFF for i in range(CONFIG.act_row_bytes) if mask >> i & 1
        }
        size = max(found) - base + 1 if found else 0
        assert found, "an act write without a byte"
        assert act_inside(CONFIG, base, size), f"write of {size} bytes to {base:#x}"
        for address, value in found.items():
            self.act[address] = value
        self.writes.append(Write(self.cycle, found))

    async def give(self, index: int, fields: dict[str, int]):
        """Hand over one command; returns when it has been accepted."""
        dut = self.dut
        while self.draw.random() < self.stall:
            dut.cmd__valid.value = 0
            dut.cmd__payload.value = self.draw.getrandbits(COMMAND_BITS + 16)
            await FallingEdge(dut.clk)
        raw = int.from_bytes(encode("DRAIN", fields), "little")
        dut.cmd__payload.value = raw | index << COMMAND_BITS
        dut.cmd__valid.value = 1
        seen = len(self.accepts)
        for _ in range(20000):
            await FallingEdge(dut.clk)
            if len(self.accepts) > seen:
                break
        assert len(self.accepts) > seen, f"command {index} is not accepted: {fields}"
        dut.cmd__valid.value = 0

    async def wait(self, cycles: int):
        for _ in range(cycles):
            await FallingEdge(self.dut.clk)

    async def settle(self, posts: int, limit: int = 20000):
        """Wait for that many posts, and a little longer."""
        for _ in range(limit):
            if len(self.posts) >= posts:
                break
            await FallingEdge(self.dut.clk)
        assert len(self.posts) == posts, f"{len(self.posts)} posts of {posts}"
        await self.wait(3)
        assert not self.busy[-1]

    def random_command(self) -> dict[str, int]:
        """A legal command."""
        draw = self.draw
        int32, params = draw.getrandbits(1), draw.getrandbits(1)
        size = 4 if int32 else 1
        while True:
            rows, blocks = draw.choice([1, 1, 2, 3, 7]), draw.choice([1, 1, 2, 3, 5])
            span = CONFIG.act_region_bytes
            cols_last = draw.choice([C, C, draw.randint(1, C)])
            values = {
                "int32": int32,
                "params": params,
                "row_sum": draw.getrandbits(1) if CONFIG.row_sum else 0,
                "acc": draw.randrange(CONFIG.acc_total_rows),
                "acc_block": draw.choice([rows, 0, draw.randrange(CONFIG.acc_total_rows)]),
                "rows": rows,
                "blocks": blocks,
                "dst": draw.randrange(CONFIG.act_regions) * CONFIG.act_region_span
                + draw.randrange(span),
                "dst_stride": draw.choice([size * C * blocks, size * C, draw.randint(-span, span)]),
                "dst_block": draw.choice([size * C, size * C * rows, draw.randint(-span, span)]),
                "param": draw.randrange(CONFIG.param_blocks) if params else draw.randrange(2**16),
                "cols_last": cols_last,
                "scale": draw.randint(127 - 32, 127 + 2) << 23 | draw.getrandbits(23),
                "zero_point": draw.choice([0, draw.randint(-128, 127), draw.randint(-9999, 9999)]),
                "b_zero_point": draw.choice([0, -256, 255, draw.randint(-256, 255)]),
                "qmin": -128,
                "qmax": 127,
                "post": draw.getrandbits(16),
            }
            if int32 or params:
                values["scale"] = draw.getrandbits(32)
            if draw.random() < 0.2:
                values["qmin"], values["qmax"] = (draw.randint(-(2**15), 2**15 - 1) for _ in "ab")
            if self._legal(values, size):
                return values

    @staticmethod
    def _legal(v: dict[str, int], size: int) -> bool:
        if v["acc"] + (v["blocks"] - 1) * v["acc_block"] + v["rows"] > CONFIG.acc_total_rows:
            return False
        if v["params"] and v["param"] + v["blocks"] > CONFIG.param_blocks:
            return False
        for b in range(v["blocks"]):
            cols = v["cols_last"] if b == v["blocks"] - 1 else C
            for r in range(v["rows"]):
                address = (v["dst"] + b * v["dst_block"] + r * v["dst_stride"]) % 2**24
                if not act_inside(CONFIG, address, cols * size):
                    return False
        return True

    def golden(self, values: dict[str, int]) -> int:
        """Execute in the golden model; returns the bytes that it writes."""
        execute(self.state, decode(encode("DRAIN", values)))
        columns = (values["blocks"] - 1) * C + values["cols_last"]
        return columns * values["rows"] * (4 if values["int32"] else 1)

    def compare(self):
        bad = np.flatnonzero(self.act != self.state.act)
        assert not len(bad), (
            f"{len(bad)} act bytes differ, first {bad[0]:#x}: {self.act[bad[0]]:#x} "
            f"instead of {self.state.act[bad[0]]:#x}"
        )


@cocotb.test()
@cocotb.parametrize(stall=[0.0, 0.3, 0.8])
async def random_commands(dut, stall):
    """Commands back to back: bytes, order of posts, and each post after its bytes."""
    bench = Bench(dut, f"commands {stall}", stall)
    await bench.start()
    commands = [bench.random_command() for _ in range(60 if stall < 0.5 else 25)]
    ends, total = [], 0
    for index, values in enumerate(commands):
        await bench.give(index, values)
        total += bench.golden(values)
        ends.append(total)
    await bench.settle(len(commands))
    bench.compare()
    assert not bench.faults
    assert [mask for mask, _ in bench.posts] == [values["post"] for values in commands]
    for index, (_, writes) in enumerate(bench.posts):
        written = sum(len(write.bytes) for write in bench.writes[:writes])
        assert written >= ends[index], f"command {index} posted before its last byte"
    assert sum(len(write.bytes) for write in bench.writes) == total
    first, last = bench.accepts[0], len(bench.busy) - 1 - bench.busy[::-1].index(1)
    idle = [cycle for cycle in range(first + 1, last) if not bench.busy[cycle]]
    assert stall or all(cycle in bench.accepts for cycle in idle)


def simple(**changes):
    values = {
        "int32": 0,
        "params": 0,
        "acc": 0,
        "dst": 0,
        "rows": 8,
        "blocks": 2,
        "acc_block": 8,
        "dst_stride": C,
        "dst_block": 8 * C,
        "cols_last": C,
        "scale": ONE,
        "qmin": -128,
        "qmax": 127,
    }
    return values | changes


@cocotb.test()
async def rates(dut):
    """Without stalls: the stated latency, no bubble in a command, few between two."""
    bench = Bench(dut, "rates")
    await bench.start()
    many = {"rows": min(40, CONFIG.acc_total_rows), "blocks": 3, "acc_block": 0}  # fills all room
    values = simple(dst_stride=0, dst_block=0, **many)
    for index in range(4):
        await bench.give(index, values)
        bench.golden(values)
    await bench.settle(4)
    bench.compare()
    assert bench.writes[0].cycle - bench.grants[0] == LATENCY
    beats = -(-C // U)
    rows = values["rows"] * values["blocks"]
    cycles = [write.cycle for write in bench.writes]
    # Held commands follow one another, and their rows may wait for room.
    for index in range(0 if CONFIG.held_commands else 4):
        part = cycles[index * rows * beats : (index + 1) * rows * beats]
        assert part == list(range(part[0], part[0] + rows * beats)), "a bubble inside a command"
        if index:
            bubbles = part[0] - cycles[index * rows * beats - 1] - 1
            assert bubbles <= (1 if beats == 1 else 0), f"{bubbles} bubbles between commands"
    assert bench.grants[0] - bench.accepts[0] <= 3


@cocotb.test()
async def back_pressure(dut):
    """Act blocked for long: what has been read waits, nothing more is read, nothing is lost."""
    bench = Bench(dut, "back pressure")
    await bench.start()
    values = simple()
    if not bench._legal(values, 1):
        values = simple(rows=2, blocks=1)
    bench.act_stall = 1.0
    commands = [values, values | {"int32": 1, "rows": 1, "blocks": 1}, values, values]
    task = cocotb.start_soon(give_all(bench, commands))
    for stall in (1.0, 0.0, 1.0, 0.95, 0.0):
        bench.act_stall = stall
        await bench.wait(80 if stall else 7)
    await task
    await bench.settle(len(commands))
    bench.compare()


async def give_all(bench: Bench, commands):
    for index, values in enumerate(commands):
        await bench.give(index, values)
        bench.golden(values)


def faults():
    """Commands that must be refused, and why."""
    span, size = CONFIG.act_region_span, CONFIG.act_region_bytes
    low = {"rows": 1, "blocks": 1}
    top = (CONFIG.act_regions - 1) * span
    command, address = Cause.BAD_COMMAND, Cause.BAD_ADDRESS
    yield from ((simple(**{f.name: 0}), command) for f in DRAIN.fields if f.least)
    yield simple(cols_last=C + 1), command
    yield simple(cols_last=2**16 - 1), command
    for scale in (0, 1, 0x007FFFFF, 0x7F800000, 0x7F800001, 0xBF800000, 0x80000000):
        yield simple(scale=scale, **low), command
    # A malformed command is that, wherever its addresses point.
    yield simple(cols_last=0, acc=2**16 - 1, dst=2**24 - 1), command
    if not CONFIG.row_sum:
        yield simple(row_sum=1), command
    yield simple(acc=CONFIG.acc_total_rows - 1, rows=2, blocks=1, dst_stride=0), address
    yield simple(acc_block=CONFIG.acc_total_rows, rows=1, dst_block=0), address
    yield simple(acc_block=2**16 - 1, rows=1, blocks=2**16 - 1, dst_block=0), address
    yield simple(acc=2**16 - 1, **low), address
    yield simple(params=1, param=CONFIG.param_blocks, **low), address
    yield simple(params=1, param=2**16 - 1, **low), address
    yield (
        simple(params=1, param=CONFIG.param_blocks - 1, rows=1, acc_block=0, dst_block=0),
        address,
    )
    yield simple(dst=top + size - C + 1, **low), address
    yield simple(dst=top + size - 4 * C + 1, int32=1, **low), address
    yield simple(dst=2**24 - 1, **low), address
    yield simple(dst=CONFIG.act_regions * span, **low), address
    yield simple(dst=0, dst_stride=-1, rows=2, blocks=1), address
    if size < span:  # else the next byte is another region's first
        yield simple(dst=size, cols_last=1, **low), address


@cocotb.test()
async def errors(dut):
    """Each bad command, behind a good one: one fault, its index, no post; reset makes it good."""
    good = simple(rows=1, blocks=1, post=5)
    for number, (values, cause) in enumerate(faults()):
        bench = Bench(dut, f"fault {number}", 0.2)
        await bench.start()
        bench.stall = bench.act_stall = 0.0
        await bench.give(6, good)
        bench.golden(good)
        await bench.give(7 + number, values | {"post": 9})
        dut.cmd__valid.value = 1  # one more waits
        await bench.wait(LATENCY + 40)
        what = f"case {number}: {values}"
        assert bench.faults == [(cause, 7 + number)], f"{what}: {bench.faults}"
        # One may still be taken in the cycle in which the fault is found; nothing comes of it.
        assert len(bench.accepts) <= 3, what
        assert [mask for mask, _ in bench.posts] == [5], what
        dut.cmd__valid.value = 0

        dut.abort.value = 1
        await bench.wait(2)
        dut.rst.value = 1
        await bench.wait(1)
        dut.rst.value = dut.abort.value = 0
        again = Bench(dut, "unused")
        again.state, again.act = bench.state, bench.state.act.copy()
        bench.watcher.cancel()
        again.watch()
        await again.give(1, good | {"post": 3})
        again.golden(good)
        await again.settle(1)
        again.compare()
        again.watcher.cancel()


@cocotb.test()
async def boundaries(dut):
    """Commands that reach exactly to the last byte, row and block are legal."""
    bench = Bench(dut, "boundaries")
    await bench.start()
    span, size, regions = CONFIG.act_region_span, CONFIG.act_region_bytes, CONFIG.act_regions
    low = {"rows": 1, "blocks": 1}
    top = (regions - 1) * span
    commands = [
        simple(acc=CONFIG.acc_total_rows - 1, dst=top + size - C, **low),
        simple(acc=0, int32=1, dst=top + size - 4 * C, **low),
        simple(params=1, param=CONFIG.param_blocks - 1, dst=top + size - 1, cols_last=1, **low),
        simple(int32=1, params=1, param=CONFIG.param_blocks - 1, dst=size - 4, cols_last=1, **low),
        simple(rows=2, blocks=1, dst=size - C, dst_stride=-(size - C)),
    ]
    for index, values in enumerate(commands):
        await bench.give(index, values)
        bench.golden(values)
    await bench.settle(len(commands))
    bench.compare()


@cocotb.test()
async def abort(dut):
    """After abort nothing is read, written, accepted or posted."""
    for delay in (0, 1, 2, 5, 9, 14, 17, 20, 23):
        bench = Bench(dut, f"abort {delay}", 0.0)
        await bench.start()
        values = bench.random_command()
        await bench.give(0, values)
        await bench.wait(delay)
        dut.abort.value = 1
        await bench.wait(1)  # writes stop a cycle later
        await FallingEdge(dut.clk)
        before = len(bench.grants), len(bench.writes), len(bench.accepts)
        dut.cmd__valid.value = 1
        await bench.wait(60)
        assert (len(bench.grants), len(bench.writes), len(bench.accepts)) == before
        dut.cmd__valid.value = 0
