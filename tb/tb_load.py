"""The LOAD engine behind the memory port, against the golden model."""

import random
from typing import Any

import cocotb
import context
import numpy as np
from dma import MEMORY_BYTES, STRESS, Bench, Case, check_posts, compare, new_state, run_golden

from weft.arch.commands import Space
from weft.arch.layouts import PARAM_BYTES, act_inside, split_act
from weft.gateware.param_sram import write_columns
from weft.golden.state import Place

config = context.config
parameters = context.parameters
COLUMNS = write_columns(config)
MASK24 = (1 << 24) - 1


class Srams:
    """The SRAMs' side of LOAD's ports, contents as in the golden model."""

    def __init__(self, bench: Bench, state: Any):
        self.bench, self.dut = bench, bench.port
        self.act = state.act.copy()
        self.wgt = state.wgt.copy()
        self.params = np.stack([state.bias, state.scale.view(np.int32)], axis=2)
        self.writes = {"act": [], "wgt": [], "params": []}
        # Cycle of the last write of each element.
        self.written = {
            Place.ACT: np.full(len(self.act), -1),
            Place.WGT: np.full(len(self.wgt), -1),
        }
        bench.drivers.append(self.drive)
        bench.samplers.append(self.sample)

    def now(self) -> dict[Place, Any]:
        return {Place.ACT: self.act, Place.WGT: self.wgt, Place.PARAM: self.params}

    def drive(self) -> None:
        self.dut.act_ready.value = not self.bench.rests()

    def sample(self) -> None:
        dut, cycle = self.dut, self.bench.cycle
        if int(dut.act_valid.value) and int(dut.act_ready.value):
            self.writes["act"].append(cycle)
            region, offset = int(dut.act_region.value), int(dut.act_offset.value)
            data, mask = int(dut.act_data.value), int(dut.act_mask.value)
            for i in range(config.act_row_bytes):
                if mask >> i & 1:
                    at = region * config.act_region_span + offset + i
                    assert act_inside(config, at, 1), f"act write to {split_act(config, at)}"
                    self.act[at] = data >> 8 * i & 0xFF
                    self.written[Place.ACT][at] = cycle
        if int(dut.wgt_valid.value):
            self.writes["wgt"].append(cycle)
            row = int(dut.wgt_data.value).to_bytes(config.cols, "little")
            self.wgt[int(dut.wgt_row.value)] = np.frombuffer(row, np.int8)
            self.written[Place.WGT][int(dut.wgt_row.value)] = cycle
        if int(dut.params_valid.value):
            self.writes["params"].append(cycle)
            data = int(dut.params_data.value).to_bytes(PARAM_BYTES * COLUMNS, "little")
            words = np.frombuffer(data, "<i4").reshape(COLUMNS, 2)
            first = int(dut.params_column.value)
            self.params.reshape(-1, 2)[first : first + COLUMNS] = words


def check_fences(bench: Bench, srams: Srams, cases: list[Case]) -> list[int]:
    """Check in each cycle that what is not behind a fence can be read.

    Returns
    -------
    list
        One entry for each cycle in which a fence hid something; grows while the bench runs.
    """
    hiding: list[int] = []

    def sample() -> None:
        if not bench.posts:
            return
        number = len(bench.posts) - 1
        case = cases[number]
        if not case.command["fence"]:
            return
        place = Place.ACT if case.command["space"] == Space.ACT else Place.WGT
        name = f"{place.name.lower()}_fence"
        up, start, end = (
            int(getattr(srams.dut, f"{name}_{part}").value) for part in ("up", "start", "end")
        )
        # What is written is posted a cycle later; a write to act shows in reads two cycles later,
        # and is posted yet a cycle later.
        late = int(place is Place.ACT)
        first = bench.posts[-1][0] - late - 1
        mine = case.written[place].copy()
        for later in cases[number + 1 :]:
            mine &= ~later.written[place]  # that may have been written again
        at = np.nonzero(mine)[0]
        # A read that begins before the fence may reach this far.
        reach = start + config.rows - 1 if start else 0
        open_ = at[~((reach <= at) & (at < end))] if up else at
        when = srams.written[place][open_]
        bad = open_[(when < first) | (when >= bench.cycle - late)]
        assert not len(bad), f"{place.value} {bad[0]:#x} is not behind its fence\n{case.command}"
        if len(open_) < len(at):
            hiding.append(bench.cycle)

    bench.samplers.append(sample)
    return hiding


def signed(value: int, bits: int = 24) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def draw(rng: random.Random, large: bool = False) -> dict[str, int]:
    """Fields of a random LOAD; many are refused by the golden model."""
    bus = config.bus_bytes
    space = rng.choice([Space.ACT, Space.ACT, Space.WGT, Space.WGT, Space.PARAM])
    values: dict[str, int] = {"space": space, "post": rng.getrandbits(16)}
    if space == Space.PARAM:
        blocks = rng.randint(1, min(4, config.param_blocks))
        length = blocks * PARAM_BYTES * config.cols
        if length > MEMORY_BYTES:
            length = PARAM_BYTES * config.cols
        values |= {"len": length, "count1": 1, "count2": 1}
        values |= {"dst": rng.randrange(config.param_blocks)}
        values |= {"src": rng.randrange(max(1, MEMORY_BYTES - length))}
        return values
    values |= {"flip": rng.getrandbits(1), "fill": rng.getrandbits(8)}
    pad = lambda high: rng.choice([0, 0, rng.randint(0, high)])  # noqa: E731
    if space == Space.WGT and config.transpose and rng.random() < 0.4:
        left = rng.choice([0, 0, rng.randrange(config.rows)])
        right = rng.choice([0, 0, rng.randrange(config.rows - left)])
        top = rng.choice([0, 0, rng.randrange(config.cols)])
        bottom = rng.choice([0, 0, rng.randrange(config.cols - top)])
        values |= {"transpose": 1, "pad_left": left, "pad_right": right}
        values |= {"pad_top": top, "pad_bottom": bottom}
        values |= {"len": config.rows - left - right, "count1": config.cols - top - bottom}
        values |= {"count2": rng.randint(1, 3)}
    else:
        scale = 12 if large else 3
        values |= {
            "len": rng.choice([0, bus, 2 * bus, rng.randint(1, bus), rng.randint(1, scale * bus)]),
            "count1": rng.choice([1, rng.randint(1, 9)]),
            "count2": rng.choice([1, rng.randint(1, 4)]),
            "pad_left": pad(3 * bus),
            "pad_right": pad(3 * bus),
            "pad_top": pad(2),
            "pad_bottom": pad(2),
        }
        if large and rng.random() < 0.3:
            values |= {"len": rng.randint(16 * bus, 80 * bus), "count1": 1}
    stride = lambda: rng.choice(  # noqa: E731
        [values["len"], 4096, rng.randint(-300, 300), bus * rng.randint(-8, 8)]
    )
    values |= {"stride1": stride(), "stride2": stride()}
    reach = [
        i1 * values["stride1"] + i2 * values["stride2"]
        for i1 in (0, values["count1"] - 1)
        for i2 in (0, values["count2"] - 1)
    ]
    low, high = -min(reach), MEMORY_BYTES - max(reach) - values["len"]
    values["src"] = rng.randint(low, max(low, high))
    height = values["pad_top"] + values["count1"] + values["pad_bottom"]
    size = values["pad_left"] + values["len"] + values["pad_right"]
    if space == Space.ACT:
        span = config.act_region_span
        values["dst_stride1"] = rng.choice([size, -size, rng.randint(-size, 2 * size), span])
        values["dst_stride2"] = rng.choice([size * height, span, -span, rng.randint(-99, 99)])
        values["dst"] = rng.randrange(config.act_regions * span)
    else:
        chunks = -(-size // config.cols)
        values["dst_chunk"] = rng.choice([1, -1, height, config.rows, rng.randint(-5, 5)])
        values["dst_stride1"] = rng.choice([1, chunks, -chunks, rng.randint(-9, 9)])
        values["dst_stride2"] = rng.choice([config.rows, chunks * height, rng.randint(-20, 20)])
        values["dst"] = rng.randrange(config.wgt_rows)
    if not values.get("transpose") and size and rng.random() < 0.4:
        unit = size if space == Space.ACT else -(-size // config.cols)
        stride = unit + rng.choice([0, rng.randint(0, 9)])
        values |= {"dst_chunk": 1, "dst_stride1": stride, "dst_stride2": stride * height}
        values["fence"] = stride * height * values["count2"] + rng.choice([0, rng.randint(0, 9)])
    for name in ("dst_stride1", "dst_stride2"):
        values[name] = signed(values[name])
    return values


def legal(rng: random.Random, state: Any, large: bool = False) -> Case:
    """A random LOAD that the golden model carries out, run on ``state``."""
    for _ in range(1000):
        values = draw(rng, large)
        if 0 <= values["src"] < MEMORY_BYTES:
            case = run_golden(state, "LOAD", values)
            if case.fault is None:
                return case
    raise AssertionError("no legal command found")


async def begin(dut: Any, rng: random.Random, **options: Any) -> tuple[Bench, Srams, Any]:
    """Reset, a bench, its SRAMs, and a golden state with the same contents."""
    await context.start(dut)
    state = new_state(rng)
    bench = Bench(dut, "load", bytearray(state.memory.tobytes()), rng, **options)
    return bench, Srams(bench, state), state


@cocotb.test()
async def random_commands(dut):
    """Commands back to back, with and without stalls: effects, posts, order."""
    rng = context.rng("random")
    fenced = hidden = 0
    for options in STRESS:
        bench, srams, state = await begin(dut, rng, **options)
        cases = [legal(rng, state, large=i % 3 == 0) for i in range(parameters["commands"])]
        check_posts(bench, cases, srams.now)
        hiding = check_fences(bench, srams, cases)
        for i, case in enumerate(cases):
            bench.give(case.raw, i)
        await bench.finish(len(cases))
        compare(srams.now(), state)
        fenced += sum(bool(case.command["fence"]) for case in cases)
        hidden += len(hiding)
    assert fenced
    assert hidden


FAULTS = {
    "count1": {"len": 4, "count1": 0, "count2": 1},
    "count2": {"len": 4, "count1": 1, "count2": 0},
    "empty": {"len": 0, "count1": 3, "count2": 1},
    "space": {"space": 3, "len": 4, "count1": 1, "count2": 1},
    "act_end": {"len": 5, "count1": 1, "count2": 1, "dst": config.act_region_bytes - 4},
    "act_pad": {
        "len": 1,
        "pad_right": 4,
        "count1": 1,
        "count2": 1,
        "dst": config.act_region_bytes - 4,
    },
    "act_region": {
        "len": 4,
        "count1": 1,
        "count2": 1,
        "dst": config.act_regions * config.act_region_span,
    },
    "act_wrap": {"len": 1, "count1": 2, "count2": 1, "dst_stride1": -1},
    "wgt": {"space": 1, "len": 1, "count1": 1, "count2": 1, "dst": config.wgt_rows},
    "wgt_chunk": {
        "space": 1,
        "len": 3 * config.cols,
        "count1": 1,
        "count2": 1,
        "dst": config.wgt_rows - 2,
        "dst_chunk": 1,
    },
    "wgt_back": {"space": 1, "len": 1, "count1": 3, "count2": 1, "dst": 1, "dst_stride1": -1},
    "param": {
        "space": 2,
        "len": 16 * config.cols,
        "count1": 1,
        "count2": 1,
        "dst": config.param_blocks - 1,
    },
    "param_far": {"space": 2, "len": 8 * config.cols, "count1": 1, "count2": 1, "dst": MASK24},
    "param_len": {"space": 2, "len": 8 * config.cols + 1, "count1": 1, "count2": 1},
    "param_len8": {"space": 2, "len": 16 * config.cols - 4, "count1": 1, "count2": 1},
    "param_flip": {"space": 2, "len": 8 * config.cols, "count1": 1, "count2": 1, "flip": 1},
    "param_pad": {"space": 2, "len": 8 * config.cols, "count1": 1, "count2": 1, "pad_top": 1},
    "param_rows": {"space": 2, "len": 8 * config.cols, "count1": 1, "count2": 2},
    "param_transpose": {
        "space": 2,
        "len": 8 * config.cols,
        "count1": 1,
        "count2": 1,
        "transpose": 1,
    },
    "fence_param": {"space": 2, "len": 8 * config.cols, "count1": 1, "count2": 1, "fence": 1},
    "fence_transpose": {
        "space": 1,
        "transpose": 1,
        "len": config.rows,
        "count1": config.cols,
        "count2": 1,
        "fence": config.rows,
    },
    "transpose_act": {
        "transpose": 1,
        "len": config.rows,
        "count1": config.cols,
        "count2": 1,
    },
    "transpose_len": {
        "space": 1,
        "transpose": 1,
        "len": config.rows + 1,
        "count1": config.cols,
        "count2": 1,
    },
    "transpose_rows": {
        "space": 1,
        "transpose": 1,
        "len": config.rows,
        "count1": config.cols,
        "pad_top": 1,
        "count2": 1,
    },
    "transpose_end": {
        "space": 1,
        "transpose": 1,
        "len": config.rows,
        "count1": config.cols,
        "count2": 1,
        "dst": config.wgt_rows - config.rows + 1,
    },
    "read": {"len": 64, "count1": 3, "count2": 1, "src": MEMORY_BYTES - 8},
    "read_wgt": {"space": 1, "len": 64, "count1": 1, "count2": 1, "src": MEMORY_BYTES},
}
"""Commands that fault, by what is wrong with them."""


@cocotb.test()
async def faults(dut):
    """Each fault: cause and index, everything before it is done, then the engine is quiet."""
    rng = context.rng("faults")
    for name, values in FAULTS.items():
        bench, srams, state = await begin(dut, rng, stall=rng.choice([0, 0.4]), latency=9)
        cases = [legal(rng, state) for _ in range(rng.randint(0, 3))]
        bad = run_golden(state, "LOAD", values)
        assert bad.fault is not None, name
        check_posts(bench, cases, srams.now)
        first = rng.randrange(1000)
        after = legal(rng, new_state(rng))
        for i, case in enumerate([*cases, bad, after]):
            bench.give(case.raw, first + i)
        await bench.until(lambda bench=bench: bool(bench.faults))
        for _ in range(rng.randint(0, 3)):
            await bench.step()
        await bench.halt()
        assert len(bench.posts) == len(cases), name
        assert [f[1:] for f in bench.faults] == [(bad.fault.cause, first + len(cases))], name


@cocotb.test()
async def read_errors(dut):
    """An error on any beat of a row is reported with its command."""
    rng = context.rng("errors")
    for _ in range(parameters["repeat"]):
        bench, srams, state = await begin(dut, rng, stall=rng.choice([0, 0.3]), latency=12)
        cases = [legal(rng, state, large=True) for _ in range(6)]
        victim = rng.randrange(len(cases))
        # The number of beats of the commands before tells which beat of the run is the victim's.
        count = [0]
        beats = [_beats(case) for case in cases]
        if not beats[victim]:
            continue
        target = sum(beats[:victim]) + rng.randrange(beats[victim])

        def fails(address: int, write: bool, count=count, target=target) -> bool:
            count[0] += 1
            return count[0] - 1 == target

        bench.memory.fails = fails
        check_posts(bench, cases, srams.now)
        for i, case in enumerate(cases):
            bench.give(case.raw, i)
        await bench.until(lambda bench=bench: bool(bench.faults))
        await bench.halt()
        assert [f[1:] for f in bench.faults] == [(3, victim)]
        begun = len(bench.posts) == victim + 1 and cases[victim].command["fence"]
        assert begun or len(bench.posts) == victim


def _beats(case: Case) -> int:
    c, bus = case.command, config.bus_bytes
    beats = 0
    for i2 in range(c["count2"]):
        for i1 in range(c["count1"]):
            src = c["src"] + i2 * c["stride2"] + i1 * c["stride1"]
            beats += -(-(src % bus + c["len"]) // bus) if c["len"] else 0
    return beats


@cocotb.test()
async def abort(dut):
    """Abort at any moment: bursts are completed, nothing is posted, nothing is written."""
    rng = context.rng("abort")
    for _ in range(parameters["repeat"]):
        bench, _, state = await begin(
            dut, rng, stall=rng.choice([0, 0.5]), latency=rng.choice([1, 30])
        )
        for i in range(6):
            bench.give(legal(rng, state, large=True).raw, i)
        for _ in range(rng.randint(1, 120)):
            await bench.step()
        posts = len(bench.posts)
        await bench.halt()
        assert len(bench.posts) <= posts + 2  # at most what was written already
        assert not bench.faults


def row_load(**values: int) -> dict[str, int]:
    return {"count1": 1, "count2": 1, **values}


@cocotb.test()
async def throughput(dut):
    """A beat a cycle, no cycles between rows and between commands; the latency is what it is."""
    bus, latency = config.bus_bytes, 40
    rng = context.rng("throughput")
    rows = {"stride1": 4 * bus, "len": bus, "count1": 16}
    wgt = {"space": 1, "dst_chunk": 1, "dst_stride1": 1}
    act_beats = min(64, config.act_region_bytes // bus)
    wgt_beats = min(64, config.wgt_rows * config.cols // bus)
    fast = config.cols >= bus  # else a chunk carries less than a beat
    table = {
        # name: (commands, beats of all)
        "act": ([row_load(len=act_beats * bus)], act_beats),
        "act unaligned": ([row_load(len=act_beats * bus - bus, src=1)], act_beats),
        "act rows": ([row_load(**rows, dst_stride1=bus)], 16),
        "act twice": ([row_load(len=act_beats * bus)] * 2, 2 * act_beats),
        # Bursts of a beat: the next command's first comes one cycle later.
        "act rows twice": ([row_load(**rows, dst_stride1=bus)] * 2, 32),
    }
    if fast:
        table |= {
            "wgt": ([row_load(**wgt, len=wgt_beats * bus)], wgt_beats),
            "wgt twice": ([row_load(**wgt, len=wgt_beats * bus)] * 2, 2 * wgt_beats),
            "wgt then act": (
                [row_load(**wgt, len=wgt_beats * bus), row_load(len=act_beats * bus)],
                wgt_beats + act_beats,
            ),
        }
    if config.cols == bus:
        table["wgt rows"] = ([row_load(**wgt, **rows)], 16)
        table["wgt unaligned"] = ([row_load(**wgt, src=1, len=15 * bus)], 16)
    for name, (commands, beats) in table.items():
        if config.held_commands and len(commands) > 1:
            continue  # the second one begins when the first one is done
        bench, srams, state = await begin(dut, rng, latency=latency, outstanding=64)
        cases = [run_golden(state, "LOAD", values) for values in commands]
        assert not any(case.fault for case in cases), name
        for i, case in enumerate(cases):
            bench.give(case.raw, i)
        await bench.until(lambda bench=bench, cases=cases: len(bench.posts) == len(cases))
        compare(srams.now(), state)
        first = bench.taken[0]
        assert bench.memory.reads[0][0] == first + 2, f"{name}: first AR {bench.memory.reads}"
        wanted = list(range(first + 2 + latency, first + 2 + latency + beats))
        if name == "act rows twice":
            wanted = wanted[:16] + [cycle + 1 for cycle in wanted[16:]]
        assert bench.memory.beats == wanted, f"{name}: beats in cycles {bench.memory.beats}"
        # The piece's register, the SRAM's and the post's; one more through the gearbox.
        after = bench.posts[-1][0] - bench.memory.beats[-1]
        assert after <= 3, f"{name}: post {after} cycles after the last beat"
