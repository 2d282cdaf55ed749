"""Semaphores from hazards: which command waits for which, and nothing more.

Every step says what it reads and writes. Two steps of different engines that touch the same bytes,
one of them writing, must be ordered; within an engine the chip keeps order by itself. For each
such pair the earlier step posts and the later waits, unless it is already known, by program order
within engines and by earlier waits, that the first has finished (the rule of vector clocks).

One semaphore serves one kind of message from one engine to another. Its posts and its waits both
come in program order, so the k-th wait takes the k-th post.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from weft.arch.commands import Engine
from weft.config import SEMAPHORE_MAX, SEMAPHORES, Config

from .spans import Span
from .steps import Program, Step

Channel = tuple[int, int, str]
"""Posting engine, waiting engine, and what the message is about."""

_ABOUT = {"wgt": "weights", "acc": "accumulators", "act": "activations"}

_Access = tuple[int, int, Span, int, int]
"""Start, end, span, engine, number among the engine's commands; plain, since this is the inner
loop of planning."""


@dataclass(slots=True)
class _Node:
    """A step on its way to a command; clock[e] = commands of engine e known to be complete."""

    step: Step
    clock: list[int]
    waits: set[Channel] = field(default_factory=set)
    posts: set[Channel] = field(default_factory=set)


class Hazards:
    """Adds steps one by one and keeps who touched what last; spaces to ignore have no hazards."""

    def __init__(self, config: Config, ignore: frozenset[str] = frozenset()) -> None:
        # After so many commands of the posting engine a wait is generous.
        self._far = max(1, SEMAPHORE_MAX - 1 - _unstarted(config))
        self.nodes: list[_Node] = []
        self._ignore = ignore
        self._by_engine: list[list[_Node]] = [[] for _ in Engine]
        self._reads: dict[str, list[_Access]] = {}
        self._writes: dict[str, list[_Access]] = {}

    def add(self, step: Step) -> None:
        """Append a step in program order."""
        engine = int(step.engine)
        queue = self._by_engine[engine]
        node = _Node(step, list(queue[-1].clock) if queue else [0] * len(Engine))
        # MATMUL reads its first weights as soon as what guards them is there, whatever else it
        # waits for: these waits come first and stand for themselves.
        early = engine == Engine.MATMUL
        weights = [item for item in step.reads if early and item.space == "wgt"]
        needs: dict[tuple[int, str], int] = {}
        for item in weights:
            self._conflicts(engine, node.clock, item, self._writes.get(item.space, ()), needs)
        if needs:
            self._wait(node, engine, needs)
            needs = {}
        for item in step.reads:
            if item not in weights:
                self._conflicts(engine, node.clock, item, self._writes.get(item.space, ()), needs)
        for item in step.writes:
            self._conflicts(engine, node.clock, item, self._writes.get(item.space, ()), needs)
            self._conflicts(engine, node.clock, item, self._reads.get(item.space, ()), needs)
        if needs:
            self._wait(node, engine, needs)
        number = len(queue)
        queue.append(node)
        self.nodes.append(node)
        for item in step.reads:
            if item.space not in self._ignore:
                self._remember_read(item, engine, number)
        for item in step.writes:
            if item.space not in self._ignore:
                self._remember_write(item, engine, number)

    @staticmethod
    def _conflicts(
        engine: int,
        clock: list[int],
        item: Span,
        accesses: Iterable[_Access],
        needs: dict[tuple[int, str], int],
    ) -> None:
        """Add the commands of other engines that conflict and may not be over."""
        start, end = item.start, item.end
        for old_start, old_end, span, other, number in accesses:
            if old_start < end and start < old_end and other != engine and number >= clock[other]:
                if not item.overlaps(span):
                    continue
                # MATMUL's waits are told apart, because the cycle bins are.
                about = _ABOUT.get(item.space, "") if engine == Engine.MATMUL else ""
                key = other, about
                if number > needs.get(key, -1):
                    needs[key] = number

    def _wait(self, node: _Node, engine: int, needs: dict[tuple[int, str], int]) -> None:
        clock = node.clock
        # The latest first: it may make the others known.
        for (poster, about), number in sorted(needs.items(), key=lambda need: -need[1]):
            if number < clock[poster]:
                continue
            posters = self._by_engine[poster]
            if len(posters) - number > self._far:
                # What is far behind is waited for with more than is needed, so that the next
                # commands need not wait at all: else tokens pile up beyond what a semaphore holds.
                number += (len(posters) - number) // 2
            source = posters[number]
            channel = (poster, engine, about)
            source.posts.add(channel)
            node.waits.add(channel)
            for other, known in enumerate(source.clock):
                if known > clock[other]:
                    clock[other] = known
            clock[poster] = max(clock[poster], number + 1)

    def _remember_read(self, item: Span, engine: int, number: int) -> None:
        old = self._reads.setdefault(item.space, [])
        start, end = item.start, item.end
        # A read stands for earlier reads of its own engine alone.
        old[:] = [
            access
            for access in old
            if not (
                access[3] == engine
                and start <= access[0]
                and access[1] <= end
                and item.covers(access[2])
            )
        ]
        old.append((start, end, item, engine, number))

    def _remember_write(self, item: Span, engine: int, number: int) -> None:
        start, end = item.start, item.end
        # A write stands for all it covers: whoever waits for it waits for them.
        for accesses in (self._reads, self._writes):
            old = accesses.setdefault(item.space, [])
            old[:] = [
                access
                for access in old
                if not (start <= access[0] and access[1] <= end and item.covers(access[2]))
            ]
        self._writes[item.space].append((start, end, item, engine, number))


def synchronise(config: Config, steps: Sequence[Step]) -> Program:
    """Give the steps the semaphores that they need, in the order in which they stand.

    Raises
    ------
    ValueError
        More semaphores or tokens are needed than the chip has: a fault of the plan.
    """
    # Results that no step reads back have no hazards: the tiles of one tensor do not overlap.
    read = {item.space for step in steps for item in step.reads}
    written = {item.space for step in steps for item in step.writes}
    hazards = Hazards(config, frozenset(written - read))
    for step in steps:
        hazards.add(step)
    channels = sorted({channel for node in hazards.nodes for channel in node.waits})
    if len(channels) > SEMAPHORES:
        raise ValueError(f"the plan needs {len(channels)} semaphores, the chip has {SEMAPHORES}")
    number = {channel: i for i, channel in enumerate(channels)}
    for channel in channels:
        most = most_tokens(config, hazards.nodes, channel)
        if most > SEMAPHORE_MAX:
            raise ValueError(f"semaphore {_say(channel)} may reach {most} > {SEMAPHORE_MAX}")

    def mask(chosen: set[Channel], about: str | None = None) -> int:
        return sum(1 << number[c] for c in chosen if about is None or c[2] == about)

    out = []
    for node in hazards.nodes:
        fields = dict(node.step.fields)
        fields["wait"] = mask(node.waits)
        fields["post"] = mask(node.posts)
        if node.step.engine is Engine.MATMUL:
            fields["early"] = 1
            fields["wait_weights"] = mask(node.waits, "weights")
            fields["wait_acc"] = mask(node.waits, "accumulators")
        out.append(replace(node.step, fields=fields))
    return Program(tuple(out), tuple(_say(channel) for channel in channels))


def _say(channel: Channel) -> str:
    poster, waiter, about = channel
    return f"{Engine(poster).name} tells {Engine(waiter).name}" + (f" ({about})" if about else "")


def _unstarted(config: Config) -> int:
    """Commands of an engine that may be handed out and not started."""
    return config.queue_depth + 2


def most_tokens(config: Config, nodes: Sequence[_Node], channel: Channel) -> int:
    """Most tokens that a semaphore can hold, whatever the engines' speeds.

    When a command runs, every earlier command has been handed out; of the waiting engine's, all
    but those in its queue, its gate and its shadow have started and so have taken their token.
    """
    held = _unstarted(config)
    most = posts = 0
    taken: list[int] = [0]  # taken[i]: tokens taken by the first i commands of the waiter
    for node in nodes:
        if channel in node.posts:
            posts += 1
            most = max(most, posts - taken[max(0, len(taken) - 1 - held)])
        if node.step.engine == channel[1]:
            taken.append(taken[-1] + (channel in node.waits))
    return most
