"""Semaphores from hazards: which command waits for which, and nothing more.

Every step says what it reads and writes. Two steps of different engines that touch the same bytes,
one of them writing, must be ordered; within an engine the chip keeps order by itself. For each
such pair the earlier step posts and the later waits, unless it is already known, by program order
within engines and by earlier waits, that the first has finished (the rule of vector clocks).

One semaphore serves one kind of message from one engine to another. Its posts and its waits both
come in program order, so the k-th wait takes the k-th post.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from weft.arch.commands import Engine
from weft.config import SEMAPHORE_MAX, SEMAPHORES, Config

from .spans import Span
from .steps import Program, Step

Channel = tuple[Engine, Engine, str]
"""Posting engine, waiting engine, and what the message is about."""

FAR = 8
"""Commands of the posting engine after which a wait is generous."""

_ABOUT = {"wgt": "weights", "acc": "accumulators", "act": "activations", "param": "parameters"}


@dataclass(slots=True)
class _Access:
    span: Span
    engine: Engine
    index: int
    write: bool


@dataclass(slots=True)
class _Node:
    """A step on its way to a command; clock[e] = commands of engine e known to be complete."""

    step: Step
    order: int
    clock: dict[Engine, int] = field(default_factory=dict)
    waits: set[Channel] = field(default_factory=set)
    posts: set[Channel] = field(default_factory=set)


def _about(waiter: Engine, span: Span) -> str:
    # MATMUL's waits are told apart, because the cycle bins are.
    if waiter is Engine.MATMUL:
        return _ABOUT.get(span.space, "memory")
    return ""


class Hazards:
    """Adds steps one by one and keeps who touched what last; spaces to ignore have no hazards."""

    def __init__(self, ignore: frozenset[str] = frozenset()) -> None:
        self.nodes: list[_Node] = []
        self._ignore = ignore
        self._by_engine: dict[Engine, list[_Node]] = {}
        self._accesses: dict[str, list[_Access]] = {}

    def add(self, step: Step) -> None:
        """Append a step in program order."""
        engine = step.engine
        queue = self._by_engine.setdefault(engine, [])
        node = _Node(step, len(queue))
        if queue:
            node.clock.update(queue[-1].clock)
        clock = node.clock
        needs: dict[tuple[Engine, str], int] = {}
        for touched, write in ((step.reads, False), (step.writes, True)):
            for item in touched:
                for old in self._accesses.get(item.space, ()):
                    if old.engine is engine or not (write or old.write):
                        continue
                    if old.index >= clock.get(old.engine, 0) and item.overlaps(old.span):
                        key = old.engine, _about(engine, item)
                        needs[key] = max(needs.get(key, -1), old.index)
        # The latest first: it may make the others known.
        for (poster, about), index in sorted(needs.items(), key=lambda need: -need[1]):
            if index < clock.get(poster, 0):
                continue
            posters = self._by_engine[poster]
            if len(posters) - index > FAR:
                # What is far behind is waited for with more than is needed, so that the next
                # commands need not wait at all: else tokens pile up beyond what a semaphore holds.
                index += (len(posters) - index) // 2
            source = posters[index]
            channel = (poster, engine, about)
            source.posts.add(channel)
            node.waits.add(channel)
            for other, known in source.clock.items():
                clock[other] = max(clock.get(other, 0), known)
            clock[poster] = max(clock.get(poster, 0), index + 1)
        queue.append(node)
        self.nodes.append(node)
        for touched, write in ((step.reads, False), (step.writes, True)):
            for item in touched:
                if item.space in self._ignore:
                    continue
                self._remember(_Access(item, engine, node.order, write))

    def _remember(self, new: _Access) -> None:
        old = self._accesses.setdefault(new.span.space, [])
        # A write stands for all it covers: whoever waits for it waits for them. A read stands only
        # for earlier reads of its own engine.
        old[:] = [
            item
            for item in old
            if not (
                (new.write or (item.engine is new.engine and not item.write))
                and new.span.covers(item.span)
            )
        ]
        old.append(new)


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
    hazards = Hazards(frozenset(written - read))
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
            fields["wait_weights"] = mask(node.waits, "weights")
            fields["wait_acc"] = mask(node.waits, "accumulators")
        out.append(replace(node.step, fields=fields))
    return Program(tuple(out), tuple(_say(channel) for channel in channels))


def _say(channel: Channel) -> str:
    poster, waiter, about = channel
    return f"{poster.name} tells {waiter.name}" + (f" ({about})" if about else "")


def most_tokens(config: Config, nodes: Sequence[_Node], channel: Channel) -> int:
    """Most tokens that a semaphore can hold, whatever the engines' speeds.

    When a command runs, every earlier command has been handed out; of the waiting engine's, all
    but those in its queue, its gate and its shadow have started and so have taken their token.
    """
    held = config.queue_depth + 2
    most = posts = 0
    taken: list[int] = [0]  # taken[i]: tokens taken by the first i commands of the waiter
    for node in nodes:
        if channel in node.posts:
            posts += 1
            most = max(most, posts - taken[max(0, len(taken) - 1 - held)])
        if node.step.engine is channel[1]:
            taken.append(taken[-1] + (channel in node.waits))
    return most
