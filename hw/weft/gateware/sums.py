"""What is asked of sums, without waiting for their carries."""

from amaranth.hdl import Cat, Const, Value


def adds_up(parts: tuple[Value, Value, Value], total: int) -> Value:
    """Whether three numbers add up to a constant, without waiting for a carry.

    Two numbers do if each bit of their sum is right with the carry that the bit below gives if its
    sum is: that bit's of both, or, where they differ, the one that makes the sum's bit.
    """
    bits = max(max(map(len, parts)) + 2, total.bit_length())
    a, b, c = (Cat(part, Const(0, bits - len(part))) for part in parts)
    ones, twos = a ^ b ^ c, Cat(Const(0, 1), ((a & b) | (a & c) | (b & c))[:-1])
    carries = Cat(Const(0, 1), ((ones & twos) | ((ones ^ twos) & ~Const(total, bits)))[:-1])
    return (ones ^ twos ^ Const(total, bits)) == carries


def overflows(one: Value, other: Value) -> Value:
    """Whether the sum of two numbers of as many bits has one more, without a carry through all."""
    if len(one) == 1:
        return one & other
    half = len(one) // 2
    goes_on = (one[half:] | other[half:]).all()  # with a carry from below, unless by itself
    return overflows(one[half:], other[half:]) | (goes_on & overflows(one[:half], other[:half]))
