"""Which layout a GEMM gets: found once, and kept for the next time."""

import json
from dataclasses import asdict, replace
from functools import lru_cache

from weft.arch.memory import MemoryTiming
from weft.config import Config

from .choice import Choice
from .cuts import Cut
from .known import keep, key_of, recall
from .problem import Buffer, Gemm
from .search import EFFORT, Search, Verdict, judge

WORTH = 3_000
"""Effort beyond which a choice is kept for the next time."""


def choose(
    config: Config, op: Gemm, memory: MemoryTiming | None = None, effort: int = EFFORT
) -> Verdict:
    """The best choice that was found for a GEMM; equal operations get equal answers.

    Raises
    ------
    ValueError
        No tiling fits the chip.
    """
    bare = replace(
        op,
        a=Buffer("a", 0),
        b=Buffer("b", 0),
        c=Buffer("c", 0),
        column=0,
        finish=replace(op.finish, params=None if op.finish.params is None else Buffer("params", 0)),
    )
    return _choose(config, bare, memory or MemoryTiming(), effort)


@lru_cache(maxsize=4096)
def _choose(config: Config, op: Gemm, memory: MemoryTiming, effort: int) -> Verdict:
    key = key_of(config.hash_hex, op, memory, effort)
    if found := recall(key):
        values = json.loads(found)
        cuts = {name: Cut(**value) for name, value in values.items() if isinstance(value, dict)}
        choice = Choice(**values | cuts)
        estimate = judge(config, op, choice, memory)
        if estimate:
            return Verdict(choice, replace(estimate, times=()))
    search = Search(config, op, memory, effort)
    best = search.best()
    if search.spent > WORTH:
        keep(key, json.dumps(asdict(best.choice)))
    return best
