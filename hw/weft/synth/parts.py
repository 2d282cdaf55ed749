"""Parts of the chip that can be synthesised by themselves."""

from collections.abc import Callable

from amaranth.lib import wiring

from weft.gateware.fp32.divsqrt import DivSqrt
from weft.gateware.fp32.special import SpecialUnit
from weft.gateware.fp32.unit import FloatUnit
from weft.gateware.simt.core import Core
from weft.gateware.simt.decode import Decoder
from weft.gateware.simt.divide import Dividers
from weft.gateware.simt.execute import Execute
from weft.gateware.simt.icache import InstructionCache
from weft.gateware.simt.lane import Lane
from weft.gateware.simt.launcher import Launcher
from weft.gateware.simt.main_access import MainAccess
from weft.gateware.simt.passes import Passes
from weft.gateware.simt.row_unit import RowUnit
from weft.gateware.simt.scheduler import Scheduler
from weft.gateware.simt.selection import Selection
from weft.gateware.simt.shared_access import SharedAccess
from weft.gateware.simt.sizes import Sizes

PARTS: dict[str, Callable[[Sizes], wiring.Component]] = {
    "core": Core,
    "decoder": Decoder,
    "dividers": Dividers,
    "execute": Execute,
    "icache": InstructionCache,
    "lane": lambda sizes: Lane(),
    "launcher": Launcher,
    "main_access": MainAccess,
    "passes": Passes,
    "row_unit": RowUnit,
    "scheduler": Scheduler,
    "selection": Selection,
    "shared_access": SharedAccess,
    "float_unit": lambda sizes: FloatUnit(),
    "float_divider": lambda sizes: DivSqrt(),
    "table_unit": lambda sizes: SpecialUnit(),
}
"""The SIMT core and what it consists of, by name."""


def part(name: str, sizes: Sizes) -> wiring.Component:
    """A part by its name in `PARTS`; `ValueError` if there is none."""
    if name not in PARTS:
        raise ValueError(f"part {name!r} is not known: one of {', '.join(PARTS)}")
    return PARTS[name](sizes)
