"""Products with constants, for which synthesis would take a multiplier."""

from amaranth.hdl import Const, Value


def times(value: Value, constant: int) -> Value:
    """``value * constant`` of shifts, additions and subtractions: a few where few digits are set.

    Parameters
    ----------
    value
        Unsigned.
    constant
        Positive.

    Returns
    -------
    Value
        Signed where a digit is negative, which taking it modulo a power of two does not see.
    """
    total, place = Const(0), 0
    while constant:
        if constant & 1:
            # A run of ones is one digit above its end less one at its beginning.
            digit = -1 if constant & 3 == 3 and constant != 3 else 1
            term = value << place
            total = total + term if digit > 0 else total - term
            constant -= digit
        constant, place = constant >> 1, place + 1
    return total
