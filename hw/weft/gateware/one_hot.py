"""The first of several bits, and its number."""

from amaranth.hdl import Cat


def lowest(mask):
    """The lowest bit of a mask, alone; without a carry, which is slow to enter and to leave."""
    return Cat(bit & ~mask[:i].any() for i, bit in enumerate(mask))


def encode(one_hot, size: int):
    """The place of the only bit that is set."""
    bits = max(1, (size - 1).bit_length())
    return Cat(
        Cat(one_hot[i] for i in range(size) if i >> bit & 1).any() if size > 1 << bit else 0
        for bit in range(bits)
    )
