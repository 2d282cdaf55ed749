"""Signatures by which the parts of the SIMT core meet."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from weft.arch.commands import LAUNCH
from weft.arch.simt import ARGUMENTS, PLAIN_FIELDS, Trap

from .decode import controls_layout
from .selection import PC_BITS, state_layout
from .sizes import Sizes


def launch_layout() -> data.StructLayout:
    """The fields of a LAUNCH command, its opcode and its semaphores excepted."""
    axes = (f"{what}_{axis}" for what in ("grid", "block") for axis in "xyz")
    arguments = (f"argument_{word}" for word in range(ARGUMENTS))
    names = (*PLAIN_FIELDS, *axes, *arguments)
    return data.StructLayout({name: LAUNCH.by_name[name].bits for name in names})


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


def token_layout(sizes: Sizes) -> data.StructLayout:
    """What travels with an instruction from its group of threads to the last stage.

    ``state`` is the warp's as the selection leaves it; ``starved``: nothing is to run; ``no_code``:
    there is no instruction at this address.
    """
    return data.StructLayout(
        {
            "warp": range(max(2, sizes.warps)),
            "pc": PC_BITS,
            "group": sizes.lanes,
            "state": state_layout(sizes),
            "starved": 1,
            "no_code": 1,
        }
    )


class Executed(wiring.Signature):
    """An instruction in the last stage, and what the lanes have made of it.

    Members
    -------
    valid, token, controls
        The instruction.
    row, common
        What goes into rd: a value of each lane, or one for all lanes; the other one is 0. Both are
        where the instruction writes nothing yet.
    sums, stored
        Sums of the first operand and the immediate; register rs2.
    leads
        Where each lane's sum leads, in words, if it is where to go on; 0 otherwise.
    taken
        Lanes that go to the target: branches that are taken, or all of a direct jump; none where no
        instruction is.
    cause, guilty
        Why the group cannot go on, if so, and the lanes that are concerned.
    shared, private, port
        Lanes whose sum is in these windows.
    link, target
        The next instruction (0 with ``leads``) and where branch or ``jal`` leads, in words.
    not_positive
        The immediate is not positive.
    whole
        The group is all live threads of the warp.
    """

    def __init__(self, sizes: Sizes):
        lanes = sizes.lanes
        masks = ("taken", "shared", "private", "port")
        super().__init__(
            {
                "valid": Out(1),
                "token": Out(token_layout(sizes)),
                "controls": Out(controls_layout()),
                **{name: Out(32 * lanes) for name in ("row", "sums", "stored")},
                "common": Out(32),
                "leads": Out(PC_BITS * lanes),
                **{name: Out(lanes) for name in masks},
                "cause": Out(Trap),
                "guilty": Out(lanes),
                "link": Out(PC_BITS),
                "target": Out(PC_BITS),
                "not_positive": Out(1),
                "whole": Out(1),
            }
        )


class Retire(wiring.Signature):
    """What the last stage has done, for benches and counters.

    Members
    -------
    valid
        A group of threads has done an instruction, or handed it to the row unit (``deferred``).
    warp, pc, mask, rd, deferred
        Which; ``rd`` is 0 where nothing is written.
    answered
        Warps of which the instruction that they had handed over is done; the row, if there is one,
        is written now.
    row
        What is written to the register file in this cycle: by either of the two.
    """

    def __init__(self, sizes: Sizes):
        warp = range(max(2, sizes.warps))
        super().__init__(
            {
                "valid": Out(1),
                "warp": Out(warp),
                "pc": Out(PC_BITS),
                "mask": Out(sizes.lanes),
                "rd": Out(5),
                "deferred": Out(1),
                "answered": Out(sizes.warps),
                "row": Out(RowWrite(sizes)),
            }
        )
