"""The table unit: `exp2`, `rcp` and `rsqrt` from parabolas (`weft.arch.fp32_special`).

One operation in each cycle::

    stage   1        2       3       4       5       6        7      8        9      10
            take     shift   round   look    -       multiply add    multiply add    pack
            apart    (exp2)  (exp2)  up              C2 D     C1     T D      C0
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.arch import fp32_special as table
from weft.arch.fp32 import BIAS, CANONICAL_NAN, FRACTION_BITS, INFINITY, SIGNIFICANT_BITS
from weft.arch.fp32_special import Special

from .operands import EXPONENT_BITS, significand, take_apart
from .pipeline import later, register

WHOLE_BITS = 8
"""Bits of the whole part of exp2's operand, its sign included."""

LARGE_FIELD = BIAS + WHOLE_BITS - 1
"""Exponent field from which on exp2 is infinite, or 0."""

GROW_BITS = table.FRACTION_BITS - FRACTION_BITS
"""Bits that the table's fraction has more than a float32."""

FIXED_BITS = WHOLE_BITS - 1 + table.FRACTION_BITS + table.EXP2_GUARD
"""Magnitude of exp2's operand in fixed point, before rounding."""

AMOUNT_BITS = FIXED_BITS.bit_length()

ROUND_POSITIVE = 1 << table.EXP2_GUARD - 1
"""From these bits on below the table's fraction, the magnitude is rounded up."""

ROUND_NEGATIVE = ROUND_POSITIVE - 1
"""The same for an inverted magnitude, which is one too small."""

OFFSET = signed(table.OFFSET_BITS)
FIELD = signed(EXPONENT_BITS + 2)

Entry = data.StructLayout({"c0": table.C0_BITS, "c1": signed(table.C1_BITS), "c2": table.C2_BITS})
"""A row of the table."""

Outcome = data.StructLayout({"sign": 1, "wrong": 1, "endless": 1, "nothing": 1})
"""What is known of a result at once: its sign, and whether it is NaN, infinite or 0."""


class SpecialUnit(wiring.Component):
    """Functions of `weft.golden.fp32_special`, one table for as many lanes as share the unit.

    Members
    -------
    valid, function, a
        An operand and what to do with it.
    done, result
        The result, `latency` cycles later. Nothing can stop an operation.
    """

    latency = 10

    valid: Signal
    function: Signal
    a: Signal
    done: Signal
    result: Signal

    def __init__(self):
        super().__init__(
            {
                "valid": In(1),
                "function": In(Special),
                "a": In(32),
                "done": Out(1),
                "result": Out(32),
            }
        )

    def elaborate(self, platform):
        """Implement the component, one block of statements for each stage."""
        m = Module()
        rows = [{"c0": c0, "c1": c1, "c2": c2} for c0, c1, c2 in table.coefficients()]
        m.submodules.table = memory = Memory(shape=Entry, depth=len(rows), init=rows)
        port = memory.read_port()

        # 1: what kind of number; its exponent; how far to shift it for exp2.
        a = take_apart(m, self.a, "a_number")
        function_1, outcome_1 = register(Special), register(Outcome)
        significand_1, amount_1 = register(SIGNIFICANT_BITS), register(AMOUNT_BITS)
        sign_1, odd_1, field_1 = register(), register(), register(FIELD)
        amount = Signal(signed(EXPONENT_BITS + 1))
        m.d.comb += amount.eq(LARGE_FIELD - 1 - a.field)
        large, far = amount < 0, amount[AMOUNT_BITS:].any()
        m.d.sync += [
            function_1.eq(self.function),
            significand_1.eq(significand(a)),
            amount_1.eq(amount[:AMOUNT_BITS] | far.replicate(AMOUNT_BITS)),
            odd_1.eq(~a.field[0]),  # the exponent without bias; that is odd
            sign_1.eq(a.sign),
            outcome_1.wrong.eq(a.nan),
            outcome_1.sign.eq(a.sign),
            outcome_1.endless.eq(~a.hidden),  # subnormals count as zeros
            outcome_1.nothing.eq(a.infinite),
        ]
        with m.Switch(self.function):
            with m.Case(Special.EXP2):
                m.d.sync += [
                    outcome_1.sign.eq(0),
                    outcome_1.endless.eq(large & ~a.sign),
                    outcome_1.nothing.eq(large & a.sign),
                ]
            with m.Case(Special.RCP):
                m.d.sync += field_1.eq(2 * BIAS - 1 - a.field)
            with m.Case(Special.RSQRT):
                # Half of the exponent, rounded down: (field - BIAS - odd) / 2.
                half = a.field[1:] + a.field[0] - (BIAS + 1) // 2
                m.d.sync += [
                    field_1.eq(BIAS - 1 - half),
                    outcome_1.wrong.eq(a.nan | a.sign & a.hidden),
                ]

        # 2: shift; a negative operand is inverted here, and 1 added with the rounding.
        frame, fixed_2 = Signal(FIXED_BITS), register(FIXED_BITS)
        m.d.comb += frame.eq(significand_1 << FIXED_BITS - SIGNIFICANT_BITS)
        m.d.sync += fixed_2.eq((frame >> amount_1) ^ sign_1.replicate(FIXED_BITS))
        function_2, sign_2 = later(m, function_1, 1, "function"), later(m, sign_1, 1, "sign")
        fraction_2 = later(m, significand_1[:FRACTION_BITS], 1, "fraction")

        # 3: round half up, and choose the fraction.
        up, rounded = Signal(), Signal(WHOLE_BITS + table.FRACTION_BITS)
        m.d.comb += [
            up.eq(fixed_2[: table.EXP2_GUARD] >= Mux(sign_2, ROUND_NEGATIVE, ROUND_POSITIVE)),
            rounded.eq(Cat(fixed_2[table.EXP2_GUARD :], sign_2) + up),
        ]
        fraction_3, bank_3 = register(table.FRACTION_BITS), register(range(table.BANKS))
        whole_3 = register(signed(WHOLE_BITS))
        odd_2 = later(m, odd_1, 1, "odd")
        exp2 = function_2 == Special.EXP2
        m.d.sync += [
            whole_3.eq(rounded[table.FRACTION_BITS :]),
            fraction_3.eq(Mux(exp2, rounded[: table.FRACTION_BITS], fraction_2 << GROW_BITS)),
            bank_3.eq(function_2 + (odd_2 & (function_2 == Special.RSQRT))),
        ]

        # 4, 5: look up. The position counts from the middle of a piece.
        exp2_3, field_3 = later(m, exp2, 1, "exp2"), later(m, field_1, 2, "field")
        offset_4, field_4, entry_5 = register(OFFSET), register(FIELD), register(Entry)
        m.d.comb += port.addr.eq(Cat(fraction_3[table.OFFSET_BITS :], bank_3))
        m.d.sync += [
            offset_4.eq(fraction_3[: table.OFFSET_BITS] ^ 1 << table.OFFSET_BITS - 1),
            field_4.eq(Mux(exp2_3, whole_3 + BIAS, field_3)),
            entry_5.eq(port.data),
        ]
        offset_5 = later(m, offset_4, 1, "offset_early")

        # 6, 7: the slope.
        bend_6, slope_7 = register(signed(table.C2_BITS + 1 + table.OFFSET_BITS)), register(OFFSET)
        c1_6 = later(m, entry_5.c1, 1, "c1")
        m.d.sync += [
            bend_6.eq(entry_5.c2 * offset_5),
            slope_7.eq((c1_6 + (bend_6 >> table.OFFSET_BITS)) >> table.DROP_BITS),
        ]

        # 8, 9: the value.
        rise_8, mantissa_9 = register(signed(2 * table.OFFSET_BITS)), register(SIGNIFICANT_BITS + 1)
        offset_7, c0_8 = later(m, offset_5, 2, "offset"), later(m, entry_5.c0, 3, "c0")
        m.d.sync += [
            rise_8.eq(slope_7 * offset_7),
            mantissa_9.eq(
                (c0_8 + (rise_8 >> table.OFFSET_BITS - table.DROP_BITS)) >> table.DROP_BITS
            ),
        ]

        # 10: pack. A mantissa of 2^24 has a fraction of 0, and an exponent more by one.
        field_9, outcome_9 = later(m, field_4, 5, "field_late"), later(m, outcome_1, 8, "outcome")
        field, magnitude = Signal(FIELD), Signal(31)
        m.d.comb += field.eq(field_9 + mantissa_9[-1])
        with m.If(outcome_9.wrong):
            m.d.comb += magnitude.eq(CANONICAL_NAN)
        with m.Elif(outcome_9.endless):
            m.d.comb += magnitude.eq(INFINITY)
        with m.Elif(~outcome_9.nothing & (field > 0)):
            m.d.comb += magnitude.eq(Cat(mantissa_9[:FRACTION_BITS], field[:EXPONENT_BITS]))
        m.d.sync += self.result.eq(Cat(magnitude, outcome_9.sign & ~outcome_9.wrong))
        m.d.comb += self.done.eq(later(m, self.valid, self.latency, "valid", reset_less=False))
        return m
