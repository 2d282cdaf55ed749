"""The chip, and parts of it that can be synthesised by themselves."""

from collections.abc import Callable

from amaranth.lib import wiring

from weft.config import Config
from weft.gateware.accumulator import Accumulators
from weft.gateware.act_sram import ActSram
from weft.gateware.array import Array
from weft.gateware.chip import Chip
from weft.gateware.control import Control
from weft.gateware.drain import Drain
from weft.gateware.fp32.divsqrt import DivSqrt
from weft.gateware.fp32.special import SpecialUnit
from weft.gateware.fp32.unit import FloatUnit
from weft.gateware.load import Load
from weft.gateware.matmul import Matmul
from weft.gateware.simt.core import Core
from weft.gateware.simt.crossbar import ToColumns, ToLanes
from weft.gateware.simt.decode import Decoder
from weft.gateware.simt.divide import Divider
from weft.gateware.simt.execute import Execute
from weft.gateware.simt.icache import InstructionCache
from weft.gateware.simt.lane import Lane
from weft.gateware.simt.launcher import Launcher
from weft.gateware.simt.main_access import MainAccess
from weft.gateware.simt.passes import Passes
from weft.gateware.simt.row_unit import RowUnit
from weft.gateware.simt.scheduler import Scheduler
from weft.gateware.simt.selection import Selection
from weft.gateware.simt.serial import SerialUnit
from weft.gateware.simt.shared_access import SharedAccess
from weft.gateware.simt.sizes import Sizes
from weft.gateware.store import Store

CHIP = "chip"
"""Name of the whole."""

BLOCKS: dict[str, Callable[[Config], wiring.Component]] = {
    CHIP: Chip,
    "array": Array,
    "matmul": Matmul,
    "control": Control,
    "load": Load,
    "store": lambda config: Store(config, read_latency=ActSram.read_latency),
    "drain": lambda config: Drain(config, read_latency=Accumulators.read_latency),
    "act_sram": ActSram,
}
"""The chip and its blocks, by name."""

CORE: dict[str, Callable[[Sizes], wiring.Component]] = {
    "simt": Core,
    "decoder": Decoder,
    "divider": lambda sizes: Divider(),
    "execute": Execute,
    "icache": InstructionCache,
    "lane": lambda sizes: Lane(),
    "launcher": Launcher,
    "main_access": MainAccess,
    "to_columns": ToColumns,
    "to_lanes": ToLanes,
    "passes": Passes,
    "row_unit": RowUnit,
    "scheduler": Scheduler,
    "selection": Selection,
    "serial_unit": SerialUnit,
    "shared_access": SharedAccess,
    "float_unit": lambda sizes: FloatUnit(),
    "float_divider": lambda sizes: DivSqrt(),
    "table_unit": lambda sizes: SpecialUnit(),
}
"""The SIMT core, ``simt``, and what it consists of, by name."""

PARTS = (*BLOCKS, *CORE)
"""Names of all parts."""


def part(name: str, config: Config) -> wiring.Component:
    """A part by its name.

    Raises
    ------
    ValueError
        There is none of this name, or the configuration has no SIMT core.
    """
    if name in BLOCKS:
        return BLOCKS[name](config)
    if name not in CORE:
        raise ValueError(f"part {name!r} is not known: one of {', '.join(PARTS)}")
    if not config.lanes:
        raise ValueError(f"part {name!r} is of the SIMT core, and with lanes = 0 there is none")
    return CORE[name](Sizes.of(config, ActSram.bank_latency))


def block_depth(name: str) -> int:
    """How many names deep blocks of a part are told apart."""
    return {"board": 4, CHIP: 3}.get(name, 2)
