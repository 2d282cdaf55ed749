"""In how many passes one instruction's accesses are served: the rule that hardware follows.

The lanes' accesses of one instruction are served in passes. Each pass takes the lowest lane not yet
served as its leader, and serves with it

* main memory (and private memory, once its addresses are main memory's): every lane whose address
  lies in the same aligned line of `LINE_BYTES`. A pass is one burst, from the first to the last
  beat that any of its lanes touches;
* shared memory: lanes in the same region of the activation SRAM. In each bank the lowest lane not
  yet served chooses the word; all lanes that want this word are served, so that a broadcast costs
  nothing. Of atomics only that lane is served. Word w is in bank w mod `bank_words`;
* command port: that lane alone.

All addresses are checked before the first pass. Where several lanes write the same byte, the
highest lane's value stays: as if the lanes went one after the other, lowest first.
"""

from collections.abc import Sequence

from weft.arch.simt import LINE_BYTES, Core


def shared_passes(core: Core, offsets: Sequence[int], atomic: bool) -> int:
    """Passes of accesses to shared memory.

    Parameters
    ----------
    core
        Gives banks and regions.
    offsets
        Byte offsets in the shared window, in the order of lanes.
    atomic
        Whether lanes with the same word are served one by one.
    """
    pending = [offset >> 2 for offset in offsets]
    passes = 0
    region_words = core.region_bytes >> 2
    while pending:
        passes += 1
        region = pending[0] // region_words
        chosen: dict[int, int] = {}
        rest = []
        for word in pending:
            bank = word % core.bank_words
            if word // region_words != region:
                rest.append(word)
            elif bank not in chosen:
                chosen[bank] = word
            elif atomic or chosen[bank] != word:
                rest.append(word)
        pending = rest
    return passes


def memory_passes(core: Core, addresses: Sequence[int], size: int) -> tuple[int, int]:
    """Bursts and beats of accesses to main memory.

    Parameters
    ----------
    core
        Gives the width of the memory port.
    addresses
        Byte addresses in main memory, multiples of ``size``, in the order of lanes.
    size
        Bytes that each lane accesses.
    """
    lines: dict[int, tuple[int, int]] = {}
    for address in addresses:
        line = address // LINE_BYTES
        low, high = lines.get(line, (address, address))
        lines[line] = (min(low, address), max(high, address))
    bus = core.bus_bytes
    beats = sum((high + size - 1) // bus - low // bus + 1 for low, high in lines.values())
    return len(lines), beats
