"""Variants of `Multipliers` by the names that `Config.multiplier` uses."""

from .ecp5 import Ecp5Multipliers
from .gowin import GowinMultipliers
from .ice40 import Ice40Multipliers
from .multiplier import Multipliers, PortableMultipliers
from .nexus import NexusMultipliers

VARIANTS: dict[str, type[Multipliers]] = {
    "portable": PortableMultipliers,
    "ecp5": Ecp5Multipliers,
    "ice40": Ice40Multipliers,
    "gowin": GowinMultipliers,
    "nexus": NexusMultipliers,
}
"""All of them; `weft.config.MULTIPLIERS` lists the same names."""
