"""Choices kept in a file: found again, and never a reason to fail."""

import os

import pytest

from weft.config import Config
from weft_driver.planner import choose, known
from weft_driver.planner.problem import Gemm

BASE = Config.parse("base")
OP = Gemm(40, 40, 40)


@pytest.fixture
def searches(tmp_path, monkeypatch):
    """A cache of its own, and the searches that were made."""
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    made = []

    class Search(choose.Search):
        def best(self):
            made.append(self.op)
            return super().best()

    monkeypatch.setattr(choose, "Search", Search)
    choose._choose.cache_clear()
    yield made
    choose._choose.cache_clear()


def again(op=OP, effort=5_000):
    choose._choose.cache_clear()
    return choose.choose(BASE, op, effort=effort)


def test_a_search_is_made_once(searches):
    assert again() == again() == again()
    assert len(searches) == 1
    again(effort=6_000)
    again(Gemm(40, 40, 41))
    assert len(searches) == 3


def test_short_searches_are_not_kept(searches, tmp_path):
    again(Gemm(1, 1, 1))
    assert known.recall("no such key") is None
    again(Gemm(1, 1, 1))
    assert len(searches) == 2


def test_another_planner_searches_anew(searches, monkeypatch):
    again()
    monkeypatch.setattr(known, "_planner", lambda: "another")
    again()
    assert len(searches) == 2


def test_a_damaged_file_costs_a_search(searches, tmp_path):
    first = again()
    (tmp_path / known.NAME).write_bytes(b"not a database" * 1000)
    assert again() == first
    assert len(searches) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(searches, tmp_path):
    tmp_path.chmod(0o500)
    assert again() == again()


def test_a_file_in_the_way(searches, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path / "file" / "below"))
    assert again() == again()
    assert len(searches) == 2
