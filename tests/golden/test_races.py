"""Every kind of race is found, named, and gone with its semaphore; what is ordered passes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.arch.commands import Decoded, Engine, decode, encode
from weft.golden.faults import Fault, ProgramError, RaceError
from weft.golden.races import Races
from weft.golden.rows import addresses, fold
from weft.golden.state import Place

from .programs import (
    END,
    TINY,
    chip_for,
    drain,
    load_act,
    load_param,
    load_wgt,
    matmul,
    run,
    sems,
    signal,
    state_for,
    store,
)
from .test_chip import DRAINED, LOADED, MULTIPLIED, A, Y, gemm, operands, prepared

FIELDS = {
    "LOAD act": (load_act, {"src": A, "len": 8, "dst": 0x20}),
    "LOAD wgt": (load_wgt, {"src": A, "len": 8, "dst": 2, "dst_chunk": 1}),
    "LOAD param": (load_param, {"src": A, "len": 8 * TINY.cols, "dst": 1}),
    "LOAD result": (load_act, {"src": Y + 7, "len": 1, "dst": 0x200}),
    "MATMUL": (matmul, {"act": 0x24, "wgt": 3, "acc": 4}),
    "DRAIN acc": (drain, {"int32": 1, "acc": 4, "dst": 0x100}),
    "DRAIN act": (drain, {"int32": 1, "acc": 9, "dst": 0x27}),
    "DRAIN param": (drain, {"int32": 1, "acc": 9, "params": 1, "param": 1, "dst": 0x100}),
    "DRAIN out": (drain, {"int32": 1, "acc": 9, "dst": 0x1FC}),
    "STORE": (store, {"src": 0x1F8, "len": 8, "dst": Y}),
    "STORE act": (store, {"src": 0x27, "len": 1, "dst": Y}),
    "STORE over A": (store, {"src": 0x80, "len": 1, "dst": A + 7}),
    "SIGNAL": (lambda **v: encode("SIGNAL", v), {"write": 1, "address": Y}),
    "LOAD flag": (load_act, {"src": Y + 3, "len": 1, "dst": 0x200}),
}


def command(name: str, **values: int) -> bytes:
    make, fields = FIELDS[name]
    return make(**fields, **values)


PAIRS = [
    ("LOAD act", "MATMUL", "act bytes 0x24 to 0x27"),
    ("LOAD wgt", "MATMUL", "wgt rows 0x3 to 0x3"),
    ("LOAD param", "DRAIN param", "parameter blocks 0x1 to 0x1"),
    ("LOAD act", "DRAIN act", "act bytes 0x27 to 0x27"),
    ("LOAD act", "STORE act", "act bytes 0x27 to 0x27"),
    ("LOAD act", "STORE over A", "memory bytes 0x10007 to 0x10007"),
    ("MATMUL", "DRAIN acc", "accumulator rows 0x4 to 0x4"),
    ("MATMUL", "DRAIN act", "act bytes 0x27 to 0x27"),
    ("DRAIN out", "STORE", "act bytes 0x1fc to 0x1ff"),
    ("STORE", "LOAD result", "memory bytes 0xa0007 to 0xa0007"),
    ("SIGNAL", "LOAD flag", "memory bytes 0xa0003 to 0xa0003"),
]
BOTH_WAYS = [*PAIRS, *[(second, first, where) for first, second, where in PAIRS]]


@pytest.mark.parametrize(("first", "second", "where"), BOTH_WAYS)
@pytest.mark.parametrize("ordered", [True, False])
def test_pairs(first, second, where, ordered):
    waits = {"wait": sems(3)} if ordered else {}
    one, two = command(first, post=sems(3)), command(second, **waits, post=sems(4))
    decoded = decode(one), decode(two)
    last = [] if decoded[1].command.engine is Engine.STORE else [4]
    program = [one, two, signal(*last, end=1)]
    if ordered:
        run(chip_for(TINY), *program)
        return
    with pytest.raises(RaceError) as caught:
        run(chip_for(TINY), *program)
    text = str(caught.value)
    assert where in text
    assert f"command 0 ({decoded[0]})" in text
    assert f"command 1 ({decoded[1]})" in text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("LOAD act", "LOAD act"),
        ("MATMUL", "MATMUL"),
        ("DRAIN acc", "DRAIN acc"),
        ("STORE", "STORE"),
        ("STORE", "SIGNAL"),
        ("LOAD param", "MATMUL"),
        ("MATMUL", "DRAIN param"),
    ],
)
def test_one_engine_or_nothing_shared_is_no_race(first, second):
    """Nothing but the end of the program complains."""
    engines = {decode(command(name)).command.engine for name in (first, second)}
    ends = {engine: 8 + i for i, engine in enumerate(sorted(engines - {Engine.STORE}))}
    names = [first, second]
    posts = [0, 0]
    for engine, semaphore in ends.items():
        last = max(i for i in (0, 1) if decode(command(names[i])).command.engine is engine)
        posts[last] = sems(semaphore)
    program = [command(name, post=post) for name, post in zip(names, posts, strict=True)]
    run(chip_for(TINY), *program, signal(*ends.values(), end=1))


def test_every_semaphore_of_a_product_is_needed():
    shape = (5, 9, 11)
    program = gemm(TINY, *shape, int32=1)
    a, b, _ = operands(TINY, *shape)
    run(prepared(TINY, a, b), *program)
    for number in (LOADED, MULTIPLIED, DRAINED):
        broken = []
        for raw in program:
            decoded = decode(raw)
            values = {k: v for k, v in decoded.values.items() if k != "opcode"}
            values["wait"] &= ~sems(number)
            broken.append(encode(decoded.command.name, values))
        with pytest.raises(RaceError, match="race: command"):
            run(prepared(TINY, a, b), *broken)


FENCED = {
    "act": (
        load_act(src=A, len=12, dst=0x20, fence=12, post=sems(1)),
        {"act": 0x24},
        {"act": 0x28},
    ),
    "wgt": (
        load_wgt(src=A, len=32, dst_chunk=1, fence=8, post=sems(1)),
        {"act": 0x80, "wgt": 1},
        {"act": 0x80, "wgt": 4},
    ),
}


@pytest.mark.parametrize(("fenced", "middle", "end"), FENCED.values(), ids=FENCED)
def test_a_fence_lets_matmul_read_and_nobody_else(fenced, middle, end):
    """Its post says that LOAD has begun: MATMUL waits by itself, and knows more at the end."""
    first = matmul(**middle, wait=sems(1))
    last = matmul(**end, post=sems(2))
    run(chip_for(TINY), fenced, first, last, signal(2, end=1))
    with pytest.raises(RaceError, match=r"command 1 \(MATMUL .* which command 0 \(LOAD"):
        run(chip_for(TINY), fenced, matmul(**middle, post=sems(2)), END)  # it may not have begun
    with pytest.raises(RaceError, match=r"before command 0 \(LOAD .* is done"):
        run(chip_for(TINY), fenced, matmul(**middle, wait=sems(1), post=sems(2)), signal(2, end=1))


def test_a_fence_is_none_for_other_engines():
    fenced = load_act(src=A, len=12, dst=0x20, fence=12, post=sems(1))
    read = store(src=0x20, len=4, dst=Y, wait=sems(1))
    with pytest.raises(RaceError, match=r"command 1 \(STORE .* which command 0 \(LOAD"):
        run(chip_for(TINY), fenced, read, END)
    write = drain(int32=1, dst=0x27, wait=sems(2), post=sems(3))
    before = matmul(act=0x20, wait=sems(1), post=sems(2))
    with pytest.raises(RaceError, match=r"command 2 \(DRAIN .* which command 0 \(LOAD"):
        run(chip_for(TINY), fenced, before, write, signal(3, end=1))
    after = matmul(act=0x28, wait=sems(1), post=sems(2))
    run(chip_for(TINY), fenced, after, write, signal(3, end=1))


def test_a_fence_tells_of_the_loads_before():
    """A LOAD has begun when all before it are over."""
    plain = load_act(src=A, len=8, dst=0x20)
    fenced = load_wgt(src=A, len=16, dst_chunk=1, fence=4, post=sems(1))
    run(
        chip_for(TINY),
        plain,
        fenced,
        matmul(act=0x20, wait=sems(1), post=sems(2)),
        signal(2, end=1),
    )


def test_paths_through_other_engines_count():
    run(
        chip_for(TINY),
        command("LOAD act", post=sems(1)),
        matmul(act=0x80, wait=sems(1), post=sems(2)),
        drain(int32=1, dst=0x27, wait=sems(2), post=sems(3)),  # over what LOAD wrote
        signal(3, end=1),
    )


def test_the_nth_take_gets_the_nth_post():
    """MATMUL's only take pairs with LOAD's first post, which says nothing of its second command."""
    program = [
        load_act(src=A, len=8, dst=0x80, post=sems(1)),
        load_act(src=A, len=8, dst=0x20, post=sems(1)),
        command("MATMUL", wait=sems(1), post=sems(2)),
    ]
    with pytest.raises(RaceError, match=r"command 2 \(MATMUL .* which command 1 \(LOAD"):
        run(chip_for(TINY), *program, signal(2, end=1))
    program[2:] = [matmul(act=0x100, wait=sems(1)), command("MATMUL", wait=sems(1), post=sems(2))]
    run(chip_for(TINY), *program, signal(2, end=1))


def test_a_post_says_nothing_of_later_commands():
    with pytest.raises(RaceError, match=r"command 2 \(MATMUL .* command 1 \(LOAD"):
        run(
            chip_for(TINY),
            command("LOAD act", post=sems(1)),
            command("LOAD act"),
            command("MATMUL", wait=sems(1)),
            END,
        )


def test_strides_are_exact():
    """Interleaved columns of the same rows do not touch."""
    rows = {"count1": 4, "stride1": 8, "dst_stride1": 8}
    free = [
        load_act(src=A, len=4, dst=0, **rows),
        store(src=4, src_stride1=8, count1=4, len=4, dst=Y, stride1=4),
        signal(),
    ]
    with pytest.raises(RaceError, match="retires"):
        run(chip_for(TINY), *free, END)
    free[0] = load_act(src=A, len=5, dst=0, **rows)
    with pytest.raises(RaceError, match="act bytes 0x4 to 0x4"):
        run(chip_for(TINY), *free, END)


@pytest.mark.parametrize("byte", [0, 29 * 7, 29 * 7 + TINY.rows - 1])
def test_rows_that_overlap_are_all_seen(byte):
    """A MATMUL that reads more bytes in sum than act has, as a convolution does."""
    tiles = TINY.wgt_rows // TINY.rows
    assert 30 * tiles * TINY.rows > 2 * TINY.act_region_span
    convolution = matmul(m0=30, m0_stride=7, k0=tiles)
    with pytest.raises(RaceError, match=f"act bytes {byte:#x} to {byte:#x}"):
        run(chip_for(TINY), load_act(len=1, dst=byte), convolution)


@pytest.mark.parametrize(
    "raw",
    [
        command("LOAD act"),
        command("LOAD wgt"),
        command("LOAD param"),
        command("MATMUL"),
        command("DRAIN acc"),
    ],
)
def test_the_end_waits_for_everything(raw):
    with pytest.raises(RaceError, match=r"the program retires with command 1 \(SIGNAL") as caught:
        run(chip_for(TINY), raw, END)
    assert f"command 0 ({decode(raw)})" in str(caught.value)


def test_programs_are_in_order():
    chip = chip_for(TINY)
    run(chip, command("LOAD act", post=1), signal(0, end=1))
    run(chip, command("MATMUL", post=1), signal(0, end=1))
    run(chip, command("DRAIN act", post=1), signal(0, end=1))


def test_everything_is_in_order_after_an_error():
    chip = chip_for(TINY)
    with pytest.raises(ProgramError):
        run(chip, command("LOAD act"), command("MATMUL"), END)
    chip.clear()
    run(chip, command("MATMUL", post=1), signal(0, end=1))


def test_a_program_does_not_write_itself():
    with pytest.raises(RaceError, match="fetch of the program"):
        run(chip_for(TINY), store(src=0, len=1, dst=70), END)
    run(chip_for(TINY), store(src=0, len=1, dst=128), END)


def _plain(place_size: int, script: list[tuple[int, bool, list[int], int, int]]) -> int | None:
    """Index of the first access that races, by the definition: all pairs, one byte at a time."""
    clocks = [[0] * 3 for _ in range(3)]
    log: list[tuple[int, int, bool, set[int]]] = []
    for index, (engine, write, starts, length, heard) in enumerate(script):
        clocks[engine][engine] += 1
        if heard != engine:
            clocks[engine] = [max(p) for p in zip(clocks[engine], clocks[heard], strict=True)]
        touched = {start + i for start in starts for i in range(length)}
        assert max(touched) < place_size
        for other, time, wrote, theirs in log:
            unordered = clocks[engine][other] < time
            if other != engine and unordered and (write or wrote) and touched & theirs:
                return index
        log.append((engine, clocks[engine][engine], write, touched))
    return None


access = st.tuples(
    st.integers(0, 2),
    st.booleans(),
    st.lists(st.integers(0, 100), min_size=1, max_size=4),
    st.integers(1, 60),
    st.integers(0, 2),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(access, min_size=2, max_size=12))
def test_against_the_definition(script):
    """Random accesses; before each its engine may hear all that another engine knows."""
    races = Races(state_for(TINY, 4096))
    races.begin()
    anything = Decoded(decode(END).command, decode(END).values)
    expected = _plain(4096, script)
    for index, (engine, write, starts, length, heard) in enumerate(script):
        known = [races.clock(Engine(heard))] if heard != engine else []
        races.start(Engine(engine), index, anything, known)
        try:
            races.access(Place.MEMORY, write, np.array(starts), length)
        except RaceError:
            assert index == expected
            return
    assert expected is None


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(-9, 9)), min_size=1, max_size=4),
    st.integers(1, 5),
)
def test_fold_keeps_the_elements(dims, length):
    starts = addresses(100_000, dims)
    folded, longer = fold(starts, length)
    elements = (starts.reshape(-1, 1) + np.arange(length)).reshape(-1)
    assert np.array_equal((folded[:, None] + np.arange(longer)).reshape(-1), elements)


def test_addresses_wrap_and_do_not_fold_across():
    starts = addresses(8, [(4, -4)])
    assert starts.tolist() == [8, 4, 0, (1 << 24) - 4]
    up = addresses((1 << 24) - 4, [(2, 4)])
    assert fold(up, 4)[0].tolist() == [(1 << 24) - 4, 0]


def test_faults_are_not_races():
    """A refused command is refused before its accesses count."""
    with pytest.raises(Exception, match="there are") as caught:
        run(chip_for(TINY), load_act(len=4, dst=0xFFFFFE), END)
    assert not isinstance(caught.value, RaceError | Fault)
