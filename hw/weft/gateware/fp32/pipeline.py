"""Registers of pipelines that nothing can stop."""

from amaranth.hdl import Module, Signal, Value


def register(shape=1) -> Signal:
    """A register of a pipeline; what is in it after reset is never looked at."""
    return Signal(shape, reset_less=True, src_loc_at=1)


def later(m: Module, value, cycles: int, name: str, reset_less: bool = True) -> Value:
    """The value so many cycles ago; registers ``name_1``, ``name_2`` and so on."""
    for cycle in range(1, cycles + 1):
        stage = Signal(value.shape(), name=f"{name}_{cycle}", reset_less=reset_less)
        m.d.sync += stage.eq(value)
        value = stage
    return value
