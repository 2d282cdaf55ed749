"""What instructions compute in which the live threads of a warp meet."""

import numpy as np

from weft.arch.isa import Decoded

from .operations import Row


def collect(decoded: Decoded, row: Row, live: int) -> Row:
    """The result in every lane.

    Parameters
    ----------
    decoded
        ``vote.any``, ``vote.all``, ``ballot`` or ``shfl.xor``.
    row
        Register rs1 of all lanes.
    live
        Mask of live threads; the values of others do not count.
    """
    lanes = len(row)
    if decoded.name == "shfl.xor":
        alive = np.array([live >> lane & 1 for lane in range(lanes)], np.uint32)
        partner = np.arange(lanes) ^ (decoded.values["lane_mask"] & lanes - 1)
        return (row * alive)[partner]
    ballot = sum(1 << lane for lane in range(lanes) if row[lane] and live >> lane & 1)
    result = {"vote.any": int(ballot != 0), "vote.all": int(ballot == live), "ballot": ballot}
    return np.full(lanes, result[decoded.name], np.uint32)
