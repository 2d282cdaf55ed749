"""The gateware and the simulator, retire by retire, on random structured programs.

``WEFT_LONG=1`` runs 10,000: 2,500 on each of 1 x 1, 2 x 4, 4 x 16 and 8 x 16, of which 2 x 4 and
8 x 16 have floating point. A program, its threads and its memory derive from one seed; a failure
names it, and the test's name has the first seed of the ten or 250 that run with it.
"""

import numpy as np
import pytest

from .assembler import pointer
from .conftest import LONG
from .pair import ARGUMENTS, BASE, PRIVATE_BASE, SMALL, TINY, WIDE, Pair, ids
from .random_kernels import PRIVATE, RandomKernel

CORES = [TINY, SMALL, WIDE, BASE] if LONG else [TINY, SMALL]
PROGRAMS, TOGETHER = (10_000, 250) if LONG else (40, 10)
OF_EACH = PROGRAMS // len(CORES)


def memory_of(seed: int) -> dict[str, int]:
    """Latency, its random part, and how often channels stand still, in 256ths."""
    rng = np.random.default_rng([seed, 1])
    choices = {
        "latency": (0, 1, 3, 10, 40),
        "spread": (0, 2, 9, 60),
        "stall": (0, 0, 20, 64, 200),
    }
    return {"seed": seed, **{name: int(rng.choice(of)) for name, of in choices.items()}}


@pytest.mark.parametrize("first", range(0, OF_EACH, TOGETHER))
@pytest.mark.parametrize("sizes", CORES, ids=ids)
def test_random_programs(sizes, first):
    for seed in range(first, first + TOGETHER):
        kernel = RandomKernel(
            seed,
            floats=sizes.fp == "full" and seed % 5 > 1,
            weft=seed % 2 == 1,
            collectives=seed % 3 == 2,
        )
        threads = sizes.threads if seed % 4 == 3 else 1 + seed % sizes.threads
        Pair(sizes, seed).run(
            kernel.code,
            what=f"{seed=}",
            memory=memory_of(seed),
            arguments=pointer(ARGUMENTS),
            block=(threads, 1, 1),
            private=PRIVATE,
            private_base=PRIVATE_BASE,
        )


def test_the_count_is_what_it_says():
    assert OF_EACH * len(CORES) == PROGRAMS
    assert OF_EACH % TOGETHER == 0
