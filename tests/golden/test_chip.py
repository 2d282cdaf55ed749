"""Whole programs on the golden chip: products, errors, recovery, rules for semaphores."""

import numpy as np
import pytest

from weft.arch.commands import COMMAND_BYTES, Engine, encode
from weft.arch.errors import Cause
from weft.arch.layouts import PARAM_BYTES, ceil_div, pack_b
from weft.config import SEMAPHORE_MAX
from weft.golden.chip import GoldenChip
from weft.golden.faults import ChipFault, ProgramError
from weft.golden.requantise import requantise_float

from .programs import (
    CONFIGS,
    END,
    TINY,
    chip_for,
    drain,
    get,
    load_act,
    load_param,
    load_wgt,
    matmul,
    put,
    run,
    sems,
    signal,
    store,
)

A, B, P, Y = 0x10000, 0x40000, 0x80000, 0xA0000
LOADED, MULTIPLIED, DRAINED, ACC_FREE, ACT_FREE = range(5)


def gemm(config, m: int, n: int, k: int, **options) -> list[bytes]:
    """One product whose operands all fit: A at A, packed B at B, parameters at P, result to Y."""
    rows, cols = config.rows, config.cols
    tiles, blocks = ceil_div(k, rows), ceil_div(n, cols)
    size = 4 if options.get("int32") else 1
    out = config.act_region_span
    params = {"params": 1} if options.get("params") else {}
    commands = [load_act(src=A, len=m * k, dst=0)]
    if params:
        commands.append(load_param(src=P, len=blocks * cols * PARAM_BYTES))
    return [
        *commands,
        load_wgt(
            src=B,
            len=k * cols,
            count1=blocks,
            stride1=k * cols,
            dst_stride1=tiles * rows,
            dst_chunk=1,
            post=sems(LOADED),
        ),
        matmul(
            wait=sems(LOADED),
            post=sems(MULTIPLIED),
            wgt_block=tiles * rows,
            acc_block=m,
            blocks=blocks,
            k0=tiles,
            k0_stride=rows,
            m0=m,
            m0_stride=k,
            row_sum=options.get("row_sum", 0),
            k_tail=k - (tiles - 1) * rows,
        ),
        drain(
            wait=sems(MULTIPLIED),
            post=sems(DRAINED),
            acc_block=m,
            rows=m,
            blocks=blocks,
            dst=out,
            dst_stride=n * size,
            dst_block=cols * size,
            cols_last=n - (blocks - 1) * cols,
            **{key: options[key] for key in options if key not in ("row_sum", "params", "int32")},
            **params,
            row_sum=options.get("row_sum", 0),
            int32=options.get("int32", 0),
        ),
        store(wait=sems(DRAINED), dst=Y, src=out, len=m * n * size),
        END,
    ]


def operands(config, m, n, k, seed=1):
    rng = np.random.default_rng(seed)
    a = rng.integers(-128, 128, (m, k), dtype=np.int8)
    b = rng.integers(-128, 128, (k, n), dtype=np.int8)
    return a, b, a.astype(np.int64) @ b.astype(np.int64)


def prepared(config, a, b, seed=1) -> GoldenChip:
    chip = chip_for(config, seed=seed)
    put(chip, A, a)
    put(chip, B, pack_b(config, b, np.zeros))
    return chip


SHAPES = [(1, 1, 1), (3, 5, 7), (4, 4, 4), (5, 9, 12), (2, 13, 3), (6, 3, 17)]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_gemm_int32(config, shape):
    a, b, expected = operands(config, *shape)
    if ceil_div(shape[1], config.cols) * shape[0] > config.acc_total_rows:
        pytest.skip("does not fit the accumulators")
    chip = prepared(config, a, b)
    run(chip, *gemm(config, *shape, int32=1))
    assert np.array_equal(get(chip, Y, shape[:2], "<i4"), expected)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("shape", [(3, 5, 7), (5, 9, 12)])
@pytest.mark.parametrize("zero_b", [0, 9])
def test_gemm_int8(config, shape, zero_b):
    m, n, _ = shape
    a, b, exact = operands(config, *shape)
    if ceil_div(n, config.cols) * m > config.acc_total_rows:
        pytest.skip("does not fit the accumulators")
    rng = np.random.default_rng(7)
    padded = ceil_div(n, config.cols) * config.cols
    bias = rng.integers(-9999, 9999, padded).astype("<i4")
    scale = (rng.random(padded) * 1e-3 + 1e-4).astype("<f4")
    chip = prepared(config, a, b)
    put(chip, P, np.stack([bias, scale.view("<i4")], axis=-1))
    clamp = {"zero_point": 3, "qmin": -100, "qmax": 127}
    run(chip, *gemm(config, *shape, params=1, row_sum=1, b_zero_point=zero_b, **clamp))
    exact = exact - zero_b * a.astype(np.int64).sum(axis=1, keepdims=True) + bias[:n]
    expected = requantise_float(exact, scale[:n], *clamp.values())
    assert np.array_equal(get(chip, Y, (m, n), "i1"), expected)


def test_sram_contents_do_not_matter():
    a, b, expected = operands(TINY, 5, 9, 11)
    for seed in range(3):
        chip = prepared(TINY, a, b, seed)
        run(chip, *gemm(TINY, 5, 9, 11, int32=1))
        assert np.array_equal(get(chip, Y, (5, 9), "<i4"), expected)
    assert not np.array_equal(chip.state.act, prepared(TINY, a, b, 0).state.act)


def fault_of(chip: GoldenChip, *commands: bytes) -> ChipFault:
    with pytest.raises(ChipFault) as caught:
        run(chip, *commands)
    return caught.value


IDLE = encode("SIGNAL", {})
ZERO_COUNT = encode("LOAD", {"len": 1, "count2": 1})
STRAY = bytes([1, 0, 0, 0x80]) + bytes(59) + b"\x01"
_ONES = {f"{what}_{axis}": 1 for what in ("grid", "block") for axis in "xyz"}
CROWD = encode("LAUNCH", _ONES | {"block_x": 9})  # one thread too many for `tiny`
FAULTS = {
    "opcode": ([IDLE, bytes(64)], Cause.BAD_COMMAND, Engine.CONTROL, 1, "opcode 0x00"),
    "unused bit": ([IDLE, STRAY, END], Cause.BAD_COMMAND, Engine.CONTROL, 1, "unused bit"),
    "launch": (
        [CROWD, END],
        Cause.BAD_COMMAND,
        Engine.SIMT,
        0,
        "a block of 9 threads (9, 1, 1) does not fit",
    ),
    "end twice": ([END, END], Cause.BAD_COMMAND, Engine.CONTROL, 0, "is not the last"),
    "count": ([IDLE, ZERO_COUNT, END], Cause.BAD_COMMAND, Engine.LOAD, 1, "count1 = 0"),
    "rule": ([load_act(len=0), END], Cause.BAD_COMMAND, Engine.LOAD, 0, "= 0"),
    "load": (
        [load_act(len=1, dst=0xFFFFFF), END],
        Cause.BAD_ADDRESS,
        Engine.LOAD,
        0,
        "LOAD writes act bytes",
    ),
    "matmul": (
        [matmul(acc=999), END],
        Cause.BAD_ADDRESS,
        Engine.MATMUL,
        0,
        "MATMUL writes accumulator rows 0x3e7",
    ),
    "drain": (
        [drain(int32=1, acc=999), END],
        Cause.BAD_ADDRESS,
        Engine.DRAIN,
        0,
        "DRAIN reads",
    ),
    "store": ([store(len=1, src=0xFFFFFF), END], Cause.BAD_ADDRESS, Engine.STORE, 0, "STORE"),
    "read": (
        [load_act(len=1, src=1 << 31), END],
        Cause.READ_ERROR,
        Engine.LOAD,
        0,
        "memory bytes",
    ),
    "write": (
        [IDLE, store(len=1, dst=1 << 31), END],
        Cause.WRITE_ERROR,
        Engine.STORE,
        1,
        "memory bytes",
    ),
    "deadlock": (
        [IDLE, matmul(wait=sems(3)), END],
        Cause.DEADLOCK,
        Engine.MATMUL,
        1,
        "semaphore 3",
    ),
    "deadlock before its other faults": (
        [load_act(len=0, wait=1), END],
        Cause.DEADLOCK,
        Engine.LOAD,
        0,
        "semaphore 0",
    ),
    "deadlock for lack of a second": (
        [load_act(len=1, post=1), matmul(wait=1), matmul(wait=1), END],
        Cause.DEADLOCK,
        Engine.MATMUL,
        2,
        "semaphore 0",
    ),
    "overflow": (
        [*[load_act(len=1, post=sems(7))] * (SEMAPHORE_MAX + 1), END],
        Cause.SEMAPHORE_OVERFLOW,
        Engine.CONTROL,
        0,
        "semaphore 7",
    ),
    "unterminated": ([IDLE, IDLE], Cause.UNTERMINATED, Engine.CONTROL, 1, "without SIGNAL end"),
}


@pytest.mark.parametrize("case", FAULTS.values(), ids=FAULTS)
def test_faults_and_recovery(case):
    commands, cause, engine, index, match = case
    a, b, expected = operands(TINY, 5, 9, 11)
    chip = prepared(TINY, a, b)
    fault = fault_of(chip, *commands)
    assert (fault.cause, fault.engine, fault.index) == (cause, engine, index)
    assert match in str(fault)
    assert fault.register == cause | engine << 4 | index << 16
    chip.clear()
    run(chip, *gemm(TINY, 5, 9, 11, int32=1))
    assert np.array_equal(get(chip, Y, (5, 9), "<i4"), expected)


def test_program_address():
    chip = chip_for(TINY)
    with pytest.raises(ChipFault, match="64-byte aligned") as caught:
        chip.run(32, 1)
    assert (caught.value.cause, caught.value.engine) == (Cause.BAD_COMMAND, Engine.CONTROL)


@pytest.mark.parametrize(("back", "index"), [(1, 1), (0, 0), (-1 << 20, 0)])
def test_fetch_outside_memory(back, index):
    chip = chip_for(TINY)
    size = len(chip.state.memory)
    put(chip, size - COMMAND_BYTES, np.frombuffer(IDLE, np.uint8))
    with pytest.raises(ChipFault) as caught:
        chip.run(size - back * COMMAND_BYTES, 2)
    fault = caught.value
    assert (fault.cause, fault.engine, fault.index) == (Cause.READ_ERROR, Engine.CONTROL, index)


def test_signal_counts_messages_and_writes():
    chip = chip_for(TINY)
    run(
        chip,
        signal(message=1),
        signal(write=1, address=0x1000, value=77, message=1),
        END,
    )
    assert chip.messages == 2
    assert get(chip, 0x1000, (1,), "<u4") == 77


def test_semaphores_outlive_a_program():
    """A post that nobody took is there in the next program, with what it knew."""
    chip = chip_for(TINY)
    run(chip, load_act(len=1, post=sems(1, 2)), signal(1, end=1))
    assert (chip.semaphores.value(1), chip.semaphores.value(2)) == (0, 1)
    run(chip, store(len=1, dst=Y, wait=sems(2)), END)
    assert chip.semaphores.value(2) == 0


ONE_ENGINE = {
    "posts": (
        [load_act(len=1, post=1), matmul(act=64, post=1), END],
        "semaphore 0 is posted by MATMUL and by LOAD",
    ),
    "waits": (
        [load_act(len=1, post=1), load_act(len=1, post=1), matmul(act=64, wait=1), signal(0)],
        "semaphore 0 is waited for by STORE and by MATMUL",
    ),
}


@pytest.mark.parametrize(("commands", "match"), ONE_ENGINE.values(), ids=ONE_ENGINE)
def test_each_semaphore_has_one_engine_at_each_end(commands, match):
    with pytest.raises(ProgramError, match=match):
        run(chip_for(TINY), *commands)


def test_the_next_program_may_use_a_semaphore_otherwise():
    chip = chip_for(TINY)
    run(chip, load_act(len=1, post=1), signal(0, end=1))
    run(chip, matmul(post=1), signal(0, end=1))


@pytest.mark.parametrize("depth", [1, 2, 13])
def test_overflow_by_running_ahead(depth):
    """In program order the semaphore never exceeds 1; LOAD alone can be far ahead of MATMUL."""
    config = TINY.changed({"queue_depth": depth})
    pairs = []
    for _ in range(20):
        pairs += [load_act(len=1, dst=64, post=1), matmul(wait=1)]
    program = [*pairs, matmul(post=2), signal(1, end=1)]
    if depth + 2 < SEMAPHORE_MAX:
        run(chip_for(config), *program)
    else:
        with pytest.raises(ProgramError, match="semaphore 0 can overflow"):
            run(chip_for(config), *program)


@pytest.mark.parametrize("count", [SEMAPHORE_MAX, SEMAPHORE_MAX + 1])
def test_overflow_starts_at_the_maximum(count):
    program = [load_act(len=1, dst=64, post=1), matmul(wait=1)] * count
    program += [matmul(post=sems(2)), signal(2, end=1)]
    chip = chip_for(TINY.changed({"queue_depth": 64}))
    if count == SEMAPHORE_MAX:
        run(chip, *program)
    else:
        with pytest.raises(ProgramError, match="semaphore 0 can overflow"):
            run(chip, *program)


def test_no_overflow_when_a_semaphore_holds_the_poster_back():
    config = TINY.changed({"queue_depth": 64})
    program = []
    for step in range(40):
        program += [
            load_act(len=1, dst=64, post=1, wait=sems(5) if step >= 2 else 0),
            matmul(wait=1, post=sems(5)),
        ]
    run(chip_for(config), *program, matmul(post=2), signal(1, end=1))
