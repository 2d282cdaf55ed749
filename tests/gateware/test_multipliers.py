"""Every variant of the multiplier row does what the portable one does, with our cell models."""

import os

import pytest
from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from cocotb_bench import run_bench

from weft.config import MULTIPLIERS, Config
from weft.gateware.array import Array
from weft.gateware.primitives.models import cell_model
from weft.gateware.primitives.multiplier import PRODUCT_BITS, Multipliers
from weft.gateware.primitives.variants import VARIANTS

LONG = os.environ.get("WEFT_LONG", "") not in ("", "0")
CELLS = [name for name in MULTIPLIERS if name != "portable"]


class Beside(wiring.Component):
    """A variant and the portable row, fed alike; ``same`` while all their outputs are equal."""

    def __init__(self, variant: str, cols: int, row: int):
        self.rows = [VARIANTS[name](cols, row) for name in (variant, "portable")]
        super().__init__(
            {
                "a": In(8 * cols),
                "chain": In(8 * cols),
                "shift": In(cols),
                "swap": In(cols),
                "product": Out(PRODUCT_BITS * cols),
                "same": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        outputs = []
        for i, row in enumerate(self.rows):
            m.submodules[f"row_{i}"] = row
            m.d.comb += [row.a.eq(self.a), row.chain.eq(self.chain)]
            for name in ("shift", "swap"):
                wide = Cat(bit.replicate(row.enable_bits) for bit in getattr(self, name))
                m.d.comb += getattr(row, name).eq(wide)
            outputs.append(Cat(row.x, row.pipe, row.used, row.product))
        m.d.comb += [self.product.eq(self.rows[0].product), self.same.eq(outputs[0] == outputs[1])]
        return m


def test_variants_are_those_of_the_configuration():
    assert tuple(VARIANTS) == MULTIPLIERS
    assert all(issubclass(variant, Multipliers) for variant in VARIANTS.values())


@pytest.mark.parametrize("variant", CELLS)
def test_a_row(variant):
    row = Beside(variant, cols=3, row=1)
    run_bench("multipliers", row, "tb_multipliers", cells=cell_model(variant), cols=3)


@pytest.mark.parametrize("variant", CELLS if LONG else CELLS[:1])
def test_an_array_of_it(variant):
    config = Config.parse(f"tiny,rows=3,cols=5,multiplier={variant}")
    run_bench("array", Array(config), "tb_array", config=config, cells=cell_model(variant))
