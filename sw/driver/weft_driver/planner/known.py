"""Choices that a long search found before, kept in a file.

The key holds all that a choice follows from, the planner's own source included: what another
version of the planner chose is never found. A file that is missing, damaged or not to be written
costs the search and nothing else.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from ..folders import build_root

NAME = "plans.sqlite"
"""The file, in `build_root`."""


@cache
def _planner() -> str:
    """Hash of the planner's source."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def key_of(*parts: object) -> str:
    """A key that changes with any of these values' representations and with the planner."""
    text = "\0".join((_planner(), *map(repr, parts)))
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _plans() -> Iterator[sqlite3.Connection]:
    path = build_root() / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=1)) as plans, plans:
        plans.execute("CREATE TABLE IF NOT EXISTS plans (key TEXT PRIMARY KEY, choice TEXT)")
        yield plans


def recall(key: str) -> str | None:
    """What `keep` kept under a key, or None."""
    try:
        with _plans() as plans:
            row = plans.execute("SELECT choice FROM plans WHERE key = ?", (key,)).fetchone()
    except (OSError, sqlite3.Error):
        return None
    return row[0] if row else None


def keep(key: str, choice: str) -> None:
    """Keep a choice, as text, under a key."""
    try:
        with _plans() as plans:
            plans.execute("INSERT OR REPLACE INTO plans VALUES (?, ?)", (key, choice))
    except (OSError, sqlite3.Error):
        pass
