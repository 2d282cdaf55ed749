"""Configurations: what the fields of the SIMT core may be, and what they change."""

from dataclasses import replace

import pytest

from weft.arch.simt import Core
from weft.config import BASE, CORE_FIELDS, PRESETS, Config


def test_the_cores_of_presets():
    cores = {
        name: (c.lanes, c.warps, c.fp) for name, c in PRESETS.items() if name in ("base", "tiny")
    }
    assert cores == {"base": (8, 16, "full"), "tiny": (2, 4, "none")}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("base,lanes=3", "lanes = 3 is not valid: one of 0, 1, 2, 4, 8"),
        ("base,lanes=true", "lanes = True is not valid"),
        ("base,warps=0", "warps = 0 is not valid: a whole number from 1 to 16"),
        ("base,warps=17", "warps = 17 is not valid"),
        ("base,fp=true", "fp = True is not valid: one of none, full"),
        ("base,fp=half", "fp = 'half' is not valid: one of none, full"),
        ("base,icache_bytes=3000", "icache_bytes = 3000 is not valid: a power of two"),
        ("base,icache_bytes=64", "icache_bytes = 64 is not valid: a whole number from 128"),
        ("base,starvation=0", "starvation = 0 is not valid: a whole number from 1"),
        ("base,starvation=65536", "starvation = 65536 is not valid"),
    ],
)
def test_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        Config.parse(spec)


CHANGES = {"warps": 4, "fp": "none", "icache_bytes": 256, "starvation": 9}


def test_without_a_core_its_sizes_describe_the_same_chip():
    assert set(CHANGES) == set(CORE_FIELDS)
    without = replace(BASE, lanes=0)
    assert replace(without, **CHANGES).hash == without.hash
    hashes = [replace(BASE, **{name: value}).hash for name, value in CHANGES.items()]
    assert len({BASE.hash, without.hash, *hashes}) == 2 + len(hashes)


def test_the_core_of_a_chip():
    core = Core.of(BASE)
    assert core == Core(), "the default core is that of base"
    core = Core.of(Config.parse("tiny,starvation=7"))
    assert (core.lanes, core.warps, core.has_float, core.starvation) == (2, 4, False, 7)
    assert (core.shared_bytes, core.region_bytes, core.bank_words, core.bus_bytes) == (
        *(2048, 1024, 2, 4),
    )
    with pytest.raises(ValueError, match="no SIMT core: choose a configuration with lanes > 0"):
        Core.of(replace(BASE, lanes=0))
