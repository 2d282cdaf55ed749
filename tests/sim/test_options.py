"""Device URLs: what is understood, and what is said about the rest."""

from pathlib import Path

import pytest

from weft.arch.memory import MemoryTiming
from weft.config import PRESETS, Config
from weft_sim.options import parse_options


def test_defaults():
    options = parse_options("base")
    assert options.config == PRESETS["base"]
    assert options.timing == MemoryTiming()
    assert (options.stall, options.waves, options.window) == (0.0, None, None)


def test_everything():
    options = parse_options(
        "tiny,rows=8?latency=100&outstanding=3&read_interval=2&write_interval=4"
        "&stall=0.25&seed=7&memory_mib=2&waves=a.fst&window=10:20"
    )
    assert options.config == Config.parse("tiny,rows=8")
    assert options.timing == MemoryTiming(100, 3, 2, 4)
    assert (options.stall, options.seed, options.memory_bytes) == (0.25, 7, 2 << 20)
    assert (options.waves, options.window) == (Path("a.fst"), (10, 20))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("huge", "unknown preset 'huge'; presets: base, "),
        ("base,row=8", "unknown Config field 'row'"),
        ("base?speed=9", "unknown option 'speed' of a simulated device; options: latency"),
        ("base?latency=0", "latency = '0' is not valid: a whole number from 1"),
        ("base?latency=fast", "latency = 'fast' is not valid"),
        ("base?outstanding=65", "outstanding = '65' is not valid: a whole number from 1 to 64"),
        ("base?stall=1", "stall = '1' is not valid: a probability from 0 to 0.99"),
        ("base?waves=", "waves = '' is not valid"),
        ("base?window=1:2", "window needs waves"),
        ("base?waves=a&window=5", "window = '5' is not valid: A:B"),
        ("base?waves=a&window=9:3", "window = '9:3' is not valid: A:B"),
    ],
)
def test_refused(rest, message):
    with pytest.raises(ValueError, match=message):
        parse_options(rest)
