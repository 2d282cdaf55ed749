"""Bench of MATMUL with its SRAMs: random commands back to back, with every kind of stall."""

from itertools import product

import cocotb
import context
import numpy as np
from cocotb.triggers import FallingEdge

from weft.arch.commands import COMMAND_BITS, encode
from weft.arch.errors import Cause
from weft.arch.registers import BINS
from weft.gateware.accumulator import REUSE_DISTANCE

CONFIG = context.config
R, C = CONFIG.rows, CONFIG.cols
REGION = CONFIG.act_region_bytes


class Bench:
    """State of the chip around MATMUL, as numpy arrays, and drivers of its ports."""

    def __init__(self, dut, draw):
        self.dut, self.draw = dut, draw
        rng = np.random.default_rng(draw.getrandbits(32))
        self.act = rng.integers(-128, 128, (CONFIG.act_regions, REGION)).astype(np.int64)
        self.wgt = rng.integers(-128, 128, (CONFIG.wgt_rows, C)).astype(np.int64)
        self.acc = np.zeros((CONFIG.acc_total_rows, C), np.int64)
        self.sums = np.zeros(CONFIG.acc_total_rows, np.int64)
        self.touched = set()
        self.summed = set()
        self.settled = set()  # rows that were checked, and that no command has touched since

    async def reset(self):
        dut = self.dut
        for name in (
            "cmd__valid",
            "weights_ready",
            "abort",
            "load__valid",
            "store__valid",
            "wgt__valid",
            "act_fence__up",
            "wgt_fence__up",
        ):
            getattr(dut, name).value = 0
        dut.drain__asks.value = dut.drain__valid.value = 0
        await context.start(dut)

    async def fill(self):
        """Write the SRAMs through their own ports."""
        dut, width = self.dut, CONFIG.act_row_bytes
        dut.load__valid.value = 1
        dut.load__mask.value = (1 << width) - 1
        for region, offset in product(range(CONFIG.act_regions), range(0, REGION, width)):
            piece = self.act[region, offset : offset + width].astype(np.int8).tobytes()
            dut.load__region.value, dut.load__offset.value = region, offset
            dut.load__data.value = int.from_bytes(piece, "little")
            await FallingEdge(dut.clk)
        dut.load__valid.value = 0
        dut.wgt__valid.value = 1
        for row, values in enumerate(self.wgt):
            dut.wgt__row.value = row
            dut.wgt__data.value = int.from_bytes(values.astype(np.int8).tobytes(), "little")
            await FallingEdge(dut.clk)
        dut.wgt__valid.value = 0

    def random_command(self, accumulate: bool) -> dict[str, int]:
        """A legal command; the address generator walks anywhere inside one region."""
        draw = self.draw
        while True:
            loops = {name: draw.choice([1, 1, 2, 3]) for name in ("k0", "k1", "k2", "m1", "m2")}
            loops["m0"] = draw.choice([1, 2, R, R + 1, 5])
            m = loops["m0"] * loops["m1"] * loops["m2"]
            k = loops["k0"] * loops["k1"] * loops["k2"]
            blocks = draw.choice([1, 2, 3])
            if m * blocks > CONFIG.acc_total_rows or k * R > CONFIG.wgt_rows:
                continue
            values = {**loops, "blocks": blocks, "k_tail": draw.randint(1, R)}
            values["acc_block"] = draw.choice([m, m, max(0, m - 1)])
            span = (blocks - 1) * values["acc_block"] + m
            if span > CONFIG.acc_total_rows:
                continue
            values["acc"] = draw.randint(0, CONFIG.acc_total_rows - span)
            values["wgt_block"] = draw.choice([0, k * R])
            if (blocks - 1) * values["wgt_block"] + k * R > CONFIG.wgt_rows:
                continue
            values["wgt"] = draw.randint(
                0, CONFIG.wgt_rows - (blocks - 1) * values["wgt_block"] - k * R
            )
            strides = {f"{name}_stride": draw.randint(-R, 2 * R) for name in loops}
            reach = [(loops[name] - 1) * strides[f"{name}_stride"] for name in loops]
            low, high = sum(min(0, r) for r in reach), sum(max(0, r) for r in reach)
            if high - low > REGION - R:
                continue
            region = draw.randrange(CONFIG.act_regions)
            offset = draw.randint(-low, REGION - R - high)
            values["act"] = region * CONFIG.act_region_span + offset
            rows = range(values["acc"], values["acc"] + span)
            values["accumulate"] = int(accumulate and all(row in self.touched for row in rows))
            values["row_sum"] = draw.randint(0, 1)
            if values["accumulate"] and not all(row in self.summed for row in rows):
                values["row_sum"] = 0
            return {**values, **strides, "post": draw.getrandbits(16)}

    def model(self, v: dict[str, int]) -> int:
        """Apply a command as the command table words it; returns its number of rows."""
        count = 0
        for b in range(v["blocks"]):
            for t, (i2, i1, i0) in enumerate(
                product(range(v["k2"]), range(v["k1"]), range(v["k0"]))
            ):
                tile = self.wgt[v["wgt"] + b * v["wgt_block"] + t * R :][:R]
                tail = v["k_tail"] if i0 == v["k0"] - 1 else R
                rows = product(range(v["m2"]), range(v["m1"]), range(v["m0"]))
                for m, (j2, j1, j0) in enumerate(rows):
                    at = v["act"] + i2 * v["k2_stride"] + i1 * v["k1_stride"] + i0 * v["k0_stride"]
                    at += j2 * v["m2_stride"] + j1 * v["m1_stride"] + j0 * v["m0_stride"]
                    region, offset = divmod(at, CONFIG.act_region_span)
                    x = self.act[region, offset : offset + R].copy()
                    x[tail:] = 0
                    row = v["acc"] + b * v["acc_block"] + m
                    self.settled -= {row}
                    if t == 0 and not v["accumulate"]:
                        self.acc[row], self.touched = 0, self.touched | {row}
                        if v["row_sum"]:
                            self.sums[row], self.summed = 0, self.summed | {row}
                        else:
                            self.summed -= {row}
                    self.acc[row] += x @ tile
                    if v["row_sum"]:
                        self.sums[row] += x.sum()
                    else:
                        self.summed -= {row}
                    count += 1
        return count

    async def send(self, values: dict[str, int], index: int = 0, early: int = 0) -> None:
        """Offer a command until it is taken; its weights may be read so many cycles sooner."""
        dut = self.dut
        raw = int.from_bytes(encode("MATMUL", values), "little")
        dut.cmd__payload.value = raw | index << COMMAND_BITS
        dut.weights_ready.value = int(early > 0)
        for _ in range(early):
            await FallingEdge(dut.clk)
        dut.cmd__valid.value = 1
        await context.until_taken(dut, dut.cmd__ready)
        dut.cmd__valid.value = 0
        dut.weights_ready.value = 0

    async def check(self):
        """Read every touched accumulator row through DRAIN's port."""
        dut = self.dut
        for row in sorted(self.touched):
            got = await self.drain(row)
            assert (got == self.acc[row]).all(), (context.seed, row, got, self.acc[row])
            if row in self.summed:
                value = np.int64(int(dut.drain__row_sum.value)).astype(np.int32)
                assert value == self.sums[row], (context.seed, "row sum", row)
        self.settled = set(self.touched)

    async def drain(self, row: int) -> np.ndarray:
        """Read a row of accumulators through DRAIN's port."""
        dut = self.dut
        half, within = divmod(row, CONFIG.acc_rows)
        dut.drain__asks.value = dut.drain__valid.value = 1
        dut.drain__half.value, dut.drain__row.value = half, within
        await context.until_taken(dut, dut.drain__ready)
        dut.drain__asks.value = dut.drain__valid.value = 0
        return np.frombuffer(int(dut.drain__data.value).to_bytes(4 * C, "little"), np.int32)


async def disturb(dut, draw, rate: float):
    """STORE reads that take cycles of the regions away."""
    while True:
        dut.store__valid.value = draw.random() < rate
        dut.store__region.value = draw.randrange(CONFIG.act_regions)
        dut.store__offset.value = 0
        await FallingEdge(dut.clk)


async def drain_beside(dut, draw, bench):
    """DRAIN reads rows that are done while commands add to others of the same half."""
    while True:
        for _ in range(draw.choice([0, 0, 1, 7])):
            await FallingEdge(dut.clk)
        if not bench.settled:
            await FallingEdge(dut.clk)
            continue
        row = draw.choice(sorted(bench.settled))
        got = await bench.drain(row)
        if row in bench.settled:
            assert (got == bench.acc[row]).all(), (context.seed, row, got, bench.acc[row])


async def watch(dut, bench):
    """Collect posts and count cycles by bin."""
    bench.posts, bench.bins = [], dict.fromkeys(BINS, 0)
    while True:
        await context.settle()
        bench.bins[BINS[int(dut.bin.value)]] += 1
        if int(dut.post__valid.value):
            bench.posts.append(int(dut.post__mask.value))
        assert not int(dut.fault__valid.value)
        await FallingEdge(dut.clk)


@cocotb.test()
async def random_commands(dut):
    """Back-to-back and spaced commands give the model's accumulators, posts and row count."""
    draw = context.rng("commands")
    bench = Bench(dut, draw)
    await bench.reset()
    await bench.fill()
    watcher = cocotb.start_soon(watch(dut, bench))
    await FallingEdge(dut.clk)
    for rate in (0, 0.6, 0.98):
        noise = cocotb.start_soon(disturb(dut, draw, rate))
        drains = cocotb.start_soon(drain_beside(dut, draw, bench))
        rows, posts = 0, []
        start_rows, first_post = bench.bins["compute"], len(bench.posts)
        for _ in range(12):
            values = bench.random_command(draw.random() < 0.5)
            rows += bench.model(values)
            posts.append(values["post"])
            await bench.send(values, early=draw.choice([0, 0, 1, R, 3 * R]))
            if draw.random() < 0.3:
                for _ in range(draw.randint(1, 80)):
                    await FallingEdge(dut.clk)
        while int(dut.busy.value):
            await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        noise.cancel()
        drains.cancel()
        dut.store__valid.value = dut.drain__asks.value = dut.drain__valid.value = 0
        assert bench.posts[first_post:] == posts, context.seed
        assert bench.bins["compute"] - start_rows == rows
        await bench.check()
    watcher.cancel()


@cocotb.test()
async def no_bubble(dut):
    """Tiles of R rows, inside a command and from one to the next, follow without a gap.

    Of as many as an accumulator row needs to come back, if that is more.
    """
    bench = Bench(dut, context.rng("bubble"))
    await bench.reset()
    await bench.fill()
    watcher = cocotb.start_soon(watch(dut, bench))
    rows = max(R, REUSE_DISTANCE)
    values = {"blocks": 1, "k_tail": R, "k0": 2, "k1": 1, "k2": 1, "m0": rows, "m1": 1, "m2": 1}
    values |= dict.fromkeys(("act", "wgt", "wgt_block", "acc", "accumulate", "row_sum"), 0)
    values |= {f"{loop}_stride": 1 for loop in ("k0", "k1", "k2", "m0", "m1", "m2")}
    values |= {"acc_block": rows}
    before = {}
    for i in range(5):
        bench.model(values)
        await bench.send(values)
        if i == 0:
            while int(dut.bin.value) != BINS.index("compute"):
                await FallingEdge(dut.clk)
            before = dict(bench.bins)
    while bench.bins["compute"] < 10 * rows:
        await FallingEdge(dut.clk)
    stalls = {k: bench.bins[k] - before[k] for k in ("weights", "operands", "accumulator", "idle")}
    # The bench offers the next command one cycle after the last was taken: in time if R > 1.
    assert sum(stalls.values()) <= (0 if R > 1 else 10), stalls
    while int(dut.busy.value):
        await FallingEdge(dut.clk)
    watcher.cancel()
    await bench.check()


@cocotb.test()
async def early_weights(dut):
    """With its weights in place a command's first row enters two cycles after it is taken."""
    bench = Bench(dut, context.rng("early"))
    await bench.reset()
    await bench.fill()
    for _ in range(3):
        values = bench.random_command(False) | {"post": 0}
        bench.model(values)
        await bench.send(values, early=R + 1)
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)  # a bin is said a cycle later
        await context.settle()
        assert int(dut.bin.value) == BINS.index("compute"), context.seed
        while int(dut.busy.value):
            await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    await bench.check()


async def arrive(dut, draw, bench, values):
    """Write a command's operands anew while it waits for them: weights, then activations."""
    tiles = values["k0"] * values["k1"] * values["k2"]
    rows = (values["blocks"] - 1) * values["wgt_block"] + tiles * R
    start, end = values["wgt"], values["wgt"] + rows
    pace = draw.choice([0, 0, 3])

    async def rest():
        for _ in range(draw.randint(0, pace)):
            await FallingEdge(dut.clk)

    dut.wgt_fence__up.value, dut.wgt_fence__end.value = 1, end
    for row in range(start, end):
        dut.wgt_fence__start.value = max(0, row - (R - 1))
        await rest()
        dut.wgt__valid.value, dut.wgt__row.value = 1, row
        data = bench.wgt[row].astype(np.int8).tobytes()
        dut.wgt__data.value = int.from_bytes(data, "little")
        await FallingEdge(dut.clk)
        dut.wgt__valid.value = 0
    dut.wgt_fence__up.value = 0
    region = values["act"] // CONFIG.act_region_span
    base, width = region * CONFIG.act_region_span, CONFIG.act_row_bytes
    dut.act_fence__end.value = base + REGION
    dut.load__mask.value, dut.load__region.value = (1 << width) - 1, region
    for offset in range(0, REGION, width):
        await rest()
        dut.load__valid.value, dut.load__offset.value = 1, offset
        piece = bench.act[region, offset : offset + width].astype(np.int8).tobytes()
        dut.load__data.value = int.from_bytes(piece, "little")
        await context.until_taken(dut, dut.load__ready)
        dut.load__valid.value = 0
        await FallingEdge(dut.clk)  # it is in its memory a cycle after its grant
        dut.act_fence__start.value = max(0, base + offset + width - (R - 1))
    dut.act_fence__up.value = 0


@cocotb.test()
async def fences(dut):
    """Nothing is read before it is there, and all that is there is read without waiting longer."""
    bench = Bench(dut, context.rng("fences"))
    draw = bench.draw
    await bench.reset()
    await bench.fill()
    rng = np.random.default_rng(draw.getrandbits(32))
    for _ in range(8):
        values = bench.random_command(False) | {"post": 0}
        bench.act = rng.integers(-128, 128, bench.act.shape).astype(np.int64)
        bench.wgt = rng.integers(-128, 128, bench.wgt.shape).astype(np.int64)
        bench.model(values)
        region = values["act"] // CONFIG.act_region_span
        dut.act_fence__up.value = 1
        dut.act_fence__start.value = max(0, region * CONFIG.act_region_span - (R - 1))
        dut.act_fence__end.value = region * CONFIG.act_region_span + REGION
        arrival = cocotb.start_soon(arrive(dut, draw, bench, values))
        await FallingEdge(dut.clk)
        await bench.send(values)
        await arrival
        while int(dut.busy.value):
            await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        await bench.check()


@cocotb.test()
async def faults(dut):
    """Each illegal command is reported once with its cause and index, and nothing follows."""
    good = {name: 1 for name in ("blocks", "k_tail", "k0", "k1", "k2", "m0", "m1", "m2")}
    # In the last region: behind another one a single byte would lie at the start of the next.
    final = (CONFIG.act_regions - 1) * CONFIG.act_region_span
    cases = [({**good, name: 0}, Cause.BAD_COMMAND) for name in good]
    cases += [({**good, "k_tail": R + 1}, Cause.BAD_COMMAND)]
    cases += [
        ({**good, "act": final + REGION - R + 1}, Cause.BAD_ADDRESS),
        ({**good, "act": final + CONFIG.act_region_span}, Cause.BAD_ADDRESS),
        ({**good, "act": final, "m0": 2, "m0_stride": REGION - R + 1}, Cause.BAD_ADDRESS),
        ({**good, "acc": CONFIG.acc_total_rows}, Cause.BAD_ADDRESS),
        ({**good, "blocks": 2, "acc_block": CONFIG.acc_total_rows}, Cause.BAD_ADDRESS),
        ({**good, "wgt": CONFIG.wgt_rows - R + 1}, Cause.BAD_ADDRESS),
        ({**good, "blocks": 2, "wgt_block": CONFIG.wgt_rows}, Cause.BAD_ADDRESS),
        ({**good, "k0": CONFIG.wgt_rows // R + 1}, Cause.BAD_ADDRESS),
    ]
    bench = Bench(dut, context.rng("faults"))
    for i, (values, cause) in enumerate(cases):
        await bench.reset()
        sender = cocotb.start_soon(bench.send(values, index=1000 + i))
        seen = []
        for _ in range(600 + REUSE_DISTANCE * CONFIG.wgt_rows):
            await context.settle()
            if int(dut.fault__valid.value):
                seen.append((int(dut.fault__cause.value), int(dut.fault__index.value)))
            assert not int(dut.post__valid.value), values
            await FallingEdge(dut.clk)
            if len(seen) and _ > 100:
                break
        sender.cancel()
        assert seen == [(cause, 1000 + i)], (values, seen)
