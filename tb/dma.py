"""What the benches of the DMA engines share: the cycle loop, commands, and who touched what."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import context
import numpy as np
from axi_memory import AxiMemory
from cocotb.triggers import FallingEdge, ReadOnly

from weft.arch.commands import BY_NAME, COMMAND_BITS, Decoded, decode, encode
from weft.arch.errors import Cause
from weft.golden import load, store
from weft.golden.faults import Fault
from weft.golden.state import Place, State

config = context.config
MEMORY_BYTES = 1 << 16
SLOW = 20_000
"""Cycles after which a bench gives up."""

STRESS: list[dict[str, Any]] = [
    {"stall": 0.0, "gap": 0.0, "latency": 40},
    {"stall": 0.0, "gap": 0.3, "latency": 1},
    {"stall": 0.4, "gap": 0.2, "latency": 7},
]
"""How memory, SRAM and dispatcher behave, in turn."""


class Touched:
    """A `weft.golden.state.Watch` that remembers which elements a command wrote."""

    def __init__(self, state: State):
        self.state = state
        self.clear()

    def clear(self) -> None:
        self.written = {p: np.zeros(self.state.size(p), bool) for p in Place}

    def access(self, place: Place, write: bool, starts: Any, length: int) -> None:
        if write:
            for start in np.asarray(starts).reshape(-1):
                self.written[place][start : start + length] = True


@dataclass
class Case:
    """A command, what it does, and what memory and SRAMs hold after it when run in order."""

    command: Decoded
    raw: bytes
    fault: Fault | None
    written: dict[Place, Any]
    after: dict[Place, Any]


def contents(state: State) -> dict[Place, Any]:
    """Copies of all that DMA engines write."""
    return {
        Place.MEMORY: state.memory.copy(),
        Place.ACT: state.act.copy(),
        Place.WGT: state.wgt.copy(),
        Place.PARAM: np.stack([state.bias, state.scale.view(np.int32)], axis=2),
    }


def new_state(rng: random.Random) -> State:
    """Random memory and SRAMs."""
    memory = np.frombuffer(rng.randbytes(MEMORY_BYTES), np.uint8).copy()
    return State(config, memory, seed=rng.getrandbits(32))


def run_golden(state: State, name: str, values: dict[str, int]) -> Case:
    """Run one command on ``state``; restores it when the command faults."""
    raw = encode(name, values)
    try:
        command = decode(raw)
    except ValueError as error:
        # A count below its least value: the engine refuses it.
        bits = int.from_bytes(raw, "little")
        fields = {f.name: f.extract(bits) for f in BY_NAME[name].fields}
        return Case(
            Decoded(BY_NAME[name], fields), raw, Fault(Cause.BAD_COMMAND, str(error)), {}, {}
        )
    before = contents(state)
    touched = Touched(state)
    state.watch = touched
    fault = None
    try:
        (load if name == "LOAD" else store).execute(state, command)
    except Fault as error:
        fault = error
        state.memory[:] = before[Place.MEMORY]
        state.act[:] = before[Place.ACT]
        state.wgt[:] = before[Place.WGT]
        state.bias[:] = before[Place.PARAM][..., 0]
        state.scale[:] = before[Place.PARAM][..., 1].view(np.float32)
    return Case(command, raw, fault, touched.written, contents(state))


class Port:
    """Signals of one engine without their prefix."""

    def __init__(self, dut: Any, prefix: str):
        self._dut, self._prefix = dut, prefix

    def __getattr__(self, name: str) -> Any:
        signal = getattr(self._dut, f"{self._prefix}_{name}")
        setattr(self, name, signal)
        return signal


class Bench:
    """The cycle loop of an engine's bench.

    In each cycle, at the falling edge of the clock, every agent drives its inputs; when all
    signals have settled, every agent samples. What is sampled is what the next rising edge sees.

    Parameters
    ----------
    dut
        A wrapper with flat names: ``load_cmd_valid``, ``store_act_ready``, ``axi_araddr`` ...
    engine
        "load" or "store".
    gap
        Probability that no command is offered in a cycle in which one could be.
    stall
        Probability that a memory channel, or the act port, rests in a cycle.
    latency
        Of the memory.
    """

    def __init__(
        self,
        dut: Any,
        engine: str,
        memory: bytearray,
        rng: random.Random,
        *,
        gap: float = 0.0,
        stall: float = 0.0,
        latency: int = 40,
        outstanding: int = 16,
    ):
        self.dut, self.port = dut, Port(dut, engine)
        self.rng, self.gap, self.stall = rng, gap, stall
        for name in ("load", "store"):
            getattr(dut, f"{name}_cmd_valid").value = 0
            getattr(dut, f"{name}_abort").value = 0
        self.memory = AxiMemory(
            dut,
            config.bus_bytes,
            memory,
            latency=latency,
            outstanding=outstanding,
            stall=stall,
            rng=rng,
        )
        self.cycle = 0
        self.commands: list[int] = []
        self.offered = False
        self.taken: list[int] = []
        self.posts: list[tuple[int, int]] = []
        self.faults: list[tuple[int, int, int]] = []
        self.on_post: Callable[[int], None] = lambda number: None
        self.abort = 0
        self.drivers: list[Callable[[], None]] = [self.memory.drive]
        self.samplers: list[Callable[[], None]] = []  # before posts are looked at

    def give(self, raw: bytes, index: int) -> None:
        """Queue a command."""
        self.commands.append(int.from_bytes(raw, "little") | index << COMMAND_BITS)

    def rests(self) -> bool:
        """Whether some agent rests in this cycle."""
        return self.stall > 0 and self.rng.random() < self.stall

    async def step(self) -> None:
        """One cycle."""
        dut = self.port
        await FallingEdge(self.dut.clk)
        if not self.offered:
            waits = len(self.taken) < len(self.commands)
            self.offered = waits and not (self.gap and self.rng.random() < self.gap)
            if self.offered:
                dut.cmd_payload.value = self.commands[len(self.taken)]
            dut.cmd_valid.value = self.offered
        dut.abort.value = self.abort
        for drive in self.drivers:
            drive()
        await ReadOnly()
        if self.offered and int(dut.cmd_ready.value):
            self.taken.append(self.cycle)
            self.offered = False
        self.memory.sample()
        for sample in self.samplers:
            sample()
        if int(dut.post_valid.value):
            self.posts.append((self.cycle, int(dut.post_mask.value)))
            self.on_post(len(self.posts) - 1)
        if int(dut.fault_valid.value):
            self.faults.append((self.cycle, int(dut.fault_cause.value), int(dut.fault_index.value)))
        self.cycle += 1

    async def until(self, condition: Callable[[], bool], limit: int = SLOW) -> None:
        """Run until a condition holds."""
        end = self.cycle + limit
        while not condition():
            assert self.cycle < end, f"nothing after {limit} cycles; posts {self.posts}"
            await self.step()

    async def finish(self, commands: int) -> None:
        """Run until that many commands have posted, and a little longer; nothing else happens."""
        await self.until(lambda: len(self.posts) == commands, 10 * SLOW)
        await self.until(lambda: not int(self.port.busy.value))
        for _ in range(20):
            await self.step()
        assert len(self.posts) == commands
        assert not self.faults
        assert not int(self.dut.outstanding.value)

    async def halt(self) -> None:
        """Raise abort; bursts in flight are completed, none is added but one that waits."""
        self.abort = 1
        await self.step()
        bursts = len(self.memory.reads) + len(self.memory.writes)
        # One may have been asked for in this cycle yet, and is offered in the next.
        for _ in range(3):
            await self.step()
        await self.until(lambda: not int(self.dut.outstanding.value))
        assert self.memory.open == 0
        for _ in range(50):
            await self.step()
            assert not int(self.dut.outstanding.value)
        # One may have waited in front of the port, and one behind it.
        assert len(self.memory.reads) + len(self.memory.writes) <= bursts + 2


def check_posts(bench: Bench, cases: list[Case], current: Callable[[], dict[Place, Any]]) -> None:
    """Check at each post: its mask, its turn, and that what the command wrote is there.

    What later commands write is left out: it may be there already. A LOAD with a fence posts with
    its first write.
    """

    def check(number: int) -> None:
        assert number < len(cases), "more posts than commands"
        case = cases[number]
        _, mask = bench.posts[number]
        assert mask == case.command["post"], f"post {number}: mask {mask:#x}"
        if case.command.values.get("fence"):
            return  # the rest is still to come
        now = current()
        for place, values in now.items():
            if place not in case.written:
                continue
            mine = case.written[place].copy()
            for later in cases[number + 1 :]:
                if place in later.written:
                    mine &= ~later.written[place]
            bad = np.nonzero(mine & (values != case.after[place]).reshape(len(mine), -1).any(1))[0]
            assert not len(bad), (
                f"post {number}: {len(bad)} {place.value} wrong, first {bad[0]:#x}\n{case.command}"
            )

    bench.on_post = check


def compare(now: dict[Place, Any], state: State) -> None:
    """Everything equals the golden model."""
    for place, golden in contents(state).items():
        if place in now:
            bad = np.nonzero((now[place] != golden).reshape(len(golden), -1).any(1))[0]
            assert not len(bad), f"{len(bad)} {place.value} wrong, first {bad[0]:#x}"
