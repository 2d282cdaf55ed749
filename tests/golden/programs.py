"""Building small programs by hand, and running them on the golden chip."""

import numpy as np

from weft.arch.commands import Space, encode
from weft.config import Config
from weft.golden.chip import GoldenChip
from weft.golden.state import State

TINY = Config.parse("tiny")
BASE = Config.parse("base")
ODD = Config.parse("tiny,rows=3,cols=5,drain_units=5,wgt_kib=0.5")
ONE = Config.parse("tiny,rows=1,cols=1,wgt_kib=0.25")
NARROW = Config.parse("base,rows=7,cols=2,bus_bytes=4,act_regions=3,act_kib=96")
CONFIGS = {"tiny": TINY, "base": BASE, "odd": ODD, "one": ONE, "narrow": NARROW}

PROGRAM = 0
END = encode("SIGNAL", {"end": 1})


def signal(*waits: int, **values: int) -> bytes:
    return encode("SIGNAL", {"wait": sems(*waits), **values})


def sems(*numbers: int) -> int:
    return sum(1 << number for number in numbers)


def chip_for(config: Config, size: int = 1 << 20, seed: int = 0) -> GoldenChip:
    rng = np.random.default_rng(seed)
    return GoldenChip(config, rng.integers(0, 256, size, dtype=np.uint8), seed)


def state_for(config: Config, size: int = 1 << 20, seed: int = 0) -> State:
    rng = np.random.default_rng(seed)
    return State(config, rng.integers(0, 256, size, dtype=np.uint8), seed)


def run(chip: GoldenChip, *commands: bytes) -> None:
    program = np.frombuffer(b"".join(commands), np.uint8)
    chip.state.memory[PROGRAM : PROGRAM + len(program)] = program
    chip.run(PROGRAM, len(commands))


def put(chip: GoldenChip, address: int, array: np.ndarray) -> None:
    data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
    chip.state.memory[address : address + len(data)] = data


def get(chip: GoldenChip, address: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return chip.state.memory[address : address + size].view(dtype).reshape(shape)


def load_act(**values: int) -> bytes:
    return encode("LOAD", {"space": Space.ACT, "count1": 1, "count2": 1, **values})


def load_wgt(**values: int) -> bytes:
    return encode("LOAD", {"space": Space.WGT, "count1": 1, "count2": 1, **values})


def load_param(**values: int) -> bytes:
    return encode("LOAD", {"space": Space.PARAM, "count1": 1, "count2": 1, **values})


def matmul(**values: int) -> bytes:
    ones = dict.fromkeys(("blocks", "k_tail", "k0", "k1", "k2", "m0", "m1", "m2"), 1)
    return encode("MATMUL", {**ones, **values})


def drain(**values: int) -> bytes:
    ones = dict.fromkeys(("rows", "blocks", "cols_last"), 1)
    return encode("DRAIN", {**ones, **values})


def store(**values: int) -> bytes:
    return encode("STORE", {"count1": 1, "count2": 1, **values})
