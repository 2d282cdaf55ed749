"""The official architecture tests on the gateware, on every thread.

``WEFT_LONG=1`` runs all 46 on 1 x 1, 2 x 4 and 8 x 16; by default a few run on the small cores.
"""

import numpy as np
import pytest

from weft.golden.simt import Simulator
from weft.golden.simt.memory import Memories

from .arch_suite import EveryThread, in_unicorn
from .conftest import LONG
from .pair import BASE, SMALL, TINY, ids
from .rtl import Rtl, core_of, why
from .test_architecture import NAMES

SAMPLE = ["I/add-01", "I/beq-01", "I/jalr-01", "I/lh-align-01", "I/sb-align-01", "I/sra-01"]
SAMPLE += ["M/mulhsu-01", "M/rem-01"]


@pytest.mark.parametrize("sizes", [TINY, SMALL, BASE] if LONG else [TINY, SMALL], ids=ids)
@pytest.mark.parametrize("name", NAMES if LONG else SAMPLE)
def test_architecture(suite, name, sizes):
    test, core = suite.build(name), core_of(sizes)
    on_rtl, on_simulator = EveryThread(test, core), EveryThread(test, core)
    shared = np.zeros(core.shared_bytes, np.uint8)
    with Rtl(sizes, on_rtl.main, shared) as rtl:
        rtl.start(on_rtl.launch, latency=3)
        outcome = rtl.run(50_000_000)
    assert outcome.finished, f"{name}: {why(outcome)}"
    on_rtl.check(in_unicorn(test))
    counters = Simulator(core, Memories(core, on_simulator.main, shared)).run(on_simulator.launch)
    assert np.array_equal(on_rtl.main, on_simulator.main), name
    assert outcome.issued == counters.issued, name
