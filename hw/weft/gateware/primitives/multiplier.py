"""One row of int8 multipliers with their weight registers: what all variants have in common.

Each variant is a file of this folder; `weft.gateware.primitives.variants` names them. They all have
the same `LATENCY`, so that the array's timing does not depend on the choice.
"""

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

LATENCY = 4
"""Registers from an activation to its product: both operands', two inside the multiplier, and one
in the fabric that breaks the wire from a column of multipliers to its adders."""

PRODUCT_BITS = 16
"""Bits of one product in the packed output."""


class Multipliers(wiring.Component):
    """A row of multipliers. Nothing in it can stall; packed values have element 0 lowest.

    Weights pass through three registers: ``ready`` and ``pipe`` form the chain down the rows, and
    ``used`` multiplies.

    Parameters
    ----------
    cols
        Elements in a row.
    row
        Number of the row in its array.

    Members
    -------
    a
        ``cols`` int8: what enters each element in this cycle.
    x
        ``a``, one cycle later.
    chain, shift
        ``cols`` int8 of the next tile, and which elements take them, ``enable_bits`` for each.
    pipe
        For the next row's ``chain``: weights, two cycles after they were on this one's.
    swap
        Likewise: use the next weight, beginning with the activation in this cycle.
    used
        ``cols`` int8: the weights that multiply ``x``. For observers.
    product
        ``cols`` int16, `LATENCY` cycles after ``a``.
    """

    a: Signal
    x: Signal
    chain: Signal
    shift: Signal
    pipe: Signal
    swap: Signal
    used: Signal
    product: Signal

    enable_bits = 8
    """Bits of ``shift`` and ``swap`` for each element: byte masks, or one bit."""

    def __init__(self, cols: int, row: int):
        self.cols = cols
        self.row = row
        width = 8 * cols
        super().__init__(
            {
                "a": In(width),
                "x": Out(width),
                "chain": In(width),
                "shift": In(self.enable_bits * cols),
                "pipe": Out(width),
                "swap": In(self.enable_bits * cols),
                "used": Out(width),
                "product": Out(PRODUCT_BITS * cols),
            }
        )

    def register(self, name: str, width: int = 8) -> Signal:
        """A register for data, which needs no reset: nothing is read before it was written."""
        return Signal(width * self.cols, name=name, reset_less=True)

    def hold(self, m: Module, register: Signal, value: Value, enables: Value) -> None:
        """Let the elements of a register take a value where enabled, and else keep theirs."""
        raise NotImplementedError

    def multiply(self, m: Module, ready: Signal) -> Value:
        """Products, `LATENCY` cycles after ``a``; ``ready`` are the weights that ``swap`` takes."""
        raise NotImplementedError

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        x, used = self.register("x_register"), self.register("used_register")
        ready, pipe = self.register("ready"), self.register("pipe_register")
        m.d.sync += [x.eq(self.a), pipe.eq(ready)]
        self.hold(m, ready, self.chain, self.shift)
        self.hold(m, used, ready, self.swap)
        m.d.comb += [
            self.x.eq(x),
            self.pipe.eq(pipe),
            self.used.eq(used),
            self.product.eq(self.multiply(m, ready)),
        ]
        return m


class PortableMultipliers(Multipliers):
    """The variant in plain Verilog, written for the speed of simulators: whole rows at a time."""

    def hold(self, m: Module, register: Signal, value: Value, enables: Value) -> None:
        """As a mask: rows move as whole words."""
        m.d.sync += register.eq((register & ~enables) | (value & enables))

    def multiply(self, m: Module, ready: Signal) -> Value:
        """Multiply, and let synthesis move the registers."""
        products = []
        for i in range(self.cols):
            product = Signal(signed(PRODUCT_BITS), name=f"product_{i}")
            a, b = (word.word_select(i, 8).as_signed() for word in (self.x, self.used))
            m.d.comb += product.eq(a * b)
            products.append(product)
        value = Cat(*products)
        for stage in range(1, LATENCY):
            later = self.register(f"product_{stage}_later", PRODUCT_BITS)
            m.d.sync += later.eq(value)
            value = later
        return value


class CellMultipliers(Multipliers):
    """What variants of cells have in common: clock enables, which cost no LUT."""

    enable_bits = 1

    def hold(self, m: Module, register: Signal, value: Value, enables: Value) -> None:
        """As enables, one for each element."""
        for i in range(self.cols):
            with m.If(enables[i]):
                m.d.sync += register.word_select(i, 8).eq(value.word_select(i, 8))
