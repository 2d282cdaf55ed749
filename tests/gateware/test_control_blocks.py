"""The small blocks of control in Amaranth's simulator, driven by hypothesis: stalls shrink."""

from itertools import chain, pairwise, repeat
from random import Random

import pytest
from amaranth.hdl import ResetInserter, Shape, Signal
from amaranth.lib import data
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.arch.commands import (
    BY_NAME,
    BY_OPCODE,
    COMMAND_BITS,
    COMMAND_BYTES,
    COMMANDS,
    LAUNCH,
    Engine,
    decode,
)
from weft.arch.errors import Cause
from weft.arch.memory import MAX_BURST_BEATS, fetch_bursts
from weft.config import SEMAPHORE_MAX, SEMAPHORES, Config
from weft.gateware.command_queue import CommandQueue, command_beats, queued_engines
from weft.gateware.counters import Counters, counter_places
from weft.gateware.dispatcher import Dispatcher
from weft.gateware.fetcher import COMMAND_SHIFT, Fetcher
from weft.gateware.interfaces import INDEX_BITS, command_layout, events_layout
from weft.gateware.semaphores import Semaphores
from weft.gateware.word_fifo import ReadyFifo, WordFifo

BUS_BYTES = (4, 8, 16, 32, 64)
RAW = st.integers(0, 2**COMMAND_BITS - 1)
MASK = st.integers(0, 2**SEMAPHORES - 1)
GAPS = st.lists(st.integers(0, 4), max_size=24)
"""Idle cycles before each transfer; none where the list has ended."""

BLOCK = settings(max_examples=25, deadline=None)


def simulate(component, *benches) -> None:
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


async def send(ctx, stream, items, gaps, ends=None) -> None:
    """Offer items, each after its gap; appends the cycle number of each transfer to ``ends``."""
    cycle = 0
    for item, gap in zip(items, chain(gaps, repeat(0)), strict=False):
        for _ in range(gap):
            await ctx.tick()
            cycle += 1
        ctx.set(stream.payload, item)
        ctx.set(stream.valid, 1)
        while not ctx.get(stream.ready):
            await ctx.tick()
            cycle += 1
        if ends is not None:
            ends.append(cycle)
        await ctx.tick()
        cycle += 1
        ctx.set(stream.valid, 0)


async def receive(ctx, stream, count, gaps, ends=None) -> list:
    """Take items, each after its gap; appends the cycle number of each transfer to ``ends``."""
    cycle, items = 0, []
    for _, gap in zip(range(count), chain(gaps, repeat(0)), strict=False):
        for _ in range(gap):
            await ctx.tick()
            cycle += 1
        ctx.set(stream.ready, 1)
        waited = 0
        while not ctx.get(stream.valid):
            await ctx.tick()
            cycle += 1
            waited += 1
            assert waited < 1000, f"item {len(items)} of {count} never comes"
        items.append(ctx.get(stream.payload))
        if ends is not None:
            ends.append(cycle)
        await ctx.tick()
        cycle += 1
        ctx.set(stream.ready, 0)
    return items


def command_words(config: Config, raw: int, index: int) -> list[dict[str, int]]:
    """A command as the queue takes it."""
    beats = command_beats(config)
    bits, piece = 8 * config.bus_bytes, INDEX_BITS // beats
    return [
        {
            "data": raw >> b * bits & (1 << bits) - 1,
            "index": index >> b * piece & (1 << piece) - 1,
        }
        for b in range(beats)
    ]


QUEUES = {"word": WordFifo, "ready": ReadyFifo}


@pytest.mark.parametrize("queue", QUEUES.values(), ids=QUEUES)
@pytest.mark.parametrize("depth", [1, 2, 3, 8])
@settings(parent=BLOCK, max_examples=10)
@given(words=st.lists(st.integers(0, 255), min_size=1, max_size=30), pushes=GAPS, pops=GAPS)
def test_a_queue_keeps_order_and_loses_nothing(queue, depth, words, pushes, pops):
    fifo = queue(8, depth)

    async def source(ctx):
        await send(ctx, fifo.i, words, pushes)

    async def sink(ctx):
        assert await receive(ctx, fifo.o, len(words), pops) == words

    simulate(fifo, source, sink)


@pytest.mark.parametrize("queue", QUEUES.values(), ids=QUEUES)
def test_a_queue_streams_at_full_speed(queue):
    fifo = queue(8, 4)
    sent, got = [], []

    async def source(ctx):
        await send(ctx, fifo.i, range(20), [], sent)

    async def sink(ctx):
        await receive(ctx, fifo.o, 20, [], got)

    simulate(fifo, source, sink)
    assert sent == list(range(20))
    assert got == [cycle + fifo.latency for cycle in sent]


@pytest.mark.parametrize("bus_bytes", BUS_BYTES)
@BLOCK
@given(
    depth=st.integers(1, 3),
    commands=st.lists(st.tuples(RAW, st.integers(0, 2**INDEX_BITS - 1)), min_size=1, max_size=7),
    arrive=GAPS,
    take=GAPS,
)
def test_queue_keeps_order_and_content(bus_bytes, depth, commands, arrive, take):
    config = Config(bus_bytes=bus_bytes, queue_depth=depth)
    queue = CommandQueue(config, Engine.MATMUL)
    words = [word for command in commands for word in command_words(config, *command)]

    async def source(ctx):
        await send(ctx, queue.i, words, arrive)

    async def sink(ctx):
        for payload, (raw, index) in zip(
            await receive(ctx, queue.o, len(commands), take), commands, strict=True
        ):
            assert payload.as_bits() == index << COMMAND_BITS | raw

    simulate(queue, source, sink)


@pytest.mark.parametrize("bus_bytes", BUS_BYTES)
def test_queue_latency_and_reload(bus_bytes):
    config = Config(bus_bytes=bus_bytes, queue_depth=4)
    queue = CommandQueue(config, Engine.LOAD)
    beats = command_beats(config)
    words = [word for n in range(5) for word in command_words(config, n * 0x10001, n)]
    sent, got = [], []

    async def source(ctx):
        await send(ctx, queue.i, words, [], sent)

    async def sink(ctx):
        # Everything has arrived before the first command is taken.
        await receive(ctx, queue.o, 5, [6 * beats], got)

    async def watch(ctx):
        for _ in range(beats - 1 + CommandQueue.latency):
            assert not ctx.get(queue.o.valid)
            await ctx.tick()
        assert ctx.get(queue.o.valid), "the first command falls through"

    simulate(queue, source, sink, watch)
    assert sent == list(range(5 * beats)), "four in storage, one in the shadow"
    assert {b - a for a, b in pairwise(got)} == {queue.reload_cycles}


@pytest.mark.parametrize("bus_bytes", BUS_BYTES)
def test_queue_holds_a_command_that_was_taken(bus_bytes):
    """While ``hold`` is high the engine sees its command, whatever arrives behind it."""
    config = Config(bus_bytes=bus_bytes, queue_depth=1)
    queue = CommandQueue(config, Engine.LOAD)
    raw = [n * 0x10001 for n in (1, 2, 3)]
    words = [word for n in range(3) for word in command_words(config, raw[n], n)]

    async def source(ctx):
        await send(ctx, queue.i, words, [])

    async def engine(ctx):
        for n in range(3):
            await receive(ctx, queue.o, 1, [0])
            ctx.set(queue.hold, 1)
            for _ in range(3 * command_beats(config)):
                assert ctx.get(queue.o.payload).as_bits() == n << COMMAND_BITS | raw[n]
                assert not ctx.get(queue.o.valid)
                await ctx.tick()
            ctx.set(queue.hold, 0)

    simulate(queue, source, engine)


@BLOCK
@given(steps=st.lists(st.tuples(MASK, MASK), max_size=60))
def test_semaphores(steps):
    block = Semaphores()

    async def bench(ctx):
        counts = [0] * SEMAPHORES  # without what was posted and taken in the last cycle
        posted = taken = 0
        for post, wish in steps:
            nonzero = posted | sum((count > 0) << s for s, count in enumerate(counts))
            assert ctx.get(block.nonzero) == nonzero
            take = wish & nonzero & ~taken
            ctx.set(block.post, post)
            ctx.set(block.taken, taken)
            over = any(n > SEMAPHORE_MAX for n in counts)
            assert ctx.get(block.overflow) == over
            if over:
                return
            counts = [n + (posted >> s & 1) - (taken >> s & 1) for s, n in enumerate(counts)]
            posted, taken = post, take
            await ctx.tick()

    simulate(block, bench)


@pytest.mark.parametrize("semaphore", [0, SEMAPHORES - 1])
def test_semaphore_counts_to_its_maximum(semaphore):
    block = Semaphores()
    one = 1 << semaphore

    async def bench(ctx):
        ctx.set(block.post, one)
        for _ in range(SEMAPHORE_MAX):
            assert not ctx.get(block.overflow)
            await ctx.tick()
        await ctx.tick()
        ctx.set(block.taken, one)  # in the cycle of the one that would be too many
        assert not ctx.get(block.overflow)
        await ctx.tick()
        ctx.set(block.taken, 0)
        ctx.set(block.post, 0)
        assert not ctx.get(block.overflow)
        await ctx.tick()
        assert ctx.get(block.overflow)
        for _ in range(SEMAPHORE_MAX + 1):
            assert ctx.get(block.nonzero) == one
            await ctx.tick()
            ctx.set(block.taken, one)
            await ctx.tick()
            ctx.set(block.taken, 0)
        assert ctx.get(block.nonzero) == 0

    simulate(block, bench)


COUNTING = [Config.parse(spec) for spec in ("tiny,lanes=0", "tiny", "base")]


def increments(config: Config) -> dict[str, int]:
    """How much each event can count in a cycle, in the order of `counter_places`."""
    shapes = events_layout(config).members
    return {name: (1 << Shape.cast(shapes[name]).width) - 1 for name in counter_places(config)}


async def totals_of(ctx, block, config) -> dict[str, int]:
    """What each counter says."""
    totals = {}
    for name, place in counter_places(config).items():
        ctx.set(block.select, place)
        await ctx.tick()  # what is said now is of the last cycle's
        for _ in range(block.period):
            if ctx.get(block.valid):
                break
            await ctx.tick()
        assert ctx.get(block.valid)
        totals[name] = ctx.get(block.total)
    return totals


@pytest.mark.parametrize("config", COUNTING, ids=lambda config: f"{config.lanes} lanes")
@BLOCK
@given(seed=st.integers(0, 2**32 - 1), cycles=st.integers(0, 90), rare=st.booleans())
def test_counters(config, seed, cycles, rare):
    draw, most = Random(seed), increments(config)
    block = Counters(config)

    async def bench(ctx):
        expected = dict.fromkeys(most, 0)
        for _ in range(cycles):
            enable = draw.random() < 0.7
            ctx.set(block.enable, enable)
            for name, high in most.items():
                value = 0 if rare and draw.random() < 0.9 else draw.randint(0, high)
                ctx.set(block.events[name], value)
                expected[name] += value * enable
            await ctx.tick()
        ctx.set(block.enable, 0)
        await ctx.tick().repeat(Counters.latency + 1)
        assert await totals_of(ctx, block, config) == expected

    simulate(block, bench)


@pytest.mark.parametrize("config", COUNTING, ids=lambda config: f"{config.lanes} lanes")
def test_counters_lose_nothing_in_a_long_run(config):
    block = Counters(config)
    cycles = 40 * block.period + 3

    async def bench(ctx):
        for name, high in increments(config).items():
            ctx.set(block.events[name], high)
        ctx.set(block.enable, 1)
        await ctx.tick().repeat(cycles)
        ctx.set(block.enable, 0)
        await ctx.tick().repeat(block.period + 1)
        expected = {name: high * cycles for name, high in increments(config).items()}
        assert await totals_of(ctx, block, config) == expected

    simulate(block, bench)


@pytest.mark.parametrize("bus_bytes", BUS_BYTES)
@BLOCK
@given(
    address=st.integers(0, 2**12).map(lambda n: n * COMMAND_BYTES),
    count=st.integers(1, 24),
    requests=GAPS,
    takes=GAPS,
    latency=st.integers(1, 20),
)
def test_fetcher_asks_for_what_fits(bus_bytes, address, count, requests, takes, latency):
    """Every burst is legal and inside its 4 KiB, words come in order, room is never exceeded."""
    config = Config(bus_bytes=bus_bytes)
    fetcher = Fetcher(config)
    beats = command_beats(config)
    words = count * beats
    bursts: list[tuple[int, int, int]] = []
    taken = 0

    async def start(ctx):
        program = {"address": address >> COMMAND_SHIFT, "aligned": 1, "count": count}
        await send(ctx, fetcher.program, [program], [])

    async def accept(ctx):
        cycle, gaps = 0, chain(requests, repeat(0))
        while sum(burst[2] for burst in bursts) < words:
            for _ in range(next(gaps)):
                await ctx.tick()
                cycle += 1
            ctx.set(fetcher.fetch.burst.ready, 1)
            if ctx.get(fetcher.fetch.burst.valid):
                burst = ctx.get(fetcher.fetch.burst.payload)
                bursts.append((cycle, burst.addr, burst.more + 1))
            await ctx.tick()
            cycle += 1
            assert cycle < 2000
            ctx.set(fetcher.fetch.burst.ready, 0)

    async def deliver(ctx):
        cycle, done = 0, 0
        while done < words:
            flat = [(c, a + i * bus_bytes, i == n - 1) for c, a, n in bursts for i in range(n)]
            if done < len(flat) and flat[done][0] + latency <= cycle:
                assert ctx.get(fetcher.fetch.beat.ready), "room was reserved"
                _, at, last = flat[done]
                beat = {"data": (at - address) // bus_bytes, "error": 0, "last": last}
                ctx.set(fetcher.fetch.beat.payload, beat)
                ctx.set(fetcher.fetch.beat.valid, 1)
                done += 1
            else:
                ctx.set(fetcher.fetch.beat.valid, 0)
            assert done - taken <= fetch_bursts(beats) * MAX_BURST_BEATS + 1
            await ctx.tick()
            cycle += 1
        ctx.set(fetcher.fetch.beat.valid, 0)

    async def sink(ctx):
        nonlocal taken
        for n in range(words):
            (word,) = await receive(ctx, fetcher.o, 1, takes[n : n + 1])
            assert (word.data, word.error) == (n & (1 << 8 * bus_bytes) - 1, 0)
            taken += 1
        await ctx.tick()
        assert ctx.get(fetcher.idle)

    simulate(fetcher, start, accept, deliver, sink)
    for _, at, n in bursts:
        assert 1 <= n <= 16
        assert at % bus_bytes == 0
        assert at // 4096 == (at + n * bus_bytes - 1) // 4096


@st.composite
def encodings(draw):
    """Commands from the table's point of view: legal ones, with a bit or an opcode changed."""
    command = draw(st.sampled_from([*COMMANDS, BY_NAME["SIGNAL"], BY_NAME["SIGNAL"]]))
    raw = draw(RAW) & command.used_mask & ~0xFF | command.opcode
    kind = draw(st.sampled_from(["legal", "legal", "legal", "bit", "opcode", "anything"]))
    if kind == "bit":
        raw ^= 1 << draw(st.integers(0, COMMAND_BITS - 1))
    elif kind == "opcode":
        raw = raw & ~0xFF | draw(st.integers(0, 255))
    elif kind == "anything":
        raw = draw(RAW)
    return raw


def legal(config: Config, raw: int, last: bool) -> bool:
    """What the dispatcher checks, by the Python decoder."""
    command = BY_OPCODE.get(raw & 0xFF)
    if command is None or command.engine not in queued_engines(config):
        return False
    for field in command.fields:  # least values are the engines' care
        if field.least is not None and field.extract(raw) < field.least:
            raw |= 1 << field.offset
    try:
        end = decode(raw.to_bytes(COMMAND_BYTES, "little")).values.get("end", 0)
    except ValueError:
        return False
    return last or not end


@pytest.mark.parametrize("bus_bytes", BUS_BYTES)
@settings(parent=BLOCK, max_examples=40)
@given(raws=st.lists(encodings(), min_size=1, max_size=4), arrive=GAPS)
def test_dispatcher_decodes_as_python_does(bus_bytes, raws, arrive):
    """Good commands reach their engine unchanged; the first bad one stops and is named."""
    config = Config(bus_bytes=bus_bytes)
    dispatcher = Dispatcher(config)
    quiet = 1 << LAUNCH.by_name["pushes"].offset  # the rest waits behind one that pushes
    raws = [raw & ~quiet if raw & 0xFF == LAUNCH.opcode else raw for raw in raws]
    verdicts = [legal(config, raw, n == len(raws) - 1) for n, raw in enumerate(raws)]
    good = verdicts.index(False) if False in verdicts else len(raws)
    words = [word["data"] for n, raw in enumerate(raws) for word in command_words(config, raw, n)]
    got: dict[Engine, list] = {engine: [] for engine in queued_engines(config)}
    committed = 0

    async def memory(ctx):
        program = {"address": 1, "aligned": 1, "count": len(raws)}
        await send(ctx, dispatcher.program, [program], [])
        ctx.set(dispatcher.fetch.burst.ready, 1)
        beats = [{"data": word, "error": 0, "last": 0} for word in words]
        await send(ctx, dispatcher.fetch.beat, beats, arrive)

    async def engines(ctx):
        nonlocal committed
        ports = {e: getattr(dispatcher, f"{e.name.lower()}_words") for e in got}
        for port in ports.values():
            ctx.set(port.ready, 1)
        for _ in range(len(words) + sum(arrive) + 8):
            for engine, port in ports.items():
                if ctx.get(port.valid):
                    got[engine].append(ctx.get(port.payload))
            committed += ctx.get(dispatcher.committed)
            if ctx.get(dispatcher.fault.valid):
                fault = dispatcher.fault
                found.append((ctx.get(fault.cause), ctx.get(fault.index)))
                assert ctx.get(dispatcher.stopped)
            await ctx.tick()

    found: list[tuple[int, int]] = []
    simulate(dispatcher, memory, engines)
    assert found == ([] if good == len(raws) else [(Cause.BAD_COMMAND, good)])
    assert committed == good
    for engine in got:
        expected = [
            (word["data"], word["index"])
            for n, raw in enumerate(raws[:good])
            if BY_OPCODE[raw & 0xFF].engine is engine
            for word in command_words(config, raw, n)
        ]
        assert [(word.data, word.index) for word in got[engine]][: len(expected)] == expected


def test_every_unused_bit_is_refused():
    """Each command once as it is, and once with each of its unused bits."""
    config = Config(bus_bytes=64)
    dispatcher = Dispatcher(config)
    clear = Signal()
    cases = []
    for command in COMMANDS:
        if command.engine in queued_engines(config):
            good = command.used_mask & ~0xFF | command.opcode
            unused = [bit for bit in range(COMMAND_BITS) if not command.used_mask >> bit & 1]
            cases += [(good, False)] + [(good | 1 << bit, True) for bit in unused]

    async def bench(ctx):
        program = {"address": 0, "aligned": 1, "count": 1}
        for engine in queued_engines(config):
            ctx.set(getattr(dispatcher, f"{engine.name.lower()}_words").ready, 1)
        ctx.set(dispatcher.fetch.burst.ready, 1)
        for raw, bad in cases:
            await send(ctx, dispatcher.program, [program], [])
            await send(ctx, dispatcher.fetch.beat, [{"data": raw, "error": 0, "last": 1}], [])
            await ctx.tick().repeat(Dispatcher.latency)
            assert ctx.get(dispatcher.fault.valid) == bad, f"{raw:0128x}"
            ctx.set(clear, 1)
            await ctx.tick()
            ctx.set(clear, 0)

    simulate(ResetInserter(clear)(dispatcher), bench)


@pytest.mark.parametrize("engine", queued_engines(Config()))
@given(raw=RAW, index=st.integers(0, 2**INDEX_BITS - 1))
def test_payload_fields_are_the_tables(engine, raw, index):
    layout = command_layout(engine)
    names = dict(layout)
    view = data.Const(layout, index << COMMAND_BITS | raw)
    assert view.index == index
    for command in COMMANDS:
        if command.engine is engine:
            for field in command.fields:
                prefixed = f"{command.name.lower()}_{field.name}"
                name = prefixed if prefixed in names else field.name
                assert view[name] == field.extract(raw)
