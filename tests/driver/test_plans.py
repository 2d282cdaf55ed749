"""Plans: the same each time, legible, and never with more tokens than a semaphore holds."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from weft.arch.commands import COMMAND_BYTES, Engine, decode, encode
from weft.arch.memory import MemoryTiming
from weft.config import SEMAPHORE_MAX, Config
from weft_driver.planner.choose import choose
from weft_driver.planner.plan import Plan, plan
from weft_driver.planner.problem import Buffer, Conv, Finish, Gemm

from .conftest import EFFORT
from .engines import fullest

PLAIN, WIDE = Finish(), Finish(out_bytes=4)
PARAMS = Finish(params=Buffer("params", 1 << 20))

CASES = [
    ("base", Gemm(64, 64, 64)),
    ("base", Gemm(300, 100, 700, packed=False)),
    ("base", Gemm(1, 1000, 512)),
    ("base", Gemm(1000, 10, 40, finish=WIDE)),
    ("base", Gemm(200, 300, 5, finish=PARAMS)),
    ("base", Conv(1, 32, 32, 16, 16, (3, 3), padding=(1, 1, 1, 1))),
    ("base", Conv(2, 20, 20, 3, 70, (3, 3), dilation=(1, 2), finish=PARAMS)),
    ("base,queue_depth=1", Gemm(100, 200, 100)),
    ("base,queue_depth=12,acc_rows=16", Gemm(200, 200, 200, finish=PARAMS)),
    ("tiny", Gemm(60, 50, 70)),
    ("tiny", Gemm(1, 900, 3, finish=WIDE)),
    ("tiny,param_blocks=1", Gemm(40, 40, 9, finish=PARAMS)),
    ("tiny,queue_depth=12,acc_rows=4", Gemm(30, 90, 8, packed=False)),
    ("tiny,rows=1,cols=1", Gemm(20, 20, 20)),
    ("tiny,act_regions=1", Conv(1, 20, 9, 5, 9, (3, 3), stride=(2, 1))),
]
ONE = {"count1": 1, "count2": 1, "len": 1}
LOOPS = dict.fromkeys(("blocks", "k_tail", "k0", "k1", "k2", "m0", "m1", "m2"), 1)
IDS = [f"{spec} {type(op).__name__} {number}" for number, (spec, op) in enumerate(CASES)]


def make(spec: str, *ops: Gemm | Conv, memory: MemoryTiming | None = None) -> Plan:
    return plan(Config.parse(spec), ops, memory, EFFORT)


def digest() -> str:
    """Of all commands of all cases."""
    found = hashlib.sha256()
    for spec, op in CASES:
        found.update(make(spec, op).lower())
    return found.hexdigest()


def test_plans_do_not_depend_on_the_process():
    here = digest()
    for seed in ("0", "77"):
        done = subprocess.run(
            [sys.executable, "-c", "from driver.test_plans import digest; print(digest())"],
            cwd=os.path.dirname(os.path.dirname(__file__)),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here, f"PYTHONHASHSEED={seed}"


def test_addresses_do_not_change_the_choice():
    config = Config.parse("base")
    op = Gemm(90, 80, 70)
    moved = replace(op, a=Buffer("x", 4096, produced=True), c=Buffer("y", 1 << 20))
    assert choose(config, op, effort=EFFORT) == choose(config, moved, effort=EFFORT)


def test_slower_memory_is_expected_to_take_longer():
    config, op = Config.parse("base"), Gemm(64, 64, 64)
    cycles = [
        plan(config, [op], MemoryTiming(latency=latency), EFFORT).estimate.cycles
        for latency in (10, 40, 200)
    ]
    assert cycles == sorted(set(cycles))


@pytest.mark.parametrize("interval", [1, 4])
@pytest.mark.parametrize(("spec", "op"), CASES, ids=IDS)
def test_no_semaphore_overflows(spec, op, interval):
    """In any order of events, and nothing gets stuck; twice, as two operations."""
    made = make(spec, op, op, memory=MemoryTiming(read_interval=interval))
    code = made.lower()
    commands = [decode(code[at : at + COMMAND_BYTES]) for at in range(0, len(code), COMMAND_BYTES)]
    for slow in (Engine.LOAD, Engine.MATMUL, Engine.DRAIN, Engine.STORE):
        assert max(fullest(made.config, commands, slow)) <= SEMAPHORE_MAX


def test_the_queues_of_this_test_fill_a_semaphore_and_get_stuck():
    post, take = encode("LOAD", {**ONE, "post": 1}), encode("MATMUL", {**LOOPS, "wait": 1})
    config = Config.parse("tiny")
    commands = [decode(c) for c in [*[post] * 17, *[take] * 17]]
    assert fullest(config, commands, Engine.MATMUL)[0] == 17
    ahead = config.queue_depth + 2 + 1  # waiting, and one started
    commands = [decode(c) for c in [post, take] * 30]
    assert fullest(config, commands, Engine.MATMUL)[0] == ahead
    assert fullest(config, commands, Engine.LOAD)[0] == 1
    with pytest.raises(AssertionError, match="stuck"):
        fullest(config, [decode(take)], Engine.LOAD)


def test_a_plan_in_words():
    made = make("base", *(op for spec, op in CASES if spec == "base"))
    text = made.explain()
    assert all(f"operation {number}: " in text for number in range(len(made.parts)))
    assert f"{len(made.program.steps)} commands" in text
    assert f"expected: {made.estimate.cycles:,} cycles" in text
    lines = made.disassemble().splitlines()
    assert len(lines) == len(made.program.steps)
    assert "SIGNAL" in lines[-1]
    assert "end=1" in lines[-1]
    assert not [line for line in lines if "??" in line]
