"""How long a program will take: a model of the engines at the grain of commands.

Each command gets four times: handed to its queue, started (its gate passed), finished with its
engine, and visible (its post). The constants are latencies of the chip as measured on its RTL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from weft.arch.commands import COMMAND_BYTES, Engine
from weft.arch.layouts import ceil_div
from weft.arch.memory import BURST_BOUNDARY, MAX_BURST_BEATS, MemoryTiming
from weft.config import Config

from .steps import Program, Step


@dataclass(frozen=True)
class Latencies:
    """Cycles between events; the chip's own, memory's are in `MemoryTiming`.

    Parameters
    ----------
    doorbell
        Doorbell to the first request of the program.
    dispatch
        Last beat of a command to its engine's gate.
    load
        Gate to the first read request.
    landed
        Last beat to the post of LOAD.
    weights
        MATMUL's gate to its first row, when the array is empty, without the R weight rows.
    sums
        Last row to the post of MATMUL, without R + C.
    drain
        DRAIN's gate to its post, without its rows.
    store
        STORE's gate to its first data beat.
    stored
        Last write response to the post, and to the interrupt.
    post
        Post to the gate that waits for it.
    """

    doorbell: int = 6
    dispatch: int = 6
    load: int = 3
    landed: int = 3
    weights: int = 6
    sums: int = 6
    drain: int = 20
    store: int = 6
    stored: int = 3
    post: int = 1


@dataclass(frozen=True)
class Times:
    """One command's times, in cycles from the doorbell."""

    queued: int
    start: int
    end: int
    visible: int


@dataclass(frozen=True)
class Estimate:
    """A predicted run.

    Parameters
    ----------
    cycles
        Doorbell to interrupt.
    compute
        Cycles in which rows enter the array.
    read_beats, write_beats
        Traffic on the memory port, the program's own bytes included.
    times
        One entry for each command.
    """

    cycles: int
    compute: int
    read_beats: int
    write_beats: int
    times: tuple[Times, ...] = field(repr=False, default=())


class _Bus:
    """Read side of memory: beats in order, a limit on open bursts."""

    def __init__(self, config: Config, memory: MemoryTiming):
        self.config, self.memory = config, memory
        self.request = 0  # when the next burst may be asked for
        self.data = 0  # when the data bus is free
        self.open: list[tuple[int, int]] = []  # (data end, bursts) of transfers not over
        self.beats = 0

    def bursts(self, address: int, length: int, count: int) -> tuple[int, int]:
        """Beats and bursts of one row of bytes, times ``count``."""
        bus = self.config.bus_bytes
        beats = ceil_div(address % bus + length, bus) if length else 0
        most = min(MAX_BURST_BEATS, BURST_BOUNDARY // bus)
        return beats * count, ceil_div(beats, most) * count

    def transfer(self, start: int, beats: int, bursts: int, interval: int) -> tuple[int, int]:
        """First request at ``start``; gives the times of the last request and the last beat."""
        memory = self.memory
        request = max(start, self.request)
        if beats == 0:
            return request, request
        begin = max(request + memory.latency, self.data)
        rounds = ceil_div(bursts, memory.outstanding) - 1
        limited = rounds * (memory.latency + 2) + (bursts - rounds * memory.outstanding)
        limited += beats // bursts - 1
        end = begin + max(beats * interval, limited)
        self.data = end
        # The last burst is asked for a latency before its data, at the earliest.
        last = max(request + bursts, end - memory.latency - ceil_div(beats, bursts) * 8)
        self.request = last
        self.beats += beats
        return last, end


def _rows(fields: Mapping[str, int]) -> tuple[int, int]:
    data = fields["count1"] * fields["count2"]
    pad = (fields.get("pad_top", 0) + fields.get("pad_bottom", 0)) * fields["count2"]
    return data, pad


class Estimator:
    """Runs a program through the model; `run` gives the `Estimate`."""

    def __init__(
        self,
        config: Config,
        memory: MemoryTiming | None = None,
        latencies: Latencies | None = None,
    ):
        self.config = config
        self.memory = memory or MemoryTiming()
        self.lat = latencies or Latencies()

    def run(self, program: Program) -> Estimate:
        """Estimate a program with its semaphores."""
        config, lat = self.config, self.lat
        bus = _Bus(config, self.memory)
        self._bus, self._writes, self._compute = bus, 0, 0
        tokens: dict[int, list[int]] = {}
        taken: dict[int, int] = {}
        starts: dict[Engine, list[int]] = {engine: [] for engine in Engine}
        self._free = dict.fromkeys(Engine, 0)
        self._rows_end = 0
        self._visible = 0
        fetch = lat.doorbell + self.memory.latency
        fetch_beats = COMMAND_BYTES // config.bus_bytes
        handed = 0
        times: list[Times] = []
        for step in program.steps:
            engine = step.engine
            fetch += fetch_beats
            bus.beats += fetch_beats
            queue = starts[engine]
            handed = max(handed + fetch_beats, fetch + lat.dispatch)
            if len(queue) > config.queue_depth:
                handed = max(handed, queue[-1 - config.queue_depth] + 1)
            gate = max(handed, self._free[engine])
            for number in _bits(step.fields.get("wait", 0)):
                at = taken.get(number, 0)
                taken[number] = at + 1
                gate = max(gate, tokens[number][at] + lat.post)
            queue.append(gate)
            end, visible = self._execute(step, gate)
            for number in _bits(step.fields.get("post", 0)):
                tokens.setdefault(number, []).append(visible)
            times.append(Times(handed, gate, end, visible))
        cycles = max(time.visible for time in times)
        return Estimate(cycles, self._compute, bus.beats, self._writes, tuple(times))

    def _execute(self, step: Step, gate: int) -> tuple[int, int]:
        return {
            Engine.LOAD: self._load,
            Engine.MATMUL: self._matmul,
            Engine.DRAIN: self._drain,
            Engine.STORE: self._store,
        }[step.engine](step.fields, gate)

    def _load(self, f: Mapping[str, int], gate: int) -> tuple[int, int]:
        data, pad = _rows(f)
        beats, bursts = self._bus.bursts(f["src"], f["len"], 1)
        if data > 1 and f.get("stride1", 0) % self.config.bus_bytes:
            # Rows at every alignment: the average.
            beats = ceil_div(f["len"] - 1, self.config.bus_bytes) + 1 if f["len"] else 0
        last, end = self._bus.transfer(
            gate + self.lat.load, beats * data, bursts * data, self.memory.read_interval
        )
        end += pad
        self._bus.data = max(self._bus.data, end)
        self._free[Engine.LOAD] = last
        return end, end + self.lat.landed

    def _matmul(self, f: Mapping[str, int], gate: int) -> tuple[int, int]:
        config = self.config
        rows = f["m0"] * f["m1"] * f["m2"]
        tile = max(rows, config.rows)
        tiles = f["blocks"] * f["k0"] * f["k1"] * f["k2"]
        begin = max(self._rows_end, gate + config.rows + self.lat.weights)
        end = begin + tiles * tile
        self._compute += tiles * rows
        self._rows_end = end
        self._free[Engine.MATMUL] = end - tile
        return end, end + config.rows + config.cols + self.lat.sums

    def _drain(self, f: Mapping[str, int], gate: int) -> tuple[int, int]:
        config = self.config
        beats = config.drain_beats
        if f["int32"]:
            beats = ceil_div(4 * config.cols, config.act_row_bytes)
        end = gate + f["rows"] * f["blocks"] * beats
        self._free[Engine.DRAIN] = end
        return end, end + self.lat.drain

    def _store(self, f: Mapping[str, int], gate: int) -> tuple[int, int]:
        lat, memory = self.lat, self.memory
        if "len" not in f:
            visible = max(gate, self._visible) + lat.stored
            return visible, visible
        bus = self.config.bus_bytes
        rows = f["count1"] * f["count2"]
        beats = ceil_div(f["dst"] % bus + f["len"], bus)
        if rows > 1 and f.get("stride1", 0) % bus:
            beats = ceil_div(f["len"] - 1, bus) + 1
        bursts = ceil_div(beats, MAX_BURST_BEATS) * rows
        beats *= rows
        rounds = ceil_div(bursts, memory.outstanding) - 1
        limited = rounds * (memory.latency + beats // bursts + 2)
        limited += (bursts - rounds * memory.outstanding) * (beats // bursts)
        end = gate + lat.store + max(beats * memory.write_interval, limited)
        self._writes += beats
        self._free[Engine.STORE] = end - lat.store
        self._visible = end + memory.latency + lat.stored
        return end, self._visible


def _bits(mask: int) -> Iterable[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
