"""Products of any shape and any numbers on any chip, through the golden chip with its races."""

from hypothesis import given, note
from hypothesis import strategies as st

from .conftest import examples, golden
from .reference import product
from .strategies import Numbers, chips_and_sizes, numbers


@examples(100, 2000)
@given(chips_and_sizes(), numbers(), st.sampled_from(["packed", "row_major"]))
def test_products(chip, what: Numbers, layout: str):
    config, (m, n, k) = chip
    a, b, bias = what.operand(0, (m, k)), what.operand(1, (k, n)), what.bias(n)
    za, zb = what.zero_points
    acc = product(a, b, za, zb, 0 if bias is None else bias)
    options = what.options(acc)
    device = golden(config)
    program = device.program()
    result = program.matmul(
        a, b, bias=bias, a_zero_point=za, b_zero_point=zb, b_layout=layout, **options
    )
    note(program.explain())
    program.run()
    expected = what.expected(acc, options)
    got = result.numpy()
    assert got.dtype == expected.dtype
    assert (got == expected).all()
