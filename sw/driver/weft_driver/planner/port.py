"""The memory port as the estimate sees it, each way by itself."""

from collections import deque

from weft.arch.memory import MAX_BURST_BEATS, MemoryTiming


class ReadPort:
    """One burst asked for in a cycle, in order, as many open as memory takes.

    Parameters
    ----------
    memory
        Its timing.

    Attributes
    ----------
    request
        When the last burst was asked for.
    data
        When the last beat has come; whoever takes none meanwhile sets it later.
    beats
        Asked for so far.
    """

    def __init__(self, memory: MemoryTiming):
        self.memory = memory
        self.request = 0
        self.data = 0
        self.beats = 0
        self.open: deque[int] = deque()  # when each open burst ends

    def read(self, time: int, beats: int, count: int = 1) -> tuple[int, int, int]:
        """Ask for bursts of equal size: the last request, the first beat, one past the last."""
        memory = self.memory
        most, interval = memory.outstanding, memory.read_interval
        self.beats += beats * count
        if count > 1 and beats * interval * most < memory.latency + 2:
            first = 0  # short bursts: each waits for one before it to end
            for i in range(count):
                self.beats -= beats
                request, begin, end = self.read(time, beats)
                first = first if i else begin
            return request, first, end
        request = max(time, self.request + 1)
        if len(self.open) >= most:
            request = max(request, self.open.popleft() + 1)
        begin = max(request + memory.latency, self.data)
        step = beats * interval
        end = begin + step * count
        if count > 1:
            request += count - 1
            known = min(count, most + 1)
            self.open.extend(range(end - step * (known - 1), end, step))
        self.open.append(end)
        while len(self.open) > most:
            over = self.open.popleft()
            # The burst that stands so far behind had to wait for this one, if it is new.
            request = max(request, over + 1) if count > 1 else request
        self.request, self.data = request, end
        return request, begin, end


class WritePort:
    """Bursts one after the other, as many without an answer as memory takes.

    Parameters
    ----------
    memory
        Its timing.

    Attributes
    ----------
    end
        When the last beat has gone.
    response
        When the last answer has come.
    beats
        Written so far.
    """

    def __init__(self, memory: MemoryTiming):
        self.memory = memory
        self.end = 0
        self.response = 0
        self.beats = 0
        self.responses: deque[int] = deque()  # of bursts without an answer

    def write(self, time: int, beats: int, rows: int) -> None:
        """Write rows of equal length."""
        memory = self.memory
        now = max(time, self.end)
        runs = [(MAX_BURST_BEATS, beats // MAX_BURST_BEATS), (beats % MAX_BURST_BEATS, 1)]
        short = beats * memory.outstanding < memory.latency + 2 or rows == 1
        for _ in range(rows if short else 0):
            for size, count in runs:
                for _ in range(count if size else 0):
                    if len(self.responses) >= memory.outstanding:
                        now = max(now, self.responses.popleft() + 1)
                    now += size * memory.write_interval
                    self.responses.append(now + memory.latency)
        if not short:
            now += rows * beats * memory.write_interval
            self.responses.extend([now + memory.latency] * memory.outstanding)
            while len(self.responses) > memory.outstanding:
                self.responses.popleft()
        self.end = now
        self.beats += beats * rows
        self.response = now + memory.latency
