"""Random programs for the bench of control: any field values, semaphores that cannot go wrong."""

from random import Random

from weft.arch.commands import BY_NAME, COMMAND_BYTES, COMMANDS, Command
from weft.config import SEMAPHORE_MAX, SEMAPHORES, Config
from weft.gateware.command_queue import queued_engines


def put(raw: int, command: Command, **values: int) -> int:
    """A raw command with some fields replaced."""
    for name, value in values.items():
        field = command.by_name[name]
        bits = (1 << field.bits) - 1
        raw = raw & ~(bits << field.offset) | (value & bits) << field.offset
    return raw


def get(raw: int, command: Command, name: str) -> int:
    return command.by_name[name].extract(raw)


def random_command(draw: Random, command: Command, **values: int) -> int:
    """Random bits in every field, then ``values``; no waits, posts, end, pushes unless they say."""
    raw = draw.getrandbits(8 * COMMAND_BYTES) & command.used_mask
    calm = {name: 0 for name in ("wait", "post", "end", "pushes") if name in command.by_name}
    given = {"opcode": command.opcode} | calm | values
    return put(raw, command, **given)


class Programs:
    """Draws programs that any in-order chip can execute, until the semaphores are cleared.

    Each semaphore has one posting and one waiting engine. A command waits only for posts of earlier
    commands, and no semaphore is posted more than `SEMAPHORE_MAX` times, so that none overflows
    however the engines run.
    """

    def __init__(self, config: Config, draw: Random):
        self.draw = draw
        self.engines = queued_engines(config)
        self.commands = [command for command in COMMANDS if command.engine in self.engines]
        self.clear()

    def clear(self) -> None:
        """Semaphores are zero."""
        draw = self.draw
        self.poster = [draw.choice(self.engines) for _ in range(SEMAPHORES)]
        self.waiter = [draw.choice(self.engines) for _ in range(SEMAPHORES)]
        self.tokens = [0] * SEMAPHORES
        self.posts = [0] * SEMAPHORES
        self.spare, self.spare2 = draw.sample(range(SEMAPHORES), 2)  # never posted
        self.posts[self.spare] = self.posts[self.spare2] = SEMAPHORE_MAX

    @property
    def exhausted(self) -> bool:
        """Hardly a semaphore can still be posted."""
        return sum(count < SEMAPHORE_MAX for count in self.posts) < SEMAPHORES // 2

    def command(self, command: Command, eagerness: float = 0.3, **values: int) -> int:
        """One command with waits and posts."""
        wait = post = 0
        for s in range(SEMAPHORES):
            take = self.waiter[s] is command.engine and self.tokens[s]
            if take and self.draw.random() < eagerness:
                self.tokens[s] -= 1
                wait |= 1 << s
            give = self.poster[s] is command.engine and self.posts[s] < SEMAPHORE_MAX
            if give and self.draw.random() < eagerness:
                self.tokens[s] += 1
                self.posts[s] += 1
                post |= 1 << s
        return random_command(self.draw, command, wait=wait, post=post, **values)

    def body(self, count: int) -> list[int]:
        """Commands without an end."""
        return [self.command(self.draw.choice(self.commands)) for _ in range(count)]

    def program(self, count: int) -> list[int]:
        """A whole program."""
        return [*self.body(count - 1), self.command(BY_NAME["SIGNAL"], end=1)]
