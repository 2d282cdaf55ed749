"""What leaves the pipeline, and comes back: requests of warps, and answers to them."""

from amaranth.hdl import Cat
from amaranth.lib import data

from .decode import Amo
from .sizes import Sizes, columns

KINDS = ("load", "store", "atomic", "byte", "half", "unsigned", "remainder")
"""Bits of a request that the decoder gives."""

FORM = ("byte", "half", "unsigned")
"""Bits that say which part of a word a load takes."""


def region_bits(sizes: Sizes) -> int:
    """Bits of the number of a region of shared memory."""
    return max(1, (sizes.regions - 1).bit_length())


def form_of(tag, answer, sizes: Sizes, offset_bits: int) -> list:
    """Statements that say in an answer how its words become values."""
    return [
        *(answer[name].eq(tag[name]) for name in FORM),
        answer.offsets.eq(
            Cat(tag.offsets.word_select(lane, offset_bits)[:2] for lane in range(sizes.lanes))
        ),
    ]


def asked_layout(sizes: Sizes) -> data.StructLayout:
    """A warp's request but for what it stores.

    ``a``: byte offsets in main or shared memory (lanes in ``shared``) or in the command port
    (``port``), of all lanes. ``regions``: of lanes in shared memory, that of their offset.
    ``mask``: lanes that take part.
    """
    return data.StructLayout(
        {
            **dict.fromkeys(KINDS, 1),
            "amo": Amo,
            "rd": 5,
            "warp": range(max(2, sizes.warps)),
            "mask": sizes.lanes,
            "shared": sizes.lanes,
            "port": sizes.lanes,
            "regions": region_bits(sizes) * sizes.lanes,
            "a": 32 * sizes.lanes,
        }
    )


def request_layout(sizes: Sizes) -> data.StructLayout:
    """A warp's request, with ``b``: what all lanes store, in every place where it may go."""
    return data.StructLayout({**asked_layout(sizes).members, "b": 32 * sizes.lanes})


def answer_layout(sizes: Sizes) -> data.StructLayout:
    """What comes back.

    Lanes ``mask`` of ``row`` are written to register ``rd`` if that is not 0; of each word the
    ``byte`` or ``half`` at its two bits of ``offsets``, extended. The instruction is done with the
    answer that is ``last``. ``error``: memory has answered with one.
    """
    return data.StructLayout(
        {
            "rd": 5,
            "warp": range(max(2, sizes.warps)),
            "mask": sizes.lanes,
            "row": 32 * sizes.lanes,
            "byte": 1,
            "half": 1,
            "unsigned": 1,
            "offsets": 2 * sizes.lanes,
            "last": 1,
            "error": 1,
        }
    )


def pass_layout(sizes: Sizes) -> data.StructLayout:
    """One pass of a request: lanes that one burst or one cycle of shared memory serves.

    ``emit``: the last pass in this memory, so that an answer is due, which writes lanes ``mask``;
    ``last``: nothing of the request is left; ``region``: of shared memory, in which offsets count;
    ``bytes``: those of each lane's word that it writes; of lanes that write the same byte, the
    highest; ``at``: for each lane that is served, the column of its word, one-hot.
    """
    return data.StructLayout(
        {
            "request": request_layout(sizes),
            "served": sizes.lanes,
            "mask": sizes.lanes,
            "emit": 1,
            "last": 1,
            "region": range(max(2, sizes.regions)),
            "bytes": 4 * sizes.lanes,
            "at": columns(sizes) * sizes.lanes,
        }
    )


def tag_layout(sizes: Sizes, offset_bits: int) -> data.StructLayout:
    """What has to be known of a pass when its data come: ``offsets`` of all lanes, low bits."""
    return data.StructLayout(
        {
            "rd": 5,
            "warp": range(max(2, sizes.warps)),
            "served": sizes.lanes,
            "mask": sizes.lanes,
            "emit": 1,
            "last": 1,
            "byte": 1,
            "half": 1,
            "unsigned": 1,
            "offsets": offset_bits * sizes.lanes,
        }
    )


def tag_of(what, tag, sizes: Sizes, offset_bits: int) -> list:
    """Statements that fill a tag from a pass."""
    request = what.request
    same = ("served", "mask", "emit", "last")
    offsets = [
        tag.offsets.word_select(lane, offset_bits).eq(request.a.word_select(lane, 32))
        for lane in range(sizes.lanes)
    ]
    return [
        *(tag[name].eq(what[name]) for name in same),
        *(tag[name].eq(request[name]) for name in ("rd", "warp", *FORM)),
        *offsets,
    ]
