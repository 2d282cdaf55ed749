"""Bench of control: random programs, every error, recovery, counters, latencies."""

from itertools import pairwise, permutations
from random import Random

import cocotb
import context
from cocotb.triggers import FallingEdge
from control_env import CALM, PROFILES, Environment, Profile
from control_programs import Programs, get, put, random_command

from weft.arch.commands import (
    BY_NAME,
    BY_OPCODE,
    COMMAND_BITS,
    COMMAND_BYTES,
    COMMANDS,
    Engine,
)
from weft.arch.errors import Cause
from weft.config import PROGRAM_QUEUE, SEMAPHORE_MAX, SEMAPHORES
from weft.gateware.command_queue import command_beats, queued_engines, settles
from weft.gateware.control import Control
from weft.gateware.error_control import STUCK_CYCLES

CONFIG = context.config
SIGNAL, LOAD, MATMUL, STORE, LAUNCH = (
    BY_NAME[name] for name in ("SIGNAL", "LOAD", "MATMUL", "STORE", "LAUNCH")
)
ROUNDS = context.parameters.get("rounds", 3)


async def begin(dut, name: str) -> tuple[Environment, Programs, Random]:
    """A chip fresh from reset, and random programs for it."""
    draw = context.rng(name)
    for signal in ("ended", "message", "memory_outstanding", "events", "fetch__beat__valid"):
        getattr(dut, signal).value = 0
    env = Environment(dut, CONFIG, draw)
    for worker in env.workers.values():
        for signal in ("post__valid", "fault__valid", "busy", "cmd__ready"):
            getattr(dut, f"{worker.name}_{signal}").value = 0
    await context.start(dut)
    await FallingEdge(dut.clk)  # reset sets `clear`, which lasts a cycle longer
    return env, Programs(CONFIG, draw), draw


def end() -> int:
    return put(0, SIGNAL, opcode=SIGNAL.opcode, end=1)


async def finish(env: Environment) -> None:
    """Until every program has retired and every command is done."""
    await env.until(lambda: not env.programs, "programs retire")
    workers = env.workers.values()
    await env.until(lambda: not any(w.expected or w.inside for w in workers), "engines finish")
    await env.write("IRQ_STATUS", 7)


@cocotb.test()
async def latencies(dut):
    """Doorbell to burst, last beat to command, post to command: as the component promises."""
    env, _, _ = await begin(dut, "latencies")
    env.profile = Profile(longest=0)
    for _ in range(3):
        env.seen.clear()
        post = put(0, LOAD, opcode=LOAD.opcode, post=1 << 3)
        wait = put(end(), SIGNAL, wait=1 << 3)
        for raws in ([end()], [post, wait]):
            env.seen.clear()
            await env.ring(env.place(raws), raws)
            rung = env.seen["write"]
            await env.until(lambda: "burst" in env.seen, "first burst")
            assert env.seen["burst"] - rung == Control.doorbell_to_burst
            if len(raws) == 1:
                await env.until(lambda: "command fetched" in env.seen, "fetch")
                env.profile.engine = 0
                await env.until(lambda: "store offered" in env.seen, "command")
                late = env.seen["store offered"] - env.seen["command fetched"]
                assert late == Control.beat_to_command(CONFIG)
                env.profile.engine = 1
                await env.until(lambda: "end" in env.seen, "end")
            else:
                env.profile.longest = 60  # LOAD is at work long after its follower has come
                await env.until(lambda: env.workers[Engine.LOAD].inside, "LOAD starts")
                env.workers[Engine.LOAD].inside[0].left = 60
                env.profile.engine = 0
                await env.until(lambda: "store offered" in env.seen, "command after post")
                late = env.seen["store offered"] - env.seen["load post"]
                assert late == Control.post_to_command
                env.profile = Profile(longest=0)
            await finish(env)


@cocotb.test()
async def back_to_back(dut):
    """An engine that is busy for as long as its queue reloads never waits for a command."""
    env, _, draw = await begin(dut, "back to back")
    reload = command_beats(CONFIG) + 1 + settles(CONFIG)
    raws = [random_command(draw, MATMUL) for _ in range(40)] + [end()]
    env.profile = Profile(longest=0, latency=4)
    await env.ring(env.place(raws), raws)
    taken = []
    while len(taken) < 40:
        before = len(env.workers[Engine.MATMUL].expected)
        await env.step()
        if len(env.workers[Engine.MATMUL].expected) < before:
            taken.append(env.cycle)
            env.profile.engine = 0
            for _ in range(reload - 1):
                await env.step()
            env.profile.engine = 1
    gaps = [b - a for a, b in pairwise(taken)]
    # Fetching is faster than that, so only the start may wait for memory.
    assert gaps[CONFIG.queue_depth :] == [reload] * (39 - CONFIG.queue_depth), gaps
    await finish(env)


async def some_programs(env: Environment, programs: Programs, draw: Random, count: int) -> int:
    """Ring programs, up to three in flight, and read registers meanwhile; returns commands."""
    commands = 0
    for _ in range(count):
        if programs.exhausted:
            await finish(env)
            await env.write("CTRL", 1)
            programs.clear()
            await env.step()
        raws = programs.program(draw.choice([1, 2, 5, 20, 40]))
        await env.until(lambda: env.programs <= PROGRAM_QUEUE, "room behind the doorbell")
        status = await env.fields("STATUS")
        if status["queued"] == PROGRAM_QUEUE:
            await env.until(lambda: env.programs < PROGRAM_QUEUE, "a program retires")
        await env.ring(env.place(raws), raws)
        commands += len(raws)
        if draw.random() < 0.3:
            await env.refused("CTRL", 1)  # a program is in flight
        if draw.random() < 0.3:
            await env.write("IRQ_STATUS", draw.randrange(8))
    await finish(env)
    return commands


async def check_counters(env: Environment, commands: int) -> None:
    """Every counter that shows outside is what the bench has counted since reset."""
    for name in env.counts:
        value = await env.read(name.upper())
        if name == "commands":
            assert value == commands
        elif not name.endswith("_stall") or name in ("matmul_stall", "read_stall", "write_stall"):
            assert value == env.counts[name], name


@cocotb.test()
async def random_programs(dut):
    """Order, content, semaphores, interrupts and counters under every kind of stall."""
    env, programs, draw = await begin(dut, "random programs")
    commands, retired = 0, 0
    for _ in range(ROUNDS):
        for name, profile in PROFILES.items():
            env.profile = profile
            dut._log.info(f"profile {name}")
            commands += await some_programs(env, programs, draw, 6)
            retired += 6
            assert await env.read("RETIRED") == retired
            await check_counters(env, commands)


@cocotb.test()
async def matmul_waits(dut):
    """`matmul_waiting` names what is missing, semaphore by semaphore (the environment checks)."""
    env, _, draw = await begin(dut, "matmul waits")
    weights, operands, acc, both = (1 << s for s in draw.sample(range(SEMAPHORES), 4))
    matmul = random_command(
        draw,
        MATMUL,
        early=1,
        wait=weights | operands | acc | both,
        wait_weights=weights | both,
        wait_acc=acc | both,
    )
    posts = (("LOAD", weights), ("LOAD", both), ("DRAIN", operands), ("STORE", acc))
    for order in permutations(posts):
        raws = [matmul]
        # One after the other, each long enough for the queues behind to fill.
        for n, (name, post) in enumerate(order):
            raws.append(random_command(draw, BY_NAME[name], post=post))
            env.times[len(raws) - 1] = 40 + 60 * n
        raws.append(end())
        await env.ring(env.place(raws), raws)
        await finish(env)
    assert env.reasons >= {1, 2, 4, 5, 7}, "each semaphore alone, and all of them"
    await check_counters(env, 24 * len(raws))
    assert env.counts["matmul_stall"] > 0
    assert env.early > 0, "weights were there before the rest"


@cocotb.test(skip=not CONFIG.lanes)
async def pushed_commands(dut):
    """What a kernel pushes goes before what stands behind its LAUNCH, however full the queues."""
    env, _, draw = await begin(dut, "pushed commands")
    commands = 0
    for _ in range(ROUNDS * 3):
        env.profile = draw.choice(list(PROFILES.values()))
        env.profile.longest = max(env.profile.longest, 40)
        raws = []
        for _ in range(draw.randrange(1, 4)):
            raws += [random_command(draw, draw.choice(COMMANDS)) for _ in range(draw.randrange(9))]
            raws.append(random_command(draw, LAUNCH, pushes=1))
        raws += [random_command(draw, STORE) for _ in range(draw.randrange(9))]
        await env.ring(env.place([*raws, end()]), [*raws, end()])
        commands += len(raws) + 1
        await finish(env)
    assert env.pushed > 0
    assert await env.read("COMMANDS") == commands + env.pushed


@cocotb.test()
async def doorbell_queue(dut):
    """Two programs wait behind the one that runs; a third is refused."""
    env, _, _ = await begin(dut, "doorbell queue")
    env.profile = Profile(engine=0)
    raws = [end()]
    for n in range(1 + PROGRAM_QUEUE):
        await env.ring(env.place(raws), raws)
        status = await env.fields("STATUS")
        assert status == {"busy": 1, "halted": 0, "queued": n}
    await env.refused("DOORBELL", 1)
    env.profile = CALM
    await finish(env)
    for count in (0, 1 << 16):
        await env.refused("DOORBELL", count)
    assert await env.read("RETIRED") == 1 + PROGRAM_QUEUE
    assert await env.read("STATUS") == 0


# --- errors ------------------------------------------------------------------------------------
# Each returns the program, how many of its commands may reach an engine, and the expected ERROR.

Expected = tuple[Cause, Engine, int | None]


def bad_command(env, programs, draw, spoil) -> tuple[list[int], int, Expected]:
    raws = programs.program(draw.choice([1, 3, 30]))
    index = draw.randrange(len(raws))
    raws[index] = spoil(raws, index)
    return raws, index, (Cause.BAD_COMMAND, Engine.CONTROL, index)


def stray_bit(env, programs, draw):
    def spoil(raws, index):
        free = [
            bit
            for bit in range(COMMAND_BITS)
            if not BY_OPCODE[raws[index] & 0xFF].used_mask >> bit & 1
        ]
        return raws[index] | 1 << draw.choice(free)

    return bad_command(env, programs, draw, spoil)


def opcode(env, programs, draw):
    codes = [code for code in range(256) if code not in BY_OPCODE]
    return bad_command(env, programs, draw, lambda raws, i: raws[i] & ~0xFF | draw.choice(codes))


def launch(env, programs, draw):
    return bad_command(env, programs, draw, lambda raws, i: random_command(draw, LAUNCH))


def early_end(env, programs, draw):
    raws, index, error = bad_command(env, programs, draw, lambda raws, i: end())
    return [*raws, end()], index, error


def read_error(env, programs, draw):
    raws = programs.program(draw.choice([1, 3, 30]))
    index = draw.randrange(len(raws))
    env.bad_beats = {index * COMMAND_BYTES + draw.randrange(0, COMMAND_BYTES, CONFIG.bus_bytes)}
    return raws, index, (Cause.READ_ERROR, Engine.CONTROL, index)


def engine_fault(env, programs, draw):
    raws = programs.program(30)
    engines = draw.sample(list(env.workers), draw.choice([1, 2, 3]))
    # Each of them has a command at work before any command waits for something that never comes.
    starts = [
        random_command(draw, next(c for c in BY_OPCODE.values() if c.engine is engine))
        for engine in engines
    ]
    raws = starts + raws
    env.faults = {e: draw.choice([c for c in Cause if c is not Cause.NONE]) for e in engines}
    first = min(engines)
    return raws, len(raws), (env.faults[first], first, engines.index(first))


def deadlock(env, programs, draw):
    raws = programs.body(draw.choice([0, 3, 30]))
    dead = 1 << programs.spare
    others = [engine for engine in env.workers if engine is not Engine.STORE]
    for engine in draw.sample(others, draw.randrange(len(others) + 1)):
        command = next(c for c in BY_OPCODE.values() if c.engine is engine)
        raws.append(random_command(draw, command, wait=dead))
        more = draw.choice([0, 0, CONFIG.queue_depth, CONFIG.queue_depth + 1, 30])
        raws += [random_command(draw, command) for _ in range(more)]
    raws.append(put(end(), SIGNAL, wait=dead))

    # Which commands stand at their gates: nothing passes a full queue.
    held: dict[Engine, list[int]] = {}
    for index, raw in enumerate(raws):
        command = BY_OPCODE[raw & 0xFF]
        queue = held.get(command.engine, [])
        if len(queue) > CONFIG.queue_depth:
            break
        if queue or get(raw, command, "wait") & dead:
            held[command.engine] = [*queue, index]
    first = min(held)
    return raws, len(raws), (Cause.DEADLOCK, first, held[first][0])


def unterminated(env, programs, draw):
    raws = programs.body(draw.choice([1, 3, 30]))
    return raws, len(raws), (Cause.UNTERMINATED, Engine.CONTROL, len(raws) - 1)


def overflow(env, programs, draw):
    command = BY_NAME[draw.choice(["LOAD", "MATMUL", "DRAIN", "STORE"])]
    counted, never = 1 << programs.spare, 1 << programs.spare2
    raws = [random_command(draw, command, post=counted) for _ in range(SEMAPHORE_MAX + 1)]
    # Who waits for the last of them may be through before anybody sees that it is one too many.
    raws.append(put(end(), SIGNAL, wait=never))
    return raws, len(raws), (Cause.SEMAPHORE_OVERFLOW, Engine.CONTROL, 0)


def unaligned(env, programs, draw):
    return programs.program(3), 0, (Cause.BAD_COMMAND, Engine.CONTROL, 0)


def stopped(env, programs, draw):
    """The host stops a program that would go on for long; no one knows where it is by then."""
    raws = programs.body(draw.choice([1, 30]))
    env.times = {len(raws): 5000}
    last = 1 << programs.spare
    raws.append(random_command(draw, LOAD, post=last))
    raws.append(put(end(), SIGNAL, wait=last))
    return raws, len(raws), (Cause.STOPPED, Engine.CONTROL, None)


ERRORS = (
    stopped,
    stray_bit,
    opcode,
    *(() if CONFIG.lanes else (launch,)),
    early_end,
    read_error,
    engine_fault,
    deadlock,
    unterminated,
    overflow,
    unaligned,
)


@cocotb.test()
@cocotb.parametrize(case=[error.__name__ for error in ERRORS])
async def errors(dut, case):
    """Halt with the right cause, refuse what must be refused, recover, run the next program."""
    env, programs, draw = await begin(dut, f"error {case}")
    make = next(error for error in ERRORS if error.__name__ == case)
    for _ in range(ROUNDS * 4):
        env.profile = draw.choice(list(PROFILES.values()))
        if draw.random() < 0.5 and not programs.exhausted:
            await some_programs(env, programs, draw, 1)
        raws, good, expected = make(env, programs, draw)
        address = env.place(raws)
        env.bad_beats = {address + offset for offset in env.bad_beats}
        before = env.cycle
        # However long the memory takes, so long the chip is halting, not halted.
        env.other_bursts = True
        await env.ring(
            address + (draw.randrange(1, 64) if case == "unaligned" else 0), raws, good=good
        )
        if case == "stopped":
            for _ in range(draw.randrange(600)):
                await env.step()
            await env.refused("CTRL", 3)  # both at once: refused, so nothing happens
            await env.step()
            assert not env.at("abort")
            await env.write("CTRL", 2)
        await env.until(lambda: env.at("abort"), f"{case}: abort")
        env.times = {}
        assert env.cycle - before >= (STUCK_CYCLES if case in ("deadlock", "unterminated") else 0)

        if draw.random() < 0.5:
            for _ in range(draw.randrange(100)):
                await env.step()
        assert env.at("running")
        await env.step()  # a doorbell in the first cycle of the abort is as one before it
        await env.refused("DOORBELL", 1)
        await env.refused("CTRL", 1)
        assert (await env.fields("STATUS"))["halted"] == 0
        env.other_bursts = False
        await halt(env)

        status = await env.fields("STATUS")
        assert (status["busy"], status["halted"]) == (0, 1)
        error = await env.fields("ERROR")
        got = (Cause(error["cause"]), Engine(error["engine"]), error["command"])
        if case == "stopped":
            assert error["command"] < len(raws)
            got = (*got[:2], None)
        assert got == expected, env._say(f"{case}: {got}, not {expected}")
        assert (await env.fields("IRQ_STATUS"))["error"] == 1
        await env.refused("DOORBELL", 1)
        cycles = await env.read("CYCLES")
        assert await env.read("CYCLES") == cycles, "a halted chip counts nothing"

        env.irq |= 2
        await env.write("IRQ_STATUS", 7)
        await env.write("CTRL", 1)
        programs.clear()
        await env.step()
        for register in ("STATUS", "ERROR", "IRQ_STATUS"):
            assert await env.read(register) == 0
        await some_programs(env, programs, draw, 2)


async def halt(env: Environment) -> None:
    """Step until `running` has fallen: the chip has halted."""
    for _ in range(20_000):
        if env.halted:
            return
        await context.settle()
        env.halted = not env.at("running")
        if not env.halted:
            await env.step()
    raise AssertionError("the chip does not halt")


@cocotb.test()
async def reset_in_flight(dut):
    """A hard reset in the middle of anything leaves a chip like new."""
    env, programs, draw = await begin(dut, "reset")
    for _ in range(ROUNDS * 2):
        env.profile = draw.choice(list(PROFILES.values()))
        raws = programs.program(40)
        await env.ring(env.place(raws), raws)
        for _ in range(draw.randrange(400)):
            await env.step()
        fresh, programs, _ = await begin(dut, f"reset {env.cycle}")
        env = fresh
        for register in ("STATUS", "ERROR", "IRQ_STATUS", "RETIRED", "PROGRAM", "CYCLES"):
            assert await env.read(register) == 0, register
        commands = await some_programs(env, programs, env.draw, 3)
        await check_counters(env, commands)


assert (Engine.SIMT in queued_engines(CONFIG)) == bool(CONFIG.lanes)
