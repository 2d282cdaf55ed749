"""The first of several bits, its number, and what is chosen by it."""

from amaranth.hdl import Cat, Const, Value


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


def selected(choices):
    """The or of values, each with a bit that says whether it counts."""
    result = Const(0)
    for bit, value in choices:
        value = Value.cast(value)
        result = result | (value & bit.replicate(len(value)))
    return result
