"""The engines as queues: how full a semaphore can get when one engine is as slow as can be.

Written from docs/architecture.md and independent of the planner's own bound.
"""

from collections import deque
from collections.abc import Sequence

from weft.arch.commands import Decoded, Engine
from weft.config import SEMAPHORES, Config

BEHIND_QUEUE = 2
"""Commands that have left their queue and not started: in its shadow, and at the gate."""


def bits(mask: int) -> list[int]:
    """Numbers of the bits that are set."""
    return [i for i in range(SEMAPHORES) if mask >> i & 1]


def fullest(config: Config, commands: Sequence[Decoded], slow: Engine) -> list[int]:
    """Largest value of each semaphore when ``slow`` moves only while nothing else can.

    The others start and finish as soon as they may: no order of events fills a semaphore that
    ``slow`` takes from further. AssertionError when the program gets stuck.
    """
    room = config.queue_depth + BEHIND_QUEUE
    queues: dict[Engine, deque[Decoded]] = {engine: deque() for engine in Engine}
    values, most = [0] * SEMAPHORES, [0] * SEMAPHORES
    handed_out = 0

    def hand_out() -> bool:
        nonlocal handed_out
        before = handed_out
        while handed_out < len(commands):
            queue = queues[commands[handed_out].command.engine]
            if len(queue) == room:
                break
            queue.append(commands[handed_out])
            handed_out += 1
        return handed_out > before

    def step(engine: Engine) -> bool:
        queue = queues[engine]
        if not queue or not all(values[i] for i in bits(queue[0]["wait"])):
            return False
        command = queue.popleft()
        for i in bits(command["wait"]):
            values[i] -= 1
        for i in bits(command["post"]):
            values[i] += 1
            most[i] = max(most[i], values[i])
        return True

    fast = [engine for engine in Engine if engine is not slow]
    while True:
        moved = hand_out()
        for engine in fast:
            while step(engine):
                moved = True
        if not moved and not step(slow):
            break
    left = len(commands) - handed_out + sum(map(len, queues.values()))
    assert left == 0, f"{left} commands are stuck with a slow {slow.name}"
    return most
