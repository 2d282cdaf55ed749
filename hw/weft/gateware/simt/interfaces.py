"""Signatures by which the parts of the SIMT core meet."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from weft.arch.commands import LAUNCH
from weft.arch.simt import Trap

from .selection import PC_BITS
from .sizes import Sizes


def launch_layout() -> data.StructLayout:
    """The fields of a LAUNCH command, its opcode and its semaphores excepted."""
    names = ("entry", "arguments", "shared", "shared_base", "private", "private_base")
    axes = tuple(f"{what}_{axis}" for what in ("grid", "block") for axis in "xyz")
    return data.StructLayout({name: LAUNCH.by_name[name].bits for name in (*names, *axes)})


class RowWrite(wiring.Signature):
    """A write to the register file, all lanes at once.

    Members
    -------
    mask, warp, rd, data
        Lanes, row, values.
    """

    def __init__(self, sizes: Sizes):
        super().__init__(
            {
                "mask": Out(sizes.lanes),
                "warp": Out(range(max(2, sizes.warps))),
                "rd": Out(5),
                "data": Out(32 * sizes.lanes),
            }
        )


class TrapReport(wiring.Signature):
    """Which thread cannot go on, and why; holds until reset.

    Members
    -------
    valid, cause, warp, lane, pc
        ``cause`` is a `weft.arch.simt.Trap`, ``pc`` the word address of the instruction.
    """

    def __init__(self, sizes: Sizes):
        super().__init__(
            {
                "valid": Out(1),
                "cause": Out(range(len(Trap))),
                "warp": Out(range(max(2, sizes.warps))),
                "lane": Out(range(max(2, sizes.lanes))),
                "pc": Out(PC_BITS),
            }
        )
