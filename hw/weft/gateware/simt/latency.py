"""How long an instruction keeps its warp: cycles from one pick of a warp to its next.

That is when nobody else is in the way: sums of what the parts of the core say about themselves.
"""

from dataclasses import dataclass

from ..memory_port import MemoryPort
from .execute import Execute
from .floats import FloatRows
from .icache import InstructionCache
from .main_access import MainAccess
from .passes import Passes
from .registers import Registers
from .request_queue import RequestQueue
from .returns import Returns
from .scheduler import Scheduler
from .selection import pc_latency
from .sizes import Sizes


@dataclass(frozen=True)
class Latencies:
    """Cycles of a warp for one instruction, by kind.

    Parameters
    ----------
    plain
        What the lanes do in the pipeline.
    pipelined_float
        What the lanes' pipelined float units do; not division, roots and the table.
    load, store
        An access to main memory of one burst: so many cycles, one for each of the burst's beats,
        and memory's latency (`weft.arch.memory.MemoryTiming.latency`).
    """

    plain: int
    pipelined_float: int
    load: int
    store: int

    @classmethod
    def of(cls, sizes: Sizes) -> "Latencies":
        """Of a core."""
        to_operands = pc_latency(sizes.lanes) + InstructionCache.latency + Registers.read_latency
        to_last = to_operands + Execute.latency
        # A warp that waits for floats is picked so early that it meets its row at the registers.
        row = to_last + FloatRows.answer_latency + Returns.latency
        pick = max(to_last, row + 1 - to_operands) + Scheduler.latency
        to_pass = to_last + RequestQueue.latency + Passes.latency
        to_burst = to_pass + MainAccess.burst_latency
        back = Returns.latency + Scheduler.latency
        return cls(
            plain=to_last + Scheduler.latency,
            pipelined_float=pick,
            load=to_burst - 1 + MainAccess.load_latency + back,  # beat one comes with memory's
            store=to_pass
            + MainAccess.write_latency
            + MemoryPort.data_latency
            - 1
            + MainAccess.store_latency
            + back,
        )
