"""What surrounds control in its bench: host, program memory, engines that only take their time."""

from dataclasses import dataclass, field
from random import Random

import context
from cocotb.triggers import FallingEdge
from control_programs import get, random_command

from weft.arch.commands import (
    BY_OPCODE,
    COMMAND_BITS,
    COMMAND_BYTES,
    COMMANDS,
    KERNELS_MUST_NOT,
    LAUNCH,
    Engine,
)
from weft.arch.registers import BY_NAME
from weft.config import SEMAPHORES, Config
from weft.gateware.command_queue import queued_engines
from weft.gateware.error_control import QUIET_CYCLES
from weft.gateware.host_port import OKAY, SLVERR
from weft.gateware.interfaces import MemoryRead, burst_layout, events_layout

MEMORY_BYTES = 1 << 16
PATIENCE = 20_000
"""Cycles after which a wait in the bench has failed."""


@dataclass
class Profile:
    """How unwilling everything is: probabilities for each cycle, and times in cycles."""

    host: float = 1.0
    request: float = 1.0
    beat: float = 1.0
    engine: float = 1.0
    latency: int = 8
    longest: int = 12


CALM = Profile()
PROFILES = {
    "calm": CALM,
    "slow memory": Profile(request=0.2, beat=0.3, latency=40),
    "slow engines": Profile(engine=0.3, longest=150),
    "everything": Profile(0.4, 0.4, 0.5, 0.4, 20, 40),
}


@dataclass
class Running:
    """A command inside an engine."""

    raw: int
    index: int
    order: int
    left: int

    @property
    def pushes(self) -> bool:
        """It is a LAUNCH whose kernel may push commands."""
        return self.raw & 0xFF == LAUNCH.opcode and bool(get(self.raw, LAUNCH, "pushes"))


@dataclass
class Worker:
    """An engine: takes commands when it likes, holds two at most, finishes them in order.

    ``expected`` holds what it is to get: the command, its index, and its place among all.
    """

    engine: Engine
    expected: list[tuple[int, int, int]] = field(default_factory=list)
    inside: list[Running] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.engine.name.lower()


class Environment:
    """Drives every input of `Control` and checks every output, a cycle with each `step`."""

    def __init__(self, dut, config: Config, draw: Random):
        self.dut, self.config, self.draw = dut, config, draw
        self.profile = CALM
        self.workers = {engine: Worker(engine) for engine in queued_engines(config)}
        self.names = {worker.name for worker in self.workers.values()}
        self.memory = bytearray(MEMORY_BYTES)
        self.bad_beats: set[int] = set()
        self.beats: list[tuple[int, int, bool]] = []  # due cycle, address, last
        self.other_bursts = False
        self.faults: dict[Engine, int] = {}  # cause; given together, once each engine is at work
        self.semaphores = [0] * SEMAPHORES
        self.programs = 0  # accepted and not retired
        self.halted = False  # set by the test when it has seen STATUS say so
        self.irq = 0
        self.cycle = 0
        self.stopping = False  # abort was high in the last cycle
        self.events = events_layout(config)
        self.counts = dict.fromkeys(self.events.members, 0)
        self.seen: dict[str, int] = {}  # last cycle in which something happened
        self.clear_irq = 0  # written to IRQ_STATUS in this cycle
        self.placed = 0
        self.orders = 0
        self.words: list[int] = []  # of the command that a kernel is pushing
        self.pushed = 0  # commands
        self.times: dict[int, int] = {}  # cycles that the command of an index takes
        self.reasons: set[int] = set()  # values of matmul_waiting seen
        self.early = 0  # cycles in which weights may be read while something else is missing
        self.withheld = 0  # of late
        self.driven: dict[str, int] = {}
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            self.put(f"host__{name}", 0)

    def put(self, name: str, value: int) -> None:
        """Drive an input, when that changes it: most do not change in most cycles."""
        if self.driven.get(name) != value:
            self.driven[name] = value
            getattr(self.dut, name).value = value

    def at(self, name: str) -> int:
        """Value of a signal."""
        return int(getattr(self.dut, name).value)

    def chance(self, probability: float) -> bool:
        return self.draw.random() < probability

    # --- one cycle -----------------------------------------------------------------------------

    async def step(self) -> None:
        """Drive, settle, check; returns at the next falling edge."""
        dut = self.dut
        finished = self._drive_engines()
        self._drive_memory()
        events = self.draw.getrandbits(self.events.size)
        self.put("events", int(events))
        await context.settle()

        running = self.at("running")
        assert running == (self.programs > 0 and not self.halted), self._say("running")
        if not self.at("abort"):
            assert self.at("irq") == (self.irq != 0), self._say("irq")
        self._count(running, events)
        self._check_matmul_waiting()
        self._check_memory()
        self._check_engines(finished)
        if self.at("clear"):
            self._cleared()
        await FallingEdge(dut.clk)
        self.cycle += 1

    def _say(self, what: str) -> str:
        return f"seed {context.seed}, cycle {self.cycle}: {what}"

    def _drive_engines(self) -> set[Engine]:
        finished, end, message = set(), 0, 0
        stopped = self.at("abort")
        fire = bool(self.faults) and all(self.workers[engine].inside for engine in self.faults)
        for engine, worker in self.workers.items():
            name = worker.name
            first = worker.inside[0] if worker.inside else None
            done = first is not None and not first.left and not stopped
            if engine in self.faults or (engine is Engine.SIMT and self.words):
                done = False
            ready = len(worker.inside) < 2 and self.chance(self.profile.engine)
            self.put(f"{name}_cmd__ready", int(ready))
            self.put(f"{name}_busy", int(bool(worker.inside) and not stopped))
            self.put(f"{name}_post__valid", int(done))
            self.put(f"{name}_fault__valid", int(fire and engine in self.faults))
            mask, cause, index = self.draw.getrandbits(SEMAPHORES), self.draw.getrandbits(4), 0
            if done and first:
                finished.add(engine)
                command = BY_OPCODE[first.raw & 0xFF]
                mask = get(first.raw, command, "post")
                if command.name == "SIGNAL":
                    end = get(first.raw, command, "end")
                    message = get(first.raw, command, "message")
            if engine in self.faults and first:
                cause, index = self.faults[engine], first.index
            self.put(f"{name}_post__mask", int(mask))
            self.put(f"{name}_fault__cause", int(cause))
            self.put(f"{name}_fault__index", int(index))
        if fire:
            self.faults = {}
            self.seen["fault"] = self.cycle
        self.put("ended", int(end))
        self.put("message", int(message))
        if Engine.SIMT in self.workers:
            self._drive_pushes()
        return finished

    def _drive_pushes(self) -> None:
        """A kernel that may do so pushes commands, at any time, to any engine."""
        inside = self.workers[Engine.SIMT].inside
        kernel = next((running for running in inside if running.pushes), None)
        if kernel and kernel.left and not self.words and self.chance(0.2):
            commands = [c for c in COMMANDS if c not in KERNELS_MUST_NOT]
            command = self.draw.choice(commands)
            raw = random_command(self.draw, command)
            expected = self.workers[command.engine].expected
            place = sum(order < kernel.order for *_, order in expected)
            expected.insert(place, (raw, kernel.index, kernel.order - 1))
            bits = 8 * self.config.bus_bytes
            self.words = [raw >> at & (1 << bits) - 1 for at in range(0, COMMAND_BITS, bits)]
            self.pushed += 1
        self.put("pushes", int(kernel is not None))
        self.put("push_index", kernel.index if kernel else 0)
        self.put("push__valid", int(bool(self.words)))
        self.put("push__payload", self.words[0] if self.words else 0)

    def _drive_memory(self) -> None:
        due = bool(self.beats) and self.beats[0][0] <= self.cycle
        valid = due and self.chance(self.profile.beat)
        self.put("fetch__beat__valid", int(valid))
        if valid:
            _, at, last = self.beats[0]
            size = self.config.bus_bytes
            beat = MemoryRead(self.config).members["beat"].signature.members["payload"].shape
            data = int.from_bytes(self.memory[at : at + size], "little")
            value = beat.const({"data": data, "error": at in self.bad_beats, "last": last})
            self.put("fetch__beat__payload", int(value.as_bits()))
        self.put("fetch__burst__ready", int(self.chance(self.profile.request)))
        # Another client opens a burst just before the port would count as quiet.
        other = self.other_bursts and self.cycle % QUIET_CYCLES == 0
        self.put("memory_outstanding", int(bool(self.beats) or other))

    def _check_memory(self) -> None:
        size = self.config.bus_bytes
        # The fetcher hears of an error a cycle later.
        stopping, self.stopping = self.stopping, bool(self.at("abort"))
        if self.at("fetch__beat__valid"):
            assert self.at("fetch__beat__ready"), self._say("fetch has room for its data")
            _, at, _ = self.beats.pop(0)
            if at % COMMAND_BYTES == COMMAND_BYTES - size:
                self.seen["command fetched"] = self.cycle
        if self.at("fetch__burst__valid"):
            self.seen.setdefault("burst", self.cycle)
            new = "burst offered" not in self.seen
            assert not (new and stopping), self._say("a burst after the error")
            if self.at("fetch__burst__ready"):
                self.seen.pop("burst offered", None)
                burst = burst_layout().from_bits(self.at("fetch__burst__payload"))
                assert burst.addr % size == 0
                beats = burst.more + 1
                end = burst.addr + beats * size
                assert burst.addr // 4096 == (end - 1) // 4096, self._say("burst crosses 4 KiB")
                due = self.cycle + self.profile.latency
                self.beats += [(due, burst.addr + n * size, n == burst.more) for n in range(beats)]
            else:
                self.seen["burst offered"] = self.cycle
        else:
            assert "burst offered" not in self.seen, self._say("a burst is withdrawn")

    def _check_engines(self, finished: set[Engine]) -> None:
        posts, takes = 0, 0
        if self.words and self.at("push__ready"):
            self.words.pop(0)
        for engine, worker in self.workers.items():
            if worker.inside and worker.inside[0].left:
                worker.inside[0].left -= 1
            if engine in finished:
                done = worker.inside.pop(0)
                posts |= get(done.raw, BY_OPCODE[done.raw & 0xFF], "post")
                self.seen[f"{worker.name} post"] = self.cycle
            valid = self.at(f"{worker.name}_cmd__valid")
            assert not (valid and self.at("abort")), self._say("a command after the error")
            if valid:
                self.seen.setdefault(f"{worker.name} offered", self.cycle)
            if valid and self.at(f"{worker.name}_cmd__ready"):
                self.seen.pop(f"{worker.name} offered", None)
                payload = self.at(f"{worker.name}_cmd__payload")
                raw, index = payload & (1 << COMMAND_BITS) - 1, payload >> COMMAND_BITS
                assert worker.expected, self._say(f"{worker.name} gets a command too many")
                *wanted, order = worker.expected.pop(0)
                assert [raw, index] == wanted, self._say(f"{worker.name} command")
                wait = get(raw, BY_OPCODE[raw & 0xFF], "wait")
                for s in range(SEMAPHORES):
                    if wait >> s & 1:
                        assert self.semaphores[s], self._say(f"semaphore {s} was not there")
                takes |= wait
                time = self.draw.randint(0, self.profile.longest)
                worker.inside.append(Running(raw, index, order, self.times.get(index, time)))
        for s in range(SEMAPHORES):
            self.semaphores[s] += (posts >> s & 1) - (takes >> s & 1)
        self.irq &= ~self.clear_irq  # an event in the same cycle is kept
        self.clear_irq = 0
        if self.at("ended"):
            self.programs -= 1
            self.irq |= 1
            self.seen["end"] = self.cycle
        if self.at("message"):
            self.irq |= 4

    def _check_matmul_waiting(self) -> None:
        """The reasons, when any is given, are those of the next MATMUL command."""
        waiting, early = self.at("matmul_waiting"), self.at("matmul_weights")
        if not self.workers[Engine.MATMUL].expected:
            assert not early, self._say("early")
            return  # a malformed one may stand there until the dispatcher has stopped the chip
        if waiting or early:
            raw, *_ = self.workers[Engine.MATMUL].expected[0]
            command = BY_OPCODE[raw & 0xFF]
            zero = sum((not count) << s for s, count in enumerate(self.semaphores))
            missing = get(raw, command, "wait") & zero
            guarded = get(raw, command, "early") and not missing & get(raw, command, "wait_weights")
            # Only an error takes it away, the dispatcher's two cycles before it shows.
            withheld = bool(guarded) and not early
            assert early == bool(guarded) or withheld, self._say("early")
            self.withheld = self.withheld + 1 if withheld and not self.at("abort") else 0
            assert self.withheld <= 2, self._say("early")
        if waiting:
            self.early += early
            weights, acc = get(raw, command, "wait_weights"), get(raw, command, "wait_acc")
            reasons = (missing & weights, missing & ~weights & ~acc, missing & acc)
            expected = sum(bool(reason) << n for n, reason in enumerate(reasons))
            assert waiting == expected, self._say("matmul_waiting")
            self.reasons.add(waiting)
            self.counts["matmul_stall"] += self.at("running")

    def _count(self, running: int, events: int) -> None:
        if running:
            given = self.events.from_bits(events)
            for name in self.counts:
                if name == "cycles":
                    self.counts[name] += 1
                elif name.removesuffix("_busy") in self.names:
                    self.counts[name] += self.at(name)
                elif name.removesuffix("_stall") in self.names - {"matmul"}:
                    pass  # not visible from outside
                elif name not in ("matmul_stall", "commands"):
                    self.counts[name] += given[name]

    def _cleared(self) -> None:
        for worker in self.workers.values():
            worker.expected, worker.inside = [], []
        self.words = []
        self.semaphores = [0] * SEMAPHORES
        self.programs, self.halted, self.faults = 0, False, {}
        self.bad_beats = set()

    # --- the host ------------------------------------------------------------------------------

    async def write(self, name: str | int, value: int, *, strobes: int = 15, answer: int = OKAY):
        """Write a register; checks the response."""
        offset = BY_NAME[name].offset if isinstance(name, str) else name
        self.put("host__awaddr", offset)
        self.put("host__wdata", value)
        self.put("host__wstrb", strobes)
        waiting = {"aw", "w"}
        while waiting:
            for channel in waiting:
                if not self.at(f"host__{channel}valid"):
                    self.put(f"host__{channel}valid", int(self.chance(self.profile.host)))
            await context.settle()
            took = {
                channel
                for channel in waiting
                if self.at(f"host__{channel}valid") and self.at(f"host__{channel}ready")
            }
            if waiting == took and name == "IRQ_STATUS":
                self.clear_irq = value
            await self.step()
            waiting -= took
            for channel in took:
                self.put(f"host__{channel}valid", 0)
        self.seen["write"] = self.cycle - 1
        if answer == OKAY and name == "DOORBELL":
            self.programs += 1
        while True:
            self.put("host__bready", int(self.chance(self.profile.host)))
            await context.settle()
            if self.at("host__bvalid"):
                assert self.at("host__bresp") == answer, self._say(f"response of {name}")
                if self.at("host__bready"):
                    break
            await self.step()
        await self.step()
        self.put("host__bready", 0)

    async def read(self, name: str | int, *, answer: int = OKAY) -> int:
        """Read a register; checks the response."""
        self.put("host__araddr", int(BY_NAME[name].offset if isinstance(name, str) else name))
        self.put("host__arvalid", 1)
        await context.settle()
        while not self.at("host__arready"):
            await self.step()
            await context.settle()
        await self.step()
        self.put("host__arvalid", 0)
        for _ in range(PATIENCE):
            self.put("host__rready", int(self.chance(self.profile.host)))
            await context.settle()
            if self.at("host__rvalid"):
                value = self.at("host__rdata")
                assert self.at("host__rresp") == answer, self._say(f"response of {name}")
                if self.at("host__rready"):
                    await self.step()
                    self.put("host__rready", 0)
                    return value
            await self.step()
        raise AssertionError(self._say(f"no answer to a read of {name}"))

    async def fields(self, name: str) -> dict[str, int]:
        """Read a register, split into its fields."""
        value = await self.read(name)
        return {b.name: value >> b.lsb & (1 << b.bits) - 1 for b in BY_NAME[name].bits}

    # --- programs ------------------------------------------------------------------------------

    def place(self, raws: list[int]) -> int:
        """Put a program into memory, not over the last three; returns its address."""
        quarter = MEMORY_BYTES // 4
        self.placed = (self.placed + 1) % 4
        slot = self.draw.randrange(quarter // COMMAND_BYTES - len(raws))
        at = self.placed * quarter + slot * COMMAND_BYTES
        text = b"".join(raw.to_bytes(COMMAND_BYTES, "little") for raw in raws)
        self.memory[at : at + len(text)] = text
        return at

    async def ring(self, address: int, raws: list[int], *, good: int | None = None) -> None:
        """Ring the doorbell; the first ``good`` commands are expected at the engines."""
        await self.write("PROGRAM", address)
        for index, raw in enumerate(raws[:good]):
            command = BY_OPCODE.get(raw & 0xFF)
            if command and command.engine in self.workers:
                self.workers[command.engine].expected.append((raw, index, self.orders))
                self.orders += 1
        await self.write("DOORBELL", len(raws))

    async def until(self, condition, what: str) -> None:
        """Step until a condition holds."""
        for _ in range(PATIENCE):
            if condition():
                return
            await self.step()
        raise AssertionError(self._say(f"waited in vain: {what}"))

    async def refused(self, name: str, value: int) -> None:
        """A write that the chip must refuse."""
        await self.write(name, value, answer=SLVERR)
