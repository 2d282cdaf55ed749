"""Bytes and half words within words: where they are stored, and what is loaded."""

from amaranth.hdl import Cat, Mux


def placed(value, byte, half):
    """A value in every place where it may be stored."""
    return Mux(byte, value[:8].replicate(4), Mux(half, value[:16].replicate(2), value))


def strobe(offset, byte, half):
    """Bytes of the word at two bits of offset that a store writes."""
    return Mux(byte | half, Mux(half, 0b11, 0b1) << offset, 0b1111)[:4]


def extended(found, offset, part, byte, unsigned):
    """What a load of a word, or of a part of it at two bits of offset, gives."""
    pair = Mux(offset[1] & part, found[16:], found[:16])
    low = Mux(offset[0] & byte, pair[8:], pair[:8])
    sign = Mux(byte, low[7], pair[15]) & ~unsigned
    middle = Mux(byte, sign.replicate(8), pair[8:])
    return Cat(low, middle, Mux(part, sign.replicate(16), found[16:]))
