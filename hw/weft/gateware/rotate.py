"""Turning a row of bytes by a number of places."""

from amaranth.hdl import Module, Mux, Signal, Value


def rotated(m: Module, value: Value, places: Value, unit: int, name: str) -> Value:
    """A value whose part ``i`` of ``unit`` bits stands at ``i + places``, the last ones in front.

    A negative ``unit`` turns the other way. A shift would give the same and zeros, in twice as
    many bits.
    """
    for bit, turns in enumerate(places):
        step = Signal(len(value), name=f"{name}_{bit}")
        m.d.comb += step.eq(Mux(turns, value.rotate_left(unit << bit), value))
        value = step
    return value
