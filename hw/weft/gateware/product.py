"""Products whose multipliers have names."""

from amaranth.hdl import Module, Signal, Value, ValueLike


def multiply(
    m: Module,
    name: str,
    product: Signal,
    x: Value,
    y: Value,
    *,
    enable: ValueLike = 1,
    zero: ValueLike = 0,
) -> None:
    """Register a product, in a module of its own: by its name the target's floorplan places it.

    Parameters
    ----------
    name
        The module is ``times_{name}``.
    product
        The register.
    enable
        It changes.
    zero
        It becomes 0 instead.
    """
    m.submodules[f"times_{name}"] = part = Module()
    with part.If(enable):
        part.d.sync += product.eq(x * y)
        with part.If(zero):
            part.d.sync += product.eq(0)
