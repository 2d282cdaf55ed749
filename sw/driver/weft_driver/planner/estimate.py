"""How long a program will take: the engines as a simulation of events.

Time counts cycles from the doorbell. Events are bursts, commands and posts, not cycles; what
happens inside a command is arithmetic. The constants are latencies of the chip as its benches
assert them; the model is compared with the chip's counters in the tests of the driver.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from weft.arch.commands import COMMAND_BYTES, Engine, Space
from weft.arch.layouts import act_writes, ceil_div
from weft.arch.memory import MAX_BURST_BEATS, MemoryTiming, burst_commands, fetch_bursts
from weft.config import SEMAPHORES, Config

from .fences import Fence
from .port import ReadPort, WritePort
from .steps import Program, Step
from .timing import Estimate, Latencies, Times


class _Queue:
    """An engine's queue and gate."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.offered = 0  # the first in the queue may pass its gate from then on
        self.fed = False  # its first weights are on their way (MATMUL)
        self.passed = False  # it has passed, and waits for the engine
        self.free = 0  # the engine takes its next command from then on


class Estimator:
    """Runs a program through the model.

    Parameters
    ----------
    config
        The chip.
    memory
        The memory; the default model if left out.
    """

    def __init__(self, config: Config, memory: MemoryTiming | None = None):
        self.config = config
        self.memory = memory or MemoryTiming()
        self.lat = Latencies()

    def run(self, program: Program) -> Estimate:
        """Estimate a program with its semaphores."""
        return _Run(self.config, self.memory, self.lat, program).result()


GROUPS = 24
"""Events in which one LOAD asks for its bursts, at most."""


class _Run:
    """The state of one simulation."""

    def __init__(
        self, config: Config, memory: MemoryTiming, lat: Latencies, program: Program
    ) -> None:
        self.config, self.memory, self.lat = config, memory, lat
        self.steps: tuple[Step, ...] = program.steps
        self.heap: list[tuple[int, int, Callable[..., None], tuple]] = []
        self.serial = 0
        self.queues = [_Queue() for _ in Engine]
        # Plain numbers: this runs thousands of times for one plan.
        self.engines = [int(step.engine) for step in self.steps]
        self.waits = [list(_bits(step.fields.get("wait", 0))) for step in self.steps]
        self.guards = [list(_bits(step.fields.get("wait_weights", 0))) for step in self.steps]
        self.posts = [list(_bits(step.fields.get("post", 0))) for step in self.steps]
        self.waiter = [0] * SEMAPHORES
        for engine, numbers in zip(self.engines, self.waits, strict=True):
            for number in numbers:
                self.waiter[number] = engine
        self.execute = (self.load, self.matmul, self.drain, self.store, self.launch)
        self.tokens = [0] * SEMAPHORES
        count = len(self.steps)
        self.queued, self.start, self.visible = [0] * count, [0] * count, [0] * count
        self.beats = COMMAND_BYTES // config.bus_bytes
        self.together = burst_commands(self.beats)
        self.reads, self.writes = ReadPort(memory), WritePort(memory)
        # fetch
        self.arrived: list[int] = []  # when the first word of each command is here
        self.handed = 0  # commands handed out
        self.handing = 0  # when the dispatcher is free
        self.blocked_dispatch = False
        self.fences: dict[int, Fence] = {}  # of the last LOAD to each SRAM that had one
        # matmul
        self.fed = 0  # the next command's first weights may be read from then on
        self.rows_end = 0
        self.last_tile = 0
        self.feeding = 0  # a MATMUL whose weights are being loaded: when its next tile may be fed,
        self.blocks: list[tuple[int, int]] = []  # and what `summed` is to be told
        self.compute = 0
        self.adding: list[deque[tuple[int, int]]] = [deque(), deque()]
        # drain
        self.drain_end = 0
        self.finished = 0

    def at(self, time: int, call: Callable[..., None], *arguments: object) -> None:
        """Call later."""
        self.serial += 1
        heapq.heappush(self.heap, (time, self.serial, call, arguments))

    def result(self) -> Estimate:
        """Run to the end."""
        for burst in range(fetch_bursts(self.beats)):
            self.at(self.lat.fetch + burst, self.fetch)
        while self.heap:
            time, _, call, arguments = heapq.heappop(self.heap)
            call(time, *arguments)
        times = zip(self.queued, self.start, self.visible, strict=True)
        return Estimate(
            self.finished,
            self.compute,
            self.reads.beats,
            self.writes.beats,
            tuple(Times(*item) for item in times),
        )

    # --- programs ---------------------------------------------------------------------------------

    def fetch(self, time: int) -> None:
        """Ask for the next commands of the program."""
        left = len(self.steps) - len(self.arrived)
        if left <= 0:
            return
        count = min(self.together, left)
        _, begin, _ = self.reads.read(time, count * self.beats)
        self.arrived += [begin + i * self.beats for i in range(count)]
        self.at(self.arrived[-count], self.dispatch)

    def dispatch(self, time: int) -> None:
        """Hand out the next commands that are here and have room."""
        while self.handed < len(self.arrived):
            index = self.handed
            engine = self.engines[index]
            queue = self.queues[engine]
            if len(queue.waiting) > self.config.queue_depth:
                self.blocked_dispatch = True
                return
            begin = max(time if self.blocked_dispatch else 0, self.arrived[index], self.handing)
            self.blocked_dispatch = False
            self.handing = begin + self.beats
            self.handed += 1
            self.queued[index] = self.handing
            if not queue.waiting:
                queue.offered = max(queue.offered, self.handing)
            queue.waiting.append(index)
            self.at(self.handing, self.gate, engine)
            if self.handed % self.together == 0:
                self.at(self.handing, self.fetch)

    # --- gates ----------------------------------------------------------------------------------

    def gate(self, time: int, engine: int) -> None:
        """Let the next command of an engine pass if nothing is missing, and start it."""
        queue = self.queues[engine]
        if not queue.waiting:
            return
        index = queue.waiting[0]
        if not queue.passed:
            if max(queue.offered, self.queued[index]) > time:
                return  # called again then
            tokens = self.tokens
            if engine == Engine.MATMUL and not queue.fed:
                for number in self.guards[index]:
                    if not tokens[number]:
                        return
                self.fed = time
                queue.fed = True
            for number in self.waits[index]:
                if not tokens[number]:
                    return
            for number in self.waits[index]:
                tokens[number] -= 1
            queue.passed = True
        if queue.free > time:
            return  # called again then
        queue.waiting.popleft()
        queue.passed = queue.fed = False
        queue.offered = time + self.lat.reload
        self.start[index] = time
        fields = self.steps[index].fields
        if engine == Engine.STORE and "len" not in fields:
            self.signal(time, index)
        else:
            self.execute[engine](time, index, fields)
        if queue.waiting:
            self.at(queue.offered, self.gate, engine)
        if self.blocked_dispatch:
            self.dispatch(time)

    def post(self, time: int, index: int) -> None:
        """A command has become visible."""
        for number in self.posts[index]:
            self.tokens[number] += 1
            queue = self.queues[self.waiter[number]]
            if queue.waiting and not queue.passed:
                self.gate(time, self.waiter[number])

    def done(self, time: int, index: int) -> None:
        """Note when a command becomes visible, and post then."""
        self.visible[index] = time
        if self.posts[index]:
            self.at(time, self.post, index)

    # --- engines --------------------------------------------------------------------------------

    def load(self, time: int, index: int, f: Mapping[str, int]) -> None:
        """Ask for the bursts of a LOAD."""
        rows = f["count1"] * f["count2"]
        bus = self.config.bus_bytes
        length = f["len"]
        if rows > 1 and f.get("stride1", 0) % bus and length:
            beats = ceil_div(length - 1, bus) + 1  # rows at every alignment: the most common
        else:
            beats = ceil_div(f["src"] % bus + length, bus) if length else 0
        fence = Fence(self.config, self.memory, f, beats * rows) if f.get("fence") else None
        padding = f.get("pad_top", 0) + f.get("pad_bottom", 0)
        idle = f["count2"] * padding * ceil_div(length or f.get("pad_left", 0), bus)
        idle += rows * ceil_div(f.get("pad_left", 0) + f.get("pad_right", 0), bus)
        runs = [(MAX_BURST_BEATS, beats // MAX_BURST_BEATS), (beats % MAX_BURST_BEATS, 1)]
        runs = [run for run in runs if all(run)]
        if len(runs) == 1:
            runs, rows = [(runs[0][0], runs[0][1] * rows)], 1
        self.queues[Engine.LOAD].free = 1 << 60
        self.at(time + self.lat.load, self.bursts, index, runs, rows, idle, fence)

    def bursts(
        self,
        time: int,
        index: int,
        runs: list[tuple[int, int]],
        rows: int,
        idle: int,
        fence: Fence | None,
    ) -> None:
        """Ask for some bursts of a LOAD, rows times the same runs, and come back for the rest."""
        end = request = time
        before = self.reads.beats
        first = fence is not None and not fence.parts
        if len(runs) == 1:
            beats, count = runs[0]
            some = min(count, ceil_div(count, GROUPS))
            request, _, end = self.reads.read(request, beats, some)
            runs, rows = [(beats, count - some)], int(count > some)
        elif runs and rows == 1:
            beats, count = runs[0]
            some = min(count, ceil_div(count, GROUPS))
            request, _, end = self.reads.read(request, beats, some)
            runs = [(beats, count - some), runs[1]] if count > some else runs[1:]
        elif runs:
            some = min(rows, ceil_div(rows, GROUPS))
            for _ in range(some):
                for beats, count in runs:
                    request, _, end = self.reads.read(request, beats, count)
            rows -= some
        if runs and rows:
            if fence:
                self.arrive(index, fence, self.reads.beats - before, end, first)
            self.at(request + 1, self.bursts, index, runs, rows, idle, fence)
            return
        self.reads.data += idle  # padding is written while no data is taken
        queue = self.queues[Engine.LOAD]
        queue.free = request + 1
        if fence:
            self.visible[index] = end + self.lat.landed
            self.arrive(index, fence, self.reads.beats - before, end, first)
        else:
            self.done(max(end, self.reads.data if idle else 0) + self.lat.landed, index)
        self.at(queue.free, self.gate, Engine.LOAD)

    def arrive(self, index: int, fence: Fence, beats: int, end: int, first: bool) -> None:
        """More beats of a LOAD with a fence are on their way, the last one there before ``end``."""
        fence.parts.append((fence.beats + beats, end + self.lat.landed))
        fence.beats += beats
        if first:
            begin = end - (beats - 1) * self.memory.read_interval + self.lat.landed
            self.at(begin, self.begin, index, fence)
        if fence.waiting:
            resume, fence.waiting = fence.waiting, None
            self.at(end - beats * self.memory.read_interval, *resume)

    def begin(self, time: int, index: int, fence: Fence) -> None:
        """The first row of a LOAD with a fence is written."""
        self.fences[fence.space] = fence
        self.post(time, index)

    def matmul(self, time: int, index: int, f: Mapping[str, int]) -> None:
        """Rows through the array."""
        config = self.config
        rows = f["m0"] * f["m1"] * f["m2"]
        tile = max(rows, config.rows)
        tiles = f["k0"] * f["k1"] * f["k2"]
        feed = max(self.fed, self.last_tile + 1)
        self.compute += f["blocks"] * tiles * rows
        if any(fence.hides(f, time) for fence in self.fences.values()):
            self.queues[Engine.MATMUL].free = 1 << 60
            self.feeding, self.blocks = feed, []
            self.rows_end = max(self.rows_end, time + 1)
            self.stream(time, index, 0, tuple(self.fences.values()))
            return
        begin = max(self.rows_end, feed + config.rows, time + 1)
        length = tiles * tile
        starts = [begin + block * length for block in range(f["blocks"])]
        first = 0 if f["accumulate"] else tile
        self.summed(index, [(start + first, start + length) for start in starts], tile - rows)

    def stream(self, time: int, index: int, number: int, fences: tuple[Fence, ...]) -> None:
        """Go on with a MATMUL at one of its tiles, while its operands are still being loaded."""
        config, f = self.config, self.steps[index].fields
        rows = f["m0"] * f["m1"] * f["m2"]
        tiles = f["k0"] * f["k1"] * f["k2"]
        first = 0 if f["accumulate"] else 1
        while number < f["blocks"] * tiles:
            block, tile = divmod(number, tiles)
            fed, first_row, last_row = self.feeding, 0, 0
            for fence in fences:
                if fence.space == Space.WGT:
                    known = fence.ready(f["wgt"] + block * f["wgt_block"] + tile * config.rows)
                    fed = max(fed, known or 0)
                else:
                    # Rows come at an even pace: the first and the last say all.
                    act = f["act"] + tile * f["k0_stride"]
                    known = fence.ready(act + (rows - 1) * f["m0_stride"])
                    first_row, last_row = fence.ready(act) or 0, known or 0
                if known is None:
                    fence.waiting = (self.stream, index, number, fences)
                    return
            begin = max(self.rows_end, fed + config.rows, first_row)
            self.feeding, self.rows_end = begin, max(begin + rows, last_row + 1)
            if tile == min(first, tiles - 1):
                self.blocks.append((begin if tiles > first else self.rows_end, 0))
            if tile == tiles - 1:
                self.blocks[-1] = (self.blocks[-1][0], self.rows_end)
            number += 1
        self.summed(index, self.blocks, 0)

    def summed(self, index: int, adds: list[tuple[int, int]], spare: int) -> None:
        """The end of a MATMUL is known.

        ``adds``: for each block when its first row that adds enters, and the end of its last tile,
        of which ``spare`` cycles stand empty in the last block.
        """
        config, f = self.config, self.steps[index].fields
        end = adds[-1][1] - spare
        self.rows_end = end
        self.last_tile = end - f["m0"] * f["m1"] * f["m2"]
        self.queues[Engine.MATMUL].free = end - 1
        self.at(end - 1, self.gate, Engine.MATMUL)
        late = config.rows + config.cols + self.lat.sums
        self.done(end + late, index)
        windows = self.adding[int(f["acc"] >= config.acc_rows)]
        for start, stop in adds:
            if stop > start:
                # Columns add one after the other: the half is free when the last has.
                span = (start + config.rows, stop + late - 2)
                if windows and windows[-1][1] >= span[0]:
                    windows[-1] = (windows[-1][0], span[1])
                else:
                    windows.append(span)

    def drain(self, time: int, index: int, f: Mapping[str, int]) -> None:
        """Rows out of the accumulators, when MATMUL does not add to the same half."""
        whole, last = (
            act_writes(self.config, columns, bool(f["int32"]))
            for columns in (self.config.cols, f["cols_last"])
        )
        beats = f["rows"] * ((f["blocks"] - 1) * whole + last)
        self.queues[Engine.DRAIN].free = 1 << 60
        self.drained(max(time, self.drain_end), index, beats)

    def drained(self, time: int, index: int, left: int) -> None:
        """Go on with a DRAIN until MATMUL gets in its way; look again then."""
        half = int(self.steps[index].fields["acc"] >= self.config.acc_rows)
        windows = self.adding[half]
        while windows and windows[0][1] <= time:
            windows.popleft()
        if windows and windows[0][0] <= time:
            # MATMUL may go on beyond what is known now: ask again at the end.
            self.at(windows[0][1], self.drained, index, left)
            return
        stop = windows[0][0] if windows else time + left
        # Another MATMUL may start meanwhile, but not add within this many cycles.
        stop = min(stop, time + max(self.config.rows + self.config.cols, 16))
        step = min(left, stop - time)
        if left > step:
            self.at(time + step, self.drained, index, left - step)
            return
        end = time + left
        self.drain_end = end
        queue = self.queues[Engine.DRAIN]
        queue.free = end
        self.done(end + self.lat.drain, index)
        self.at(end, self.gate, Engine.DRAIN)

    def store(self, time: int, index: int, f: Mapping[str, int]) -> None:
        """Bursts of a STORE."""
        bus = self.config.bus_bytes
        rows = f["count1"] * f["count2"]
        if rows > 1 and f.get("stride1", 0) % bus:
            beats = ceil_div(f["len"] - 1, bus) + 1
        else:
            beats = ceil_div(f["dst"] % bus + f["len"], bus)
        self.writes.write(time + self.lat.store, beats, rows)
        queue = self.queues[Engine.STORE]
        queue.free = max(time + 1, self.writes.end - self.lat.store)
        self.done(self.writes.response + self.lat.stored, index)
        self.at(queue.free, self.gate, Engine.STORE)

    def launch(self, time: int, index: int, f: Mapping[str, int]) -> None:
        """A kernel: how long it takes is not known here, and counts as nothing."""
        del f
        self.queues[Engine.SIMT].free = time + 1
        self.done(time + 1, index)
        self.at(time + 1, self.gate, Engine.SIMT)

    def signal(self, time: int, index: int) -> None:
        """The end of the program."""
        end = max(time, self.writes.response + self.lat.stored) + self.lat.end
        self.visible[index] = self.finished = end


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
