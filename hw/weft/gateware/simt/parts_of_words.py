"""Bytes and half words within words: where they are stored, and what is loaded."""

from amaranth.hdl import Cat, Const, Mux


def placed(value, word, half):
    """A value in every place where it may be stored."""
    byte, pair = value[:8], value[:16]
    return Mux(word, value, Mux(half, pair.replicate(2), byte.replicate(4)))


def strobe(offset, word, half):
    """Bytes of the word at two bits of offset that a store writes."""
    return Mux(word, 0b1111, Mux(half, 0b11, 0b1) << offset)[:4]


def extended(found, offset, word, half, unsigned):
    """What a load of a word's part at two bits of offset gives."""
    pair = Mux(offset[1], found[16:], found[:16])
    byte = Mux(offset[0], pair[8:], pair[:8])
    pair_sign, byte_sign = pair[15] & ~unsigned, byte[7] & ~unsigned
    return Mux(
        word,
        found,
        Mux(half, Cat(pair, pair_sign.replicate(16)), Cat(byte, byte_sign.replicate(24))),
    )


def merged(parts):
    """Bytes of a word to write, and their values: of several (strobe, value) the last one wins."""
    strobe_all, chosen = Const(0, 4), [Const(0, 8)] * 4
    for mine, value in parts:
        strobe_all = strobe_all | mine
        chosen = [Mux(mine[i], value.word_select(i, 8), old) for i, old in enumerate(chosen)]
    return strobe_all, Cat(chosen)
