"""A large product with double buffers everywhere: right, free of races, and quick."""

import time

import numpy as np

from weft.arch.layouts import pack_b
from weft.golden.chip import GoldenChip

from .programs import BASE, END, drain, get, load_act, load_wgt, matmul, put, run, sems, store

SIZE, PART = 512, 64  # M = N = K, and the rows of A that are in act at a time
BLOCKS = SIZE // BASE.cols
A, B, Y, BYTES = 0x100000, 0x200000, 0x300000, 0x400000  # the program lies at 0

(ACT_READY, ACT_FREE, WGT_READY, WGT_FREE, MULTIPLIED, ACC_FREE, DRAINED, OUT_FREE) = range(8)


def program() -> list[bytes]:
    """For each part of A and block of B: one tile column of the result, buffers alternating."""
    commands = []
    for part in range(SIZE // PART):
        here = BASE.act_region_span * (part % 2)
        again = part >= 2
        commands.append(
            load_act(
                src=A + part * PART * SIZE,
                len=PART * SIZE,
                dst=here,
                wait=again * sems(ACT_FREE),
                post=sems(ACT_READY),
            )
        )
        for block in range(BLOCKS):
            buffer, again = block % 2, part * BLOCKS + block >= 2
            wgt, acc = buffer * SIZE, buffer * BASE.acc_rows
            out = BASE.act_region_span * (2 + buffer)
            last = block == BLOCKS - 1
            commands += [
                load_wgt(
                    src=B + block * SIZE * BASE.cols,
                    len=SIZE * BASE.cols,
                    dst=wgt,
                    dst_chunk=1,
                    wait=again * sems(WGT_FREE),
                    post=sems(WGT_READY),
                ),
                matmul(
                    wait=sems(WGT_READY) | (block == 0) * sems(ACT_READY) | again * sems(ACC_FREE),
                    post=sems(MULTIPLIED, WGT_FREE) | last * sems(ACT_FREE),
                    act=here,
                    wgt=wgt,
                    acc=acc,
                    k0=SIZE // BASE.rows,
                    k0_stride=BASE.rows,
                    k_tail=BASE.rows,
                    m0=PART,
                    m0_stride=SIZE,
                ),
                drain(
                    int32=1,
                    wait=sems(MULTIPLIED) | again * sems(OUT_FREE),
                    post=sems(DRAINED, ACC_FREE),
                    acc=acc,
                    rows=PART,
                    dst=out,
                    dst_stride=4 * BASE.cols,
                    cols_last=BASE.cols,
                ),
                store(
                    wait=sems(DRAINED),
                    post=sems(OUT_FREE),
                    dst=Y + 4 * (part * PART * SIZE + block * BASE.cols),
                    stride1=4 * SIZE,
                    len=4 * BASE.cols,
                    count1=PART,
                    src=out,
                    src_stride1=4 * BASE.cols,
                ),
            ]
    return [*commands, END]


def test_large_product():
    rng = np.random.default_rng(0)
    a = rng.integers(-128, 128, (SIZE, SIZE), dtype=np.int8)
    b = rng.integers(-128, 128, (SIZE, SIZE), dtype=np.int8)
    chip = GoldenChip(BASE, np.zeros(BYTES, np.uint8))
    put(chip, A, a)
    put(chip, B, pack_b(BASE, b, np.zeros))
    commands = program()
    start = time.process_time()
    run(chip, *commands)
    seconds = time.process_time() - start
    assert np.array_equal(get(chip, Y, (SIZE, SIZE), "<i4"), a.astype(int) @ b.astype(int))
    assert seconds < 10, (
        f"{seconds:.1f} s for {len(commands)} commands, 0.6 s when this was written"
    )
