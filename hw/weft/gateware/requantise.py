"""The requantiser: int32 sum times float32 scale, rounded as float32 arithmetic rounds, to a byte.

The formula is ``f32_rne``: ``clamp(rint(fl32(fl32(acc) * scale)) + zero_point, qmin, qmax)``, where
fl32 rounds to float32 and every rounding is to nearest, ties to even. A single rounding of the
exact product would differ about twice in a million values, so there are three here.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .product import multiply

MANTISSA = 24
"""Significant bits of a float32."""

EXPONENT_BIAS = 150
"""A float32 with exponent field e is its `MANTISSA`-bit integer times 2^(e - 150)."""

SATURATE_SHIFT = 7
"""A 24-bit result shifted right by at most this is >= 2^16: it saturates for any zero_point."""

ZERO_SHIFT = MANTISSA + 1
"""Shifted right by at least this, at most one half is left, and one half rounds to 0."""


class Requantiser(wiring.Component):
    """One value in each cycle in which ``en`` is high; while it is low, everything holds.

    Counting enabled cycles, a value enters in cycle 0. Its other operands are taken later, when
    they are needed, so that nothing carries them along; the result leaves at `latency`::

        cycle    0    1     2    3      4      5    6     7    8     9     10     11
        input   acc              scale                              zero   qmin
                                                                    point  qmax
        stage       abs   normalise   round   multiply    round   shift   add   clamp
        output                                                                  value

    Members
    -------
    en
        Clock enable.
    acc
        The sum.
    scale
        float32 bits, positive and normal (anything else gives an unspecified value); taken
        `scale_delay` cycles after ``acc``.
    zero_point
        Added after scaling; taken `zero_point_delay` cycles after ``acc``.
    qmin, qmax
        Clamps, qmin <= qmax; taken `clamp_delay` cycles after ``acc``.
    value
        The clamped result modulo 256.
    """

    scale_delay = 3
    zero_point_delay = 9
    clamp_delay = 10
    latency = 11

    en: Signal
    acc: Signal
    scale: Signal
    zero_point: Signal
    qmin: Signal
    qmax: Signal
    value: Signal

    def __init__(self):
        super().__init__(
            {
                "en": In(1),
                "acc": In(signed(32)),
                "scale": In(32),
                "zero_point": In(signed(16)),
                "qmin": In(signed(16)),
                "qmax": In(signed(16)),
                "value": Out(8),
            }
        )

    def elaborate(self, platform):
        """Implement the component, one block of statements for each stage."""
        m = Module()
        updates = []

        # 1: sign and magnitude. The sign is needed again in stage 10.
        signs = _register(9)
        magnitude = _register(32)
        updates += [
            signs.eq(Cat(self.acc < 0, signs)),
            magnitude.eq(Mux(self.acc < 0, -self.acc, self.acc)),
        ]

        # 2, 3: shift left until bit 31 is set; acc = value * 2^-zeros. Zero stays zero.
        shifted, zeros_high = _normalise(m, "high", magnitude, (16, 8))
        part = _register(32)
        part_zeros = _register(2)
        updates += [part.eq(shifted), part_zeros.eq(zeros_high)]
        shifted, zeros_low = _normalise(m, "low", part, (4, 2, 1))
        normal = _register(32)
        zeros = _register(5)
        updates += [normal.eq(shifted), zeros.eq(Cat(zeros_low, part_zeros))]

        # 4: first rounding, to 24 bits. A carry out leaves 2^24, which becomes 2^23 here (all
        # other bits are zero) and one step of the exponent in the next stage.
        rounded = Signal(MANTISSA + 1)
        up = Signal()
        m.d.comb += [
            up.eq(normal[7] & (normal[:7].any() | normal[8])),
            rounded.eq(normal[8:] + up),
        ]
        factor = _register(MANTISSA)
        scale_mantissa = _register(MANTISSA)
        carry = _register()
        # The result is (product's upper 24 bits) * 2^-shift; the products's own position (0 or 1)
        # and the carry are still missing.
        shift_4 = _register(signed(10))
        updates += [
            factor.eq(Cat(rounded[: MANTISSA - 1], rounded[MANTISSA - 1] | rounded[MANTISSA])),
            carry.eq(rounded[MANTISSA]),
            scale_mantissa.eq(Cat(self.scale[:23], 1)),
            shift_4.eq(EXPONENT_BIAS - 8 - (MANTISSA - 1) + zeros - self.scale[23:31]),
        ]

        # 5, 6: multiply, halves by halves, and add: on an FPGA one stage would be the slowest.
        half_bits = MANTISSA // 2
        halves = [factor[:half_bits], factor[half_bits:]]
        scale_halves = [scale_mantissa[:half_bits], scale_mantissa[half_bits:]]
        parts = {}
        for i in range(2):
            for j in range(2):
                parts[i, j] = Signal(MANTISSA, name=f"part_{i}{j}", reset_less=True)
                x, y = halves[i], scale_halves[j]
                multiply(m, f"{i}{j}", parts[i, j], x, y, enable=self.en)
        shift_5 = _register(signed(10))
        updates += [shift_5.eq(shift_4 - carry)]
        product = _register(2 * MANTISSA)
        shift_6 = _register(signed(10))
        outer = Cat(parts[0, 0], parts[1, 1])
        updates += [
            product.eq(outer + ((parts[0, 1] + parts[1, 0]) << half_bits)),
            shift_6.eq(shift_5),
        ]

        # 7, 8: second rounding, to 24 bits. A carry out is left as a 25th bit: the shift below is
        # wide enough, and no exponent need change.
        top = product[-1]
        kept = _register(MANTISSA)
        kept_up = _register()
        shift_7 = _register(signed(10))
        half, below = Signal(), Signal()
        m.d.comb += [
            half.eq(Mux(top, product[MANTISSA - 1], product[MANTISSA - 2])),
            below.eq(product[: MANTISSA - 2].any() | (top & product[MANTISSA - 2])),
        ]
        least = Mux(top, product[MANTISSA], product[MANTISSA - 1])
        updates += [
            kept.eq(Mux(top, product[MANTISSA:], product[MANTISSA - 1 :])),
            kept_up.eq(half & (below | least)),
            shift_7.eq(shift_6 - top),
        ]
        scaled = _register(MANTISSA + 1)
        saturate = _register()
        vanish = _register()
        shift_8 = _register(range(ZERO_SHIFT - SATURATE_SHIFT - 1))
        updates += [
            scaled.eq(kept + kept_up),
            saturate.eq((shift_7 <= SATURATE_SHIFT) & kept[-1]),  # not for zero
            vanish.eq((shift_7 >= ZERO_SHIFT) | ~kept[-1]),
            shift_8.eq(shift_7 - (SATURATE_SHIFT + 1)),
        ]

        # 9: shift right, keeping what falls out.
        sticky = SATURATE_SHIFT  # bits below it are only asked whether any is set
        room = ZERO_SHIFT - SATURATE_SHIFT - 2  # largest shift
        source = Cat(scaled[:sticky].any(), scaled[sticky:])
        out = Signal(room + len(source))
        m.d.comb += out.eq((source << room) >> shift_8)
        point = room + 2
        whole = _register(len(out) - point)
        fraction_half = _register()
        fraction_below = _register()
        alive = ~saturate & ~vanish
        updates += [
            whole.eq(Mux(saturate, -1, Mux(vanish, 0, out[point:]))),
            fraction_half.eq(out[point - 1] & alive),
            # What falls out, without a wait for what is left.
            fraction_below.eq(Cat(bit & (shift_8 >= i) for i, bit in enumerate(source)).any()),
        ]

        # 10: third rounding, sign and zero point in one sum: -(w + up) = ~w + 1 - up.
        sign = signs[-1]
        whole_up = Signal()
        total = _register(signed(len(whole) + 2))
        flipped = Signal(signed(len(whole) + 1))
        m.d.comb += [
            whole_up.eq(fraction_half & (fraction_below | whole[0])),
            flipped.eq(Cat(whole ^ sign.replicate(len(whole)), sign)),
        ]
        updates += [total.eq(self.zero_point + flipped + (whole_up ^ sign))]

        # 11: clamp.
        low = Mux(total < self.qmin, self.qmin[:8], total[:8])
        updates += [self.value.eq(Mux(total > self.qmax, self.qmax[:8], low))]

        with m.If(self.en):
            m.d.sync += updates
        return m


def _register(shape=1) -> Signal:
    """A register of the pipeline; what is in it after reset is never looked at."""
    return Signal(shape, reset_less=True, src_loc_at=1)


def _normalise(m, name: str, value, steps: tuple[int, ...]):
    """Shift a 32-bit value left by each step for which as many upper bits are zero.

    Returns the shifted value and the steps taken, the smallest step in the lowest bit.
    """
    taken = []
    for step in steps:
        take = Signal(name=f"take_{step}")
        shifted = Signal(32, name=f"{name}_{step}")
        m.d.comb += [
            take.eq(~value[32 - step :].any()),
            shifted.eq(Mux(take, Cat(Const(0, step), value[: 32 - step]), value)),
        ]
        taken.insert(0, take)
        value = shifted
    return value, Cat(*taken)
